"""When has a driver set out, arrived, left? A pure state machine per stop, fed with believed fixes.

GPS jumps, so no single point decides unless it is a good one. The line between two fixes counts, not only its ends;
who drives past has not arrived; who has arrived must be clearly outside, for some time, to have left.
Every event carries its evidence.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID

from dispatch.statuses import StopKind
from routing.geo import Point, distance_m, segment_distance_m
from tracking.fixes import Fix


class Event(StrEnum):
    SET_OUT = "set_out"
    ARRIVED = "arrived"
    LEFT = "left"


class Fence(NamedTuple):
    """The circle around one of the driver's next stops. `waiting`: the driver has not set out for it yet."""

    stop_id: UUID
    kind: StopKind
    center: Point
    radius_m: float
    waiting: bool = False


@dataclass(frozen=True, slots=True)
class Rules:
    """Thresholds (metres, seconds, m/s)."""

    #: Fixes in a row inside that make an arrival, when the driver is slower than `slow_mps` …
    confirming_fixes: int = 2
    slow_mps: float = 7.0
    #: … or this long inside, having come no farther than at `slow_mps` (bad fixes of a parked car look fast) …
    dwell_s: float = 30.0
    #: … or one single fix, if it is this good and the driver all but stands.
    sharp_accuracy_m: float = 25.0
    standing_mps: float = 2.0
    #: Left: farther than radius + margin even at the fix's worst, for this long. Errors of parked phones drift, for
    #: minutes, to about four times their σ, which between high buildings is some 25 m.
    exit_margin_m: float = 100.0
    exit_s: float = 10.0
    #: Clearly outside this soon after the arrival: it was no visit.
    min_visit_s: float = 30.0
    #: So far from where the plan found the driver is on the way.
    set_out_m: float = 50.0


class Sighting(NamedTuple):
    event: Event
    evidence: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Visit:
    """What is remembered of one fence between two fixes; times are those of fixes (ms)."""

    arrived_at: int | None = None
    left: bool = False
    set_out: bool = False
    anchor: Point | None = None
    inside: int = 0
    entered: Fix | None = None
    outside_since: int | None = None


#: One degree of latitude, rounded down, so that the box below is never too small.
_METRES_PER_DEGREE = 110_000.0


def observe(
    visit: Visit, fence: Fence, before: Fix | None, fix: Fix, rules: Rules
) -> tuple[Visit, Sighting | None]:
    """The new state of a fence after `fix` (`before`: the believed fix ahead of it), and what it means."""
    if visit.left:
        return visit, None
    if visit.arrived_at is not None:
        return _leaving(visit, fence, fix, rules)
    if fence.waiting and visit.anchor is None:
        visit = replace(visit, anchor=fix.point)
    if visit.inside == 0 and _far(fence, before, fix):
        return _setting_out(visit, fence, fix, rules)
    distance = distance_m(fence.center, fix.point)
    crossed = before is not None and (
        segment_distance_m(fence.center, before.point, fix.point) <= fence.radius_m
    )
    if distance <= fence.radius_m or crossed:
        return _arriving(visit, fence, before, fix, distance, rules)
    return _setting_out(replace(visit, inside=0, entered=None), fence, fix, rules)


def _far(fence: Fence, before: Fix | None, fix: Fix) -> bool:
    """A cheap box test: both fixes on the same far side of the circle."""
    reach = fence.radius_m / _METRES_PER_DEGREE
    lat = fence.center[0]
    if before is None:
        return abs(fix.lat - lat) > reach
    return (fix.lat > lat + reach and before.lat > lat + reach) or (
        fix.lat < lat - reach and before.lat < lat - reach
    )


def _setting_out(visit: Visit, fence: Fence, fix: Fix, rules: Rules) -> tuple[Visit, Sighting | None]:
    if not fence.waiting or visit.set_out or visit.anchor is None:
        return visit, None
    moved = distance_m(visit.anchor, fix.point)
    if moved < rules.set_out_m:
        return visit, None
    evidence = _evidence(fence, fix, distance_m(fence.center, fix.point)) | {"moved_m": round(moved)}
    return replace(visit, set_out=True), Sighting(Event.SET_OUT, evidence)


def _arriving(
    visit: Visit, fence: Fence, before: Fix | None, fix: Fix, distance: float, rules: Rules
) -> tuple[Visit, Sighting | None]:
    visit = replace(visit, inside=visit.inside + 1)
    if distance > fence.radius_m:
        # Through the circle since the fix before: a sign, but nobody arrives while outside.
        return visit, None
    entered = visit.entered or fix
    visit = replace(visit, entered=entered)
    speed = _speed(before, fix)
    dwell_s = (fix.ts - entered.ts) / 1000
    if fix.speed is not None and fix.speed <= rules.standing_mps and _sharp(fix, rules):
        rule = "standing"
    elif visit.inside >= rules.confirming_fixes and speed is not None and speed <= rules.slow_mps:
        rule = "slow"
    elif dwell_s >= rules.dwell_s and distance_m(entered.point, fix.point) <= rules.slow_mps * dwell_s:
        rule = "dwell"
    else:
        return visit, None
    evidence = _evidence(fence, fix, distance) | {
        "rule": rule,
        "fixes_inside": visit.inside,
        "dwell_s": round(dwell_s),
        "speed_mps": None if speed is None else round(speed, 1),
    }
    return replace(visit, arrived_at=fix.ts), Sighting(Event.ARRIVED, evidence)


def _leaving(visit: Visit, fence: Fence, fix: Fix, rules: Rules) -> tuple[Visit, Sighting | None]:
    distance = distance_m(fence.center, fix.point)
    if distance - (fix.accuracy or 0.0) <= fence.radius_m + rules.exit_margin_m:
        return (visit if visit.outside_since is None else replace(visit, outside_since=None)), None
    if visit.outside_since is None:
        return replace(visit, outside_since=fix.ts), None
    if fix.ts - visit.outside_since < rules.exit_s * 1000:
        return visit, None
    assert visit.arrived_at is not None  # noqa: S101 (observe calls this only after an arrival)
    stay_s = (visit.outside_since - visit.arrived_at) / 1000
    if stay_s < rules.min_visit_s:
        return Visit(set_out=True), None
    evidence = _evidence(fence, fix, distance) | {"stay_s": round(stay_s)}
    return replace(visit, left=True), Sighting(Event.LEFT, evidence)


def _sharp(fix: Fix, rules: Rules) -> bool:
    return fix.accuracy is not None and fix.accuracy <= rules.sharp_accuracy_m


def _speed(before: Fix | None, fix: Fix) -> float | None:
    """The greater of what the phone says and what the two fixes imply (m/s): neither alone is to be trusted."""
    speeds = [] if fix.speed is None else [fix.speed]
    if before is not None and fix.ts > before.ts:
        speeds.append(distance_m(before.point, fix.point) / (fix.ts - before.ts) * 1000)
    return max(speeds, default=None)


def _evidence(fence: Fence, fix: Fix, distance: float) -> dict[str, Any]:
    return {
        "lat": fix.lat,
        "lng": fix.lng,
        "ts": fix.ts,
        "accuracy_m": fix.accuracy,
        "distance_m": round(distance),
        "radius_m": fence.radius_m,
    }
