"""Ranges of whole minutes that hold what they promise, with few errors known as with many."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.eta import Miss, Ranges, Spread, learn_ranges
from routing.eta.ranges import EDGES_S, PRIOR, bucket, usual_s

horizons = st.floats(0, 7200)
misses = st.lists(st.builds(Miss, st.sampled_from("ab"), horizons, st.floats(-3600, 7200)), max_size=60)


def missed(city: str, minutes: float, sigma_s: float, times: int, bias_s: float = 0.0) -> list[Miss]:
    random = Random(f"{city}{minutes}")
    return [Miss(city, minutes * 60, random.gauss(bias_s, sigma_s)) for _ in range(times)]


def test_buckets_and_what_is_usual_in_them() -> None:
    assert [bucket(horizon_s) for horizon_s in (0, 299, 300, 899, 2700, 9999)] == [0, 0, 1, 2, 6, 6]
    assert [usual_s(horizon_s) for horizon_s in (-30, 0, 480, 960)] == [60, 60, 120, 180]


@pytest.mark.parametrize(("horizon_s", "low", "high"), [(0, 1, 2), (60, 1, 3), (600, 8, 14), (1200, 16, 27)])
def test_nothing_known_gives_a_wide_range(horizon_s: float, low: int, high: int) -> None:
    assert learn_ranges([]).minutes("Denver", horizon_s) == (low, high)
    assert Ranges({}).minutes("Denver", horizon_s) == (low, high)


def test_many_errors_give_their_own_quantiles() -> None:
    ranges = learn_ranges(missed("Denver", 20, 120, 4000) + missed("Boulder", 20, 120, 4000, bias_s=180))
    spread = ranges.spreads["Denver", bucket(1200)]
    assert spread.low * usual_s(1200) == pytest.approx(-1.28 * 120, rel=0.06)
    assert spread.high * usual_s(1200) == pytest.approx(1.28 * 120, rel=0.06)
    assert ranges.minutes("Denver", 1200) == (17, 23)
    assert ranges.minutes("Boulder", 1200) == (20, 26)


def test_few_errors_are_pulled_to_the_bucket_then_to_all() -> None:
    ranges = learn_ranges(missed("Denver", 12, 60, 2000) + missed("Boulder", 12, 240, 10))
    denver, boulder, other = (ranges.spreads[city, bucket(720)] for city in ("Denver", "Boulder", None))
    assert (denver.observations, boulder.observations, other.observations) == (2000, 10, 2010)
    assert boulder.high == pytest.approx(other.high, abs=0.6)
    assert boulder.low < other.low < 0 < other.high < boulder.high
    assert ranges.spreads[None, 0] == ranges.spreads["Denver", 0]
    assert ranges.spreads["Denver", 0].observations == 0
    assert ranges.spreads["Denver", 0].high == pytest.approx(other.high, abs=0.1)
    assert ranges.minutes("Fort Collins", 720) == ranges.minutes("Denver", 720)


def test_a_city_without_errors_at_a_horizon_has_those_of_the_others_there() -> None:
    ranges = learn_ranges(
        missed("Denver", 3, 20, 500) + missed("Denver", 40, 900, 500) + missed("Boulder", 3, 20, 20)
    )
    boulder, denver = (ranges.spreads[city, bucket(2400)] for city in ("Boulder", "Denver"))
    assert boulder.observations == 0
    assert boulder.high == pytest.approx(denver.high, rel=0.1)


def test_one_wild_error_moves_little() -> None:
    ordinary = missed("Denver", 12, 60, 100)
    before = learn_ranges(ordinary)
    after = learn_ranges([*ordinary, Miss("Denver", 720, 1e9)])
    assert after.spreads["Denver", 2].high - before.spreads["Denver", 2].high < 0.15
    for wild_s in (-1e9, 3600.0, 1e9):
        assert learn_ranges([Miss("Denver", 720, wild_s)]).minutes("Denver", 720) in ((9, 16), (10, 17))


@given(st.floats(-2, 4), st.integers(1, 300))
def test_more_errors_pull_nearer_to_the_truth(error: float, times: int) -> None:
    one = Miss("a", 480.0, error * usual_s(480.0))
    few, many = (learn_ranges([one] * n).spreads["a", 1] for n in (times, 2 * times))
    assert abs(many.low - error) <= abs(few.low - error) <= abs(PRIOR.low - error)
    assert abs(many.high - error) <= abs(few.high - error) <= abs(PRIOR.high - error)


@given(st.lists(st.floats(-5, 5), min_size=2, max_size=2).map(sorted), horizons)
def test_a_range_is_never_empty_nor_below_a_minute_and_holds_the_prediction(
    ends: list[float], horizon_s: float
) -> None:
    low, high = Ranges({("a", bucket(horizon_s)): Spread(*ends, 100)}).minutes("a", horizon_s)
    assert 1 <= low < high
    assert low <= max(1, horizon_s // 60)
    assert high >= horizon_s / 60


@given(misses, st.randoms())
def test_the_order_of_errors_does_not_matter(misses: list[Miss], random: Random) -> None:
    assert learn_ranges(misses) == learn_ranges(random.sample(misses, len(misses)))


@given(misses)
def test_every_bucket_of_every_city_has_a_spread_with_its_ends_in_order(misses: list[Miss]) -> None:
    spreads = learn_ranges(misses).spreads
    cities = {None, *(miss.city for miss in misses)}
    assert set(spreads) == {(city, number) for city in cities for number in range(len(EDGES_S) + 1)}
    assert all(spread.low <= spread.high for spread in spreads.values())


def test_ranges_can_be_kept_and_read_again() -> None:
    learned = learn_ranges(missed("Denver", 20, 120, 50))
    rows = [(*place, *spread) for place, spread in learned.spreads.items()]
    assert Ranges({(city, number): Spread(*spread) for city, number, *spread in rows}) == learned
