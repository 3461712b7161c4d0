"""How much one socket may ask of us. Pure."""

from enum import Enum


class Decision(Enum):
    """What to do with a message."""

    FINE = "take it"
    #: The first one over the limit: drop it, and say so.
    WARN = "warn"
    DROP = "drop it"
    #: Still at it after the warning.
    CLOSE = "close"


class RateLimiter:
    """Counts a socket's messages by the second; `most` of them are taken, twice as many end it."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._second = -1
        self._count = 0

    def count(self, now_s: float) -> Decision:
        """One more message, at `now_s` (seconds, of any clock that only goes forward)."""
        second = int(now_s)
        if second != self._second:
            self._second, self._count = second, 0
        self._count += 1
        if self._count <= self._most:
            return Decision.FINE
        if self._count == self._most + 1:
            return Decision.WARN
        return Decision.DROP if self._count <= 2 * self._most else Decision.CLOSE
