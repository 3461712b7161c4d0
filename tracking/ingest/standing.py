"""How long a driver has been standing. Pure.

Fixes of a parked phone err by tens of metres and drift, and what a phone says of its speed is missing or wrong too
often: from one fix to the next nobody can tell standing from creeping. Over half a minute one can, by how far the
driver has come; a red light is over by then, or nearly. Measured in docs/geofences.md.
"""

from collections import deque
from dataclasses import dataclass, field

from routing.geo import distance_m
from tracking.ingest.fix_filter import Fix

WINDOW_S = 30.0
#: Who comes no farther than this (m/s) over the window stands: 30 m, twice what the errors of a good phone drift.
STILL_MPS = 1.0
#: Of fixes that are closer in time (seconds) one is remembered.
_APART_S = 1.0


@dataclass(slots=True)
class Standing:
    _window: deque[Fix] = field(default_factory=deque)
    #: What was stood before this time (ms) has been told.
    _told_until: int = 0

    def add(self, fix: Fix) -> float:
        """Seconds of standing that end with `fix` and of which nothing was told before."""
        window = self._window
        while len(window) > 1 and fix.ts - window[1].ts >= WINDOW_S * 1000:
            window.popleft()
        if not window or fix.ts - window[-1].ts >= _APART_S * 1000:
            window.append(fix)
        first = window[0]
        seconds = (fix.ts - first.ts) / 1000
        if seconds < WINDOW_S or distance_m(first.point, fix.point) > STILL_MPS * seconds:
            return 0.0
        since = max(first.ts, self._told_until)
        self._told_until = fix.ts
        return (fix.ts - since) / 1000

    def forget(self) -> None:
        """Nobody wants to know any more: what comes later begins anew."""
        self._window.clear()
