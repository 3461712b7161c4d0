"""Ways past, to and from a fence for tests: fixes as a phone takes them, and what `observe` makes of them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import exp, sqrt
from random import Random
from uuid import UUID

from dispatch.statuses import StopKind
from routing.geo import Point, destination
from tracking.ingest.fix_filter import Fix
from tracking.ingest.geofences import Fence, FenceEvent, FenceState, Rules, Sighting, observe
from tracking.ingest.standing import Standing

HOME = Point(39.7495, -104.9865)
T0 = 1_800_000_000_000
STOP = UUID("0b0e7a2c-0000-4000-8000-000000000001")


def fence(radius_m: float = 200, *, waiting: bool = False, left: bool = False) -> Fence:
    return Fence(STOP, StopKind.PICKUP, HOME, radius_m, waiting, left)


def at(east_m: float, seconds: float, *, north_m: float = 0, **fields: float | None) -> Fix:
    """A fix so far east (and north) of the fence's centre, so many seconds after T0."""
    east = destination(HOME, 90, east_m) if east_m else HOME
    place = destination(east, 0, north_m) if north_m else east
    return Fix(place.lat, place.lng, T0 + round(seconds * 1000), **fields)


def drive(
    from_m: float, to_m: float, speed: float, *, every_s: float = 5, start_s: float = 0, **more: float
) -> Iterator[Fix]:
    """Straight along a line from west to east (or back) at a steady speed, which the phone knows."""
    duration = abs(to_m - from_m) / speed
    for n in range(int(duration / every_s) + 1):
        moved = speed * every_s * n
        yield at(
            from_m + moved if to_m > from_m else from_m - moved, start_s + every_s * n, speed=speed, **more
        )


def parked(
    east_m: float,
    seconds: float,
    *,
    sigma_m: float,
    memory_s: float,
    seed: int,
    every_s: float = 5,
    **fields: float | None,
) -> Iterator[Fix]:
    """A parked car whose GPS errs by `sigma_m` to the east and north; errors fade over `memory_s` (0: at once)."""
    rng = Random(seed)
    kept = exp(-every_s / memory_s) if memory_s else 0.0
    fresh = sqrt(1 - kept * kept)
    east, north = rng.gauss(), rng.gauss()
    for n in range(int(seconds / every_s)):
        yield at(east_m + east * sigma_m, n * every_s, north_m=north * sigma_m, **fields)
        east, north = east * kept + rng.gauss() * fresh, north * kept + rng.gauss() * fresh


@dataclass(frozen=True)
class DriveAndStay:
    """A drive to a stop, a stay, and off again; all in seconds."""

    fixes: list[Fix]
    stands_from: float
    stands_until: float
    #: Then it is farther from the fence's centre than the radius that was asked for.
    outside_from: float


def drive_and_stay(
    rng: Random, *, radius_m: float, every_s: float, sigma_m: float, stay_s: float, knows_speed: bool = True
) -> DriveAndStay:
    """From the west, braking, to a stop somewhere inside; then eastward, to 14 m/s. The phone's errors drift."""
    cruise, stop_at = rng.uniform(8, 16), rng.uniform(-0.6, 0.6) * radius_m
    kept = exp(-every_s / 60)
    fresh = sqrt(1 - kept * kept)
    east_error, north_error = rng.gauss() * sigma_m, rng.gauss() * sigma_m
    place, speed, seconds, step = -1500.0, cruise, 0.0, 0.1
    stands_from = stands_until = outside_from = next_fix = 0.0
    fixes: list[Fix] = []
    while not outside_from or seconds < outside_from + 90:
        seconds += step
        if not stands_from:
            speed = min(cruise, max(0.3, sqrt(5 * max(0.0, stop_at - place))))
            if place >= stop_at:
                speed, stands_from, stands_until = 0.0, seconds, seconds + stay_s
        elif seconds > stands_until:
            speed = min(14.0, speed + 2 * step)
        place += speed * step
        if stands_from and not outside_from and place > radius_m:
            outside_from = seconds
        if seconds >= next_fix:
            next_fix += every_s
            accuracy = sigma_m * rng.uniform(0.5, 1.5)
            claimed = max(0.0, speed + rng.gauss(0, 0.3)) if knows_speed else None
            east = place + east_error
            fixes.append(at(east, seconds, north_m=north_error, speed=claimed, accuracy=accuracy))
            east_error = east_error * kept + rng.gauss() * fresh * sigma_m
            north_error = north_error * kept + rng.gauss() * fresh * sigma_m
    return DriveAndStay(fixes, stands_from, stands_until, outside_from)


def watch(
    fence: Fence, fixes: Iterable[Fix], *, state: FenceState | None = None, rules: Rules | None = None
) -> tuple[FenceState, list[Sighting]]:
    """The state of the fence after these fixes, and all that was seen on the way."""
    state, rules, before, sightings = state or FenceState(), rules or Rules(), None, []
    standing = Standing()
    for fix in fixes:
        state, sighting = observe(state, fence, before, fix, standing.add(fix), rules)
        sightings += [sighting] if sighting else []
        before = fix
    return state, sightings


def events(fence: Fence, fixes: Iterable[Fix], **more: FenceState | Rules) -> list[FenceEvent]:
    return [sighting.event for sighting in watch(fence, fixes, **more)[1]]
