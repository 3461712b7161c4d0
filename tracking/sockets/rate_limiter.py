"""How fast one socket is read. Pure."""

from typing import NamedTuple


class Turn(NamedTuple):
    """Of a message: how long it has to wait, and for how long those before it all had to (seconds)."""

    wait_s: float
    slowed_s: float


AT_ONCE = Turn(0.0, 0.0)
#: Who had not to wait for so long (seconds) is no longer slowed. In a moment in which we were late ourselves nobody
#: has to wait, however fast they send.
_CALM_S = 5.0


class RateLimiter:
    """Takes `most` messages at once, and as many a second from then on."""

    def __init__(self, most: int) -> None:
        self._each_s = 1 / most
        self._ahead_s = 1 - self._each_s
        #: When the next message would come if they came steadily.
        self._next_s = 0.0
        #: When there was a wait for the first time, of those of which each came within _CALM_S of the one before; and
        #: the last of them.
        self._slowed_from_s = 0.0
        self._slowed_at_s: float | None = None

    def count(self, now_s: float) -> Turn:
        """One more message, at `now_s` (seconds, of any clock that only goes forward)."""
        at_s = max(self._next_s, now_s)
        self._next_s = at_s + self._each_s
        wait_s = at_s - now_s - self._ahead_s
        if wait_s <= 0:
            return AT_ONCE
        if self._slowed_at_s is None or now_s - self._slowed_at_s > _CALM_S:
            self._slowed_from_s = now_s
        self._slowed_at_s = now_s
        return Turn(wait_s, now_s - self._slowed_from_s)
