"""When has a driver set out, arrived, passed by, left? A pure state machine per stop, fed with believed fixes.

GPS jumps, so no single point decides unless it is a good one. The line between two fixes counts, not only its ends;
who drives past has not arrived; who has arrived must be clearly outside, for some time, to have left; and it was a
visit only if the driver stood there for longer than at a red light (tracking/ingest/standing.py). Every event carries
its evidence. What each threshold comes from is in docs/geofences.md.
"""

from dataclasses import dataclass
from enum import StrEnum
from math import cos, pi
from typing import Any, NamedTuple
from uuid import UUID

from dispatch.statuses import StopKind
from routing.geo import Point, distance_m, segment_distance_m
from tracking.ingest.fix_filter import Fix


class FenceEvent(StrEnum):
    SET_OUT = "set_out"
    ARRIVED = "arrived"
    #: The arrival was none: the driver only stopped there on the way.
    PASSED = "passed"
    LEFT = "left"


class Fence(NamedTuple):
    """The circle around one of the driver's stops. `waiting`: the driver has not set out for it yet; `left`: was
    there and went away without a button, and may come back; `later`: others come before it."""

    stop_id: UUID
    kind: StopKind
    center: Point
    radius_m: float
    waiting: bool = False
    left: bool = False
    later: bool = False


@dataclass(frozen=True, slots=True)
class Rules:
    """Thresholds (metres, seconds, m/s)."""

    #: Fixes in a row inside that make an arrival, when the driver is slower than `slow_mps` …
    confirming_fixes: int = 2
    slow_mps: float = 4.0
    #: … or this long inside, having come no farther than at `slow_mps` (bad fixes of a parked car look fast) …
    dwell_s: float = 30.0
    #: … or one single fix, if it is this good and the driver all but stands.
    sharp_accuracy_m: float = 25.0
    standing_mps: float = 2.0
    #: Left: farther than radius + margin even at the fix's worst, for this long, and half a margin more by then.
    #: Errors of parked phones drift, for minutes, and between high buildings have a σ of some 25 m: in a day at the
    #: fence's edge they reach four σ, and not six.
    exit_margin_m: float = 100.0
    exit_s: float = 8.0
    #: … for this long while the phone does not drive: several wrong fixes in a row agree with each other.
    standing_exit_s: float = 30.0
    #: Whoever stood inside for less was not there for the stop. At a stop that has its turn later, nobody arrives
    #: before.
    min_visit_s: float = 65.0
    #: So far from where the plan found the driver is on the way.
    set_out_m: float = 50.0


class Sighting(NamedTuple):
    event: FenceEvent
    evidence: dict[str, Any]


class FenceState(NamedTuple):
    """What is remembered of one fence between two fixes; times are those of fixes (ms).

    `FenceState(arrived_at=…)` is one that another process saw begin.
    """

    arrived_at: int | None = None
    left: bool = False
    #: When an arrival turned out to be none, and with it any before.
    passed_at: int | None = None
    #: Not the first visit here, however short.
    returned: bool = False
    set_out: bool = False
    anchor: Point | None = None
    inside: int = 0
    entered: Fix | None = None
    #: For how long (seconds) the driver stood inside, and where the driver was inside last.
    stood_s: float = 0.0
    was_at: Point | None = None
    #: The first of the fixes in a row that are clearly outside.
    outside: Fix | None = None


#: Of latitude. Rounded up, so that the box below is never too small; and down, for the farthest that two places can
#: be apart.
_MOST_DEGREES_PER_METRE = 1 / 110_000
_MOST_METRES_PER_DEGREE = 111_200.0
_RADIAN = pi / 180


def observe(
    state: FenceState, fence: Fence, before: Fix | None, fix: Fix, stood_s: float, rules: Rules
) -> tuple[FenceState, Sighting | None]:
    """The new state of a fence after `fix`, and what it means. `before`: the believed fix ahead of it; `stood_s`: the
    seconds of standing that end with it.
    """
    if state.left:
        if not fence.left:
            return state, None
        state = FenceState(set_out=True)
    if state.arrived_at is not None:
        return _leaving(state, fence, fix, stood_s, rules)
    if fence.waiting and state.anchor is None:
        state = state._replace(anchor=fix.point)
    if not state.inside and not state.stood_s and _far(fence, before, fix):
        return _setting_out(state, fence, fix, rules) if fence.waiting else (state, None)
    distance = distance_m(fence.center, fix.point)
    if distance <= fence.radius_m or (before is not None and _crossed(fence, before, fix, distance)):
        return _arriving(state, fence, before, fix, distance, stood_s, rules)
    if state.inside:
        state = state._replace(inside=0, entered=None)
    if state.stood_s and distance > fence.radius_m + rules.exit_margin_m:
        state = state._replace(stood_s=0.0)
    return _setting_out(state, fence, fix, rules)


def _far(fence: Fence, before: Fix | None, fix: Fix) -> bool:
    """A cheap box test: both fixes on the same far side of the circle."""
    lat, lng = fence.center
    reach = fence.radius_m * _MOST_DEGREES_PER_METRE
    if before is None:
        before = fix
    north = fix.lat - lat
    if north > reach:
        if before.lat - lat > reach:
            return True
    elif north < -reach and before.lat - lat < -reach:
        return True
    reach /= cos(lat * _RADIAN)
    # Beyond 180° it is the other side that is near.
    east, east_before = fix.lng - lng, before.lng - lng
    return (reach < east < 180 and reach < east_before < 180) or (
        -reach > east > -180 and -reach > east_before > -180
    )


def _crossed(fence: Fence, before: Fix, fix: Fix, distance: float) -> bool:
    """Whether the line between two fixes, of which the second is so far from the centre, touches the circle."""
    moved_at_most = (abs(fix.lat - before.lat) + abs(fix.lng - before.lng)) * _MOST_METRES_PER_DEGREE
    if distance - moved_at_most > fence.radius_m:
        return False
    return segment_distance_m(fence.center, before.point, fix.point) <= fence.radius_m


def _setting_out(
    state: FenceState, fence: Fence, fix: Fix, rules: Rules
) -> tuple[FenceState, Sighting | None]:
    if not fence.waiting or state.set_out or state.anchor is None:
        return state, None
    moved = distance_m(state.anchor, fix.point)
    if moved < rules.set_out_m:
        return state, None
    evidence = _evidence(fence, fix, distance_m(fence.center, fix.point)) | {"moved_m": round(moved)}
    return state._replace(set_out=True), Sighting(FenceEvent.SET_OUT, evidence)


def _arriving(
    state: FenceState,
    fence: Fence,
    before: Fix | None,
    fix: Fix,
    distance: float,
    stood_s: float,
    rules: Rules,
) -> tuple[FenceState, Sighting | None]:
    state = state._replace(inside=state.inside + 1)
    if distance > fence.radius_m:
        # Through the circle since the fix before: a sign, but nobody arrives while outside.
        return state, None
    entered = state.entered or fix
    state = state._replace(entered=entered, stood_s=state.stood_s + stood_s)
    speed = _speed(before, fix)
    dwell_s = (fix.ts - entered.ts) / 1000
    if fence.later:
        if state.stood_s < rules.min_visit_s:
            return state, None
        rule = "stood"
    elif fix.speed is not None and fix.speed <= rules.standing_mps and _sharp(fix, rules):
        rule = "standing"
    elif state.inside >= rules.confirming_fixes and speed is not None and speed <= rules.slow_mps:
        rule = "slow"
    elif dwell_s >= rules.dwell_s and distance_m(entered.point, fix.point) <= rules.slow_mps * dwell_s:
        rule = "dwell"
    else:
        return state, None
    evidence = _evidence(fence, fix, distance) | {
        "rule": rule,
        "fixes_inside": state.inside,
        "dwell_s": round(dwell_s),
        "stood_s": round(state.stood_s),
        "speed_mps": None if speed is None else round(speed, 1),
    }
    arrived = state._replace(arrived_at=fix.ts, was_at=fix.point, returned=fence.left)
    return arrived, Sighting(FenceEvent.ARRIVED, evidence)


def _leaving(
    state: FenceState, fence: Fence, fix: Fix, stood_s: float, rules: Rules
) -> tuple[FenceState, Sighting | None]:
    arrived_at = state.arrived_at
    assert arrived_at is not None  # noqa: S101 (observe calls this only after an arrival)
    if fix.ts <= arrived_at:
        # Sent again to this process; the one before it took it for on the way there.
        return state, None
    distance = distance_m(fence.center, fix.point)
    if state.was_at is None:
        # Another process saw the driver arrive, and what came then; nobody else knows of it.
        state = state._replace(was_at=fix.point, stood_s=(fix.ts - arrived_at) / 1000)
    elif distance <= fence.radius_m:
        state = state._replace(was_at=fix.point, stood_s=state.stood_s + stood_s)
    beyond_m = distance - (fix.accuracy or 0.0) - fence.radius_m
    # Where it is the fence that has moved, the driver has not.
    moved_m = distance_m(state.was_at or fix.point, fix.point)
    if min(beyond_m, moved_m) <= rules.exit_margin_m:
        return state if state.outside is None else state._replace(outside=None), None
    first = state.outside
    if first is None:
        return state._replace(outside=fix), None
    exit_s = rules.exit_s if _drives(first, fix, rules) else rules.standing_exit_s
    if fix.ts - first.ts < exit_s * 1000 or beyond_m <= 1.5 * rules.exit_margin_m:
        return state, None
    stay_s = (first.ts - arrived_at) / 1000
    evidence = _evidence(fence, fix, distance) | {"stay_s": round(stay_s), "stood_s": round(state.stood_s)}
    if state.stood_s < rules.min_visit_s and not state.returned:
        return FenceState(set_out=True, passed_at=fix.ts), Sighting(FenceEvent.PASSED, evidence)
    return state._replace(left=True), Sighting(FenceEvent.LEFT, evidence)


def _drives(first: Fix, fix: Fix, rules: Rules) -> bool:
    """By how far the phone came from `first` to `fix`, and by what it says: wrong fixes agree with each other."""
    came_mps = distance_m(first.point, fix.point) / (fix.ts - first.ts) * 1000
    if fix.speed is None:
        return came_mps > rules.slow_mps
    return min(fix.speed, came_mps) > rules.standing_mps


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
