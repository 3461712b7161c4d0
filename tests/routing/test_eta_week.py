"""The aim: in a week with slow evenings and a late kitchen, learned ETAs are at most half as wrong, and their ranges
hold what they promise.
"""

import pytest

from tests.routing.eta_verdict import judged
from tests.routing.eta_week import KITCHEN_LATE_S


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_learned_etas_are_half_as_wrong_and_ranges_hold(seed: int) -> None:
    verdict = judged(seed)
    assert verdict.learned_s <= verdict.raw_s / 2
    assert 0.75 <= verdict.kept <= 0.85
    assert verdict.late_s == pytest.approx(KITCHEN_LATE_S, abs=120)
