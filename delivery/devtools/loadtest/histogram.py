"""Quantiles of any number of durations, in fixed memory."""

from math import ceil

from msgspec import Struct

#: Buckets per power of two: a quantile is off by at most half of 1/128.
SUB_BUCKETS = 128
_SHIFT = SUB_BUCKETS.bit_length()


class Percentiles(Struct, frozen=True):
    """Milliseconds. All are 0 where nothing was measured (`count` 0)."""

    count: int = 0
    p50: float = 0.0
    p95: float = 0.0
    p99: float = 0.0
    max: float = 0.0


class Histogram:
    """Log-linear buckets of whole microseconds: exact below 256 µs, within 0.4 % above."""

    def __init__(self) -> None:
        self._max = 0
        self._buckets = [0] * (SUB_BUCKETS * 34)  # up to 12 days

    def add(self, seconds: float) -> None:
        """A duration below 0, which only clocks make, is one of 0."""
        us = int(seconds * 1e6)
        if us > self._max:
            self._max = us
        if us < 2 * SUB_BUCKETS:
            self._buckets[max(us, 0)] += 1
        else:
            shift = us.bit_length() - _SHIFT
            self._buckets[shift * SUB_BUCKETS + (us >> shift)] += 1

    def __add__(self, other: "Histogram") -> "Histogram":
        both = Histogram()
        both._max = max(self._max, other._max)
        both._buckets = [a + b for a, b in zip(self._buckets, other._buckets, strict=True)]
        return both

    @property
    def count(self) -> int:
        return sum(self._buckets)

    def quantile(self, q: float) -> float:
        """Milliseconds that a share `q` of the durations does not exceed (nearest rank); 0 when there are none."""
        rank = max(1, ceil(q * self.count))
        passed = 0
        for index, many in enumerate(self._buckets):
            passed += many
            if many and passed >= rank:
                return min(_middle(index), self._max) / 1000
        return 0.0

    def spread(self) -> Percentiles:
        return Percentiles(
            self.count, self.quantile(0.5), self.quantile(0.95), self.quantile(0.99), self._max / 1000
        )


def _middle(index: int) -> float:
    """Microseconds in the middle of a bucket."""
    if index < 2 * SUB_BUCKETS:
        return index
    shift = index // SUB_BUCKETS - 1
    lowest = (index - shift * SUB_BUCKETS) << shift
    return lowest + ((1 << shift) - 1) / 2
