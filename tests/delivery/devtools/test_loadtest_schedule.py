"""When a load test's fixes are due and where they lie, forwards and backwards."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery.devtools.loadtest.schedule import FASTEST_MPS, METRES_PER_STEP, Path, Schedule
from routing.geo import Point, distance_m

schedules = st.builds(
    Schedule,
    drivers=st.integers(1, 50),
    rate=st.floats(0.1, 5000, allow_nan=False),
    seed=st.integers(0, 1000),
)
starts = st.none() | st.tuples(st.floats(-80, 80), st.floats(-170, 170))
paths = st.builds(Path, driver=st.integers(0, 2000), step=st.integers(1, 3000), start=starts)


@given(schedules, st.integers(0, 5000))
def test_each_slot_follows_the_one_before_and_is_the_next_fix_of_its_driver(
    schedule: Schedule, index: int
) -> None:
    driver, number, due = schedule.slot(index)
    assert number == index // schedule.drivers
    assert due == schedule.due(driver, number)
    assert schedule.slot(index + 1)[2] >= due
    assert schedule.slot(index + schedule.drivers)[:2] == (driver, number + 1)


@given(schedules)
def test_a_period_holds_one_fix_of_each_driver(schedule: Schedule) -> None:
    slots = [schedule.slot(index) for index in range(schedule.drivers)]
    assert sorted(driver for driver, _, _ in slots) == list(range(schedule.drivers))
    assert all(0 <= due < schedule.period for _, _, due in slots)
    assert schedule.period * schedule.rate == pytest.approx(schedule.drivers)


def test_phases_come_from_the_seed() -> None:
    assert Schedule(20, 100, seed=1).phases == Schedule(20, 100, seed=1).phases
    assert Schedule(20, 100, seed=1).phases != Schedule(20, 100, seed=2).phases


@given(schedules, st.floats(0, 30), st.floats(0, 30))
def test_between_holds_what_is_due_from_begin_up_to_end(
    schedule: Schedule, begin: float, length: float
) -> None:
    end = begin + length
    numbers = schedule.between(0, begin, end)
    assert all(begin <= schedule.due(0, number) < end for number in {*numbers[:2], *numbers[-2:]})
    assert numbers.start == 0 or schedule.due(0, numbers.start - 1) < begin
    assert schedule.due(0, numbers.stop) >= end


@given(schedules, st.integers(0, 5000))
def test_a_fix_that_is_due_just_at_the_border_is_in_the_later_part(schedule: Schedule, number: int) -> None:
    border = schedule.due(0, number)
    assert schedule.between(0, 0, border).stop == number
    assert schedule.between(0, border, border + 100).start == number


@given(paths, st.integers(0, 10**6))
def test_a_position_tells_its_number_after_a_way_through_six_decimals(path: Path, number: int) -> None:
    lat, lng = path.position(number)
    assert path.number(lat, lng) == number
    assert path.number(float(f"{lat:.6f}"), float(f"{lng:.6f}")) == number


@given(paths, st.integers(0, 10**5), st.integers(-5000, 5000), st.integers(-5, 5))
def test_another_position_is_another_fix_or_none(path: Path, number: int, north: int, east: int) -> None:
    lat, lng = path.position(number)
    elsewhere = round(lat + north / 1e6, 6), round(lng + east / 1e6, 6)
    found = path.number(*elsewhere)
    assert found is None or path.position(found) == elsewhere


def test_what_lies_off_the_way() -> None:
    path = Path(driver=3, step=10)
    lat, lng = path.position(0)
    south, east, between = (lat - 10 / 1e6, lng), (lat, lng + 1 / 1e6), (lat + 5 / 1e6, lng)
    beyond = (lat + path.stops * 10 / 1e6, lng - 2 / 1e6)
    assert [path.number(*each) for each in (south, east, between, beyond)] == [None] * 4


@pytest.mark.parametrize("rate_per_driver", [0.01, 0.2, 1, 10, 100, 400])
def test_drivers_stay_believable(rate_per_driver: float) -> None:
    period = 1 / rate_per_driver
    path = Path.paced(7, period)
    points = [Point(*path.position(number)) for number in range(2000)]
    for here, there in pairwise(points):
        assert 0 < distance_m(here, there) <= FASTEST_MPS * period * 1.01
    # What two runs after each other differ by stays within what the filter believes after a few seconds.
    assert distance_m(points[0], max(points, key=lambda point: point.lat)) < max(230, FASTEST_MPS * period)


def test_too_many_fixes_a_second_for_one_driver() -> None:
    with pytest.raises(ValueError, match="at most 404 fixes a second"):
        Path.paced(0, METRES_PER_STEP / (FASTEST_MPS + 1))


def test_drivers_walk_apart() -> None:
    assert len({Path(driver, 1).position(0) for driver in range(1000)}) == 1000


def test_who_has_a_start_begins_there() -> None:
    path = Path.paced(7, 5.0, (40.0176, -105.2797))
    assert path.position(0) == (40.0176, -105.2797)
