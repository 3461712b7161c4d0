"""Which of the streets and houses that are known is meant by an address, and how sure that is. Pure.

A hit is sure where number and street are both known and nothing speaks against it: no other house that fits as well,
no other town, no other kind of street. All else is doubtful: somebody should look before anybody drives there.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from itertools import combinations

from routing.addresses.parse import Address, StreetName
from routing.geo import Point, distance_m

#: A misspelt street is found by what its name begins with.
KEY_LETTERS = 7
#: Houses that are so near to each other (metres) are one place to who drives there.
SAME_PLACE_M = 100.0
#: Between neighbours that are no farther apart (metres) a house is where it is reckoned to be.
NEIGHBOURS_M = 150.0
#: Nor do they have more numbers between them.
NEIGHBOUR_NUMBERS = 200
#: A place so far (metres) from a town's middle is not taken to be in it.
IN_TOWN_M = 12_000.0
#: Nobody orders from farther away (metres) without saying from which town.
USUAL_M = 15_000.0


class Precision(IntEnum):
    """The better, the less."""

    DOOR = 0
    BETWEEN = 1
    BLOCK = 2
    STREET = 3


@dataclass(frozen=True)
class Place:
    """What is known of where a number on a street is. `spread_m`: how far it may be from there."""

    precision: Precision
    point: Point
    postcode: str = ""
    town: str = ""
    spread_m: float = 0.0


@dataclass(frozen=True)
class Street:
    """`houses`: how many of its numbers are known at all; `point`: on it, about in its middle."""

    id: int
    name: str
    parts: StreetName
    point: Point
    houses: int = 0


@dataclass(frozen=True)
class Likeness:
    """How a street's name differs from the one asked for: in letters, in what only one of them has (“open”), and in
    what they contradict each other.
    """

    typos: int
    opens: int
    conflicts: int


@dataclass(frozen=True)
class Candidate:
    street: Street
    likeness: Likeness
    place: Place
    #: From where the asker expects it (metres).
    distance_m: float
    #: What of town and postcode contradicts the address.
    elsewhere: int

    @cached_property
    def rank(self) -> tuple[int, int, int, int]:
        like = self.likeness
        return like.conflicts, like.typos, self.elsewhere, self.place.precision


@dataclass(frozen=True)
class Hit:
    """`sure`: whether somebody may be sent there unseen. `number`: "" where it is the street alone."""

    point: Point
    sure: bool
    precision: Precision
    street: str
    number: str = ""
    postcode: str = ""
    town: str = ""


def keys(base: str) -> set[str]:
    """Whoever misspells a name by as many letters as `typos_allowed` has one of these in common with it."""
    start = base.replace(" ", "")[:KEY_LETTERS]
    found = {start}
    most = min(typos_allowed(base.replace(" ", "")), max(len(start) - 2, 0))
    for count in range(1, most + 1):
        for left in combinations(range(len(start)), len(start) - count):
            found.add("".join(start[k] for k in left))
    return found


def typos_allowed(base: str) -> int:
    """Of its letters: a number is another one with every digit."""
    letters = sum(mark.isalpha() for mark in base)
    return 0 if letters < 4 else 1 if letters < 8 else 2


def likeness(asked: StreetName, known: StreetName) -> Likeness | None:
    """None where it is another street."""
    a, b = asked.base.replace(" ", ""), known.base.replace(" ", "")
    if _digits(a) != _digits(b):
        return None
    typos = 0 if a == b else typos_between(a, b, typos_allowed(min(a, b, key=len)))
    if typos is None:
        return None
    opens = conflicts = 0
    for wanted, has in ((asked.type, known.type), (asked.directions, known.directions)):
        if wanted != has:
            opens += not (wanted and has)
            conflicts += bool(wanted and has)
    return Likeness(typos, opens, conflicts)


def _digits(text: str) -> str:
    return "".join(filter(str.isdigit, text))


def typos_between(a: str, b: str, most: int) -> int | None:
    """Letters that are wrong, missing, too many, or change places with the next one; None where that is more than
    `most`.
    """
    if abs(len(a) - len(b)) > most:
        return None
    before: list[int] = []
    row = list(range(len(b) + 1))
    for i, letter in enumerate(a, start=1):
        last, row_before = row, before
        row = [i]
        for j, other in enumerate(b, start=1):
            cost = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (letter != other))
            if i > 1 and j > 1 and letter == b[j - 2] and a[i - 2] == other:
                cost = min(cost, row_before[j - 2] + 1)
            row.append(cost)
        before = last
    return row[-1] if row[-1] <= most else None


def expected(near: Point, middles: Sequence[Point]) -> Point:
    """Where an address is looked for: around the asker, or in the town that it names, where that is another."""
    if not middles:
        return near
    middle = min(middles, key=lambda one: distance_m(near, one))
    return near if distance_m(near, middle) <= IN_TOWN_M else middle


def candidate(
    asked: Address,
    street: Street,
    like: Likeness,
    place: Place,
    expected: Point,
    town_points: Callable[[str], Sequence[Point]],
) -> Candidate:
    """`expected`: where the asker would look for it; `town_points`: middles of the towns of a name."""
    return Candidate(
        street,
        like,
        place,
        distance_m(expected, place.point),
        _elsewhere(asked, place, town_points),
    )


def _elsewhere(asked: Address, place: Place, town_points: Callable[[str], Sequence[Point]]) -> int:
    """How much of what the address says of where it is contradicts what is known of a place."""
    if asked.town and place.town == asked.town:
        return 0
    wrong = 0
    if asked.town:
        middles = town_points(asked.town)
        wrong += bool(place.town) or all(distance_m(middle, place.point) > IN_TOWN_M for middle in middles)
    if asked.postcode and place.postcode:
        wrong += place.postcode != asked.postcode
    return wrong


def ranked(candidates: Iterable[Candidate]) -> list[Candidate]:
    return sorted(candidates, key=lambda one: (*one.rank, one.likeness.opens, one.distance_m))


def hits(asked: Address, candidates: Iterable[Candidate]) -> list[Hit]:
    """All that may be meant, the best first, each place once. Only the first can be sure."""
    found: list[Hit] = []
    in_turn = ranked(candidates)
    for one in in_turn:
        if all(distance_m(hit.point, one.place.point) > SAME_PLACE_M for hit in found):
            sure = not found and _is_sure(asked, one, in_turn)
            place = one.place
            number = "" if place.precision == Precision.STREET else f"{asked.number}{asked.letter}"
            street = one.street.name
            found.append(Hit(place.point, sure, place.precision, street, number, place.postcode, place.town))
    return found


def _is_sure(asked: Address, best: Candidate, all_of_them: Sequence[Candidate]) -> bool:
    like, place = best.likeness, best.place
    if like.conflicts or best.elsewhere or asked.extra or best.distance_m > USUAL_M:
        return False
    if place.precision > Precision.BETWEEN or place.spread_m > SAME_PLACE_M:
        return False
    if place.precision == Precision.BETWEEN and (like.typos or place.spread_m > NEIGHBOURS_M):
        return False
    return not any(_rivals(best, other) for other in all_of_them)


def _rivals(best: Candidate, other: Candidate) -> bool:
    """Whether the other one may as well be meant, and is elsewhere."""
    apart_m = distance_m(best.place.point, other.place.point)
    if apart_m <= SAME_PLACE_M or other.distance_m > max(USUAL_M, 2 * best.distance_m):
        return False
    same_name = other.rank[:3] == best.rank[:3]
    if other.place.precision <= Precision.BETWEEN:
        return same_name and other.likeness.opens <= best.likeness.opens
    # Of a street of that name, nearer and without any known number, nobody can say that it lacks this one.
    return (
        same_name
        and not other.street.houses
        and other.likeness.opens <= best.likeness.opens
        and other.distance_m < best.distance_m
    )


def between(lower: tuple[int, Place], number: int, upper: tuple[int, Place]) -> Place | None:
    """Where a number is that lies between two neighbours on its side of the street."""
    (low, a), (high, b) = lower, upper
    apart = distance_m(a.point, b.point)
    if not low < number < high <= low + NEIGHBOUR_NUMBERS:
        return None
    share = (number - low) / (high - low)
    point = _at(a.point, b.point, share)
    return Place(
        Precision.BETWEEN,
        point,
        a.postcode if a.postcode == b.postcode else "",
        a.town if a.town == b.town else "",
        apart,
    )


def in_block(number: int, first: int, last: int, start: Point, end: Point) -> Place:
    """Where a number is that lies between two crossings."""
    return Place(Precision.BLOCK, _at(start, end, (number - first) / (last - first)))


def _at(a: Point, b: Point, share: float) -> Point:
    return Point(a.lat + share * (b.lat - a.lat), a.lng + share * (b.lng - a.lng))


def doors(letter: str, houses: Sequence[tuple[str, Place]]) -> Iterator[Place]:
    """Of all that have this number on a street: those with the letter, where there are some, each group in one place
    as one.
    """
    own = [place for its, place in houses if its == letter] or [place for _, place in houses]
    left = list(own)
    while left:
        first = left[0]
        group = [one for one in left if distance_m(first.point, one.point) <= SAME_PLACE_M]
        left = [one for one in left if one not in group]
        yield Place(
            Precision.DOOR,
            first.point,
            next((one.postcode for one in group if one.postcode), ""),
            next((one.town for one in group if one.town), ""),
        )
