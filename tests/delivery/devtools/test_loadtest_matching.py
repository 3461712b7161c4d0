"""What receivers heard against what was sent, and the durations of it."""

from math import ceil

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from delivery.devtools.loadtest.histogram import Histogram
from delivery.devtools.loadtest.matching import REMEMBERED, Intake, Tally, Trail

PERIOD = 0.5


def heard(*numbers: int, counted: range = range(100), at: float = 0.0) -> Tally:
    """Each at `at` seconds after it was due."""
    tally = Tally()
    trail = Trail(tally, 10.0, PERIOD, counted)
    for number in numbers:
        trail.hear(number, 10.0 + number * PERIOD + at)
    return tally


def counts(tally: Tally) -> dict[str, int]:
    names = ("delivered", "superseded", "lost", "out_of_order", "repeated")
    return {name: getattr(tally, name) for name in names if getattr(tally, name)}


@pytest.mark.parametrize(
    ("numbers", "found"),
    [
        ((), {"lost": 5}),
        ((0, 1, 2, 3, 4), {"delivered": 5}),
        ((4,), {"delivered": 1, "superseded": 4}),
        ((0, 3), {"delivered": 2, "superseded": 2, "lost": 1}),
        ((0, 0, 4), {"delivered": 2, "superseded": 3, "repeated": 1}),
        ((1, 0, 2, 3, 4), {"delivered": 5, "out_of_order": 1}),
        ((0, 3, 1, 1, 4), {"delivered": 4, "superseded": 1, "out_of_order": 1, "repeated": 1}),
        ((0, 4, 0), {"delivered": 2, "superseded": 3, "repeated": 1}),
    ],
)
def test_what_became_of_five_fixes(numbers: tuple[int, ...], found: dict[str, int]) -> None:
    assert counts(heard(*numbers, counted=range(5))) == found


def test_only_what_is_due_in_the_measured_time_counts() -> None:
    tally = heard(0, 1, 2, 2, 5, 4, 9, counted=range(3, 6))
    assert counts(tally) == {"delivered": 2, "superseded": 1, "out_of_order": 1}
    assert (tally.expected, tally.latency.count) == (3, 2)
    assert heard(9, counted=range(3, 6)).freshness.count == 3


def test_durations_count_from_when_a_fix_was_due() -> None:
    tally = heard(0, 3, counted=range(4), at=0.02)
    assert tally.latency.spread().max == pytest.approx(20, abs=0.01)
    # Fix 1 was 1 s old when 3 took its place: two periods, and how late that was.
    assert tally.freshness.spread().max == pytest.approx(1020, abs=0.01)
    assert (tally.latency.count, tally.freshness.count) == (2, 4)


def test_a_late_one_has_a_latency_of_its_own_and_was_as_fresh_as_the_newer_one() -> None:
    tally = Tally()
    trail = Trail(tally, 0.0, PERIOD, range(2))
    trail.hear(1, 0.6)
    trail.hear(0, 2.0)
    assert tally.latency.spread().max == pytest.approx(2000)
    assert tally.freshness.spread().max == pytest.approx(600, rel=0.01)


@given(st.lists(st.integers(0, REMEMBERED - 1), max_size=60), st.integers(0, 20), st.integers(0, 200))
@example([5, 2, 2, 5, 3], 0, 10)
def test_every_expected_fix_has_one_fate(numbers: list[int], first: int, length: int) -> None:
    counted = range(first, first + length)
    tally = heard(*numbers, counted=counted)
    newest, fresh, late, again = -1, set(), 0, 0
    for number in numbers:
        again += number in counted and number in fresh
        late += number in counted and number < newest and number not in fresh
        fresh.add(number)
        newest = max(newest, number)
    delivered = len(fresh & set(counted))
    behind = len([number for number in counted if number <= newest])
    assert counts(tally) == {
        name: count
        for name, count in {
            "delivered": delivered,
            "superseded": behind - delivered,
            "lost": length - behind,
            "out_of_order": late,
            "repeated": again,
        }.items()
        if count
    }
    assert tally.latency.count == delivered


def test_two_receivers_share_a_tally() -> None:
    tally = Tally()
    trails = [Trail(tally, 0.0, PERIOD, range(2)) for _ in range(2)]
    trails[0].hear(0, 1.0)
    assert (tally.expected, tally.delivered, tally.lost) == (4, 1, 3)


def test_an_ack_counts_for_all_before_it() -> None:
    acks = Histogram()
    intake = Intake(acks, 10.0, PERIOD, range(1, 4))
    intake.sent = 6
    intake.confirm(2, 12.0)
    assert (intake.confirmed, acks.count) == (3, 2)
    assert acks.spread().max == pytest.approx(1500)
    intake.confirm(1, 13.0)
    intake.confirm(2, 13.0)
    assert (intake.confirmed, acks.count) == (3, 2)
    intake.confirm(5, 13.0)
    assert (intake.confirmed, acks.count) == (6, 3)


# ------------------------------------------------------------------------------------------------- histogram


def histogram(seconds: list[float]) -> Histogram:
    filled = Histogram()
    for each in seconds:
        filled.add(each)
    return filled


@given(st.lists(st.floats(0, 100_000), min_size=1), st.sampled_from([0.5, 0.95, 0.99, 1.0]))
def test_a_quantile_is_the_nearest_rank_within_its_bucket(seconds: list[float], q: float) -> None:
    exact = sorted(seconds)[max(1, ceil(q * len(seconds))) - 1] * 1000
    assert histogram(seconds).quantile(q) == pytest.approx(exact, rel=0.005, abs=0.001)


def test_of_a_hundred() -> None:
    spread = histogram([n / 1000 for n in range(1, 101)]).spread()
    assert spread.count == 100
    assert spread.max == 100
    assert [spread.p50, spread.p95, spread.p99] == pytest.approx([50, 95, 99], rel=0.005)


def test_nothing_measured_is_zero() -> None:
    spread = Histogram().spread()
    assert (spread.count, spread.p50, spread.p99, spread.max) == (0, 0, 0, 0)


@given(st.lists(st.floats(0, 10)), st.lists(st.floats(0, 10)))
def test_histograms_add_up(some: list[float], more: list[float]) -> None:
    assert (histogram(some) + histogram(more)).spread() == histogram(some + more).spread()


def test_a_clock_that_went_back() -> None:
    assert histogram([-0.5]).spread().max == 0
