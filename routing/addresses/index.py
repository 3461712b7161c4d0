"""Looks addresses up in the index of our own streets."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from math import cos, radians
from typing import Any

from django.db import connection

from routing.addresses import matching
from routing.addresses.matching import Candidate, Hit, Likeness, Place, Precision, Street
from routing.addresses.parse import Address, StreetName, canonical, parse, possible_towns, words_of
from routing.geo import Point, distance_m
from routing.models import AddressIndex, AddressTown

#: So many streets of a like name at most are looked at.
MOST_STREETS = 200
#: To somebody who searches so many places are shown.
MOST_HITS = 8
_DEGREE_M = 111_195.0

_COLUMNS = "id, name, base, type, directions, lat, lng, houses"
_IN_BOX = "index_id = %s AND south <= %s AND north >= %s AND west <= %s AND east >= %s"
_SAME = f"SELECT {_COLUMNS} FROM address_streets WHERE base = %s AND {_IN_BOX} LIMIT 2000"  # noqa: S608
_LIKE = f"SELECT {_COLUMNS} FROM address_streets WHERE keys ?| %s AND {_IN_BOX} LIMIT 2000"  # noqa: S608
_BEGINNING = f"""
SELECT {_COLUMNS} FROM address_streets WHERE base LIKE %s AND {_IN_BOX} ORDER BY base, id LIMIT {MOST_STREETS}
"""  # noqa: S608
_HOUSES = """
SELECT street_id, letter, lat, lng, postcode, town FROM address_houses
WHERE street_id = ANY(%s) AND number = %s
"""
_NEIGHBOUR = """
SELECT number, lat, lng, postcode, town FROM address_houses
WHERE street_id = street.id AND number {} %(number)s AND number %% 2 = %(number)s %% 2 ORDER BY number {} LIMIT 1
"""
_NEIGHBOURS = f"""
SELECT street.id, lower.*, upper.*
FROM unnest(%(streets)s::bigint[]) AS street (id)
CROSS JOIN LATERAL ({_NEIGHBOUR.format("<", "DESC")}) AS lower
CROSS JOIN LATERAL ({_NEIGHBOUR.format(">", "ASC")}) AS upper
"""  # noqa: S608
_BLOCKS = """
SELECT street_id, first, last, first_lat, first_lng, last_lat, last_lng FROM address_blocks
WHERE street_id = ANY(%s) AND first <= %s AND last > %s ORDER BY last - first, id DESC
"""


@dataclass(frozen=True)
class Area:
    """Where to look: so far (metres) around a place. `towns`: names that the asker knows, with their middles."""

    near: Point
    within_m: float
    towns: Mapping[str, Point] = field(default_factory=dict)

    @property
    def box(self) -> tuple[float, float, float, float]:
        """As _IN_BOX wants it: north, south, east, west."""
        lats = self.within_m / _DEGREE_M
        lngs = lats / max(cos(radians(self.near.lat)), 0.01)
        return self.near.lat + lats, self.near.lat - lats, self.near.lng + lngs, self.near.lng - lngs


def loaded_at() -> datetime | None:
    """Since when the index in use is; None where there is none."""
    return AddressIndex.objects.filter(in_use=True).values_list("loaded_at", flat=True).first()


def look_up(text: str, area: Area) -> list[Hit]:
    """What may be meant by an address, the best first; only the first can be sure. Empty where nothing is like it."""
    index = AddressIndex.objects.filter(in_use=True).only("pk").first()
    if index is None:
        return []
    towns = _towns(text, index.pk, area)
    asked = parse(text, towns)
    return [] if asked is None else matching.hits(asked, _candidates(asked, index.pk, area, towns))


def search(text: str, area: Area) -> list[Hit]:
    """For somebody who types: the same, and streets that begin so; MOST_HITS at most."""
    found = look_up(text, area)
    index = AddressIndex.objects.filter(in_use=True).only("pk").first()
    if not found and index is not None:
        found = list(_beginning(text, index.pk, area))
    return found[:MOST_HITS]


# ---------------------------------------------------------------------------------------------------- inside


def _towns(text: str, index_id: int, area: Area) -> dict[str, list[Point]]:
    """Those named in the text, with the middles of all of that name."""
    possible = possible_towns(text)
    found: defaultdict[str, list[Point]] = defaultdict(list)
    for name, place in area.towns.items():
        if (same := canonical(name)) in possible:
            found[same].append(place)
    known = AddressTown.objects.filter(index_id=index_id, name__in=possible)
    for name, lat, lng in known.values_list("name", "lat", "lng"):
        found[name].append(Point(lat, lng))
    return found


def _candidates(
    asked: Address, index_id: int, area: Area, towns: Mapping[str, Sequence[Point]]
) -> Iterator[Candidate]:
    base = asked.street.base
    like = _like(asked, _streets(_SAME, [base, index_id, *area.box]))
    if all(likeness.conflicts for _, likeness in like.values()):
        wanted = sorted(matching.keys(base))
        like = _like(asked, _streets(_LIKE, [wanted, index_id, *area.box]))
    best = sorted(like.values(), key=lambda one: (one[1].conflicts, one[1].typos, one[1].opens))
    like = {street.id: (street, likeness) for street, likeness in best[:MOST_STREETS]}
    expected = matching.expected(area.near, towns.get(asked.town, ()))
    for street_id, places in _places(asked, [street for street, _ in like.values()]).items():
        for place in places:
            found = matching.candidate(
                asked, *like[street_id], place, expected, lambda name: towns.get(name, ())
            )
            if distance_m(area.near, place.point) <= area.within_m:
                yield found


def _like(asked: Address, streets: Iterable[Street]) -> dict[int, tuple[Street, Likeness]]:
    return {
        street.id: (street, likeness)
        for street in streets
        if (likeness := matching.likeness(asked.street, street.parts)) is not None
    }


def _places(asked: Address, streets: Sequence[Street]) -> dict[int, list[Place]]:
    """Where the number is on each of these streets, as well as that is known."""
    found = _doors(asked, [street.id for street in streets])
    for some in (_between, _in_blocks):
        if left := [street.id for street in streets if street.id not in found]:
            found |= some(asked.number, left)
    for street in streets:
        found.setdefault(street.id, [Place(Precision.STREET, street.point)])
    return found


def _doors(asked: Address, street_ids: Sequence[int]) -> dict[int, list[Place]]:
    houses: defaultdict[int, list[tuple[str, Place]]] = defaultdict(list)
    for street_id, letter, *rest in _all(_HOUSES, [street_ids, asked.number]):
        houses[street_id].append((letter, _door(*rest)))
    return {street_id: list(matching.doors(asked.letter, those)) for street_id, those in houses.items()}


def _door(lat: float, lng: float, postcode: str, town: str) -> Place:
    return Place(Precision.DOOR, Point(lat, lng), postcode, town)


def _between(number: int, street_ids: Sequence[int]) -> dict[int, list[Place]]:
    found = {}
    for row in _all(_NEIGHBOURS, {"streets": street_ids, "number": number}):
        lower, upper = row[1:6], row[6:11]
        place = matching.between((lower[0], _door(*lower[1:])), number, (upper[0], _door(*upper[1:])))
        if place is not None:
            found[row[0]] = [place]
    return found


def _in_blocks(number: int, street_ids: Sequence[int]) -> dict[int, list[Place]]:
    found: dict[int, list[Place]] = {}
    for street_id, first, last, *ends in _all(_BLOCKS, [street_ids, number, number]):
        place = matching.in_block(number, first, last, Point(*ends[:2]), Point(*ends[2:]))
        found.setdefault(street_id, [place])
    return found


def _beginning(text: str, index_id: int, area: Area) -> Iterator[Hit]:
    """Streets whose names begin as the text does, without its number; the nearest first."""
    words = words_of(text)
    words = words[1:] if words and words[0].isdigit() else words
    base = StreetName.of(words).base if words else ""
    if len(base) < 2:
        return
    begins = base.replace("\\", "").replace("%", "").replace("_", "") + "%"
    streets = sorted(
        _streets(_BEGINNING, [begins, index_id, *area.box]),
        key=lambda street: distance_m(street.point, area.near),
    )
    for street in streets:
        yield Hit(street.point, False, Precision.STREET, street.name)


def _streets(query: str, values: Collection[Any]) -> Iterator[Street]:
    for street_id, name, base, kind, directions, lat, lng, houses in _all(query, values):
        yield Street(street_id, name, StreetName(base, kind, directions), Point(lat, lng), houses)


def _all(query: str, values: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        return list(cursor.fetchall())
