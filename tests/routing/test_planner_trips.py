"""One driver's trip: exact where it can be, near the best elsewhere, and every rule kept."""

from dataclasses import replace
from itertools import permutations
from math import hypot, inf, isinf
from random import Random

import pytest

from routing.planner import (
    Driver,
    Objective,
    Order,
    Problem,
    Settings,
    Situation,
    Stop,
    best_trip,
    trip_in_order,
)
from tests.routing.trip_bench import excess

SETTINGS = Settings(handover=0.5, seed=3)
UNLIMITED = {"most_on_board": 99, "food_wait_s": inf}
NOW = 1000.0


def errand(seed: int, count: int) -> tuple[Situation, Settings]:
    """A driver with `count` stops: pickups and dropoffs, kitchens that share a place, food that is not ready,
    promises that cannot all be kept, weights at random.
    """
    random = Random(seed)
    spots = [(random.uniform(0, 4000), random.uniform(0, 4000)) for _ in range(2 * count + 1)]
    orders, stops = [], []
    while len(stops) < count:
        k = len(orders)
        kitchen = random.choice([1, 2, 3, 2 * k + 1])
        placed = NOW - random.uniform(0, 1500)
        orders.append(
            Order(
                k,
                kitchen,
                2 * k + 2,
                placed,
                ready_at=placed + random.uniform(300, 1800),
                promised_at=placed + random.uniform(900, 2700),
                bags=random.randint(1, 2),
                pickup_s=random.choice([0.0, 120.0]),
                dropoff_s=random.choice([0.0, 90.0]),
            )
        )
        if count - len(stops) > 1 and random.random() < 0.75:
            stops.append(Stop(k, "pickup"))
        stops.append(Stop(k, "dropoff"))
    travel = [
        [
            hypot(ax - bx, ay - by) / 8 * random.uniform(1, 1.2) if (ax, ay) != (bx, by) else 0.0
            for bx, by in spots
        ]
        for ax, ay in spots
    ]
    driver = Driver("d", 0, tuple(stops), capacity=random.choice([4, 20]))
    weights = Objective(
        random.choice([0, 1]), random.choice([0, 3]), random.choice([0, 0.5]), 600, random.choice([0.2, 1])
    )
    return Situation(NOW, orders, [driver], travel), replace(SETTINGS, objective=weights)


def times(
    situation: Situation, settings: Settings, stops: tuple[Stop, ...]
) -> dict[Stop, tuple[float, float]]:
    """When the food changes hands at each stop, and when the driver leaves it, in this order."""
    orders = {order.id: order for order in situation.orders}
    found, left, handed, at, last = {}, NOW, NOW, situation.drivers[0].place, None
    for stop in stops:
        order = orders[stop.order]
        place = order.restaurant if stop.kind == "pickup" else order.customer
        service = order.pickup_s if stop.kind == "pickup" else order.dropoff_s
        if (place, stop.kind) != (at, last):
            handed = left + situation.travel[at][place] + service * settings.handover
        if stop.kind == "pickup":
            handed = max(handed, order.ready_at)
        left, at, last = handed + service * (1 - settings.handover), place, stop.kind
        found[stop] = handed, left
    return found


def judged(situation: Situation, settings: Settings, stops: tuple[Stop, ...]) -> float:
    """What visiting `stops` in this order costs: the model of docs/planning.md, stated once more. Infinite where
    food is dropped off before it is picked up, or the bags do not fit.
    """
    orders = {order.id: order for order in situation.orders}
    driver, weigh = situation.drivers[0], settings.objective
    bag = {stop.order for stop in stops} - {stop.order for stop in stops if stop.kind == "pickup"}
    when = times(situation, settings, stops)
    cost = 0.0
    for stop in stops:
        order, (clock, _) = orders[stop.order], when[stop]
        if stop.kind == "pickup":
            bag.add(stop.order)
            if sum(orders[id_].bags for id_ in bag) > driver.capacity:
                return inf
        else:
            if stop.order not in bag:
                return inf
            bag.remove(stop.order)
            cost += weigh.door * (clock - order.placed_at) + weigh.late * max(0.0, clock - order.promised_at)
            cost += weigh.stale * max(0.0, clock - order.ready_at - weigh.fresh_s)
    waited, first = 0.0, orders[stops[0].order]
    if stops[0].kind == "pickup":
        there = NOW + situation.travel[driver.place][first.restaurant] + first.pickup_s * settings.handover
        waited = max(0.0, first.ready_at - there)
    return cost + weigh.work * (when[stops[-1]][1] - NOW - waited)


def bundles_well(situation: Situation, settings: Settings, stops: tuple[Stop, ...]) -> bool:
    """The rules of bundling, stated once more: never more than `most_on_board`, and each customer is served by the
    promised time and soon enough after the pickup, or no later than if each order were delivered before the next.
    """
    orders = {order.id: order for order in situation.orders}
    pickups = {stop.order: stop for stop in stops if stop.kind == "pickup"}
    doors = {stop.order: stop for stop in stops if stop.kind == "dropoff"}
    on_board = len(doors) - len(pickups)
    for stop in stops:
        on_board += 1 if stop.kind == "pickup" else -1
        if stop.kind == "pickup" and on_board > settings.most_on_board:
            return False
    singly = [door for id_, door in doors.items() if id_ not in pickups]
    for id_, pickup in pickups.items():
        singly += [pickup, doors[id_]]
    bundled, alone = times(situation, settings, stops), times(situation, settings, tuple(singly))
    for id_, door in doors.items():
        order, since, start = orders[id_], NOW, situation.drivers[0].place
        if id_ in pickups:
            since, start = bundled[pickups[id_]][1], order.restaurant
        straight = since + situation.travel[start][order.customer] + order.dropoff_s * settings.handover
        soon = min(order.promised_at, straight + settings.food_wait_s)
        if bundled[door][0] > max(soon, alone[door][0]) + 1e-6:
            return False
    return True


@pytest.mark.parametrize("count", range(3, 8))
@pytest.mark.parametrize(
    "limits", [UNLIMITED, {}], ids=["bundling without limits", "by the rules of bundling"]
)
def test_short_trips_equal_brute_force(count: int, limits: dict[str, float]) -> None:
    bound = 0
    for seed in range(100):
        situation, settings = errand(1000 * count + seed, count)
        settings = replace(settings, **limits)
        ways = {way: judged(situation, settings, way) for way in permutations(situation.drivers[0].stops)}
        ways = {way: cost for way, cost in ways.items() if cost < inf}
        if not ways:  # more in one order than the driver can carry
            continue
        ranked = sorted(ways, key=ways.__getitem__)
        best = next(
            (way for way in ranked if not limits and bundles_well(situation, settings, way)), ranked[0]
        )
        bound += best != ranked[0]
        trip = best_trip(situation, "d", settings)
        assert trip.cost == pytest.approx(ways[best])
        assert ways[trip.stops] == pytest.approx(ways[best])
    assert bound == 0 if limits else bound > 10


@pytest.mark.parametrize("seed", range(6))
def test_long_trips_are_as_short_as_vroom_s(seed: int) -> None:
    assert excess(seed, 2) <= 0.02


@pytest.mark.parametrize("seed", range(3))
def test_a_long_trip_keeps_every_stop_and_costs_what_it_says(seed: int) -> None:
    situation, settings = errand(seed, 16)
    trip = best_trip(situation, "d", settings)
    assert sorted(map(str, trip.stops)) == sorted(map(str, situation.drivers[0].stops))
    assert bundles_well(situation, settings, trip.stops)
    assert trip.cost == pytest.approx(judged(situation, settings, trip.stops))
    assert best_trip(situation, "d", settings) == trip


LINE = [[abs(a - b) * 60.0 for b in range(10)] for a in range(10)]  # places along a street, a minute apart


def order(id_: str, restaurant: int | None, customer: int | None, **fields: float) -> Order:
    return Order(
        id_, restaurant, customer, **{"placed_at": 0.0, "ready_at": 0.0, "promised_at": 3600.0} | fields
    )


def both(*ids: str) -> tuple[Stop, ...]:
    return tuple(Stop(id_, kind) for id_ in ids for kind in ("pickup", "dropoff"))


def shown(stops: tuple[Stop, ...]) -> str:
    return " ".join(f"{'+' if stop.kind == 'pickup' else '-'}{stop.order}" for stop in stops)


@pytest.mark.parametrize(
    ("fields", "settings", "expected"),
    [
        ({}, Settings(), "+a -a +b -b"),
        ({"under_way": True}, Settings(), "+b -b +a -a"),
        ({"under_way": True}, Settings(divert=True), "+a -a +b -b"),
        ({"arrived_at": 0.0, "place": 6}, Settings(divert=True), "+b -b +a -a"),
    ],
)
def test_the_leg_under_way_is_kept_unless_it_may_be_left(
    fields: dict[str, object], settings: Settings, expected: str
) -> None:
    orders = [order("a", 1, 2), order("b", 6, 9)]
    driver = Driver(**{"id": "d", "place": 0, "stops": both("b", "a")} | fields)
    assert shown(best_trip(Situation(0.0, orders, [driver], LINE), "d", settings).stops) == expected


def test_a_pinned_stop_stays_at_its_place() -> None:
    orders = [order(id_, None, place) for id_, place in zip("abc", (1, 2, 9), strict=True)]
    stops = (Stop("b", "dropoff"), Stop("c", "dropoff", pinned=True), Stop("a", "dropoff"))
    trip = best_trip(Situation(0.0, orders, [Driver("d", 0, stops)], LINE), "d")
    assert shown(trip.stops) in ("-a -c -b", "-b -c -a")
    assert trip.stops[1].pinned


def test_times_count_the_food_and_the_service() -> None:
    orders = [order("a", 2, 5, ready_at=600.0, pickup_s=60.0, dropoff_s=30.0)]
    trip = best_trip(Situation(0.0, orders, [Driver("d", 0, both("a"))], LINE), "d")
    assert [(v.arrives_at, v.handed_at, v.leaves_at) for v in trip.visits] == [
        (120, 600, 600),
        (780, 810, 810),
    ]
    assert trip.leave_at == 420  # there a minute before the food, which is what the pickup takes
    assert trip.driving_s == 300


def test_two_pickups_at_one_counter_are_one_visit() -> None:
    orders = [order(id_, 2, 5, pickup_s=60.0) for id_ in "ab"]
    stops = tuple(Stop(id_, kind) for kind in ("pickup", "dropoff") for id_ in "ab")
    trip = best_trip(Situation(0.0, orders, [Driver("d", 0, stops)], LINE), "d")
    assert [visit.handed_at for visit in trip.visits] == [180, 180, 360, 360]


def test_a_bag_too_full_is_emptied_first() -> None:
    orders = [order("a", None, 9, bags=3), order("b", 1, 2)]
    stops = (Stop("a", "dropoff"), *both("b"))
    trip = best_trip(Situation(0.0, orders, [Driver("d", 0, stops, capacity=2)], LINE), "d")
    assert shown(trip.stops) == "-a +b -b"


BUNDLE = [order("a", 0, 10, promised_at=700.0), order("b", 3, 11, ready_at=300.0)]
STREET = [[abs(a - b) * 60.0 for b in range(12)] for a in range(12)]


@pytest.mark.parametrize(
    ("pinned", "limits", "expected"),
    [
        ("", {}, "+a -a +b -b"),
        ("", UNLIMITED, "+a +b -a -b"),
        ("", {"food_wait_s": 1e9}, "+a -a +b -b"),
        ("", {"most_on_board": 1, "food_wait_s": inf}, "+a -a +b -b"),
        ("-b", {}, "+a -a +b -b"),  # a stop pinned later on does not make what comes before it anybody's will
        ("+a +b", {}, "+a +b -a -b"),
    ],
)
def test_a_trip_bundles_only_where_it_harms_nobody(
    pinned: str, limits: dict[str, float], expected: str
) -> None:
    """Waiting for b's food on the way makes a late; a person who pins both pickups wants it so."""
    stops = (
        both("a", "b")
        if pinned != "+a +b"
        else (*both("a")[:1], *both("b")[:1], *both("a")[1:], *both("b")[1:])
    )
    stops = tuple(replace(stop, pinned=shown((stop,)) in pinned.split()) for stop in stops)
    situation = Situation(0.0, BUNDLE, [Driver("d", 0, stops)], STREET)
    assert shown(best_trip(situation, "d", Settings(**limits)).stops) == expected


def test_where_no_trip_obeys_the_rules_of_bundling_they_are_given_up() -> None:
    """b's pickup is pinned to be the second stop and a's door the third."""
    stops = (Stop("a", "pickup"), Stop("b", "pickup", True), Stop("a", "dropoff", True), Stop("b", "dropoff"))
    situation = Situation(0.0, BUNDLE, [Driver("d", 0, stops)], STREET)
    assert shown(best_trip(situation, "d").stops) == "+a +b -a -b"


def test_food_for_a_customer_out_of_reach_takes_up_room() -> None:
    orders = [order("lost", None, None, bags=4), order("a", 1, 9), order("b", 2, 8)]
    stops = (Stop("lost", "dropoff"), *both("a", "b"))
    trip = best_trip(Situation(0.0, orders, [Driver("d", 0, stops, capacity=5)], LINE), "d")
    assert shown(trip.stops) == "+a -a +b -b -lost"
    assert trip.fullest == 5


def test_a_customer_without_a_road_comes_last_and_is_named() -> None:
    travel = [
        [inf if to == 7 and here != 7 else seconds for to, seconds in enumerate(row)]
        for here, row in enumerate(LINE)
    ]
    orders = [order("a", None, 7), order("b", None, 3), order("c", None, None)]
    stops = tuple(Stop(id_, "dropoff") for id_ in "abc")
    trip = best_trip(Situation(0.0, orders, [Driver("d", 0, stops)], travel), "d")
    assert shown(trip.stops) == "-b -a -c"
    assert trip.problems == {"a": Problem.CUSTOMER_UNREACHABLE, "c": Problem.CUSTOMER_UNPLACED}
    assert [visit.handed_at for visit in trip.visits] == [180, None, None]


def test_a_driver_where_no_road_leads_away_is_told_so() -> None:
    travel = [[0.0, inf, inf], [inf, 0.0, 60.0], [inf, 60.0, 0.0]]
    situation = Situation(0.0, [order("a", 1, 2)], [Driver("d", 0, both("a"))], travel)
    assert best_trip(situation, "d").problems == {"a": Problem.DRIVER_OFF_ROAD}


@pytest.mark.parametrize("count", range(2, 8))
def test_a_trip_as_it_stands_costs_what_the_model_says(count: int) -> None:
    for seed in range(20):
        situation, settings = errand(seed, count)
        settings = replace(settings, **UNLIMITED)
        stops = situation.drivers[0].stops
        expected = judged(situation, settings, stops)
        if isinf(expected):
            continue  # more than fits into the bag
        trip = trip_in_order(situation, "d", settings)
        assert [(stop.order, stop.kind) for stop in trip.stops] == [(stop.order, stop.kind) for stop in stops]
        assert trip.cost == pytest.approx(expected)
        assert best_trip(situation, "d", settings).cost <= trip.cost + 1e-6
