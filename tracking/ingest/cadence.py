"""How often live positions leave a process: at most fifty times a second, and ten times where few come, for then a
wake-up costs more than all that is done in it. Each batch wakes every process that hears it: the more they are, the
longer it forms.
"""

from math import exp

PUBLISH_S, FEW_PUBLISH_S = 0.02, 0.1
#: For each process beyond the first that hears it, but no longer than LONGEST_PUBLISH_S: customers shall see their
#: driver move within 50 ms.
PUBLISH_S_PER_HEARER, LONGEST_PUBLISH_S = 0.01, 0.04
#: Fewer fixes a second than this are few.
FEW_PER_S = 200.0
#: The rate is that of the last second or so. By a single batch it would be few again and again: fixes come in bursts,
#: and after each small batch the next ones would wait.
OVER_S = 1.0


class Cadence:
    """Times in seconds on any clock."""

    def __init__(self) -> None:
        self._rate = 0.0
        self._last = 0.0

    def pause(self, fixes: int, now: float, heard_by: int = 1) -> float:
        """How long the next batch forms, after one of so many fixes that leaves now and so many processes hear."""
        elapsed = max(now - self._last, 1e-6)
        self._last = now
        self._rate += (fixes / elapsed - self._rate) * (1 - exp(-elapsed / OVER_S))
        if self._rate <= FEW_PER_S:
            return FEW_PUBLISH_S
        return min(PUBLISH_S + PUBLISH_S_PER_HEARER * max(heard_by - 1, 0), LONGEST_PUBLISH_S)
