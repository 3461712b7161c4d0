"""What was heard, held against what was sent. Pure: numbers of fixes and times in, counts and durations out."""

from dataclasses import dataclass, field

from delivery.devtools.loadtest.histogram import Histogram

#: Of so many fixes before the newest a receiver's trail knows whether they came.
REMEMBERED = 512
_MASK = (1 << REMEMBERED) - 1


@dataclass
class Tally:
    """What all receivers of a role heard of the fixes that count (those that are due within the measured time)."""

    expected: int = 0
    delivered: int = 0
    #: Not delivered, but a newer position of that driver was.
    superseded: int = 0
    #: Delivered after a newer one: the marker jumped back.
    out_of_order: int = 0
    repeated: int = 0
    #: Positions that we did not send, such as those of a snapshot.
    unmatched: int = 0
    #: How long after they were due fixes came: in order, out of order, and, for the superseded, a newer one.
    in_order: Histogram = field(default_factory=Histogram)
    late: Histogram = field(default_factory=Histogram)
    instead: Histogram = field(default_factory=Histogram)

    @property
    def lost(self) -> int:
        return self.expected - self.delivered - self.superseded

    @property
    def latency(self) -> Histogram:
        """From when a fix was due until it was delivered."""
        return self.in_order + self.late

    @property
    def freshness(self) -> Histogram:
        """From when a fix was due until its receiver had it, or a newer one."""
        return self.in_order + self.instead


class Trail:
    """What one receiver heard of one driver. `first_due` (seconds) is when fix 0 is due; `counted`: the fixes that
    count."""

    __slots__ = ("_first", "_first_due", "_period", "_seen", "_stop", "newest", "tally")

    def __init__(self, tally: Tally, first_due: float, period: float, counted: range) -> None:
        tally.expected += len(counted)
        self.tally = tally
        self.newest = -1
        self._first, self._stop = counted.start, counted.stop
        self._first_due = first_due
        self._period = period
        #: Bit n: fix `newest` - n came.
        self._seen = 0

    def hear(self, number: int, now: float) -> None:
        """Fix `number` was delivered at `now` (seconds)."""
        ahead = number - self.newest
        if ahead > 0:
            if ahead > 1:
                self._supersede(self.newest + 1, number, now)
            self._seen = ((self._seen << min(ahead, REMEMBERED)) | 1) & _MASK
            self.newest = number
            if self._first <= number < self._stop:
                self.tally.delivered += 1
                self.tally.in_order.add(now - self._first_due - number * self._period)
        elif ahead > -REMEMBERED and self._seen >> -ahead & 1:
            self.tally.repeated += self._first <= number < self._stop
        elif self._first <= number < self._stop:
            self._seen |= (1 << -ahead) & _MASK
            self.tally.out_of_order += 1
            self.tally.delivered += 1
            self.tally.superseded -= 1
            self.tally.late.add(now - self._first_due - number * self._period)

    def _supersede(self, begin: int, end: int, now: float) -> None:
        tally = self.tally
        for number in range(max(begin, self._first), min(end, self._stop)):
            tally.superseded += 1
            tally.instead.add(now - self._first_due - number * self._period)


class Intake:
    """How far one driver's fixes are known to have been taken in: acknowledged, or seen by a receiver.

    `latency` is None where there are no acks to measure.
    """

    __slots__ = ("_first", "_first_due", "_latency", "_period", "_stop", "confirmed", "sent")

    def __init__(self, latency: Histogram | None, first_due: float, period: float, counted: range) -> None:
        self._latency = latency
        self._first, self._stop = counted.start, counted.stop
        self._first_due = first_due
        self._period = period
        self.sent = 0
        #: Every fix with a number below this one was taken in.
        self.confirmed = 0

    def confirm(self, number: int, now: float) -> None:
        """Fix `number` and all before it were taken in."""
        if number < self.confirmed:
            return
        if self._latency is not None:
            for each in range(max(self.confirmed, self._first), min(number + 1, self._stop)):
                self._latency.add(now - self._first_due - each * self._period)
        self.confirmed = number + 1
