"""The numbers (`seq`) that an app gives its fixes: which ones came, and how far they are acknowledged. Pure."""

from collections.abc import Callable
from dataclasses import dataclass

#: A number is recognized this far below the highest one of its session.
_WINDOW = 1024
_ALL_SEEN = (1 << _WINDOW) - 1


@dataclass(slots=True)
class Numbering:
    """`acknowledge` tells the app that it may forget all fixes up to a number."""

    acknowledge: Callable[[int], None]
    #: The highest number that was considered, and the highest that the app was told of.
    highest: int = -1
    acked: int = -1
    #: Lower numbers than an earlier socket's are newer ones.
    began_again: bool = False
    #: Of the numbers up to `highest` those that came: bit 0 is `highest` itself, bit 1 the one before.
    _seen: int = 0

    def go_on(self, safe_seq: int) -> None:
        """The app's numbering goes on where an earlier socket left it."""
        self.highest = self.acked = safe_seq
        self._seen = _ALL_SEEN

    def begin_again(self) -> None:
        """The app has lost its numbering, and begins a new one."""
        self.highest = self.acked = -1
        self._seen = 0
        self.began_again = True

    def is_new(self, seq: int) -> bool:
        """Whether this number comes for the first time; one far below the highest counts as known."""
        ahead = seq - self.highest
        if ahead > 0:
            self._seen = ((self._seen << ahead) | 1) & _ALL_SEEN if ahead < _WINDOW else 1
            self.highest = seq
            return True
        # The window first: a bit for a number that an app chose may be as long as it likes.
        if -ahead >= _WINDOW or self._seen & (bit := 1 << -ahead):
            return False
        self._seen |= bit
        return True

    def ask_again(self, seq: int) -> None:
        """A known number came once more: the ack before may have been lost, so it is sent anew."""
        self.acked = min(self.acked, seq - 1)

    def send_ack(self, safe_seq: int) -> None:
        """Acknowledges what survives a crash: committed, and with all that it changed in the domain."""
        if safe_seq > self.acked:
            self.acked = safe_seq
            self.acknowledge(safe_seq)
