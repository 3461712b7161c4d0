"""Ways past, to and from a fence for tests: fixes as a phone takes them, and what `observe` makes of them."""

from collections.abc import Iterable, Iterator
from math import exp, sqrt
from random import Random
from uuid import UUID

from dispatch.statuses import StopKind
from routing.geo import Point, destination
from tracking.fixes import Fix
from tracking.geofences import Event, Fence, Rules, Sighting, Visit, observe

HOME = Point(39.7495, -104.9865)
T0 = 1_800_000_000_000
STOP = UUID("0b0e7a2c-0000-4000-8000-000000000001")


def fence(radius_m: float = 200, *, waiting: bool = False) -> Fence:
    return Fence(STOP, StopKind.PICKUP, HOME, radius_m, waiting)


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


def watch(
    fence: Fence, fixes: Iterable[Fix], *, visit: Visit | None = None, rules: Rules | None = None
) -> tuple[Visit, list[Sighting]]:
    """The state of the fence after these fixes, and all that was seen on the way."""
    visit, rules, before, sightings = visit or Visit(), rules or Rules(), None, []
    for fix in fixes:
        visit, sighting = observe(visit, fence, before, fix, rules)
        sightings += [sighting] if sighting else []
        before = fix
    return visit, sightings


def events(fence: Fence, fixes: Iterable[Fix], **more: Visit | Rules) -> list[Event]:
    return [sighting.event for sighting in watch(fence, fixes, **more)[1]]
