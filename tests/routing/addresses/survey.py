"""Addresses whose place is known, and how people write them: what the index is measured by.

The towns are the default roads with houses along them, numbered as such towns are: on streets that cross numbered
ones by those, on others a hundred a block; odd numbers on one side. As in OpenStreetMap a part of the houses is
missing, and most of the rest says neither town nor postcode. Towns share names of streets, and a street may be an
avenue too.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from random import Random

import osmium

from routing.addresses.matching import Hit
from routing.addresses.parse import StreetName, words_of
from routing.geo import Point, bearing_deg, destination, distance_m
from routing.roads.cities import CITIES, DefaultCity
from routing.roads.default import default_network
from routing.roads.features import join_lines
from routing.roads.network import Line, Network, on_grid

POSTCODES = {
    "Denver": ("80202", "80205", "80218"),
    "Boulder": ("80302", "80304"),
    "Fort Collins": ("80521", "80524"),
}
MISSING = 0.15
#: Of the houses that the extract has, so many say where they are.
SAYS_WHERE = 0.4
FOUND_M, FAR_M = 100.0, 500.0


@dataclass(frozen=True)
class House:
    number: str
    street: str
    town: str
    state: str
    postcode: str
    point: Point
    #: Where a restaurant may be that delivers there.
    near: Point
    known: bool = True


@dataclass
class Survey:
    """What came of looking addresses up."""

    counts: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)

    def add(self, house: House, written: str, hit: Hit | None) -> None:
        off = None if hit is None else distance_m(hit.point, house.point)
        kind = "known" if house.known else "missing"
        self.counts[kind] += 1
        if hit is None or off is None:
            outcome = "not found"
        else:
            how_far = "≤ 100 m" if off <= FOUND_M else "≤ 500 m" if off <= FAR_M else "> 500 m"
            outcome = f"{'sure' if hit.sure else 'marked'}, {how_far}"
        self.counts[f"{kind}: {outcome}"] += 1
        if outcome == "sure, > 500 m":
            self.wrong.append(f"{written!r} is {house}, and was taken for {hit}")
        elif outcome != "sure, ≤ 100 m" and house.known:
            self.missed.append(f"{written!r} is {house.number} {house.street}: {outcome} ({hit})")

    def share(self, kind: str, *outcomes: str) -> float:
        return sum(self.counts[f"{kind}: {outcome}"] for outcome in outcomes) / self.counts[kind]


def survey(
    houses: Sequence[House], look_up: Callable[[str, House], Sequence[Hit]], count: int, seed: int
) -> Survey:
    rng, found = Random(seed), Survey()
    for house in rng.choices(houses, k=count):
        written = as_people_write(house, rng)
        found.add(house, written, next(iter(look_up(written, house)), None))
    return found


# -------------------------------------------------------------------------------------------------- the towns


def towns(rng: Random) -> tuple[Network, list[House]]:
    """The roads with the houses that the extract knows, and all houses."""
    network, houses = default_network(), []
    streets: defaultdict[tuple[str, str], list[Line]] = defaultdict(list)
    for way in network.ways:
        if "name" in way.tags and "ref" not in way.tags:
            streets[town_of(way.line), way.tags["name"]].append(way.line)
    cities = {city.name: city for city in CITIES}
    numbers_at = {
        city.name: _numbered({name: lines for (of, name), lines in streets.items() if of == city.name})
        for city in CITIES
    }
    corners = Counter(point for lines in streets.values() for point in {p for line in lines for p in line})
    for (town, name), lines in sorted(streets.items()):
        houses += _along(cities[town], name, lines, numbers_at[town], corners, rng)
    for house in houses:
        if house.known:
            says = rng.random() < SAYS_WHERE
            where = {"addr:city": house.town, "addr:postcode": house.postcode} if says else {}
            network.mark(
                house.point, **{"addr:housenumber": house.number, "addr:street": house.street, **where}
            )
    return network, houses


def town_of(line: Line) -> str:
    """The name of the one that is nearest."""
    return min(CITIES, key=lambda one: distance_m(one.center, line[len(line) // 2])).name


def without(network: Network, lacking: set[tuple[str, str]], houses: Iterable[House]) -> None:
    """Takes streets (town and name) with their houses out of a network."""
    network.ways = [way for way in network.ways if (town_of(way.line), way.tags.get("name")) not in lacking]
    for house in houses:
        if (house.town, house.street) in lacking:
            network.nodes.pop(on_grid(house.point), None)


def _numbered(streets: dict[str, list[Line]]) -> dict[Point, int]:
    found = {}
    for name, lines in streets.items():
        base = StreetName.of(words_of(name)).base
        if base.isdecimal():
            found |= dict.fromkeys((point for line in lines for point in line), int(base))
    return found


def _along(
    city: DefaultCity,
    name: str,
    lines: Sequence[Line],
    numbers_at: dict[Point, int],
    corners: Counter[Point],
    rng: Random,
) -> Iterator[House]:
    own = StreetName.of(words_of(name)).base.isdecimal()
    taken: set[int] = set()
    block = 0
    for line in sorted(join_lines(lines)):
        stretch = [line[0]]
        for place in line[1:]:
            stretch.append(place)
            if corners[place] < 2 and place != line[-1]:
                continue
            block += 1
            ends = [] if own else [numbers_at.get(stretch[0]), numbers_at.get(stretch[-1])]
            if len(ends) == 2 and None not in ends and abs(ends[0] - ends[1]) == 1:
                first, last = ends[0] * 100, ends[1] * 100
            else:
                first, last = block * 100, block * 100 + 100
            if min(first, last) not in taken:
                taken.add(min(first, last))
                yield from _houses(city, name, stretch, first, last, rng)
            stretch = [place]


def _houses(
    city: DefaultCity, name: str, stretch: Sequence[Point], first: int, last: int, rng: Random
) -> Iterator[House]:
    lengths = [distance_m(a, b) for a, b in pairwise(stretch)]
    postcode = rng.choice(POSTCODES[city.name])
    step = rng.choice((6, 8, 12, 16))
    for number in range(2, 98, step):
        for odd in (0, 1):
            share = (number + odd) / 100 if last > first else 1 - (number + odd) / 100
            left, place, course = share * sum(lengths), stretch[-1], 0.0
            for (a, b), length in zip(pairwise(stretch), lengths, strict=True):
                if left <= length:
                    course = bearing_deg(a, b)
                    place = destination(a, course, left)
                    break
                left -= length
            yield House(
                str(min(first, last) + number + odd),
                name,
                city.name,
                "CO",
                postcode,
                destination(place, course + (90 if odd else -90), 15),
                destination(city.center, rng.uniform(0, 360), rng.uniform(0, 2500)),
                rng.random() >= MISSING,
            )


def houses_of(extract: Path) -> list[House]:
    """Those of a real extract, in which all of them are known."""
    houses = []
    for item in osmium.FileProcessor(extract, osmium.osm.NODE):
        tags = item.tags
        if "addr:housenumber" in tags and "addr:street" in tags:
            place = Point(item.lat, item.lon)
            houses.append(
                House(
                    tags["addr:housenumber"],
                    tags["addr:street"],
                    tags.get("addr:city", ""),
                    "",
                    tags.get("addr:postcode", ""),
                    place,
                    destination(place, (item.lat * 1e6) % 360, 2000),
                )
            )
    return houses


# ---------------------------------------------------------------------------------------- how people write them

SPELLINGS = {
    "Street": ["St", "St.", "street", "Str"],
    "Avenue": ["Ave", "Ave.", "Av", "avenue"],
    "Boulevard": ["Blvd", "Blvd."],
    "Road": ["Rd", "Rd."],
    "Drive": ["Dr", "Dr."],
    "Place": ["Pl", "Pl."],
    "Court": ["Ct", "Ct."],
    "Lane": ["Ln"],
    "Parkway": ["Pkwy"],
    "Circle": ["Cir"],
    "Way": ["Wy"],
    "East": ["E", "E."],
    "West": ["W", "W."],
    "North": ["N", "N."],
    "South": ["S", "S."],
    "Straße": ["Str.", "Strasse"],
}
UNITS = ["Apt {}", "apt. {}", "#{}", "# {}", "Unit {}", "Suite {}", "Ste {}", "Fl {}", ", Apt {}", ", #{}"]
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def as_people_write(house: House, rng: Random) -> str:
    words = house.street.split()
    if rng.random() < 0.3:
        words = _misspelt(words, rng)
    if rng.random() < 0.7:
        own = [k for k, word in enumerate(words) if word not in SPELLINGS]
        words = [
            rng.choice(SPELLINGS[word]) if own and word in SPELLINGS else word for word in words
        ]  # nobody shortens “Court Place”
    street = " ".join(words)
    german = house.state == "" and re.search(r"[a-zß]$", house.street) and not house.street.startswith("Rua")
    text = f"{street} {house.number}" if german else f"{house.number} {street}"
    if rng.random() < 0.3:
        unit = rng.choice(UNITS).format(rng.choice(["4", "12", "300", "2B", "b", "1204"]))
        text = f"{text}{unit}" if unit.startswith(",") else f"{text} {unit}"
    text += _tail(house, rng)
    if (how := rng.random()) < 0.35:
        return text.lower()
    return text.upper() if how < 0.45 else text


def _tail(house: House, rng: Random) -> str:
    comma = rng.choice([", ", ", ", " "])
    town, state, postcode = house.town, house.state, house.postcode
    choices = [
        "",
        f"{comma}{town}" if town else "",
        f"{comma}{town} {state}" if town and state else "",
        f"{comma}{town}, {state} {postcode}" if town and state else f"{comma}{postcode} {town}",
        f"{comma}{postcode}" if postcode else "",
    ]
    return rng.choice(choices).rstrip(", ")


def _misspelt(words: Sequence[str], rng: Random) -> list[str]:
    """One letter of the longest word that says which street it is."""
    own = [k for k, word in enumerate(words) if word not in SPELLINGS and word.isalpha() and len(word) >= 5]
    if not own:
        return list(words)
    at = max(own, key=lambda k: len(words[k]))
    word = words[at]
    k = rng.randrange(1, len(word) - 1)
    wrong = rng.choice(
        [
            word[:k] + word[k + 1 :],
            word[:k] + rng.choice(LETTERS) + word[k:],
            word[:k] + rng.choice(LETTERS) + word[k + 1 :],
            word[:k] + word[k + 1] + word[k] + word[k + 2 :],
        ]
    )
    return [*words[:at], wrong, *words[at + 1 :]]


def lines_of(found: Survey) -> Iterable[str]:
    for kind in ("known", "missing"):
        total = found.counts[kind]
        if total:
            yield f"{kind}: {total}"
            for name, count in sorted(found.counts.items()):
                if name.startswith(f"{kind}:"):
                    yield f"  {name.removeprefix(kind + ': '):20} {count:6}  {100 * count / total:5.1f} %"
