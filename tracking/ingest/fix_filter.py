"""What a fix is, and which ones we believe. Pure: no clock, no network, no database.

Phones repeat fixes, send them late, shuffle them, have wrong clocks and jump across the town while claiming an
accuracy of two metres. `fix_from` gives each fix its time, `judge` a verdict, by name.
"""

from dataclasses import dataclass
from math import inf
from typing import NamedTuple

from routing.geo import Point, distance_m
from tracking.protocol.messages import Location


class Fix(NamedTuple):
    """One GPS report: degrees, m/s, degrees clockwise from north, metres, ms since the epoch. None is unknown."""

    lat: float
    lng: float
    ts: int
    speed: float | None = None
    heading: float | None = None
    accuracy: float | None = None

    @property
    def point(self) -> Point:
        return Point(self.lat, self.lng)


class Verdict(NamedTuple):
    """What becomes of a fix. `name` is None for a good one.

    `live`: it moves the marker; `fences`: geofences and statuses may rely on it; `history`: it is worth keeping.
    """

    name: str | None
    live: bool = False
    fences: bool = False
    history: bool = False


GOOD = Verdict(None, live=True, fences=True, history=True)
FUTURE = Verdict("future", live=True, fences=True, history=True)
BEHIND = Verdict("behind", live=True, fences=True, history=True)
INACCURATE = Verdict("inaccurate", live=True, history=True)
OUT_OF_ORDER = Verdict("out_of_order", history=True)
STALE = Verdict("stale", history=True)
#: As stale as nothing is that is kept: the phone has no idea what day it is.
ANCIENT = Verdict("stale")
DUPLICATE = Verdict("duplicate")
#: The phone has no new place, and sends the last one again and again.
REPEATED = Verdict("repeated")
TELEPORT = Verdict("teleport")


@dataclass(frozen=True, slots=True)
class Limits:
    """Thresholds (seconds, m/s, metres), from the settings of the same names."""

    #: A clock that is less ahead or behind is right.
    future_s: float = 30.0
    stale_s: float = 120.0
    #: Older than this nothing is kept.
    oldest_s: float = 30 * 86_400.0
    max_speed_mps: float = 45.0
    max_accuracy_m: float = 100.0
    #: An implausible jump is believed once this many more fixes agree with the new place …
    jump_confirmations: int = 2
    #: … and, of a phone that says it stands, only after this long: between buildings a parked phone errs the same
    #: way for a while, so that its wrong fixes agree with each other.
    parked_jump_s: float = 30.0
    #: For this long after a jump that was believed, or a doubtful step, the way back needs no confirming.
    jump_return_s: float = 20.0


@dataclass(slots=True)
class Jump:
    """Fixes in a row that disagree with the track and agree with each other."""

    first: Fix
    latest: Fix
    confirmations: int
    parked: bool


@dataclass(slots=True)
class Track:
    """What is remembered of a driver between two fixes."""

    #: The newest believed fix, and the newest of those that are accurate.
    last: Fix | None = None
    sure: Fix | None = None
    #: A jump that still needs confirming, and where one was before another that was confirmed, or a doubtful step;
    #: until when (ms) that is remembered.
    jump: Jump | None = None
    left_behind: Fix | None = None
    left_until: int = 0
    #: How far the phone's clock is ahead (ms; below 0: behind), 0 where that is within `future_s`; the last time that
    #: it reported while it was, or seemed to be, and the arrival of that; and how many in a row were as late as the
    #: one before.
    ahead: int = 0
    reported: int = 0
    reported_at: int = 0
    as_late: int = 0
    #: The app sends what waited fix by fix, at any pace: its clock is never taken to be behind.
    one_by_one: bool = False


def fix_from(location: Location, now: int, track: Track, limits: Limits) -> Fix:
    """A fix out of a frame that arrived at `now` (ms), with the best guess at the time when it was taken.

    That is the arrival where the device tells no time, and the device's time put right where its clock is wrong.
    """
    ts, speed, heading, accuracy = location.ts, location.speed, location.heading, location.accuracy
    if ts is None:
        ts = _arrival(track, now)
    elif track.ahead or abs(ts - now) > limits.future_s * 1000:
        ts = _put_right(track, ts, now, limits)
    return Fix(
        location.lat,
        location.lng,
        ts,
        None if speed is None or speed < 0 else speed,
        None if heading is None or heading < 0 else heading,
        None if accuracy is None or accuracy <= 0 else accuracy,
    )


def _arrival(track: Track, now: int) -> int:
    """`now`, but after the last fix: several arrive within one millisecond once a stalled network goes on."""
    return now if track.last is None or track.last.ts < now else track.last.ts + 1


def _put_right(track: Track, ts: int, now: int, limits: Limits) -> int:
    """The true time of a fix whose device says `ts`, its clock being wrong, or having been so until now, or the fix
    having waited.
    """
    ahead, passed, passed_here = ts - now, ts - track.reported, now - track.reported_at
    track.reported, track.reported_at = ts, now
    set_back = passed < 0
    # Buffered fixes come at once, others about as long after one another as they were taken.
    at_once = abs(passed - passed_here) >= passed / 2
    if track.ahead and at_once and not set_back and ahead <= track.ahead:
        return ts - track.ahead
    wrong = abs(ahead) > limits.future_s * 1000
    if wrong and ahead < 0 and track.ahead >= 0:
        # Nothing comes from the future, but much comes late. What waited does not keep coming equally late.
        steady = not at_once and not set_back and abs(passed - passed_here) <= _JITTER_MS
        as_late = steady and not track.one_by_one
        track.as_late = track.as_late + 1 if as_late else 0
        if track.as_late < _AS_LATE:
            track.ahead = 0
            return ts
    # It was taken just now, so that this is what the clock is ahead.
    track.ahead = ahead if wrong else 0
    return _arrival(track, now) if track.ahead else ts


#: Fixes that come as late as the one before it, give or take so many milliseconds, and so many times in a row, were
#: taken just now by a clock that is behind.
_AS_LATE = 3
_JITTER_MS = 2_000


def judge(track: Track, fix: Fix, now: int, limits: Limits) -> Verdict:
    """The verdict on `fix`, which arrived at `now` (ms); a believed fix, live or late, becomes the track's last."""
    if now - fix.ts > limits.oldest_s * 1000:
        return ANCIENT
    last = track.last
    if last is not None:
        if fix.ts < last.ts:
            return OUT_OF_ORDER
        if fix.ts == last.ts:
            old = now - fix.ts > limits.future_s * 1000
            return REPEATED if old and fix.point == last.point else DUPLICATE
        before = track.sure or last
        if _ambles(before, fix):
            track.jump = None
        elif not _believed(track, before, fix, limits):
            return TELEPORT
    track.last = fix
    vague = fix.accuracy is not None and fix.accuracy > limits.max_accuracy_m
    if not vague:
        track.sure = fix
    if now - fix.ts > limits.stale_s * 1000:
        return STALE
    if vague:
        return INACCURATE
    if track.ahead:
        return FUTURE if track.ahead > 0 else BEHIND
    return GOOD


#: Good fixes err by some tens of metres, which over a shorter time than this looks like a great speed.
_SHORTEST_S = 2.0
#: One degree of latitude, and more than any of longitude, rounded up.
_METRES_PER_DEGREE = 111_200.0
#: Slower than this (m/s) a phone stands; as fast as one drives in a city; and what errors add over some seconds.
_STANDING_MPS = 2.0
_CITY_MPS = 15.0
_ERROR_MPS = 5.0


def _seconds(a: Fix, b: Fix) -> float:
    seconds = (b.ts - a.ts) / 1000
    return seconds if seconds > _SHORTEST_S else _SHORTEST_S


def _ambles(a: Fix, b: Fix) -> bool:
    """Whether b is near a for certain, which it nearly always is: the way around the corner is short enough."""
    around = (abs(b.lat - a.lat) + abs(b.lng - a.lng)) * _METRES_PER_DEGREE
    return around <= _CITY_MPS * _seconds(a, b)


def _believed(track: Track, before: Fix, fix: Fix, limits: Limits) -> bool:
    """Whether `fix` is believed: one can have driven there from `before`, it is the way back, or others agree."""
    speed = _speed(before, fix, limits)
    if speed <= limits.max_speed_mps:
        if speed > _claimed(before, fix) + _CITY_MPS:
            _leave_behind(track, before, fix, limits)
        track.jump = None
        return True
    if _is_way_back(track, fix, limits):
        track.jump = track.left_behind = None
        return True
    if not _confirmed(track, fix, limits):
        return False
    _leave_behind(track, before, fix, limits)
    track.jump = None
    return True


def _leave_behind(track: Track, before: Fix, fix: Fix, limits: Limits) -> None:
    track.left_behind = before
    track.left_until = fix.ts + round(limits.jump_return_s * 1000)


def _is_way_back(track: Track, fix: Fix, limits: Limits) -> bool:
    back_to = track.left_behind
    if back_to is None or fix.ts > track.left_until:
        return False
    return _speed(back_to, fix, limits) <= min(_claimed(back_to, fix), _CITY_MPS) + _ERROR_MPS


def _confirmed(track: Track, fix: Fix, limits: Limits) -> bool:
    """Counts the fixes that disagree with the track and agree with each other: enough of them are a jump."""
    jump = track.jump
    if jump is None or fix.ts <= jump.latest.ts or _speed(jump.latest, fix, limits) > limits.max_speed_mps:
        track.jump = jump = Jump(fix, fix, 0, parked=_stands(fix))
    else:
        jump.latest = fix
        jump.confirmations += 1
        jump.parked = jump.parked and _stands(fix)
    lasted_s = (fix.ts - jump.first.ts) / 1000
    return jump.confirmations >= limits.jump_confirmations and (
        not jump.parked or lasted_s >= limits.parked_jump_s
    )


def _speed(a: Fix, b: Fix, limits: Limits) -> float:
    """The speed (m/s) at which one drives from a to b, at least."""
    metres = distance_m(a.point, b.point)
    # A great error that is owned up to is true: from a cell tower's guess to the satellites' is no jump.
    for accuracy in (a.accuracy, b.accuracy):
        if accuracy is not None and accuracy > limits.max_accuracy_m:
            metres -= accuracy
    return metres / _seconds(a, b)


def _claimed(a: Fix, b: Fix) -> float:
    """The greater speed of what the phone says; one that says nothing may drive as fast as it likes."""
    return inf if a.speed is None or b.speed is None else max(a.speed, b.speed)


def _stands(fix: Fix) -> bool:
    return fix.speed is not None and fix.speed <= _STANDING_MPS
