"""Orders to drivers: rules, reasons, and that nothing in a bag is lost, whatever the situation."""

import time
from dataclasses import replace
from math import inf, isinf
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routing.errors import BadRequest
from routing.planner import (
    Driver,
    Objective,
    Order,
    Plan,
    Problem,
    Settings,
    Situation,
    Stop,
    Trip,
    best_trip,
    plan,
    propose,
    trip_in_order,
)
from tests.routing.rush_hour import crowded
from tests.routing.test_planner_trips import LINE, both, order, shown

QUICK = Settings(rounds=15, time_limit_s=60)


def stops_of(found: Plan, driver: object) -> str:
    return shown(found.trips[driver].stops)


def test_each_order_goes_to_the_driver_who_is_there() -> None:
    orders = [order("a", 1, 2), order("b", 8, 7)]
    drivers = [Driver("west", 0), Driver("east", 9)]
    found = plan(Situation(0.0, orders, drivers, LINE), QUICK)
    assert (stops_of(found, "west"), stops_of(found, "east")) == ("+a -a", "+b -b")
    assert not found.unassigned


def test_two_orders_of_one_restaurant_are_bundled_when_nobody_is_late_by_it() -> None:
    orders = [order("a", 2, 5), order("b", 2, 6)]
    situation = Situation(0.0, orders, [Driver("d", 0)], LINE)
    assert stops_of(plan(situation, QUICK), "d") in ("+a +b -a -b", "+b +a -a -b")
    assert stops_of(plan(situation, replace(QUICK, most_on_board=1)), "d") == "+a -a +b -b"


@pytest.mark.parametrize(
    ("promised", "food_wait_s", "bundled"),
    [(3600.0, 1e9, True), (3600.0, 0.0, False), (500.0, 1e9, False)],
)
def test_a_bundle_makes_nobody_late_and_lets_no_food_wait(
    promised: float, food_wait_s: float, bundled: bool
) -> None:
    """Waiting for b's food on the way costs a three minutes; without b it would be there after seven."""
    orders = [order("a", 1, 8, promised_at=promised), order("b", 2, 9, ready_at=240.0)]
    settings = replace(QUICK, food_wait_s=food_wait_s, objective=Objective(late=10))
    found = stops_of(plan(Situation(0.0, orders, [Driver("d", 1)], LINE), settings), "d")
    assert (found == "+a +b -a -b") == bundled
    assert bundled or found == "+a -a +b -b"


def test_what_is_in_a_bag_stays_there() -> None:
    orders = [order("a", None, 8), order("b", 8, 9)]
    drivers = [Driver("far", 0, (Stop("a", "dropoff"),)), Driver("near", 8)]
    found = plan(Situation(0.0, orders, drivers, LINE), QUICK)
    assert (stops_of(found, "far"), stops_of(found, "near")) == ("-a", "+b -b")
    assert [(p.driver, p.problem) for p in propose("a", Situation(0.0, orders, drivers, LINE))] == [
        ("far", None),
        ("near", Problem.IN_ANOTHER_BAG),
    ]


@pytest.mark.parametrize(("gain_s", "taker"), [(60.0, "near"), (1e6, "far")])
def test_an_order_that_a_driver_knows_of_is_taken_away_only_for_a_gain(gain_s: float, taker: str) -> None:
    orders = [order("a", 8, 9)]
    drivers = [Driver("far", 0, both("a")), Driver("near", 7)]
    settings = replace(QUICK, reassign_gain_s=gain_s)
    assert stops_of(plan(Situation(0.0, orders, drivers, LINE), settings), taker) == "+a -a"


def test_a_driver_under_way_keeps_the_order_unless_legs_may_be_left() -> None:
    orders = [order("a", 8, 9)]
    situation = Situation(0.0, orders, [Driver("far", 0, both("a"), under_way=True), Driver("near", 7)], LINE)
    assert stops_of(plan(situation, QUICK), "far") == "+a -a"
    assert propose("a", situation)[1].problem == Problem.LEG_KEPT
    assert stops_of(plan(situation, replace(QUICK, divert=True)), "near") == "+a -a"


def test_who_goes_off_duty_picks_up_nothing_more() -> None:
    orders = [order("a", 2, 3), order("b", None, 9)]
    drivers = [Driver("d", 0, (*both("a"), Stop("b", "dropoff")), off_at=60.0), Driver("off", 0, off_at=-1.0)]
    found = plan(Situation(0.0, orders, drivers, LINE), QUICK)
    assert stops_of(found, "d") == "-b"
    assert found.unassigned == {"a": Problem.NO_DRIVER}
    assert found.drivers_out == {"off": Problem.SHIFT_OVER}


@pytest.mark.parametrize(("gain_s", "taker"), [(60.0, "boulder"), (1e6, "denver")])
def test_a_driver_of_another_city_takes_an_order_only_for_a_gain(gain_s: float, taker: str) -> None:
    orders = [Order("a", 8, 9, 0.0, 0.0, 3600.0, city="Denver")]
    drivers = [Driver("denver", 0, city="Denver"), Driver("boulder", 7, city="Boulder")]
    situation = Situation(0.0, orders, drivers, LINE)
    assert stops_of(plan(situation, replace(QUICK, other_city_gain_s=gain_s)), taker) == "+a -a"


def test_proposals_rank_by_what_they_do_to_everybody() -> None:
    orders = [
        order("new", 4, 5, bags=2, pickup_s=60.0),
        order("urgent", None, 9, promised_at=540.0, bags=1),
    ]
    drivers = [
        Driver("idle", 0),
        Driver("busy", 0, (Stop("urgent", "dropoff"),)),
        Driver("small", 4, capacity=1),
        Driver("nowhere", None),
        Driver("home", 4, off_at=-5.0),
        Driver("leaving", 0, off_at=100.0),
    ]
    ranked = propose("new", Situation(0.0, orders, drivers, LINE))
    assert [(proposal.driver, proposal.problem) for proposal in ranked] == [
        ("idle", None),
        ("busy", None),
        ("home", Problem.SHIFT_OVER),
        ("leaving", Problem.SHIFT_ENDS),
        ("nowhere", Problem.DRIVER_UNPLACED),
        ("small", Problem.TOO_BIG),
    ]
    assert ranked[0].added_s == 360
    assert ranked[1].delays_s == {}  # on the way there it would make the other late: it is fetched afterwards
    assert ranked[1].added_s == 420


def test_what_cannot_be_planned_is_named_and_blocks_nobody() -> None:
    travel = [
        [inf if (8 in (here, to) or 9 in (here, to)) and here != to else s for to, s in enumerate(row)]
        for here, row in enumerate(LINE)
    ]
    orders = [
        order("no kitchen", None, 3),
        order("no address", 2, None),
        order("kitchen off road", 8, 2),
        order("door off road", 2, 9),
        order("fine", 1, 2),
    ]
    drivers = [Driver("d", 0), Driver("unheard", None), Driver("stuck", 5, (Stop("in bag", "dropoff"),))]
    orders.append(order("in bag", None, 9))
    found = plan(Situation(0.0, orders, drivers, travel), QUICK)
    assert stops_of(found, "d") == "+fine -fine"
    assert found.unassigned == {
        "no kitchen": Problem.RESTAURANT_UNPLACED,
        "no address": Problem.CUSTOMER_UNPLACED,
        "kitchen off road": Problem.RESTAURANT_UNREACHABLE,
        "door off road": Problem.CUSTOMER_UNREACHABLE,
    }
    assert found.drivers_out == {"unheard": Problem.DRIVER_UNPLACED}
    assert found.trips["stuck"].problems == {"in bag": Problem.CUSTOMER_UNREACHABLE}
    assert stops_of(found, "stuck") == "-in bag"


ROADLESS = [
    [0.0 if a == b else inf if 9 in (a, b) else abs(a - b) * 60.0 for b in range(10)] for a in range(10)
]


@pytest.mark.parametrize(
    ("stops", "fields", "problem"),
    [
        ((Stop("a", "dropoff"),), {}, Problem.NO_ROOM),  # nobody can say when there is room again
        ((), {"capacity": 1}, Problem.TOO_BIG),
        ((Stop("b", "dropoff"),), {"place": 9}, Problem.DRIVER_OFF_ROAD),
        ((), {"place": 9}, Problem.DRIVER_OFF_ROAD),
        ((Stop("b", "dropoff"),), {"place": 8}, Problem.RESTAURANT_UNREACHABLE),
        ((Stop("b", "dropoff"),), {"off_at": 60.0}, Problem.SHIFT_ENDS),
        ((*both("c")[:1], replace(both("c")[1], pinned=True)), {"off_at": 60.0}, Problem.SHIFT_ENDS),
    ],
)
def test_why_a_driver_cannot_take_it(
    stops: tuple[Stop, ...], fields: dict[str, float], problem: Problem
) -> None:
    """a's customer is out of reach; from 7 and 8 no road leads back, to 9 and from there none at all."""
    travel = [
        [inf if a >= 7 > b else seconds for b, seconds in enumerate(row)] for a, row in enumerate(ROADLESS)
    ]
    orders = [order("new", 2, 3, bags=2), order("a", None, 9, bags=6), order("b", None, 7), order("c", 4, 5)]
    driver = Driver(**{"id": "d", "place": 0, "stops": stops, "capacity": 6} | fields)
    able = Driver("able", 0)
    ranked = propose("new", Situation(0.0, orders, [driver, able], travel))
    assert [(proposal.driver, proposal.problem) for proposal in ranked] == [("able", None), ("d", problem)]


def test_a_restaurant_out_of_its_driver_s_reach_is_not_out_of_everybody_s() -> None:
    travel = [[inf if a >= 8 > b else seconds for b, seconds in enumerate(row)] for a, row in enumerate(LINE)]
    drivers = [Driver("beyond", 8, both("a")), Driver("near", 0)]
    ranked = propose("a", Situation(0.0, [order("a", 1, 2)], drivers, travel))
    reasons = [(proposal.driver, proposal.problem) for proposal in ranked]
    assert reasons == [("near", None), ("beyond", Problem.DRIVER_OFF_ROAD)]


def four_on_board() -> Situation:
    """A dispatcher has a driver fetch four orders before any is delivered; the last is late."""
    orders = [order(id_, 1, door, promised_at=240.0) for id_, door in zip("abcd", (2, 3, 4, 5), strict=True)]
    pickups = [replace(stop, pinned=True) for stop in both(*"abcd")[::2]]
    driver = Driver("d", 0, (*pickups, *both(*"abcd")[1::2]))
    return Situation(0.0, [*orders, order("new", 6, 7)], [driver, Driver("far", 9)], LINE)


def test_a_driver_who_has_too_much_on_board_already_is_proposed_with_all_of_it() -> None:
    ranked = {proposal.driver: proposal for proposal in propose("new", four_on_board())}
    assert ranked["d"].problem is None
    assert shown(ranked["d"].trip.stops) == "+a +b +c +d -a -b -c -d +new -new"
    assert (ranked["d"].added_s, ranked["d"].delays_s) == (120.0, {})


def test_a_driver_who_has_too_much_on_board_already_is_planned_nothing_new() -> None:
    found = plan(four_on_board(), QUICK)
    assert stops_of(found, "d") == "+a +b +c +d -a -b -c -d"
    assert stops_of(found, "far") == "+new -new"
    assert found.drivers_out == {"d": Problem.NO_ROOM}


def test_what_makes_a_bag_overfull_lets_nothing_else_do_so() -> None:
    """Three bags are pinned into a bag for two; the next order waits until there is room."""
    orders = [order("a", 1, 8, bags=2), order("b", 2, 9), order("new", 3, 4)]
    pinned = tuple(replace(stop, pinned=stop.kind == "pickup") for stop in (*both("a")[:1], *both("b")[:1]))
    driver = Driver("d", 0, (*pinned, *both("a")[1:], *both("b")[1:]), capacity=2)
    (proposal,) = propose("new", Situation(0.0, orders, [driver], LINE))
    assert shown(proposal.trip.stops) == "+a +b -a -b +new -new"
    assert proposal.trip.fullest == 3


def test_proposals_say_what_will_be_driven_once_the_stops_are_in_their_best_order() -> None:
    """The stops as they stand go far and back; with the new order they will be driven the other way round."""
    orders = [order("a", None, 9), order("b", None, 1), order("new", 2, 3)]
    driver = Driver("d", 0, (Stop("a", "dropoff"), Stop("b", "dropoff")))
    (proposal,) = propose("new", Situation(0.0, orders, [driver], LINE))
    assert shown(proposal.trip.stops) == "-b +new -new -a"
    assert proposal.added_s == 0.0


def test_the_same_input_and_seed_give_the_same_plan() -> None:
    situation = crowded(1, 12, 6)
    assert plan(situation, QUICK) == plan(situation, QUICK)


def test_the_search_improves_on_the_first_plan() -> None:
    situation = crowded(2, 25, 10)
    assert plan(situation, replace(QUICK, rounds=60)).cost < plan(situation, replace(QUICK, rounds=0)).cost


def test_eighty_orders_and_forty_drivers_are_planned_in_time() -> None:
    situation = crowded(0, 80, 40)
    started = time.process_time()
    found = plan(situation)
    assert time.process_time() - started < 2
    assert not found.unassigned


@pytest.mark.parametrize(
    "stops",
    [
        (Stop("x", "pickup"), Stop("x", "dropoff")),
        (Stop("a", "pickup"),),
        (Stop("a", "dropoff"), Stop("a", "pickup")),
    ],
)
def test_stops_that_contradict_the_orders(stops: tuple[Stop, ...]) -> None:
    with pytest.raises(BadRequest):
        Situation(0.0, [order("a", 1, 2)], [Driver("d", 0, stops)], LINE)


@st.composite
def situations(draw: st.DrawFn) -> Situation:
    """Anything that the day may bring: places unknown or cut off, drivers anywhere in their work, shifts over."""
    count = 9
    cell = st.integers(0, 900).map(float) | (st.just(inf) if draw(st.booleans()) else st.nothing())
    travel = [draw(st.lists(cell, min_size=count, max_size=count)) for _ in range(count)]
    place = st.integers(0, count - 1) | (st.none() if draw(st.booleans()) else st.nothing())
    seconds = st.integers(0, 2000).map(float)
    orders, crew = [], []
    for name in range(draw(st.integers(0, 7))):
        placed = -draw(seconds)
        times = placed + draw(seconds), placed + draw(seconds)
        orders.append(
            Order(
                name,
                draw(place),
                draw(place),
                placed,
                *times,
                draw(st.integers(1, 3)),
                "c",
                draw(st.sampled_from([0.0, 60.0])),
                30.0,
            )
        )
    free = [one.id for one in orders]
    for name in range(draw(st.integers(0, 4))):
        stops: list[Stop] = []
        for _ in range(draw(st.integers(0, 3))):
            if free:
                id_ = free.pop()
                told, pinned = draw(st.booleans()), draw(st.integers(0, 9)) == 0
                own = [Stop(id_, "dropoff", pinned, told)]
                if draw(st.booleans()):
                    stops.append(Stop(id_, "pickup", pinned, told))
                stops += own
        work = draw(st.sampled_from(["idle", "under way", "standing"])) if stops else "idle"
        crew.append(
            Driver(
                f"d{name}",
                draw(place),
                tuple(stops),
                under_way=work == "under way",
                arrived_at=-60.0 if work == "standing" else None,
                free_at=draw(st.sampled_from([-inf, 50.0])),
                off_at=draw(st.sampled_from([inf, 600.0, -1.0])),
                capacity=draw(st.integers(1, 5)),
                city=draw(st.sampled_from(["c", "d"])),
            )
        )
    return Situation(0.0, orders, crew, travel)


@settings(max_examples=150, deadline=None)
@given(situations(), st.booleans(), st.integers(1, 3))
def test_no_plan_loses_doubles_or_moves_what_is_in_a_bag(
    situation: Situation, divert: bool, most_on_board: int
) -> None:
    found = plan(situation, replace(QUICK, rounds=4, divert=divert, most_on_board=most_on_board))
    to_pick_up = {s.order for driver in situation.drivers for s in driver.stops if s.kind == "pickup"}
    seen: list[object] = []
    for driver in situation.drivers:
        stops = found.trips[driver.id].stops
        keys = [(stop.order, stop.kind) for stop in stops]
        assert len(set(keys)) == len(keys)
        bag = [stop.order for stop in driver.stops if stop.order not in to_pick_up]
        assert set(bag) <= {stop.order for stop in stops}
        seen += {stop.order for stop in stops}
        for id_ in {stop.order for stop in stops} - set(bag):
            assert keys.index((id_, "pickup")) < keys.index((id_, "dropoff"))
        clock = 0.0
        for visit in found.trips[driver.id].visits:
            if visit.arrives_at is None:
                assert visit.stop.order in found.trips[driver.id].problems
            else:
                assert clock <= visit.leaves_at < inf
                assert visit.arrives_at >= 0 or driver.arrived_at is not None
                assert visit.arrives_at <= visit.handed_at <= visit.leaves_at
                clock = visit.leaves_at
        new = {stop.order for stop in stops} - {stop.order for stop in driver.stops}
        if situation.now >= driver.off_at or driver.place is None:
            assert not new
    assert len(seen) == len(set(seen))
    assert set(seen) | set(found.unassigned) == {one.id for one in situation.orders}
    for one in situation.orders[:1]:
        proposals = propose(one.id, situation, QUICK)
        assert {proposal.driver for proposal in proposals} == {driver.id for driver in situation.drivers}


def at_work(seed: int) -> Situation:
    """Drivers who have several orders in any order of stops, some of them late already, and orders for the asking."""
    random = Random(seed)
    situation = crowded(seed, orders=10, drivers=3)
    crew = []
    free = [one.id for one in situation.orders if str(one.id).startswith("order")][2:]
    for driver in situation.drivers:
        stops = list(driver.stops)
        for id_ in [free.pop() for _ in range(random.randint(0, 2))]:
            pickup, dropoff = sorted(random.choices(range(len(stops) + 1), k=2))
            stops[dropoff:dropoff] = [Stop(id_, "dropoff")]
            stops[pickup:pickup] = [Stop(id_, "pickup")]
        crew.append(
            replace(driver, stops=tuple(stops), under_way=random.random() < 0.2, off_at=inf, capacity=4)
        )
    return replace(situation, drivers=crew, now=random.choice([0.0, 900.0, 1800.0]))


def _assigned(situation: Situation, order: Order, taker: Driver) -> tuple[Situation, Situation]:
    """With nobody who has `order`, and with `taker` who has (as it stands, where that is so already)."""
    free = [
        replace(one, stops=tuple(s for s in one.stops if s.order != order.id)) for one in situation.drivers
    ]
    given = (Stop(order.id, "pickup", told=False), Stop(order.id, "dropoff", told=False))
    if any(stop.order == order.id for stop in taker.stops):
        return replace(situation, drivers=free), situation
    has = [replace(one, stops=one.stops + given) if one.id == taker.id else one for one in free]
    return replace(situation, drivers=free), replace(situation, drivers=has)


def _lateness(situation: Situation, trip: Trip) -> dict[object, float]:
    promised = {one.id: one.promised_at for one in situation.orders}
    doors = [visit for visit in trip.visits if visit.stop.kind == "dropoff" and visit.handed_at is not None]
    return {door.stop.order: max(0.0, door.handed_at - promised[door.stop.order]) for door in doors}


def _one_by_one(trip: Trip, driver: Driver) -> tuple[Stop, ...]:
    """The stops of a trip, what is in the bag first, then each order on its own; the first stop where it is kept."""
    stays = driver.under_way or driver.arrived_at is not None
    kept = trip.stops[:1] if stays and trip.stops[:1] == driver.stops[:1] else ()
    rest = trip.stops[len(kept) :]
    fetched = {stop.order: stop for stop in rest if stop.kind == "pickup"}
    doors = {stop.order: stop for stop in rest if stop.kind == "dropoff"}
    singly = [stop for id_, pickup in fetched.items() for stop in (pickup, doors[id_])]
    return (*kept, *(door for id_, door in doors.items() if id_ not in fetched), *singly)


def _obeys(situation: Situation, driver: Driver, stops: tuple[Stop, ...], most_on_board: int) -> bool:
    """Whether no pickup makes more of it than the driver can carry."""
    bags = {one.id: one.bags for one in situation.orders}
    fetched = {stop.order for stop in stops if stop.kind == "pickup"}
    bag = {stop.order for stop in stops} - fetched
    for stop in stops:
        bag ^= {stop.order}
        if stop.kind == "pickup" and (
            sum(bags[id_] for id_ in bag) > driver.capacity or len(bag) > most_on_board
        ):
            return False
    return True


def _leaves_from(driver: Driver, situation: Situation) -> set[int]:
    """Where the driver may have to come from: here, or from a stop that comes first whatever is added."""
    orders = {one.id: one for one in situation.orders}
    stays = driver.under_way or driver.arrived_at is not None
    first = [stop for n, stop in enumerate(driver.stops) if stop.pinned or (stays and n == 0)]
    places = {
        orders[stop.order].restaurant if stop.kind == "pickup" else orders[stop.order].customer
        for stop in first
    }
    return {place for place in {driver.place, *places} if place is not None}


def _is_true(problem: Problem, order: Order, driver: Driver, situation: Situation) -> None:
    assert (problem == Problem.TOO_BIG) <= (order.bags > driver.capacity)
    if driver.place is not None:
        roads = situation.travel[driver.place]
        places = {place for one in situation.orders for place in (one.restaurant, one.customer)}
        ways = [situation.travel[place][order.restaurant or 0] for place in _leaves_from(driver, situation)]
        assert (problem == Problem.RESTAURANT_UNREACHABLE) <= any(map(isinf, ways))
        if problem == Problem.DRIVER_OFF_ROAD:
            assert all(isinf(roads[place]) for place in places - {None, driver.place})


@settings(max_examples=200, deadline=None)
@given(situations() | st.builds(at_work, st.integers(0, 10_000)), st.integers(1, 3))
def test_proposals_keep_all_stops_and_say_what_best_trip_says(
    situation: Situation, most_on_board: int
) -> None:
    chosen = replace(QUICK, most_on_board=most_on_board)
    for one in situation.orders[:2]:
        for proposal in propose(one.id, situation, chosen):
            (driver,) = (d for d in situation.drivers if d.id == proposal.driver)
            if proposal.problem is not None:
                _is_true(proposal.problem, one, driver, situation)
                continue
            without, has = _assigned(situation, one, driver)
            (taker,) = (d for d in has.drivers if d.id == driver.id)
            assert sorted((str(s.order), s.kind) for s in proposal.trip.stops) == sorted(
                (str(s.order), s.kind) for s in taker.stops
            )
            if proposal.trip.problems:  # with the order, a one-way road may lead there after all
                continue
            after = best_trip(has, driver.id, chosen)
            late = _lateness(situation, after)
            assert proposal.late_s == pytest.approx(late.get(one.id, 0.0))
            if proposal.cost > 0 or proposal.delays_s:  # not what the driver keeps in any case
                before = _lateness(situation, best_trip(without, driver.id, chosen))
                delays = {id_: late[id_] - was for id_, was in before.items() if late[id_] > was}
                assert proposal.delays_s == pytest.approx(delays)
            singly = _one_by_one(after, taker)
            if any(stop.pinned for stop in singly) or not _obeys(situation, taker, singly, most_on_board):
                continue
            alone = [replace(d, stops=singly) if d.id == driver.id else d for d in has.drivers]
            in_time = _lateness(situation, trip_in_order(replace(has, drivers=alone), driver.id, chosen))
            assert not any(late[id_] > 1e-6 and in_time[id_] == 0 for id_ in late.keys() & in_time.keys())
