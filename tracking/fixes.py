"""What a fix is, and which ones we believe. Pure: no clock, no network, no database.

Phones repeat fixes, send them late, shuffle them, have wrong clocks and jump across the town while claiming an
accuracy of two metres. `judge` gives each fix a verdict, by name.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

from routing.geo import Point, distance_m
from tracking.messages import Location


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
INACCURATE = Verdict("inaccurate", live=True, history=True)
OUT_OF_ORDER = Verdict("out_of_order", history=True)
STALE = Verdict("stale", history=True)
DUPLICATE = Verdict("duplicate")
FUTURE = Verdict("future")
TELEPORT = Verdict("teleport")


@dataclass(frozen=True, slots=True)
class Limits:
    """Thresholds, from the settings of the same names."""

    future_s: float = 30.0
    stale_s: float = 120.0
    max_speed_mps: float = 45.0
    max_accuracy_m: float = 100.0
    #: An implausible jump is believed once this many fixes in a row agree on the new place.
    jump_fixes: int = 3


@dataclass(slots=True)
class Track:
    """What `judge` remembers of a driver: the last believed fix, and a jump that still needs confirming."""

    last: Fix | None = None
    jump: list[Fix] = field(default_factory=list)


def fix_from(location: Location, now: int) -> Fix:
    """A fix out of a frame that arrived at `now` (ms), which is its time when the device tells none."""
    return Fix(
        location.lat,
        location.lng,
        now if location.ts is None else location.ts,
        _known(location.speed),
        _known(location.heading),
        _known(location.accuracy),
    )


def _known(value: float | None) -> float | None:
    return None if value is None or value < 0 else value


def judge(track: Track, fix: Fix, now: int, limits: Limits) -> Verdict:
    """The verdict on `fix`, which arrived at `now` (ms); a believed fix becomes the track's last."""
    if fix.ts > now + limits.future_s * 1000:
        return FUTURE
    last = track.last
    if last is not None:
        if fix.ts == last.ts:
            return DUPLICATE
        if fix.ts < last.ts:
            return OUT_OF_ORDER
        if not _plausible(last, fix, limits) and not _confirms_jump(track, fix, limits):
            return TELEPORT
    if now - fix.ts > limits.stale_s * 1000:
        return STALE
    track.last = fix
    track.jump.clear()
    if fix.accuracy is not None and fix.accuracy > limits.max_accuracy_m:
        return INACCURATE
    return GOOD


def _plausible(a: Fix, b: Fix, limits: Limits) -> bool:
    seconds = (b.ts - a.ts) / 1000
    # Two good fixes may each be off by some 20 m, which over a fraction of a second looks like a great speed.
    return distance_m(a.point, b.point) <= limits.max_speed_mps * seconds + 40.0


def _confirms_jump(track: Track, fix: Fix, limits: Limits) -> bool:
    """Collects fixes that disagree with the track but agree with each other."""
    jump = track.jump
    if jump and (fix.ts <= jump[-1].ts or not _plausible(jump[-1], fix, limits)):
        jump.clear()
    jump.append(fix)
    del jump[: -limits.jump_fixes]
    return len(jump) >= limits.jump_fixes
