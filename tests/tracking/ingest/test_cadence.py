"""How long batches of live positions form, at the rates that there are."""

from bisect import bisect_right
from itertools import accumulate, count
from random import Random

import pytest

from tracking.ingest.cadence import FEW_PUBLISH_S, PUBLISH_S, Cadence


def pauses(rate: float, seconds: float, *, burst: int = 1, cadence: Cadence | None = None) -> list[float]:
    """Fixes come `burst` at a time, at random moments; a batch leaves once there is one and the pause is over."""
    random, cadence = Random(1), cadence or Cadence()
    arrivals = list(
        accumulate(random.expovariate(rate / burst) for _ in range(max(20, int(rate * seconds / burst))))
    )
    found: list[float] = []
    sent, free = 0, 0.0
    while sent < len(arrivals):
        at = max(free, arrivals[sent])
        waiting = bisect_right(arrivals, at) - sent
        sent += waiting
        found.append(cadence.pause(burst * waiting, 1000 + at))
        free = at + found[-1]
    return found


STEADY = [(0.2, FEW_PUBLISH_S), (40, FEW_PUBLISH_S), (600, PUBLISH_S), (1000, PUBLISH_S), (2000, PUBLISH_S)]


@pytest.mark.parametrize(("rate", "pause"), STEADY)
@pytest.mark.parametrize("burst", [1, 5, 20])
def test_a_steady_rate_has_one_pause(rate: float, pause: float, burst: int) -> None:
    """Whatever the size of the single batches."""
    found = pauses(rate, 60, burst=burst)
    settled = found[len(found) // 10 :]
    assert set(settled) == {pause}


def test_a_rush_is_noticed_within_a_second_and_its_end_as_soon() -> None:
    cadence = Cadence()
    pauses(40, 10, cadence=cadence)
    times = (1100 + n * FEW_PUBLISH_S for n in count())
    assert next(n for n, at in enumerate(times) if cadence.pause(100, at) == PUBLISH_S) < 10
    times = (1200 + n * PUBLISH_S for n in count())
    for _ in range(200):
        cadence.pause(20, next(times))
    assert next(n for n, at in enumerate(times) if cadence.pause(1, at) == FEW_PUBLISH_S) < 150
