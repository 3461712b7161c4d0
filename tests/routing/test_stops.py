import time
from itertools import pairwise, permutations
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routing.errors import BadRequest, UnreachableStops
from routing.stops import Plan, Stop, best_order

type Matrix = list[list[float | None]]


def duration(seconds: Matrix, order: tuple[int, ...]) -> float | None:
    """The driving time through `order`; None where a road is missing."""
    legs = [seconds[a][b] for a, b in pairwise((0, *(stop + 1 for stop in order)))]
    return None if None in legs else sum(legs)


def allowed(
    stops: list[Stop], order: tuple[int, ...], capacity: int | None, first: int | None = None
) -> bool:
    """The rules, stated once more and independently of the code under test. `first` is driven to in any case."""
    to_pick_up = {stop.order for stop in stops if stop.kind == "pickup"}
    bag = {s.order: s.load for s in stops if s.kind == "dropoff" and s.order not in to_pick_up}
    for k in order:
        stop = stops[k]
        if stop.kind == "pickup":
            bag[stop.order] = stop.load
            if capacity is not None and sum(bag.values()) > capacity and k != first:
                return False
        elif bag.pop(stop.order, None) is None:
            return False
    return True


@st.composite
def errands(draw: st.DrawFn, most: int) -> tuple[Matrix, list[Stop]]:
    """Up to `most` shuffled stops of orders to fetch and of food in the bag; times differ by direction."""
    stops: list[Stop] = []
    for order in range(draw(st.integers(1, most))):
        load = draw(st.integers(1, 2))
        kinds = draw(st.sampled_from([("pickup", "dropoff"), ("dropoff",)]))
        if len(stops) + len(kinds) <= most:
            stops += [Stop(order, kind, load) for kind in kinds]
    stops = draw(st.permutations(stops))
    cell = st.one_of(st.integers(0, 900).map(float), st.none() if draw(st.booleans()) else st.nothing())
    row = st.lists(cell, min_size=len(stops) + 1, max_size=len(stops) + 1)
    return draw(st.lists(row, min_size=len(stops) + 1, max_size=len(stops) + 1)), list(stops)


@settings(max_examples=250, deadline=None)
@given(errands(most=6), st.sampled_from([None, 2, 3, 4]), st.booleans())
def test_equals_brute_force(errand: tuple[Matrix, list[Stop]], capacity: int | None, hold: bool) -> None:
    seconds, stops = errand
    fetched = {stop.order for stop in stops if stop.kind == "pickup"}
    startable = [k for k, s in enumerate(stops) if s.kind == "pickup" or s.order not in fetched]
    first = startable[0] if hold else None
    candidates = [
        total
        for order in permutations(range(len(stops)))
        if first is None or order[0] == first
        if allowed(stops, order, capacity, first)
        if (total := duration(seconds, order)) is not None
    ]
    if not candidates:
        with pytest.raises(UnreachableStops):
            best_order(seconds, stops, capacity=capacity, first=first)
        return
    plan = best_order(seconds, stops, capacity=capacity, first=first)
    assert plan.duration_s == pytest.approx(min(candidates))
    assert plan.duration_s == pytest.approx(duration(seconds, plan.order))
    assert allowed(stops, plan.order, capacity, first)


def test_seven_stops_equal_brute_force() -> None:
    seconds, stops = town(pairs=2, in_bag=3, seed=5)
    orders = [order for order in permutations(range(7)) if allowed(stops, order, None)]
    assert best_order(seconds, stops).duration_s == pytest.approx(min(duration(seconds, o) for o in orders))


def town(*, pairs: int, in_bag: int, seed: int) -> tuple[Matrix, list[Stop]]:
    random = Random(seed)
    stops = [Stop(order, kind) for order in range(pairs) for kind in ("pickup", "dropoff")]
    stops += [Stop(f"bag {k}", "dropoff") for k in range(in_bag)]
    random.shuffle(stops)
    places = [(random.random(), random.random()) for _ in range(len(stops) + 1)]
    drive = [
        [1000 * (abs(ax - bx) + abs(ay - by)) * random.uniform(0.9, 1.2) for bx, by in places]
        for ax, ay in places
    ]
    return drive, stops


@pytest.mark.parametrize(("pairs", "in_bag"), [(7, 0), (10, 0), (4, 8), (0, 14), (1, 19)])
@pytest.mark.parametrize("capacity", [None, 4])
def test_long_plans_keep_every_stop_and_every_rule(pairs: int, in_bag: int, capacity: int | None) -> None:
    seconds, stops = town(pairs=pairs, in_bag=in_bag, seed=0)
    if capacity is not None and in_bag > capacity:
        capacity = in_bag + 1
    plan = best_order(seconds, stops, capacity=capacity)
    assert sorted(plan.order) == list(range(len(stops)))
    assert allowed(stops, plan.order, capacity)
    assert plan.duration_s == pytest.approx(duration(seconds, plan.order))


def test_the_same_long_input_gives_the_same_plan() -> None:
    seconds, stops = town(pairs=7, in_bag=0, seed=1)
    assert best_order(seconds, stops) == best_order(seconds, stops)


@pytest.mark.parametrize("seed", range(2))
def test_long_plans_find_a_circle_that_is_known_to_be_best(seed: int) -> None:
    """Eighteen doors along one street, in disorder: the best is to drive down the street."""
    doors = list(range(1, 19))
    Random(seed).shuffle(doors)
    places = [0, *doors]
    plan = best_order(
        [[float(abs(a - b)) for b in places] for a in places], [Stop(d, "dropoff") for d in doors]
    )
    assert plan.duration_s == 18
    assert [doors[k] for k in plan.order] == list(range(1, 19))


def test_long_plans_with_a_bag_that_is_too_full_drop_off_before_they_pick_up() -> None:
    seconds, stops = town(pairs=7, in_bag=4, seed=2)
    plan = best_order(seconds, stops, capacity=2)
    assert sorted(plan.order) == list(range(18))
    first_pickup = next(at for at, k in enumerate(plan.order) if stops[k].kind == "pickup")
    assert sum(isinstance(stops[k].order, str) for k in plan.order[:first_pickup]) >= 3


def test_the_leg_under_way_is_kept_in_long_plans() -> None:
    seconds, stops = town(pairs=7, in_bag=2, seed=3)
    pickup = max((k for k, s in enumerate(stops) if s.kind == "pickup"), key=lambda k: seconds[0][k + 1])
    plan = best_order(seconds, stops, first=pickup)
    assert plan.order[0] == pickup
    assert sorted(plan.order) == list(range(16))
    assert plan.duration_s == pytest.approx(duration(seconds, plan.order))
    assert plan.duration_s > best_order(seconds, stops).duration_s


def test_twenty_stops_take_a_second_at_most() -> None:
    seconds, stops = town(pairs=10, in_bag=0, seed=1)
    spent = []
    for _ in range(3):
        started = time.process_time()
        best_order(seconds, stops)
        spent.append(time.process_time() - started)
    assert min(spent) < 2  # 0.5 s on a machine of 2020


def test_nothing_to_do() -> None:
    assert best_order([[0.0]], []) == Plan((), 0.0)


def test_stops_at_one_place() -> None:
    stops = [Stop(order, "pickup") for order in range(3)] + [Stop(order, "dropoff") for order in range(3)]
    plan = best_order([[0.0] * 7 for _ in range(7)], stops)
    assert sorted(plan.order) == list(range(6))
    assert allowed(stops, plan.order, None)
    assert plan.duration_s == 0


def test_a_stop_that_no_road_leads_to_is_named() -> None:
    seconds: Matrix = [[0, 5, None, 7], [5, 0, None, 3], [9, 9, 0, 9], [7, 3, None, 0]]
    stops = [Stop(order, "dropoff") for order in "abc"]
    with pytest.raises(UnreachableStops) as caught:
        best_order(seconds, stops)
    assert caught.value.stops == (1,)
    with pytest.raises(UnreachableStops) as caught:
        best_order(seconds, stops, first=0)
    assert caught.value.stops == (1,)


def test_the_leg_under_way_may_be_the_one_without_a_road() -> None:
    with pytest.raises(UnreachableStops) as caught:
        best_order([[0, None], [1, 0]], [Stop("a", "dropoff")], first=0)
    assert caught.value.stops == (0,)


def test_a_long_plan_goes_around_a_missing_road_and_says_when_it_cannot() -> None:
    seconds, stops = town(pairs=0, in_bag=14, seed=4)
    for other in range(15):
        if other != 5:
            seconds[other][9] = None  # stop 8 is reached from stop 4 alone
    plan = best_order(seconds, stops)
    assert plan.order[plan.order.index(8) - 1] == 4
    seconds[5][9] = None
    with pytest.raises(UnreachableStops) as caught:
        best_order(seconds, stops)
    assert caught.value.stops == (8,)


@pytest.mark.parametrize(
    ("size", "stops", "options"),
    [
        (2, [], {}),
        (2, [Stop(1, "dropoff"), Stop(2, "dropoff")], {}),
        (3, [Stop(1, "dropoff"), Stop(1, "dropoff")], {}),
        (2, [Stop(1, "pickup")], {}),
        (3, [Stop(1, "pickup"), Stop(1, "dropoff")], {"first": 1}),
        (3, [Stop(1, "pickup"), Stop(1, "dropoff")], {"first": 2}),
        (3, [Stop(1, "pickup"), Stop(1, "dropoff")], {"first": -1}),
        (3, [Stop(1, "pickup", load=3), Stop(1, "dropoff", load=3)], {"capacity": 2}),
    ],
)
def test_input_that_contradicts_itself(size: int, stops: list[Stop], options: dict[str, int]) -> None:
    with pytest.raises(BadRequest):
        best_order([[0.0] * size for _ in range(size)], stops, **options)
