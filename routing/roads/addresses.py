"""What an extract knows of addresses: streets, house numbers, blocks and towns, one line of JSON each, gzipped.

    ["street", id, name, south, west, north, east, lat, lng, houses]   `houses`: how many of its numbers are known
    ["house", street id, number, letter, lat, lng, postcode, town]
    ["block", street id, first, last, lat, lng, lat, lng]     numbers from one crossing (the first place) to the next
    ["town", name, lat, lng]

House numbers are OpenStreetMap's `addr:*` of nodes, buildings and interpolation lines. Where there are none, blocks
are counted as most grids of North America are: a street that crosses 18th Street and 19th Street has the numbers from
1800 to 1900 between them. That is a guess, and hits by it are marked.

Streets of one name are told apart where some kilometres lie between them.
"""

import gzip
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any, NamedTuple

import osmium
from osmium.filter import IdFilter, KeyFilter
from osmium.osm import Node, Relation, TagList, Way

from routing.addresses.parse import StreetName, words_of
from routing.geo import Point, distance_m
from routing.roads.network import Line

FILE = "addresses.jsonl.gz"

#: Streets of one name less than one or two such squares apart are one (degrees, some 2 km).
CELL = 0.02
#: As far apart (metres) may crossings be for each hundred of house numbers between them.
BLOCK_M = 300.0
#: So many hundreds at most lie between two crossings that are compared.
BLOCKS_AT_ONCE = 3
#: A wider range of house numbers, of one house or of an interpolation line, is a mistake.
MOST_NUMBERS = 400
TOWNS = {"city", "town", "village", "hamlet", "suburb", "municipality", "borough"}

_NUMBER = re.compile(r"(\d{1,6})\s?(bis|ter|quater|[a-z]?)(?![a-z])(?:\s?-\s?(\d{1,6}))?")
_STEPS = {"even": 2, "odd": 2, "all": 1, "1": 1, "2": 2}


class House(NamedTuple):
    street: str
    number: int
    letter: str
    point: Point
    postcode: str
    town: str


@dataclass
class _Read:
    houses: list[House] = field(default_factory=list)
    streets: defaultdict[str, list[Line]] = field(default_factory=lambda: defaultdict(list))
    towns: list[tuple[str, Point]] = field(default_factory=list)


@dataclass(frozen=True)
class _Wanted:
    """What houses are made of beside their own tags: nodes of interpolation lines, and a way of each relation."""

    nodes: set[int]
    relations: dict[int, dict[str, str]]


def write_addresses(extract: Path, output: Path) -> dict[str, int]:
    """Reads an `.osm.pbf` that is known to be one; returns how many of each there are."""
    read = _read(extract)
    counts: Counter[str] = Counter()
    with gzip.open(output, "wt", encoding="utf-8", compresslevel=5) as file:
        for row in _rows(read):
            counts[row[0]] += 1
            file.write(json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n")
    return dict(counts)


# ------------------------------------------------------------------------------------------------- what is read


def _read(extract: Path) -> _Read:
    wanted, read = _looked_over(extract), _Read()
    numbered: dict[int, tuple[dict[str, str], Point]] = {}
    keys = KeyFilter("addr:housenumber", "addr:interpolation", "highway", "place")
    entities = osmium.osm.NODE | osmium.osm.WAY
    for item in osmium.FileProcessor(extract, entities).with_locations().with_filter(keys):
        match item:
            case Node():
                place = Point(item.lat, item.lon)
                if item.tags.get("place") in TOWNS and "name" in item.tags:
                    read.towns.append((item.tags["name"], place))
                if "addr:housenumber" in item.tags:
                    read.houses += _houses(_address(item.tags), place)
                    if item.id in wanted.nodes:
                        numbered[item.id] = _address(item.tags), place
            case Way() if line := _line(item):
                if "addr:interpolation" in item.tags:
                    read.houses += _between(item, numbered)
                elif "addr:housenumber" in item.tags:
                    read.houses += _houses(_address(item.tags), _middle(line))
                elif "highway" in item.tags and "name" in item.tags and len(line) > 1:
                    read.streets[item.tags["name"]].append(line)
    if wanted.relations:
        ways = osmium.FileProcessor(extract, entities).with_locations()
        for way in ways.with_filter(IdFilter(wanted.relations)):
            if isinstance(way, Way) and (line := _line(way)):
                read.houses += _houses(wanted.relations[way.id], _middle(line))
    return read


def _looked_over(extract: Path) -> _Wanted:
    nodes: set[int] = set()
    relations: dict[int, dict[str, str]] = {}
    keys = KeyFilter("addr:housenumber", "addr:interpolation")
    for item in osmium.FileProcessor(extract, osmium.osm.WAY | osmium.osm.RELATION).with_filter(keys):
        match item:
            case Way() if "addr:interpolation" in item.tags:
                nodes |= {node.ref for node in item.nodes}
            case Relation() if "addr:housenumber" in item.tags:
                # One wall of the building is near enough to all of it.
                outer = next((one.ref for one in item.members if one.type == "w"), None)
                if outer is not None:
                    relations[outer] = _address(item.tags)
    return _Wanted(nodes, relations)


def _address(tags: TagList) -> dict[str, str]:
    return {tag.k.removeprefix("addr:"): tag.v for tag in tags if tag.k.startswith("addr:")}


def _houses(address: dict[str, str], point: Point) -> Iterator[House]:
    street = address.get("street") or address.get("place")
    if not street:
        return
    for number, letter in numbers_of(address["housenumber"]):
        yield House(street, number, letter, point, address.get("postcode", ""), address.get("city", ""))


def numbers_of(text: str) -> Iterator[tuple[int, str]]:
    """“12”, “12a”, “12;14”, “12-16”: the numbers, each with its letter."""
    for part in re.split(r"[;,]", text.lower()):
        if not (found := _NUMBER.match(part.strip())):
            continue
        first, letter, last = int(found[1]), found[2], int(found[3] or found[1])
        if not letter and first < last <= first + MOST_NUMBERS:
            step = 2 if (last - first) % 2 == 0 else 1
            yield from ((number, "") for number in range(first, last + 1, step))
        else:
            yield first, letter


def _between(way: Way, numbered: dict[int, tuple[dict[str, str], Point]]) -> Iterator[House]:
    """The houses that an interpolation line stands for, without its ends."""
    step = _STEPS.get(way.tags["addr:interpolation"])
    if step is None:
        return
    own, line, ends = _address(way.tags), [], []
    for node in way.nodes:
        if not node.location.valid():
            return
        line.append(Point(node.lat, node.lon))
        if node.ref in numbered:
            ends.append((len(line) - 1, numbered[node.ref][0]))
    for (start, before), (end, after) in pairwise(ends):
        numbers = [next(numbers_of(one["housenumber"]), (0, ""))[0] for one in (before, after)]
        low, high = sorted(numbers)
        if not 0 < low < high <= low + MOST_NUMBERS:
            continue
        piece = line[start : end + 1] if numbers[0] == low else line[start : end + 1][::-1]
        for number in range(low + step, high, step):
            place = _along(piece, (number - low) / (high - low))
            yield from _houses(before | own | {"housenumber": str(number)}, place)


def _line(way: Way) -> Line:
    return tuple(Point(node.lat, node.lon) for node in way.nodes if node.location.valid())


def _middle(line: Line) -> Point:
    """Of the box around it."""
    lats, lngs = zip(*line, strict=True)
    return Point((min(lats) + max(lats)) / 2, (min(lngs) + max(lngs)) / 2)


def _along(line: Sequence[Point], share: float) -> Point:
    lengths = [distance_m(a, b) for a, b in pairwise(line)]
    left = share * sum(lengths)
    for (a, b), length in zip(pairwise(line), lengths, strict=True):
        if left <= length and length:
            part = left / length
            return Point(a.lat + part * (b.lat - a.lat), a.lng + part * (b.lng - a.lng))
        left -= length
    return line[-1]


# ---------------------------------------------------------------------------------------------- what is written


def _rows(read: _Read) -> Iterator[list[Any]]:
    houses: defaultdict[str, list[House]] = defaultdict(list)
    cities: defaultdict[str, list[Point]] = defaultdict(list)
    for house in read.houses:
        houses[house.street].append(house)
        if house.town:
            cities[house.town].append(house.point)
    yield from (["town", name, *_rounded(place)] for name, place in read.towns)
    known = {name for name, _ in read.towns}
    for name, places in cities.items():
        if name not in known:
            yield ["town", name, *_rounded(_middle(tuple(places)))]
    crossings = _numbered_crossings(read.streets)
    street_id = 0
    for name in sorted(read.streets.keys() | houses.keys()):
        for lines, those in _apart(read.streets.get(name, []), houses.get(name, [])):
            street_id += 1
            yield from _street(street_id, name, lines, those, crossings)


def _street(
    street_id: int, name: str, lines: list[Line], houses: list[House], crossings: dict[Point, set[int]]
) -> Iterator[list[Any]]:
    places = [place for line in lines for place in line] or [house.point for house in houses]
    everywhere = [*places, *(house.point for house in houses)]
    lats, lngs = zip(*everywhere, strict=True)
    box = (min(lats), min(lngs), max(lats), max(lngs))
    middle = Point((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
    own = min(places, key=lambda place: distance_m(place, middle))
    yield ["street", street_id, name, *(round(edge, 6) for edge in box), *_rounded(own), len(houses)]
    seen = set()
    for house in houses:
        row = [house.number, house.letter, *_rounded(house.point), house.postcode, house.town]
        if tuple(row) not in seen:
            seen.add(tuple(row))
            yield ["house", street_id, *row]
    if not StreetName.of(words_of(name)).base.isdecimal():
        yield from (["block", street_id, *block] for block in _blocks(lines, crossings))


def _apart(lines: Iterable[Line], houses: Iterable[House]) -> Iterator[tuple[list[Line], list[House]]]:
    """What of one name belongs together: whatever is in the same square, or in squares that touch."""
    inside: defaultdict[tuple[int, int], tuple[list[Line], list[House]]] = defaultdict(lambda: ([], []))
    touching: dict[tuple[int, int], tuple[int, int]] = {}

    def root(cell: tuple[int, int]) -> tuple[int, int]:
        while touching[cell] != cell:
            cell = touching[cell]
        return cell

    def add(place: Point) -> tuple[int, int]:
        cell = int(place.lat // CELL), int(place.lng // CELL)
        if cell not in touching:
            touching[cell] = cell
            for row in (-1, 0, 1):
                for column in (-1, 0, 1):
                    if (beside := (cell[0] + row, cell[1] + column)) in touching:
                        touching[root(beside)] = root(cell)
        return cell

    at_line = [(add(line[0]), line) for line in lines]
    for _, line in at_line:
        for a, b in pairwise(list(map(add, line))):
            touching[root(a)] = root(b)
    at_house = [(add(house.point), house) for house in houses]
    for cell, line in at_line:
        inside[root(cell)][0].append(line)
    for cell, house in at_house:
        inside[root(cell)][1].append(house)
    yield from inside.values()


def _numbered_crossings(streets: dict[str, list[Line]]) -> dict[Point, set[int]]:
    """The places on numbered streets and avenues, with the numbers."""
    found: defaultdict[Point, set[int]] = defaultdict(set)
    for name, lines in streets.items():
        street = StreetName.of(words_of(name))
        if street.base.isdecimal() and street.type in ("st", "ave") and len(street.base) < 4:
            for line in lines:
                for place in line:
                    found[place].add(int(street.base))
    return found


def _blocks(lines: list[Line], crossings: dict[Point, set[int]]) -> Iterator[list[Any]]:
    """Of a street that crosses numbered ones."""
    crossed: defaultdict[int, set[Point]] = defaultdict(set)
    for line in lines:
        for place in line:
            for number in crossings.get(place, ()):
                crossed[number].add(place)
    for low, high in combinations(sorted(crossed), 2):
        if high - low > BLOCKS_AT_ONCE or any(low < between < high for between in crossed):
            continue
        near = min(((a, b) for a in crossed[low] for b in crossed[high]), key=lambda ends: distance_m(*ends))
        if 0 < distance_m(*near) <= BLOCK_M * (high - low):
            yield [low * 100, high * 100, *_rounded(near[0]), *_rounded(near[1])]


def _rounded(place: Point) -> tuple[float, float]:
    return round(place.lat, 6), round(place.lng, 6)
