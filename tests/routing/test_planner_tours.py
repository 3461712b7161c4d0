"""One driver's tour: exact where it can be, near the best elsewhere, and every rule kept."""

from dataclasses import replace
from math import inf, isinf
from random import Random

import pytest

from routing.errors import BadRequest
from routing.planner import (
    Break,
    Instance,
    Problem,
    Settings,
    Vehicle,
    Visit,
    best_tour,
    tour_in_order,
)
from tests.routing.street import LINE, both, shipment, shown
from tests.routing.tour_bench import excess
from tests.routing.tour_model import NOW, bundles_well, errand, judged, visiting_orders

UNLIMITED = {"most_on_board": 99, "food_wait_s": inf}


@pytest.mark.slow
@pytest.mark.parametrize("count", range(3, 8))
@pytest.mark.parametrize(
    "limits", [UNLIMITED, {}], ids=["bundling without limits", "by the rules of bundling"]
)
def test_short_trips_equal_brute_force(count: int, limits: dict[str, float]) -> None:
    bound = 0
    for seed in range(100):
        instance, settings = errand(1000 * count + seed, count)
        settings = replace(settings, **limits)
        ways = {way: judged(instance, settings, way) for way in visiting_orders(instance.vehicles[0].visits)}
        ways = {way: cost for way, cost in ways.items() if cost < inf}
        if not ways:  # more in one order than the driver can carry
            continue
        ranked = sorted(ways, key=ways.__getitem__)
        best = next(
            (way for way in ranked if not limits and bundles_well(instance, settings, way)), ranked[0]
        )
        bound += best != ranked[0]
        tour = best_tour(instance, "d", settings)
        assert tour.cost == pytest.approx(ways[best])
        assert ways[tour.visits] == pytest.approx(ways[best])
    assert bound == 0 if limits else bound > 10


@pytest.mark.slow
@pytest.mark.parametrize("count", range(1, 6))
@pytest.mark.parametrize(
    "limits", [UNLIMITED, {}], ids=["bundling without limits", "by the rules of bundling"]
)
def test_short_trips_with_a_break_equal_brute_force(count: int, limits: dict[str, float]) -> None:
    """In time wherever any order of the visits allows that, and late only where none does."""
    late = between = 0
    for seed in range(60):
        instance, settings = errand(5000 * count + seed, count, breaks=True)
        settings = replace(settings, **limits)
        vehicle = instance.vehicles[0]
        orders = list(visiting_orders((*vehicle.visits, *vehicle.breaks)))
        for late_breaks in (False, True):
            ways = {way: judged(instance, settings, way, late_breaks=late_breaks) for way in orders}
            ways = {way: cost for way, cost in ways.items() if cost < inf}
            if ways:
                break
        else:
            continue  # more in one order than the driver can carry
        ranked = sorted(ways, key=ways.__getitem__)
        best = next(
            (way for way in ranked if not limits and bundles_well(instance, settings, way)), ranked[0]
        )
        late += late_breaks
        between += best[-1] not in vehicle.breaks
        tour = best_tour(instance, "d", settings)
        assert tour.cost == pytest.approx(ways[best])
        (rest,) = tour.breaks
        before = sum(one.leaves_at <= rest.begins_at for one in tour.schedule)
        way = (*tour.visits[:before], *vehicle.breaks, *tour.visits[before:])
        assert ways[way] == pytest.approx(ways[best])
        assert (rest.begins_at > vehicle.breaks[0].latest) == late_breaks
    assert between > 10 or count < 3
    assert late > 0 or count < 3


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(8))
def test_a_long_trip_has_its_break_between_visits_with_nothing_on_board(seed: int) -> None:
    instance, settings = errand(seed, 16, breaks=True)
    vehicle = replace(instance.vehicles[0], breaks=(Break(NOW + 600, NOW + 5400, 900.0),), capacity=20)
    tour = best_tour(instance.with_vehicle(vehicle), "d", settings)
    assert sorted(map(str, tour.visits)) == sorted(map(str, vehicle.visits))
    (rest,) = tour.breaks
    before = sum(one.leaves_at <= rest.begins_at for one in tour.schedule)
    way = (*tour.visits[:before], *vehicle.breaks, *tour.visits[before:])
    assert tour.cost == pytest.approx(judged(instance.with_vehicle(vehicle), settings, way))
    assert bundles_well(instance.with_vehicle(vehicle), settings, way)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
def test_long_trips_are_as_short_as_vroom_s(seed: int) -> None:
    assert excess(seed, 2) <= 0.02


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_a_long_trip_keeps_every_stop_and_costs_what_it_says(seed: int) -> None:
    instance, settings = errand(seed, 16)
    tour = best_tour(instance, "d", settings)
    assert sorted(map(str, tour.visits)) == sorted(map(str, instance.vehicles[0].visits))
    assert bundles_well(instance, settings, tour.visits)
    assert tour.cost == pytest.approx(judged(instance, settings, tour.visits))
    assert best_tour(instance, "d", settings) == tour


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
    shipments = [shipment("a", 1, 2), shipment("b", 6, 9)]
    vehicle = Vehicle(**{"id": "d", "place": 0, "visits": both("b", "a")} | fields)
    assert shown(best_tour(Instance(0.0, shipments, [vehicle], LINE), "d", settings).visits) == expected


def test_a_pinned_stop_stays_at_its_place() -> None:
    shipments = [shipment(id_, None, place) for id_, place in zip("abc", (1, 2, 9), strict=True)]
    visits = (Visit("b", "dropoff"), Visit("c", "dropoff", pinned=True), Visit("a", "dropoff"))
    tour = best_tour(Instance(0.0, shipments, [Vehicle("d", 0, visits)], LINE), "d")
    assert shown(tour.visits) in ("-a -c -b", "-b -c -a")
    assert tour.visits[1].pinned


def test_times_count_the_food_and_the_service() -> None:
    shipments = [shipment("a", 2, 5, ready_at=600.0, pickup_s=60.0, dropoff_s=30.0)]
    tour = best_tour(Instance(0.0, shipments, [Vehicle("d", 0, both("a"))], LINE), "d")
    assert [(v.arrives_at, v.handed_at, v.leaves_at) for v in tour.schedule] == [
        (120, 600, 600),
        (780, 810, 810),
    ]
    assert tour.leave_at == 420  # there a minute before the food, which is what the pickup takes
    assert tour.driving_s == 300


def test_two_pickups_at_one_counter_are_one_visit() -> None:
    shipments = [shipment(id_, 2, 5, pickup_s=60.0) for id_ in "ab"]
    visits = tuple(Visit(id_, kind) for kind in ("pickup", "dropoff") for id_ in "ab")
    tour = best_tour(Instance(0.0, shipments, [Vehicle("d", 0, visits)], LINE), "d")
    assert [scheduled.handed_at for scheduled in tour.schedule] == [180, 180, 360, 360]


def test_a_bag_too_full_is_emptied_first() -> None:
    shipments = [shipment("a", None, 9, bags=3), shipment("b", 1, 2)]
    visits = (Visit("a", "dropoff"), *both("b"))
    tour = best_tour(Instance(0.0, shipments, [Vehicle("d", 0, visits, capacity=2)], LINE), "d")
    assert shown(tour.visits) == "-a +b -b"


BUNDLE = [shipment("a", 0, 10, promised_at=700.0), shipment("b", 3, 11, ready_at=300.0)]
STREET = [[abs(a - b) * 60.0 for b in range(12)] for a in range(12)]


@pytest.mark.parametrize(
    ("pinned", "limits", "expected"),
    [
        ("", {}, "+a -a +b -b"),
        ("", UNLIMITED, "+a +b -a -b"),
        ("", {"food_wait_s": 1e9}, "+a -a +b -b"),
        ("", {"most_on_board": 1, "food_wait_s": inf}, "+a -a +b -b"),
        (
            "-b",
            {},
            "+a -a +b -b",
        ),  # a visit pinned later on does not make what comes before it anybody's will
        ("+a +b", {}, "+a +b -a -b"),
    ],
)
def test_a_trip_bundles_only_where_it_harms_nobody(
    pinned: str, limits: dict[str, float], expected: str
) -> None:
    """Waiting for b's food on the way makes a late; a person who pins both pickups wants it so."""
    visits = (
        both("a", "b")
        if pinned != "+a +b"
        else (*both("a")[:1], *both("b")[:1], *both("a")[1:], *both("b")[1:])
    )
    visits = tuple(replace(visit, pinned=shown((visit,)) in pinned.split()) for visit in visits)
    instance = Instance(0.0, BUNDLE, [Vehicle("d", 0, visits)], STREET)
    assert shown(best_tour(instance, "d", Settings(**limits)).visits) == expected


def test_where_no_trip_obeys_the_rules_of_bundling_they_are_given_up() -> None:
    """b's pickup is pinned to be the second visit and a's door the third."""
    visits = (
        Visit("a", "pickup"),
        Visit("b", "pickup", True),
        Visit("a", "dropoff", True),
        Visit("b", "dropoff"),
    )
    instance = Instance(0.0, BUNDLE, [Vehicle("d", 0, visits)], STREET)
    assert shown(best_tour(instance, "d").visits) == "+a +b -a -b"


def test_food_for_a_customer_out_of_reach_takes_up_room() -> None:
    shipments = [shipment("lost", None, None, bags=4), shipment("a", 1, 9), shipment("b", 2, 8)]
    visits = (Visit("lost", "dropoff"), *both("a", "b"))
    tour = best_tour(Instance(0.0, shipments, [Vehicle("d", 0, visits, capacity=5)], LINE), "d")
    assert shown(tour.visits) == "+a -a +b -b -lost"
    assert tour.fullest == 5


def test_a_customer_without_a_road_comes_last_and_is_named() -> None:
    travel = [
        [inf if to == 7 and here != 7 else seconds for to, seconds in enumerate(row)]
        for here, row in enumerate(LINE)
    ]
    shipments = [shipment("a", None, 7), shipment("b", None, 3), shipment("c", None, None)]
    visits = tuple(Visit(id_, "dropoff") for id_ in "abc")
    tour = best_tour(Instance(0.0, shipments, [Vehicle("d", 0, visits)], travel), "d")
    assert shown(tour.visits) == "-b -a -c"
    assert tour.problems == {"a": Problem.CUSTOMER_UNREACHABLE, "c": Problem.CUSTOMER_UNPLACED}
    assert [scheduled.handed_at for scheduled in tour.schedule] == [180, None, None]


OFF_ROAD = (10, 11)
#: From 10 and 11 roads lead to nowhere, and from nowhere there.
LOST = [[inf if a != b and {a, b} & {*OFF_ROAD} else abs(a - b) * 60.0 for b in range(12)] for a in range(12)]


@pytest.mark.parametrize(
    ("fields", "stops", "expected"),
    [
        ({}, "+x -x +y -y", "+x +y -x -y"),
        ({}, "+x -x +a -a +y -y", "+a +x +y -a -x -y"),
        ({}, "+x -x +b -b +y -y", "+b -b +x +y -x -y"),
        ({"capacity": 1}, "+x -x +a -a", "+a -a +x -x"),
        ({"capacity": 2}, "+x -x +y -y +a -a", "+a +x -a +y -x -y"),
        ({"capacity": 1}, "+x -x +y -y", "+x -x +y -y"),
        # What is not ready in time is fetched afterwards.
        ({}, "+late -late +a -a", "+a -a +late -late"),
        # Where the driver stands or is driving to comes first, whatever can be planned behind it.
        ({"place": 1, "arrived_at": 0.0}, "+x -x +b -b", "+x +b -b -x"),
        ({"place": 1, "arrived_at": 0.0}, "+x -x +y -y +b -b", "+x +y +b -b -x -y"),
        ({"place": 1, "arrived_at": 0.0}, "+x -x +y -y +a -a", "+x +y +a -a -x -y"),
        ({"place": 1, "arrived_at": 0.0, "capacity": 2}, "+x -x +y -y +b -b", "+x +b -b +y -x -y"),
        ({"place": 1, "arrived_at": 0.0}, "+x -x +late -late +b -b", "+x +b -b +late -x -late"),
        ({"place": 9, "arrived_at": 0.0}, "-x -y +b -b", "-x +b -b -y"),
        ({"under_way": True}, "+x -x +y -y +b -b", "+x +y +b -b -x -y"),
        ({"under_way": True}, "-x +b -b", "+b -b -x"),
        ({"under_way": True}, "+z -z +b -b", "+b -b +z -z"),
        ({"place": 10}, "+a -a +c -c", "+a +c -a -c"),
    ],
)
def test_what_can_not_be_reached_hides_nothing_of_what_can(
    fields: dict[str, object], stops: str, expected: str
) -> None:
    """x and y go from a's restaurant to doors off every road, z is fetched at one."""
    shipments = [
        shipment("a", 1, 3),
        shipment("b", 5, 6),
        shipment("c", 1, 4),
        shipment("x", 1, 10),
        shipment("y", 1, 11),
        shipment("z", 10, 3),
        shipment("late", 1, 11, ready_at=600.0),
    ]
    visits = tuple(Visit(stop[1:], "pickup" if stop[0] == "+" else "dropoff") for stop in stops.split())
    vehicle = Vehicle(**{"id": "d", "place": 0, "visits": visits} | fields)
    guesses = [[600.0 + 10 * abs(a - b) for b in range(12)] for a in range(12)]
    tour = best_tour(Instance(0.0, shipments, [vehicle], LOST, guesses), "d")
    assert shown(tour.visits) == expected
    for scheduled in tour.schedule:
        assert (scheduled.handed_at is None) == (scheduled.visit.shipment in tour.problems)


def test_ways_that_no_road_leads_are_guessed() -> None:
    """10 is nearer than 11, or 11 than 10, whatever the order was."""
    shipments = [shipment("x", None, 10), shipment("y", None, 11)]
    for nearer, expected in ((10, "-x -y"), (11, "-y -x")):
        guesses = [[600.0 if to == nearer else 3000.0 for to in range(12)] for _ in range(12)]
        for ids in ("xy", "yx"):
            vehicle = Vehicle("d", 0, tuple(Visit(id_, "dropoff") for id_ in ids))
            instance = Instance(0.0, shipments, [vehicle], LOST, guesses=guesses)
            assert shown(best_tour(instance, "d").visits) == expected


@pytest.mark.parametrize("seed", range(30))
def test_what_can_not_be_reached_changes_no_time_of_what_can(seed: int) -> None:
    """Doors of some orders are off every road: the others are planned as if there were none of these."""
    instance, settings = errand(seed, 7)
    random = Random(seed)
    off_road = {one.customer for one in instance.shipments if random.random() < 0.5}
    travel = [
        [inf if a != b and off_road & {a, b} else seconds for b, seconds in enumerate(row)]
        for a, row in enumerate(instance.travel_of(instance.vehicles[0]))
    ]
    vehicle = replace(instance.vehicles[0], capacity=50, mode=None)
    tour = best_tour(Instance(NOW, instance.shipments, [vehicle], travel), "d", settings)
    lost = tour.problems.keys()
    fine = replace(vehicle, visits=tuple(visit for visit in vehicle.visits if visit.shipment not in lost))
    expected = best_tour(Instance(NOW, instance.shipments, [fine], travel), "d", settings)
    assert [one for one in tour.schedule if one.visit.shipment not in lost] == [*expected.schedule]
    assert tour.cost == expected.cost
    assert sorted(map(str, tour.visits)) == sorted(map(str, vehicle.visits))
    for visit in vehicle.visits:
        if visit.kind == "pickup":
            assert tour.visits.index(visit) < tour.visits.index(Visit(visit.shipment, "dropoff"))


@pytest.mark.parametrize(
    ("window", "duration_s", "expected", "begins_at"),
    [
        # As soon as it may, where the driver has nothing on board: before the first pickup, …
        ((0.0, 0.0), 600.0, "+a -a", 0.0),
        # … or behind the door, where there is time for that.
        ((0.0, 3600.0), 600.0, "+a -a", 180.0),
        ((600.0, 900.0), 300.0, "+a -a", 600.0),
        # It waits for nothing while food is on board: before the pickup, though the driver has to wait for that.
        ((60.0, 120.0), 600.0, "+a -a", 60.0),
    ],
)
def test_when_a_break_is(
    window: tuple[float, float], duration_s: float, expected: str, begins_at: float
) -> None:
    vehicle = Vehicle("d", 0, both("a"), breaks=(Break(*window, duration_s),))
    tour = best_tour(Instance(0.0, [shipment("a", 1, 3)], [vehicle], LINE), "d")
    assert shown(tour.visits) == expected
    assert [(rest.begins_at, rest.ends_at) for rest in tour.breaks] == [(begins_at, begins_at + duration_s)]


def test_a_break_is_late_where_food_is_on_board_until_then() -> None:
    vehicle = Vehicle("d", 0, (Visit("a", "dropoff"), *both("b")), breaks=(Break(0.0, 60.0, 600.0),))
    shipments = [shipment("a", None, 3), shipment("b", 4, 5)]
    tour = best_tour(Instance(0.0, shipments, [vehicle], LINE), "d")
    assert shown(tour.visits) == "-a +b -b"
    assert [rest.begins_at for rest in tour.breaks] == [180.0]


@pytest.mark.parametrize(
    ("place", "fields", "begins_at"),
    [(0, {}, 0.0), (0, {"under_way": True}, 180.0), (1, {"arrived_at": 0.0}, 120.0)],
)
def test_a_break_comes_behind_the_leg_under_way(
    place: int, fields: dict[str, float], begins_at: float
) -> None:
    vehicle = Vehicle("d", place, both("a"), breaks=(Break(0.0, 30.0, 600.0),), **fields)
    tour = best_tour(Instance(0.0, [shipment("a", 1, 3)], [vehicle], LINE), "d")
    assert [rest.begins_at for rest in tour.breaks] == [begins_at]


def test_who_has_nothing_to_do_has_a_break_all_the_same() -> None:
    tour = best_tour(Instance(0.0, [], [Vehicle("d", 0, breaks=(Break(300.0, 400.0, 60.0),))], LINE), "d")
    assert (tour.schedule, tour.cost, tour.leave_at) == ((), 0.0, None)
    assert [rest.begins_at for rest in tour.breaks] == [300.0]


@pytest.mark.parametrize("broken", [(10.0, 9.0, 1.0), (0.0, 1.0, -1.0)])
def test_a_break_that_can_not_be(broken: tuple[float, float, float]) -> None:
    with pytest.raises(BadRequest):
        Break(*broken)


def test_a_driver_where_no_road_leads_away_is_told_so() -> None:
    travel = [[0.0, inf, inf], [inf, 0.0, 60.0], [inf, 60.0, 0.0]]
    instance = Instance(0.0, [shipment("a", 1, 2)], [Vehicle("d", 0, both("a"))], travel)
    assert best_tour(instance, "d").problems == {"a": Problem.DRIVER_OFF_ROAD}


@pytest.mark.parametrize("count", range(2, 8))
def test_a_trip_as_it_stands_costs_what_the_model_says(count: int) -> None:
    for seed in range(20):
        instance, settings = errand(seed, count)
        settings = replace(settings, **UNLIMITED)
        visits = instance.vehicles[0].visits
        expected = judged(instance, settings, visits)
        if isinf(expected):
            continue  # more than fits into the bag
        tour = tour_in_order(instance, "d", settings)
        assert [(visit.shipment, visit.kind) for visit in tour.visits] == [
            (visit.shipment, visit.kind) for visit in visits
        ]
        assert tour.cost == pytest.approx(expected)
        assert best_tour(instance, "d", settings).cost <= tour.cost + 1e-6
