"""Orders to drivers: rules, reasons, and that nothing in a bag is lost, whatever the instance."""

import time
from dataclasses import replace
from math import inf, isinf
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routing.errors import BadRequest
from routing.planner import (
    Break,
    Instance,
    Objective,
    Problem,
    ScheduledBreak,
    Settings,
    Shipment,
    Solution,
    Tour,
    Vehicle,
    Visit,
    best_tour,
    departures,
    propose,
    solve,
    tour_in_order,
)
from tests.routing.rush_hour import crowded
from tests.routing.street import LINE, both, shipment, shown

QUICK = Settings(rounds=15, time_limit_s=60)


def stops_of(found: Solution, vehicle: object) -> str:
    return shown(found.tours[vehicle].visits)


def test_each_order_goes_to_the_driver_who_is_there() -> None:
    shipments = [shipment("a", 1, 2), shipment("b", 8, 7)]
    vehicles = [Vehicle("west", 0), Vehicle("east", 9)]
    found = solve(Instance(0.0, shipments, vehicles, LINE), QUICK)
    assert (stops_of(found, "west"), stops_of(found, "east")) == ("+a -a", "+b -b")
    assert not found.unassigned


def test_two_orders_of_one_restaurant_are_bundled_when_nobody_is_late_by_it() -> None:
    shipments = [shipment("a", 2, 5), shipment("b", 2, 6)]
    instance = Instance(0.0, shipments, [Vehicle("d", 0)], LINE)
    assert stops_of(solve(instance, QUICK), "d") in ("+a +b -a -b", "+b +a -a -b")
    assert stops_of(solve(instance, replace(QUICK, most_on_board=1)), "d") == "+a -a +b -b"


@pytest.mark.parametrize(
    ("promised", "food_wait_s", "bundled"),
    [(3600.0, 1e9, True), (3600.0, 0.0, False), (500.0, 1e9, False)],
)
def test_a_bundle_makes_nobody_late_and_lets_no_food_wait(
    promised: float, food_wait_s: float, bundled: bool
) -> None:
    """Waiting for b's food on the way costs a three minutes; without b it would be there after seven."""
    shipments = [shipment("a", 1, 8, promised_at=promised), shipment("b", 2, 9, ready_at=240.0)]
    settings = replace(QUICK, food_wait_s=food_wait_s, objective=Objective(late=10))
    found = stops_of(solve(Instance(0.0, shipments, [Vehicle("d", 1)], LINE), settings), "d")
    assert (found == "+a +b -a -b") == bundled
    assert bundled or found == "+a -a +b -b"


def test_what_is_in_a_bag_stays_there() -> None:
    shipments = [shipment("a", None, 8), shipment("b", 8, 9)]
    vehicles = [Vehicle("far", 0, (Visit("a", "dropoff"),)), Vehicle("near", 8)]
    found = solve(Instance(0.0, shipments, vehicles, LINE), QUICK)
    assert (stops_of(found, "far"), stops_of(found, "near")) == ("-a", "+b -b")
    assert [(p.vehicle, p.problem) for p in propose("a", Instance(0.0, shipments, vehicles, LINE))] == [
        ("far", None),
        ("near", Problem.IN_ANOTHER_BAG),
    ]


@pytest.mark.parametrize(("gain_s", "taker"), [(60.0, "near"), (1e6, "far")])
def test_an_order_that_a_driver_knows_of_is_taken_away_only_for_a_gain(gain_s: float, taker: str) -> None:
    shipments = [shipment("a", 8, 9)]
    vehicles = [Vehicle("far", 0, both("a")), Vehicle("near", 7)]
    settings = replace(QUICK, reassign_gain_s=gain_s)
    assert stops_of(solve(Instance(0.0, shipments, vehicles, LINE), settings), taker) == "+a -a"


def test_a_driver_under_way_keeps_the_order_unless_legs_may_be_left() -> None:
    shipments = [shipment("a", 8, 9)]
    instance = Instance(
        0.0, shipments, [Vehicle("far", 0, both("a"), under_way=True), Vehicle("near", 7)], LINE
    )
    assert stops_of(solve(instance, QUICK), "far") == "+a -a"
    assert propose("a", instance)[1].problem == Problem.LEG_KEPT
    assert stops_of(solve(instance, replace(QUICK, divert=True)), "near") == "+a -a"


def test_who_goes_off_duty_picks_up_nothing_more() -> None:
    shipments = [shipment("a", 2, 3), shipment("b", None, 9)]
    vehicles = [
        Vehicle("d", 0, (*both("a"), Visit("b", "dropoff")), off_at=60.0),
        Vehicle("off", 0, off_at=-1.0),
    ]
    found = solve(Instance(0.0, shipments, vehicles, LINE), QUICK)
    assert stops_of(found, "d") == "-b"
    assert found.unassigned == {"a": Problem.NO_DRIVER}
    assert found.vehicles_out == {"off": Problem.SHIFT_OVER}


@pytest.mark.parametrize(("gain_s", "taker"), [(60.0, "boulder"), (1e6, "denver")])
def test_a_driver_of_another_city_takes_an_order_only_for_a_gain(gain_s: float, taker: str) -> None:
    shipments = [Shipment("a", 8, 9, 0.0, 0.0, 3600.0, city="Denver")]
    vehicles = [Vehicle("denver", 0, city="Denver"), Vehicle("boulder", 7, city="Boulder")]
    instance = Instance(0.0, shipments, vehicles, LINE)
    assert stops_of(solve(instance, replace(QUICK, other_city_gain_s=gain_s)), taker) == "+a -a"


def test_proposals_rank_by_what_they_do_to_everybody() -> None:
    shipments = [
        shipment("new", 4, 5, bags=2, pickup_s=60.0),
        shipment("urgent", None, 9, promised_at=540.0, bags=1),
    ]
    vehicles = [
        Vehicle("idle", 0),
        Vehicle("busy", 0, (Visit("urgent", "dropoff"),)),
        Vehicle("small", 4, capacity=1),
        Vehicle("nowhere", None),
        Vehicle("home", 4, off_at=-5.0),
        Vehicle("leaving", 0, off_at=100.0),
    ]
    ranked = propose("new", Instance(0.0, shipments, vehicles, LINE))
    assert [(proposal.vehicle, proposal.problem) for proposal in ranked] == [
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
    shipments = [
        shipment("no kitchen", None, 3),
        shipment("no address", 2, None),
        shipment("kitchen off road", 8, 2),
        shipment("door off road", 2, 9),
        shipment("fine", 1, 2),
    ]
    vehicles = [Vehicle("d", 0), Vehicle("unheard", None), Vehicle("stuck", 5, (Visit("in bag", "dropoff"),))]
    shipments.append(shipment("in bag", None, 9))
    found = solve(Instance(0.0, shipments, vehicles, travel), QUICK)
    assert stops_of(found, "d") == "+fine -fine"
    assert found.unassigned == {
        "no kitchen": Problem.RESTAURANT_UNPLACED,
        "no address": Problem.CUSTOMER_UNPLACED,
        "kitchen off road": Problem.RESTAURANT_UNREACHABLE,
        "door off road": Problem.CUSTOMER_UNREACHABLE,
    }
    assert found.vehicles_out == {"unheard": Problem.DRIVER_UNPLACED}
    assert found.tours["stuck"].problems == {"in bag": Problem.CUSTOMER_UNREACHABLE}
    assert stops_of(found, "stuck") == "-in bag"


ROADLESS = [
    [0.0 if a == b else inf if 9 in (a, b) else abs(a - b) * 60.0 for b in range(10)] for a in range(10)
]


@pytest.mark.parametrize(
    ("visits", "fields", "problem"),
    [
        ((Visit("a", "dropoff"),), {}, Problem.NO_ROOM),  # nobody can say when there is room again
        ((), {"capacity": 1}, Problem.TOO_BIG),
        ((Visit("b", "dropoff"),), {"place": 9}, Problem.DRIVER_OFF_ROAD),
        ((), {"place": 9}, Problem.DRIVER_OFF_ROAD),
        ((Visit("b", "dropoff"),), {"place": 8}, Problem.RESTAURANT_UNREACHABLE),
        # The restaurant is in reach from here; not from where the driver goes first, whatever is added.
        ((Visit("b", "dropoff"),), {"under_way": True}, Problem.RESTAURANT_UNREACHABLE),
        ((Visit("b", "dropoff"),), {"arrived_at": 0.0}, Problem.RESTAURANT_UNREACHABLE),
        ((Visit("b", "dropoff", pinned=True),), {}, Problem.RESTAURANT_UNREACHABLE),
        ((Visit("b", "dropoff"),), {"off_at": 60.0}, Problem.SHIFT_ENDS),
        ((*both("c")[:1], replace(both("c")[1], pinned=True)), {"off_at": 60.0}, Problem.SHIFT_ENDS),
    ],
)
def test_why_a_driver_cannot_take_it(
    visits: tuple[Visit, ...], fields: dict[str, float], problem: Problem
) -> None:
    """a's customer is out of reach; from 7 and 8 no road leads back, to 9 and from there none at all."""
    travel = [
        [inf if a >= 7 > b else seconds for b, seconds in enumerate(row)] for a, row in enumerate(ROADLESS)
    ]
    shipments = [
        shipment("new", 2, 3, bags=2),
        shipment("a", None, 9, bags=6),
        shipment("b", None, 7),
        shipment("c", 4, 5),
    ]
    vehicle = Vehicle(**{"id": "d", "place": 0, "visits": visits, "capacity": 6} | fields)
    able = Vehicle("able", 0)
    ranked = propose("new", Instance(0.0, shipments, [vehicle, able], travel))
    assert [(proposal.vehicle, proposal.problem) for proposal in ranked] == [("able", None), ("d", problem)]


def test_a_restaurant_out_of_its_driver_s_reach_is_not_out_of_everybody_s() -> None:
    travel = [[inf if a >= 8 > b else seconds for b, seconds in enumerate(row)] for a, row in enumerate(LINE)]
    vehicles = [Vehicle("beyond", 8, both("a")), Vehicle("near", 0)]
    ranked = propose("a", Instance(0.0, [shipment("a", 1, 2)], vehicles, travel))
    reasons = [(proposal.vehicle, proposal.problem) for proposal in ranked]
    assert reasons == [("near", None), ("beyond", Problem.DRIVER_OFF_ROAD)]


ONE_WAY = [[seconds if b >= a else inf for b, seconds in enumerate(row)] for a, row in enumerate(LINE)]
#: Places along the same street by bicycle: two minutes apart, both ways.
PATHS = [[2 * seconds for seconds in row] for row in LINE]


def test_each_driver_takes_as_long_as_the_vehicle_does() -> None:
    vehicles = [
        Vehicle("car", 0),
        Vehicle("bicycle", 1, mode="bicycle"),
        Vehicle("scooter", 2, mode="scooter"),
    ]
    instance = Instance(0.0, [shipment("a", 4, 6)], vehicles, LINE, travel_by={"bicycle": PATHS})
    at_the_door = {p.vehicle: p.tour.delivered("a") for p in propose("a", instance)}
    assert at_the_door == {"car": 360.0, "bicycle": 600.0, "scooter": 240.0}
    assert (
        best_tour(instance.with_vehicle(replace(vehicles[1], visits=both("a"))), "bicycle").driving_s == 600.0
    )


@pytest.mark.parametrize(("by_bicycle", "taker"), [(PATHS, "far"), (LINE, "near")])
def test_who_is_nearer_by_the_own_roads_gets_it(by_bicycle: list[list[float]], taker: str) -> None:
    vehicles = [Vehicle("near", 1, mode="bicycle"), Vehicle("far", 9)]
    instance = Instance(0.0, [shipment("a", 4, 6)], vehicles, LINE, travel_by={"bicycle": by_bicycle})
    assert stops_of(solve(instance, QUICK), taker) == "+a -a"
    assert propose("a", instance)[0].vehicle == taker


def test_a_door_that_no_car_gets_to_is_a_bicycle_s() -> None:
    """The car's road to the restaurant goes on, and never back."""
    vehicles = [Vehicle("car", 0), Vehicle("bicycle", 0, mode="bicycle")]
    instance = Instance(0.0, [shipment("a", 5, 3)], vehicles, ONE_WAY, travel_by={"bicycle": PATHS})
    found = solve(instance, QUICK)
    assert (stops_of(found, "car"), stops_of(found, "bicycle")) == ("", "+a -a")
    reasons = [(p.vehicle, p.problem) for p in propose("a", instance)]
    assert reasons == [("bicycle", None), ("car", Problem.CUSTOMER_UNREACHABLE)]
    # Nor does it help the car to have it: somebody else is offered.
    given = instance.with_vehicle(replace(vehicles[0], visits=both("a")))
    assert best_tour(given, "car").problems == {"a": Problem.CUSTOMER_UNREACHABLE}
    assert [(p.vehicle, p.problem) for p in propose("a", given)] == reasons
    cars = replace(instance, vehicles=vehicles[:1])
    assert solve(cars, QUICK).unassigned == {"a": Problem.CUSTOMER_UNREACHABLE}


def test_who_lacks_what_an_order_needs_takes_it_from_nobody() -> None:
    beer = replace(shipment("beer", 1, 2), needs=frozenset({"alcohol"}))
    vehicles = [
        Vehicle("near", 1),
        Vehicle("hot", 1, skills=frozenset({"hot_bag"})),
        Vehicle("far", 9, skills=frozenset({"alcohol", "hot_bag"})),
    ]
    instance = Instance(0.0, [beer], vehicles, LINE)
    assert stops_of(solve(instance, QUICK), "far") == "+beer -beer"
    assert [(p.vehicle, p.problem) for p in propose("beer", instance)] == [
        ("far", None),
        ("hot", Problem.LACKS_SKILL),
        ("near", Problem.LACKS_SKILL),
    ]
    lacking = replace(instance, vehicles=vehicles[:2])
    assert solve(lacking, QUICK).unassigned == {"beer": Problem.LACKS_SKILL}


def test_who_was_given_an_order_without_the_skill_keeps_it_unless_somebody_is_better() -> None:
    beer = replace(shipment("beer", 1, 2), needs=frozenset({"alcohol"}))
    vehicles = [Vehicle("given", 0, both("beer")), Vehicle("able", 9, skills=frozenset({"alcohol"}))]
    instance = Instance(0.0, [beer], vehicles, LINE)
    assert stops_of(solve(instance, QUICK), "given") == "+beer -beer"
    assert [p.problem for p in propose("beer", instance)] == [None, None]
    near = instance.with_vehicle(replace(vehicles[1], place=1))
    assert stops_of(solve(near, replace(QUICK, reassign_gain_s=0.0)), "able") == "+beer -beer"


def test_who_is_on_a_break_gets_nothing_new_and_keeps_what_is_on_hand() -> None:
    shipments = [shipment("bag", None, 3), shipment("own", 2, 4), shipment("new", 1, 2)]
    resting = Vehicle("resting", 1, (Visit("bag", "dropoff"), *both("own")), break_until=600.0)
    instance = Instance(0.0, shipments, [resting, Vehicle("far", 9)], LINE)
    found = solve(instance, QUICK)
    assert (stops_of(found, "resting"), stops_of(found, "far")) == ("+own -bag -own", "+new -new")
    assert found.vehicles_out == {"resting": Problem.ON_BREAK}
    assert found.tours["resting"].delivered("bag") == 720.0
    assert found.tours["resting"].leave_at == 600.0
    assert [(p.vehicle, p.problem) for p in propose("new", instance)] == [
        ("far", None),
        ("resting", Problem.ON_BREAK),
    ]
    assert {p.vehicle: p.problem for p in propose("own", instance)} == {"far": None, "resting": None}
    alone = replace(instance, vehicles=[resting])
    assert solve(alone, QUICK).unassigned == {"new": Problem.ON_BREAK}
    assert not solve(replace(alone, now=600.0), QUICK).unassigned


def test_a_break_at_the_counter_ends_before_the_food_is_taken() -> None:
    vehicle = Vehicle("d", 1, both("a"), arrived_at=-300.0, break_until=240.0)
    tour = best_tour(Instance(0.0, [shipment("a", 1, 2)], [vehicle], LINE), "d")
    assert [one.handed_at for one in tour.schedule] == [240.0, 300.0]


def test_an_order_that_leaves_no_time_for_a_break_goes_to_somebody_else() -> None:
    """By the time that the driver were at a's door, the break would have had to begin."""
    vehicles = [Vehicle("near", 1, breaks=(Break(60.0, 300.0, 1800.0),)), Vehicle("far", 9)]
    instance = Instance(0.0, [shipment("a", 2, 8)], vehicles, LINE)
    found = solve(instance, QUICK)
    assert stops_of(found, "far") == "+a -a"
    assert [rest.begins_at for rest in found.tours["near"].breaks] == [60.0]
    # Alone, the driver serves it behind the break.
    alone = solve(replace(instance, vehicles=vehicles[:1]), QUICK)
    assert alone.tours["near"].delivered("a") == 60.0 + 1800.0 + 60.0 + 360.0
    (proposal,) = propose("a", replace(instance, vehicles=vehicles[:1]))
    assert (proposal.problem, proposal.added_s) == (None, 420.0)
    assert departures(alone.tours["near"], instance) == {"a": 1860.0}


def test_of_a_next_order_a_driver_hears_when_the_break_ends() -> None:
    """The break begins at a's door: behind b's it would be too late."""
    vehicle = Vehicle("d", 0, both("a", "b"), breaks=(Break(0.0, 200.0, 600.0),))
    shipments = [shipment("a", 1, 2, promised_at=0.0), shipment("b", 3, 4)]
    instance = Instance(0.0, shipments, [vehicle], LINE)
    for tour in (best_tour(instance, "d"), tour_in_order(instance, "d")):
        assert [(rest.begins_at, rest.ends_at) for rest in tour.breaks] == [(120.0, 720.0)]
        assert departures(tour, instance) == {"a": 0.0, "b": 720.0}


def four_on_board() -> Instance:
    """A dispatcher has a driver fetch four orders before any is delivered; the last is late."""
    shipments = [
        shipment(id_, 1, door, promised_at=240.0) for id_, door in zip("abcd", (2, 3, 4, 5), strict=True)
    ]
    pickups = [replace(visit, pinned=True) for visit in both(*"abcd")[::2]]
    vehicle = Vehicle("d", 0, (*pickups, *both(*"abcd")[1::2]))
    return Instance(0.0, [*shipments, shipment("new", 6, 7)], [vehicle, Vehicle("far", 9)], LINE)


def test_a_driver_who_has_too_much_on_board_already_is_proposed_with_all_of_it() -> None:
    ranked = {proposal.vehicle: proposal for proposal in propose("new", four_on_board())}
    assert ranked["d"].problem is None
    assert shown(ranked["d"].tour.visits) == "+a +b +c +d -a -b -c -d +new -new"
    assert (ranked["d"].added_s, ranked["d"].delays_s) == (120.0, {})


def test_a_driver_who_has_too_much_on_board_already_is_planned_nothing_new() -> None:
    found = solve(four_on_board(), QUICK)
    assert stops_of(found, "d") == "+a +b +c +d -a -b -c -d"
    assert stops_of(found, "far") == "+new -new"
    assert found.vehicles_out == {"d": Problem.NO_ROOM}


def test_what_makes_a_bag_overfull_lets_nothing_else_do_so() -> None:
    """Three bags are pinned into a bag for two; the next order waits until there is room."""
    shipments = [shipment("a", 1, 8, bags=2), shipment("b", 2, 9), shipment("new", 3, 4)]
    pinned = tuple(
        replace(visit, pinned=visit.kind == "pickup") for visit in (*both("a")[:1], *both("b")[:1])
    )
    vehicle = Vehicle("d", 0, (*pinned, *both("a")[1:], *both("b")[1:]), capacity=2)
    (proposal,) = propose("new", Instance(0.0, shipments, [vehicle], LINE))
    assert shown(proposal.tour.visits) == "+a +b -a -b +new -new"
    assert proposal.tour.fullest == 3


def test_proposals_say_what_will_be_driven_once_the_stops_are_in_their_best_order() -> None:
    """The visits as they stand go far and back; with the new order they will be driven the other way round."""
    shipments = [shipment("a", None, 9), shipment("b", None, 1), shipment("new", 2, 3)]
    vehicle = Vehicle("d", 0, (Visit("a", "dropoff"), Visit("b", "dropoff")))
    (proposal,) = propose("new", Instance(0.0, shipments, [vehicle], LINE))
    assert shown(proposal.tour.visits) == "-b +new -new -a"
    assert proposal.added_s == 0.0


def test_the_same_input_and_seed_give_the_same_plan() -> None:
    instance = crowded(1, 12, 6)
    assert solve(instance, QUICK) == solve(instance, QUICK)


def test_the_search_improves_on_the_first_plan() -> None:
    instance = crowded(2, 25, 10)
    assert solve(instance, replace(QUICK, rounds=60)).cost < solve(instance, replace(QUICK, rounds=0)).cost


def test_eighty_orders_and_forty_drivers_are_planned_in_time() -> None:
    instance = crowded(0, 80, 40)
    started = time.process_time()
    found = solve(instance)
    assert time.process_time() - started < 2
    assert not found.unassigned


@pytest.mark.parametrize(
    "visits",
    [
        (Visit("x", "pickup"), Visit("x", "dropoff")),
        (Visit("a", "pickup"),),
        (Visit("a", "dropoff"), Visit("a", "pickup")),
    ],
)
def test_stops_that_contradict_the_orders(visits: tuple[Visit, ...]) -> None:
    with pytest.raises(BadRequest):
        Instance(0.0, [shipment("a", 1, 2)], [Vehicle("d", 0, visits)], LINE)


@st.composite
def instances(draw: st.DrawFn) -> Instance:
    """Anything that the day may bring: places unknown or cut off, drivers anywhere in their work, shifts over."""
    count = 9
    cell = st.integers(0, 900).map(float) | (st.just(inf) if draw(st.booleans()) else st.nothing())
    travel = [draw(st.lists(cell, min_size=count, max_size=count)) for _ in range(count)]
    place = st.integers(0, count - 1) | (st.none() if draw(st.booleans()) else st.nothing())
    seconds = st.integers(0, 2000).map(float)
    shipments, crew = [], []
    for name in range(draw(st.integers(0, 7))):
        placed = -draw(seconds)
        times = placed + draw(seconds), placed + draw(seconds)
        shipments.append(
            Shipment(
                name,
                draw(place),
                draw(place),
                placed,
                *times,
                draw(st.integers(1, 3)),
                "c",
                draw(st.sampled_from([0.0, 60.0])),
                30.0,
                draw(st.sampled_from([frozenset(), frozenset({"alcohol"})])),
            )
        )
    free = [one.id for one in shipments]
    for name in range(draw(st.integers(0, 4))):
        visits: list[Visit] = []
        for _ in range(draw(st.integers(0, 3))):
            if free:
                id_ = free.pop()
                notified, pinned = draw(st.booleans()), draw(st.integers(0, 9)) == 0
                own = [Visit(id_, "dropoff", pinned, notified)]
                if draw(st.booleans()):
                    visits.append(Visit(id_, "pickup", pinned, notified))
                visits += own
        work = draw(st.sampled_from(["idle", "under way", "standing"])) if visits else "idle"
        crew.append(
            Vehicle(
                f"d{name}",
                draw(place),
                tuple(visits),
                under_way=work == "under way",
                arrived_at=-60.0 if work == "standing" else None,
                free_at=draw(st.sampled_from([-inf, 50.0])),
                off_at=draw(st.sampled_from([inf, 600.0, -1.0])),
                capacity=draw(st.integers(1, 5)),
                city=draw(st.sampled_from(["c", "d"])),
                mode=draw(st.sampled_from(["car", "bicycle"])),
                skills=draw(st.sampled_from([frozenset(), frozenset({"alcohol", "hot_bag"})])),
                break_until=draw(st.sampled_from([-inf, -inf, 300.0])),
                breaks=draw(
                    st.sampled_from([(), (), (Break(0.0, 1200.0, 600.0),), (Break(200.0, 250.0, 60.0),)])
                ),
            )
        )
    own = {}
    if draw(st.booleans()):
        own["bicycle"] = [draw(st.lists(cell, min_size=count, max_size=count)) for _ in range(count)]
    return Instance(0.0, shipments, crew, travel, travel_by=own)


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(instances(), st.booleans(), st.integers(1, 3))
def test_no_plan_loses_doubles_or_moves_what_is_in_a_bag(
    instance: Instance, divert: bool, most_on_board: int
) -> None:
    found = solve(instance, replace(QUICK, rounds=4, divert=divert, most_on_board=most_on_board))
    to_pick_up = {s.shipment for vehicle in instance.vehicles for s in vehicle.visits if s.kind == "pickup"}
    seen: list[object] = []
    for vehicle in instance.vehicles:
        visits = found.tours[vehicle.id].visits
        keys = [(visit.shipment, visit.kind) for visit in visits]
        assert len(set(keys)) == len(keys)
        bag = [visit.shipment for visit in vehicle.visits if visit.shipment not in to_pick_up]
        assert set(bag) <= {visit.shipment for visit in visits}
        seen += {visit.shipment for visit in visits}
        for id_ in {visit.shipment for visit in visits} - set(bag):
            assert keys.index((id_, "pickup")) < keys.index((id_, "dropoff"))
        clock = max(0.0, vehicle.break_until)
        for scheduled in found.tours[vehicle.id].schedule:
            if scheduled.arrives_at is None:
                assert scheduled.visit.shipment in found.tours[vehicle.id].problems
            else:
                assert clock <= scheduled.leaves_at < inf
                assert scheduled.arrives_at >= 0 or vehicle.arrived_at is not None
                assert scheduled.arrives_at <= scheduled.handed_at <= scheduled.leaves_at
                clock = scheduled.leaves_at
        new = {visit.shipment for visit in visits} - {visit.shipment for visit in vehicle.visits}
        for planned, rest in zip(vehicle.breaks, found.tours[vehicle.id].breaks, strict=False):
            assert rest.begins_at >= max(planned.earliest, vehicle.break_until)
            assert rest.begins_at <= planned.latest or not new
            _is_between_visits(rest, found.tours[vehicle.id], to_pick_up)
        if instance.now >= vehicle.off_at or instance.now < vehicle.break_until or vehicle.place is None:
            assert not new
        assert not any(vehicle.lacks(one) for one in instance.shipments if one.id in new)
    assert len(seen) == len(set(seen))
    assert set(seen) | set(found.unassigned) == {one.id for one in instance.shipments}
    for one in instance.shipments[:1]:
        proposals = propose(one.id, instance, QUICK)
        assert {proposal.vehicle for proposal in proposals} == {vehicle.id for vehicle in instance.vehicles}


def _is_between_visits(rest: ScheduledBreak, tour: Tour, to_pick_up: set[object]) -> None:
    """And has nothing on board, as far as anybody can plan it."""
    timed = [one for one in tour.schedule if one.arrives_at is not None]
    assert all(one.leaves_at <= rest.begins_at or one.handed_at >= rest.ends_at for one in timed)
    done = {(one.visit.shipment, one.visit.kind) for one in timed if one.leaves_at <= rest.begins_at}
    for one in timed:
        id_ = one.visit.shipment
        if one.visit.kind == "dropoff" and ((id_, "pickup") in done or id_ not in to_pick_up):
            fetched_later = any(o.visit.shipment == id_ and o.visit.kind == "pickup" for o in timed)
            assert (id_, "dropoff") in done or (fetched_later and (id_, "pickup") not in done)


def at_work(seed: int) -> Instance:
    """Drivers who have several orders in any sequence, some of them late already, and orders for the asking."""
    random = Random(seed)
    instance = crowded(seed, shipments=10, vehicles=3)
    crew = []
    free = [one.id for one in instance.shipments if str(one.id).startswith("order")][2:]
    for vehicle in instance.vehicles:
        visits = list(vehicle.visits)
        for id_ in [free.pop() for _ in range(random.randint(0, 2))]:
            pickup, dropoff = sorted(random.choices(range(len(visits) + 1), k=2))
            visits[dropoff:dropoff] = [Visit(id_, "dropoff")]
            visits[pickup:pickup] = [Visit(id_, "pickup")]
        crew.append(
            replace(vehicle, visits=tuple(visits), under_way=random.random() < 0.2, off_at=inf, capacity=4)
        )
    return replace(instance, vehicles=crew, now=random.choice([0.0, 900.0, 1800.0]))


def _assigned(instance: Instance, shipment: Shipment, taker: Vehicle) -> tuple[Instance, Instance]:
    """With nobody who has `shipment`, and with `taker` who has (as it stands, where that is so already)."""
    free = [
        replace(one, visits=tuple(s for s in one.visits if s.shipment != shipment.id))
        for one in instance.vehicles
    ]
    given = (Visit(shipment.id, "pickup", notified=False), Visit(shipment.id, "dropoff", notified=False))
    if any(visit.shipment == shipment.id for visit in taker.visits):
        return replace(instance, vehicles=free), instance
    has = [replace(one, visits=one.visits + given) if one.id == taker.id else one for one in free]
    return replace(instance, vehicles=free), replace(instance, vehicles=has)


def _lateness(instance: Instance, tour: Tour) -> dict[object, float]:
    promised = {one.id: one.promised_at for one in instance.shipments}
    doors = [
        scheduled
        for scheduled in tour.schedule
        if scheduled.visit.kind == "dropoff" and scheduled.handed_at is not None
    ]
    return {door.visit.shipment: max(0.0, door.handed_at - promised[door.visit.shipment]) for door in doors}


def _one_by_one(tour: Tour, vehicle: Vehicle) -> tuple[Visit, ...]:
    """The visits of a tour, what is in the bag first, then each order on its own; the first one where it is kept."""
    stays = vehicle.under_way or vehicle.arrived_at is not None
    kept = tour.visits[:1] if stays and tour.visits[:1] == vehicle.visits[:1] else ()
    rest = tour.visits[len(kept) :]
    fetched = {visit.shipment: visit for visit in rest if visit.kind == "pickup"}
    doors = {visit.shipment: visit for visit in rest if visit.kind == "dropoff"}
    singly = [visit for id_, pickup in fetched.items() for visit in (pickup, doors[id_])]
    return (*kept, *(door for id_, door in doors.items() if id_ not in fetched), *singly)


def _obeys(instance: Instance, vehicle: Vehicle, visits: tuple[Visit, ...], most_on_board: int) -> bool:
    """Whether no pickup makes more of it than the driver can carry."""
    bags = {one.id: one.bags for one in instance.shipments}
    fetched = {visit.shipment for visit in visits if visit.kind == "pickup"}
    bag = {visit.shipment for visit in visits} - fetched
    for visit in visits:
        bag ^= {visit.shipment}
        if visit.kind == "pickup" and (
            sum(bags[id_] for id_ in bag) > vehicle.capacity or len(bag) > most_on_board
        ):
            return False
    return True


def _leaves_from(vehicle: Vehicle, instance: Instance) -> set[int]:
    """Where the driver may have to come from: here, or from a visit that comes first whatever is added."""
    shipments = {one.id: one for one in instance.shipments}
    stays = vehicle.under_way or vehicle.arrived_at is not None
    first = [visit for n, visit in enumerate(vehicle.visits) if visit.pinned or (stays and n == 0)]
    places = {
        shipments[visit.shipment].restaurant if visit.kind == "pickup" else shipments[visit.shipment].customer
        for visit in first
    }
    return {place for place in {vehicle.place, *places} if place is not None}


def _is_true(problem: Problem, shipment: Shipment, vehicle: Vehicle, instance: Instance) -> None:
    assert (problem == Problem.TOO_BIG) <= (shipment.bags > vehicle.capacity)
    assert (problem == Problem.LACKS_SKILL) <= vehicle.lacks(shipment)
    assert (problem == Problem.ON_BREAK) <= (instance.now < vehicle.break_until)
    if vehicle.place is not None:
        travel = instance.travel_of(vehicle)
        roads = travel[vehicle.place]
        places = {place for one in instance.shipments for place in (one.restaurant, one.customer)}
        ways = [travel[place][shipment.restaurant or 0] for place in _leaves_from(vehicle, instance)]
        assert (problem == Problem.RESTAURANT_UNREACHABLE) <= any(map(isinf, ways))
        if problem == Problem.DRIVER_OFF_ROAD:
            assert all(isinf(roads[place]) for place in places - {None, vehicle.place})


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(instances() | st.builds(at_work, st.integers(0, 10_000)), st.integers(1, 3))
def test_proposals_keep_all_stops_and_say_what_best_trip_says(instance: Instance, most_on_board: int) -> None:
    chosen = replace(QUICK, most_on_board=most_on_board)
    for one in instance.shipments[:2]:
        for proposal in propose(one.id, instance, chosen):
            (vehicle,) = (d for d in instance.vehicles if d.id == proposal.vehicle)
            if proposal.problem is not None:
                _is_true(proposal.problem, one, vehicle, instance)
                continue
            without, has = _assigned(instance, one, vehicle)
            (taker,) = (d for d in has.vehicles if d.id == vehicle.id)
            assert sorted((str(s.shipment), s.kind) for s in proposal.tour.visits) == sorted(
                (str(s.shipment), s.kind) for s in taker.visits
            )
            if proposal.tour.problems:  # with the order, a one-way road may lead there after all
                continue
            after = best_tour(has, vehicle.id, chosen)
            late = _lateness(instance, after)
            assert proposal.late_s == pytest.approx(late.get(one.id, 0.0))
            if proposal.cost > 0 or proposal.delays_s:  # not what the driver keeps in any case
                before = _lateness(instance, best_tour(without, vehicle.id, chosen))
                delays = {id_: late[id_] - was for id_, was in before.items() if late[id_] > was}
                assert proposal.delays_s == pytest.approx(delays)
            singly = _one_by_one(after, taker)
            if any(visit.pinned for visit in singly) or not _obeys(instance, taker, singly, most_on_board):
                continue
            alone = [replace(d, visits=singly) if d.id == vehicle.id else d for d in has.vehicles]
            in_time = _lateness(instance, tour_in_order(replace(has, vehicles=alone), vehicle.id, chosen))
            assert not any(late[id_] > 1e-6 and in_time[id_] == 0 for id_ in late.keys() & in_time.keys())
