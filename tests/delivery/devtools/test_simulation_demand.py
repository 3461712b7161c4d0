from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random
from statistics import fmean
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery.devtools.simulation import demand, mishaps, people
from delivery.devtools.simulation.dispatcher import (
    MOST_ORDERS,
    PATIENCE_S,
    Candidate,
    Waiting,
    choose,
    patience_s,
)
from routing.geo import Point, destination, distance_m

CENTER = Point(39.7495, -104.9865)
NOW = datetime(2026, 11, 22, 18, 0, tzinfo=UTC)
DENVER, BOULDER = UUID(int=1), UUID(int=2)


@pytest.mark.parametrize(
    ("total", "weights", "expected"),
    [
        (
            24,
            {"Denver": 12, "Boulder": 6, "Fort Collins": 6},
            {"Denver": 12, "Boulder": 6, "Fort Collins": 6},
        ),
        (1, {"Denver": 12, "Boulder": 6, "Fort Collins": 6}, {"Denver": 1, "Boulder": 0, "Fort Collins": 0}),
        (0, {"Denver": 12}, {"Denver": 0}),
        (5, {"Denver": 0}, {"Denver": 0}),
        (5, {}, {}),
    ],
)
def test_shares(total, weights, expected):
    assert demand.shares(total, weights) == expected


@given(total=st.integers(0, 500), weights=st.dictionaries(st.integers(), st.integers(1, 50), min_size=1))
def test_shares_add_up_and_are_off_by_less_than_one(total, weights):
    parts = demand.shares(total, weights)
    assert sum(parts.values()) == total
    for key, weight in weights.items():
        assert abs(parts[key] - total * weight / sum(weights.values())) < 1


def test_orders_come_as_often_as_asked_for():
    rng = Random(3)
    restaurants = demand.simulated([(1, CENTER)])
    arrivals = [(demand.gap_s(90, rng), len(demand.order_of(restaurants, rng))) for _ in range(4000)]
    hours = sum(gap for gap, _ in arrivals) / 3600
    assert sum(size for _, size in arrivals) / hours == pytest.approx(90, rel=0.06)
    mean = hours * 3600 / 4000
    assert fmean(gap > mean for gap, _ in arrivals) == pytest.approx(0.368, abs=0.03)  # 1/e: exponential gaps


def test_popular_kitchens_get_more_and_some_orders_come_in_pairs():
    restaurants = demand.simulated([(number, CENTER) for number in range(5)])
    rng = Random(3)
    drawn = [demand.order_of(restaurants, rng) for _ in range(2000)]
    counts = Counter(order[0].id for order in drawn)
    assert [number for number, _ in counts.most_common()] == [0, 1, 2, 3, 4]
    assert fmean(len(order) == 2 for order in drawn) == pytest.approx(demand.PAIRS, abs=0.03)
    assert all(kitchen == order[0] for order in drawn for kitchen in order)


@given(seed=st.integers(0, 999))
def test_customers_live_in_the_ring(seed):
    place = demand.somewhere_around(CENTER, (350.0, 1500.0), Random(seed))
    assert 349 < distance_m(CENTER, place) < 1501


def test_telephone_numbers_are_fictional():
    rng = Random(1)
    numbers = {people.phone(rng) for _ in range(500)}
    assert all(number.startswith("+1-303-555-01") and len(number) == 15 for number in numbers)


# ------------------------------------------------------------------------------------------ the dispatcher


def waiting(age_s: float = 60, restaurant: UUID = DENVER, city: UUID = DENVER) -> Waiting:
    return Waiting(uuid4(), restaurant, city, CENTER, NOW - timedelta(seconds=age_s))


def candidate(
    away_m: float = 100, load: int = 0, city: UUID = DENVER, pickups: frozenset[UUID] = frozenset()
):
    return Candidate(uuid4(), city, destination(CENTER, 90, away_m), load, set(pickups))


def test_an_order_waits_its_time_and_then_goes_to_the_nearest_free_driver():
    near, far = candidate(100), candidate(900)
    order = waiting()
    for age_s, expected in (
        (patience_s(order.order) - 0.1, []),
        (patience_s(order.order) + 0.1, [(order.order, near.driver)]),
    ):
        aged = replace(order, created_at=NOW - timedelta(seconds=age_s))
        assert choose([aged], [far, near], NOW, Random(1)) == expected


@given(number=st.integers(0, 2**128 - 1))
def test_patience_is_an_orders_own(number):
    assert PATIENCE_S[0] <= patience_s(UUID(int=number)) <= PATIENCE_S[1]
    assert patience_s(UUID(int=number)) == patience_s(UUID(int=number))


def test_a_free_driver_comes_before_a_nearer_busy_one():
    busy, free = candidate(10, load=1), candidate(900)
    assert [driver for _, driver in choose([waiting()], [busy, free], NOW, Random(1))] == [free.driver]


def test_orders_stay_in_their_city_and_full_drivers_get_no_more():
    assert choose([waiting()], [candidate(city=BOULDER), candidate(load=MOST_ORDERS)], NOW, Random(1)) == []


def test_two_orders_of_one_restaurant_often_share_a_driver_and_spread_otherwise():
    bundled = 0
    for seed in range(200):
        drivers = [candidate(100), candidate(200)]
        pairs = choose([waiting(61), waiting(60)], drivers, NOW, Random(seed))
        assert len(pairs) == 2
        bundled += pairs[0][1] == pairs[1][1]
    assert 100 < bundled < 180


def test_what_is_given_out_in_one_round_counts():
    (only,) = drivers = [candidate()]
    orders = [waiting(60 + n) for n in range(5)]
    pairs = choose(orders, drivers, NOW, Random(1))
    assert [driver for _, driver in pairs] == [only.driver] * MOST_ORDERS
    assert [order for order, _ in pairs] == [each.order for each in reversed(orders[-MOST_ORDERS:])]
    assert only.load == 0  # the question is left as it was


def test_the_restaurant_next_door_is_the_nearest_other_one():
    here, near, far = (
        demand.SimulatedRestaurant(n, destination(CENTER, 90, metres), 1.0)
        for n, metres in enumerate((0, 80, 900))
    )
    assert demand.next_door(here, [here, near, far]) == near
    assert demand.next_door(far, [here, near, far]) == near
    assert demand.next_door(here, [here]) == here


@given(share=st.floats(0, 1), whom=st.uuids())
def test_what_befalls_an_order_is_the_same_whoever_asks(share, whom):
    assert mishaps.befalls(share, "late", whom) == mishaps.befalls(share, "late", whom)
    assert not mishaps.befalls(0.0, "late", whom)
    assert mishaps.befalls(1.0, "late", whom)
    low, high = mishaps.LATE_S
    assert low <= mishaps.how_long(mishaps.LATE_S, "late", whom) <= high


def test_so_many_are_late():
    late = sum(mishaps.befalls(0.1, "late", UUID(int=n)) for n in range(4000))
    assert late == pytest.approx(400, rel=0.2)
