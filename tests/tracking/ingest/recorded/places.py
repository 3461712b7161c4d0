"""Places along a drive at which somebody visits, halts for a moment, or only comes past."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from math import atan2, cos, degrees, radians

from routing.geo import Point, destination, distance_m
from tests.tracking.ingest.recorded.drives import Drive

#: Below this (m/s) a recorded drive stands.
STANDS_MPS = 1.2
#: Standing again after less (seconds), and as near (metres), is one halt.
SAME_HALT_S, SAME_HALT_M = 4, 10
#: A restaurant is so far beside the road (metres) …
BESIDE_M = 30
#: … and its fence so wide. Behind it and its margin the drive must go on, or nobody could tell that it left.
RADIUS_M, ROOM_M = 200, 320
VISIT_S = 60
HALT_S = (8, 40)
#: Visits that a halt is prolonged to.
HELD_S = (70, 120, 240)
#: One place to come past per so many seconds.
PASS_EVERY_S = 25


class Kind(StrEnum):
    VISIT = "visit"
    HALT = "halt"
    PASS = "pass"


@dataclass(frozen=True)
class Place:
    """Where a restaurant is put, and what the drive does there, between two of its seconds."""

    kind: Kind
    drive: Drive
    point: Point
    begins: int
    ends: int


def halts(drive: Drive) -> list[tuple[int, int]]:
    """From which second to which it stands."""
    found: list[tuple[int, int]] = []
    for second, speed in enumerate(drive.speeds):
        if speed >= STANDS_MPS:
            continue
        begins, ends = found[-1] if found else (second, second)
        near = distance_m(drive.way[ends], drive.way[second]) <= SAME_HALT_M
        if found and second - ends <= SAME_HALT_S and near:
            found[-1] = begins, second
        else:
            found.append((second, second))
    return found


def places(drive: Drive) -> Iterator[Place]:
    all_halts = halts(drive)
    for begins, ends in all_halts:
        point = beside(drive, (begins + ends) // 2)
        if not _goes_on(drive, ends, point):
            continue
        if ends - begins > VISIT_S:
            yield Place(Kind.VISIT, drive, point, begins, ends)
        elif HALT_S[0] <= ends - begins <= HALT_S[1]:
            yield Place(Kind.HALT, drive, point, begins, ends)
            for held_s in HELD_S:
                more = held_s - (ends - begins)
                yield Place(Kind.VISIT, drive.held(ends, more), point, begins, ends + more)
    stands = [
        drive.way[end] for begins, ends in all_halts if ends - begins >= HALT_S[0] for end in (begins, ends)
    ]
    for second in range(60, len(drive.way) - 60, PASS_EVERY_S):
        point = beside(drive, second)
        if _goes_on(drive, second, point) and not any(
            distance_m(point, place) <= RADIUS_M for place in stands
        ):
            yield Place(Kind.PASS, drive, point, second, second)


def beside(drive: Drive, second: int) -> Point:
    """To the right of the road on which the drive comes."""
    a, b = drive.way[max(second - 40, 0)], drive.way[second]
    heading = degrees(atan2((b.lng - a.lng) * cos(radians(a.lat)), b.lat - a.lat))
    return destination(b, heading + 90, BESIDE_M)


def _goes_on(drive: Drive, second: int, point: Point) -> bool:
    return any(distance_m(point, place) > ROOM_M for place in drive.way[second:])
