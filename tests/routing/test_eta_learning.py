"""What is learned from few, many and wild observations."""

from datetime import UTC, datetime
from math import exp, inf, isfinite, log, nan
from random import Random
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routing.eta import (
    Drive,
    Dwell,
    Estimate,
    KitchenEstimate,
    Pickup,
    hour_of_week,
)
from routing.eta.learning import HANDOVER, LATENESS, settled
from tests.routing.lessons import handovers, kitchens, speed_factors

DENVER = ZoneInfo("America/Denver")
MONDAY, TUESDAY, FRIDAY = 0, 24, 4 * 24

ratios = st.floats(0.05, 20)
drives = st.builds(
    lambda city, hour, routed_s, ratio: Drive(city, hour, routed_s, routed_s * ratio),
    st.sampled_from("ab"),
    st.integers(0, 167),
    st.floats(60, 7200),
    ratios,
)
seconds = st.floats(-7200, 7200)


def driven(hour: int, ratio: float, times: int = 1, city: str = "Denver") -> list[Drive]:
    return [Drive(city, hour, 600.0, 600.0 * ratio)] * times


def factor(drives: list[Drive], hour: int) -> float:
    return speed_factors(drives)["Denver", hour].value


# ------------------------------------------------------------------------------------------- the hour of the week


@pytest.mark.parametrize(
    ("at", "hour"),
    [
        ("2026-03-02T07:00", MONDAY),
        ("2026-03-02T06:59", 167),
        ("2026-03-07T01:30", FRIDAY + 18),
        # The clocks go from 2:00 to 3:00 on March 8th.
        ("2026-03-08T08:59", 6 * 24 + 1),
        ("2026-03-08T09:00", 6 * 24 + 3),
        ("2026-03-08T23:00", 6 * 24 + 17),
    ],
)
def test_the_hour_is_the_citys(at: str, hour: int) -> None:
    assert hour_of_week(datetime.fromisoformat(at).replace(tzinfo=UTC), DENVER) == hour


# ------------------------------------------------------------------------------------------------- speed factors


def test_nothing_driven_nothing_learned() -> None:
    assert speed_factors([]) == {}
    assert kitchens([], 120) == {}
    assert handovers([], 90) == {}


def test_an_hour_without_drives_is_like_that_hour_on_other_days_and_that_like_the_city() -> None:
    drives = driven(MONDAY + 18, 1.4, 500) + driven(MONDAY + 12, 1.1, 500)
    factors = speed_factors(drives)
    assert set(factors) == {("Denver", hour) for hour in range(168)}
    assert factors["Denver", MONDAY + 18] == Estimate(pytest.approx(1.4, rel=0.01), 500)
    assert factors["Denver", TUESDAY + 18] == Estimate(pytest.approx(1.4, rel=0.01), 0)
    assert factors["Denver", MONDAY + 6] == Estimate(pytest.approx((1.4 * 1.1) ** 0.5, rel=0.01), 0)


def test_days_differ_where_the_drives_say_so() -> None:
    random = Random(1)
    drives = [
        Drive("Denver", day + 18, 600, 600 * ratio * exp(random.gauss(0, 0.2)))
        for day, ratio in ((MONDAY, 1.15), (TUESDAY, 1.2), (FRIDAY, 1.45))
        for _ in range(400)
    ]
    assert factor(drives, MONDAY + 18) == pytest.approx(1.15, rel=0.03)
    assert factor(drives, TUESDAY + 18) == pytest.approx(1.2, rel=0.03)
    assert factor(drives, FRIDAY + 18) == pytest.approx(1.45, rel=0.03)


def test_cities_do_not_learn_from_each_other() -> None:
    factors = speed_factors(driven(9, 1.3, 200) + driven(9, 0.9, 200, "Boulder"))
    assert factors["Denver", 9].value == pytest.approx(1.3, rel=0.01)
    assert factors["Boulder", 9].value == pytest.approx(0.9, rel=0.01)


@pytest.mark.parametrize("took_s", [0.0, -5.0, inf, nan])
def test_impossible_and_tiny_drives_are_left_out(took_s: float) -> None:
    assert speed_factors([Drive("Denver", 9, 600.0, took_s), Drive("Denver", 9, 20.0, 60.0)]) == {}


@settings(max_examples=40)
@given(st.lists(drives, max_size=30), st.randoms())
def test_factors_are_positive_between_the_observed_and_one_and_blind_to_order(
    drives: list[Drive], random: Random
) -> None:
    factors = speed_factors(drives)
    seen = [1.0, *(drive.took_s / drive.routed_s for drive in drives)]
    assert all(isfinite(one.value) and one.value > 0 for one in factors.values())
    assert all(min(seen) * 0.999 <= one.value <= max(seen) * 1.001 for one in factors.values())
    assert sum(one.observations for one in factors.values()) == len(drives)
    assert speed_factors(random.sample(drives, len(drives))) == factors


@given(ratios, st.integers(1, 20))
def test_more_drives_pull_nearer_to_the_truth(ratio: float, times: int) -> None:
    few, many = (abs(log(factor(driven(9, ratio, n), 9) / ratio)) for n in (times, 2 * times))
    assert few <= abs(log(ratio)) + 1e-9
    assert many <= few + 1e-4
    assert many < few or few < 0.01
    assert factor(driven(9, ratio, 200), 9) == pytest.approx(ratio, rel=0.02)


@settings(max_examples=40)
@given(st.lists(drives, max_size=20), drives, st.floats(1, 1e6))
def test_one_wild_drive_moves_no_factor_by_more_than_a_tenth(
    drives: list[Drive], last: Drive, wildness: float
) -> None:
    wild = Drive(last.city, last.hour, last.routed_s, last.took_s * wildness)
    before, after = speed_factors(drives), speed_factors([*drives, wild])
    for place, one in after.items():
        assert abs(log(one.value / before.get(place, Estimate(1.0, 0)).value)) < log(1.1)


# ------------------------------------------------------------------------------------------- handovers, kitchens


def test_handovers_by_city() -> None:
    dwells = [Dwell("Denver", 180.0)] * 300 + [Dwell("Boulder", 45.0)] * 300 + [Dwell("Boulder", -3.0)]
    assert handovers(dwells, 90) == {
        "Denver": Estimate(pytest.approx(180, rel=0.02), 300),
        "Boulder": Estimate(pytest.approx(45, rel=0.02), 300),
    }


@pytest.mark.parametrize(
    ("visits", "late_s", "handover_s"),
    [
        # Came before the food was promised, and left eight minutes after that.
        ([Pickup("r", -300, 480, 0)] * 200, 480, 120),
        # The food is early: it is there before it is promised.
        ([Pickup("r", -300, -120, 0)] * 200, -120, 120),
        # Came long after: the counter is slow, the kitchen need not be.
        ([Pickup("r", 1200, 1500, 0)] * 200, 0, 300),
        # Half an hour ahead or behind, each shows its part.
        ([Pickup("r", -1800, 480, 0), Pickup("r", 1800, 2100, 0)] * 200, 480, 300),
        # Whoever comes between the promise and the food waits for the kitchen, not at the counter.
        ([Pickup("r", -300, 480, 0), Pickup("r", 60, 480, 0)] * 200, 480, 120),
        # No promise: all the time is the handover's.
        ([Pickup("r", 0, 240, None)] * 200, 0, 240),
    ],
)
def test_waiting_is_the_kitchens_the_rest_the_counters(
    visits: list[Pickup], late_s: float, handover_s: float
) -> None:
    kitchen = kitchens(visits, 120)["r"]
    assert kitchen.late.value == pytest.approx(late_s, abs=15)
    assert kitchen.handover.value == pytest.approx(handover_s, rel=0.03)


def test_a_kitchen_knows_how_often_it_was_seen() -> None:
    visits = [Pickup("r", -60, 60, 0)] * 3 + [Pickup("r", 600, 720, 0)] * 2
    kitchen = kitchens([*visits, Pickup("other", 0, 60, None)], 120)["r"]
    assert (kitchen.late.observations, kitchen.handover.observations) == (3, 2)


def test_a_single_visit_is_believed_a_little() -> None:
    kitchen = kitchens([Pickup("r", -60, 600, 0)], 120)["r"]
    assert kitchen == KitchenEstimate(
        Estimate(pytest.approx(120), 0),
        Estimate(pytest.approx(LATENESS.reach / LATENESS.prior, abs=0.1), 1),
    )


@given(st.lists(st.floats(1, 7200), max_size=30), st.floats(1, 1e9), st.randoms())
def test_handovers_are_positive_blind_to_order_and_to_one_who_stayed_for_lunch(
    dwells_s: list[float], wild_s: float, random: Random
) -> None:
    def learned(those_s: list[float]) -> Estimate:
        return handovers([Dwell("d", dwell_s) for dwell_s in those_s], 90).get("d", Estimate(90, 0))

    before, after = learned(dwells_s), learned([*dwells_s, wild_s])
    assert 0 < before.value < inf
    assert learned(random.sample(dwells_s, len(dwells_s))) == before
    assert abs(log(after.value / before.value)) <= HANDOVER.reach / HANDOVER.prior + 1e-3
    assert after.observations == len(dwells_s) + 1


# ------------------------------------------------------------------------------------------------- the estimator


@given(st.lists(seconds, max_size=30), seconds)
def test_the_estimate_is_at_rest(values: list[float], prior: float) -> None:
    """The balance of Huber's estimator with a prior, written out once more."""
    found = settled(values, prior, LATENESS)

    def pulls(at: float) -> float:
        held = [value - at for value in values if abs(value - at) <= LATENESS.reach]
        above = sum(value - at > LATENESS.reach for value in values)
        beyond = above - (len(values) - len(held) - above)
        return sum(held) + LATENESS.reach * beyond + LATENESS.prior * (prior - at)

    assert pulls(found - 0.02) >= -1e-6
    assert pulls(found + 0.02) <= 1e-6
