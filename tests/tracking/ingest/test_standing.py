"""How long a driver has been standing. Metres east, seconds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tracking.ingest.drives import at, drive, parked
from tracking.ingest.fix_filter import Fix
from tracking.ingest.standing import WINDOW_S, Standing


def stood(fixes: list[Fix]) -> float:
    standing = Standing()
    return sum(standing.add(fix) for fix in fixes)


@pytest.mark.parametrize("every_s", [1, 5, 10, 30])
def test_who_is_parked_stands_all_the_time(every_s: int) -> None:
    assert stood([at(0, second) for second in range(0, 301, every_s)]) == 300


@pytest.mark.parametrize("every_s", [1, 5, 10])
@pytest.mark.parametrize("speed", [1.2, 3, 15])
def test_who_drives_does_not_however_slowly(speed: float, every_s: int) -> None:
    assert stood(list(drive(0, 600 * speed, speed, every_s=every_s))) == 0


def test_nobody_knows_before_half_a_minute_and_then_all_of_it() -> None:
    standing = Standing()
    told = [standing.add(at(0, second)) for second in range(0, 41, 5)]
    assert told == [0, 0, 0, 0, 0, 0, 30, 5, 5]


def test_a_gap_near_the_same_place_was_stood_and_one_across_the_town_was_not() -> None:
    assert stood([at(0, 0), at(25, 200)]) == 200
    assert stood([at(0, 0), at(250, 200)]) == 0


@pytest.mark.parametrize("sigma_m", [5, 15])
def test_a_phone_that_drifts_stands_nearly_all_the_time(sigma_m: float) -> None:
    for seed in range(20):
        night = list(parked(0, 600, sigma_m=sigma_m, memory_s=60, seed=seed))
        assert stood(night) >= 0.8 * 595


def test_what_was_forgotten_does_not_come_back() -> None:
    standing = Standing()
    for second in range(0, 61, 5):
        standing.add(at(0, second))
    standing.forget()
    assert standing.add(at(0, 500)) == 0
    assert standing.add(at(0, 535)) == 35


def test_of_many_fixes_a_second_few_are_remembered() -> None:
    standing = Standing()
    for n in range(100_000):
        standing.add(at(0, n / 1000))
    assert len(standing._window) <= WINDOW_S + 2


_steps = st.tuples(st.floats(-200, 200), st.floats(0.001, 200))


@given(st.lists(_steps, max_size=60))
def test_nobody_stands_for_longer_than_time_has_passed(steps: list[tuple[float, float]]) -> None:
    standing, seconds, fixes, told = Standing(), 0.0, [], []
    for east_m, pause in steps:
        seconds += pause
        fixes.append(at(east_m, seconds))
        told.append(standing.add(fixes[-1]))
    assert all(one >= 0 for one in told)
    if fixes:
        assert sum(told) <= (fixes[-1].ts - fixes[0].ts) / 1000 + 1e-6
