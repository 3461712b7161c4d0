"""How long batches of live positions form, at the rates that there are."""

from bisect import bisect_right
from itertools import accumulate, count
from random import Random

import pytest

from tracking.ingest.cadence import FEW_PUBLISH_S, LONGEST_PUBLISH_S, PUBLISH_S, Cadence


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


@pytest.mark.parametrize(
    ("heard_by", "pause"), [(0, 0.02), (1, 0.02), (2, 0.03), (3, 0.04), (4, 0.04), (100, LONGEST_PUBLISH_S)]
)
def test_the_more_processes_a_batch_wakes_the_longer_it_forms(heard_by: int, pause: float) -> None:
    cadence = Cadence()
    pauses(2000, 5, cadence=cadence)
    assert cadence.pause(40, 1005.02, heard_by) == pytest.approx(pause)


def test_few_fixes_form_no_longer_batches_however_many_hear_them() -> None:
    assert Cadence().pause(1, 1000.0, 100) == FEW_PUBLISH_S
