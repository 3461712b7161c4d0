"""Plans over the real roads: what a driver's stops look like after `replan` and `refresh_etas`."""

import logging
import threading
from collections.abc import Callable
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise, permutations
from uuid import UUID

import pytest
import time_machine
from django.conf import settings as configured
from django.utils import timezone

from dispatch.models import Driver, Order, Restaurant, Stop
from dispatch.orders import geofence_actions
from dispatch.planning import plan_store, replanning
from routing.geo import Point, destination, distance_m
from routing.osrm import osrm_from_settings, straight_line
from routing.problems import Problem
from tests.conftest import DENVER
from tests.dispatch.story import arrive, assign, bring_to, leave, plan, report, status

NO_OSRM = "http://127.0.0.1:9"
PARIS = {"current_lat": 48.8566, "current_lng": 2.3522}


@pytest.fixture
def order_at(new_order: Callable[..., Order]) -> Callable[[float, float], Order]:
    """An order of the restaurant in DENVER for a door so many metres away, towards a bearing."""

    def make(bearing: float, metres: float, **fields: object) -> Order:
        door = destination(DENVER, bearing, metres)
        return new_order(customer_lat=door.lat, customer_lng=door.lng, **fields)

    return make


def move(driver: Driver, to: Point) -> None:
    Driver.objects.filter(pk=driver.pk).update(current_lat=to.lat, current_lng=to.lng)
    driver.refresh_from_db()


def stops(driver: Driver) -> list[Stop]:
    return list(Stop.objects.plans_of([driver.pk]))


def minutes(order: Order) -> int | None:
    order.refresh_from_db()
    return order.eta_minutes


def driving_s(*way: Point) -> float:
    return osrm_from_settings().route(way).duration_s


# ------------------------------------------------------------------------------------------- visiting order


@pytest.mark.parametrize("doors", [(0, 120, 240), (90, 270, 180), (10, 350, 30, 160)])
def test_dropoffs_are_visited_in_the_fastest_order(
    order_at: Callable, driver: Driver, doors: tuple[float]
) -> None:
    """Three and more stops: with OSRM's waypoint_index read the wrong way round, some cycle goes wrong."""
    for bearing in doors:
        bring_to(order_at(bearing, 900), driver, "picked_up")
    assert replanning.replan(driver.pk)
    visited = [stop.point for stop in stops(driver)]
    table = osrm_from_settings().table([driver.point, *visited]).seconds
    way, *others = (
        sum(table[a][b] for a, b in pairwise((0, *order))) for order in permutations(range(1, len(doors) + 1))
    )
    assert way <= min(others) + 1


def test_every_pickup_comes_before_its_dropoff_and_the_way_is_the_fastest(
    order_at: Callable, driver: Driver, restaurant: Restaurant
) -> None:
    far = destination(DENVER, 0, 800)
    other = Restaurant.objects.create(name="Tacos", city=restaurant.city, lat=far.lat, lng=far.lng)
    for bearing, place in ((90, restaurant), (180, other), (300, restaurant)):
        assign(order_at(bearing, 700, restaurant_id=place.pk), driver)
    before = [stop.point for stop in stops(driver)]
    assert replanning.replan(driver.pk)
    found = stops(driver)
    ranks = {(stop.kind, stop.order_id): n for n, stop in enumerate(found)}
    assert all(ranks["pickup", pk] < ranks["dropoff", pk] for _, pk in ranks)
    allowed = [
        way
        for way in permutations(found)
        if all(
            one.kind == "pickup" or ("pickup", one.order_id) not in {(s.kind, s.order_id) for s in way[n:]}
            for n, one in enumerate(way)
        )
    ]
    table = osrm_from_settings().table([driver.point, *(stop.point for stop in found)]).seconds
    place = {stop.pk: n for n, stop in enumerate(found, start=1)}
    fastest = min(sum(table[a][b] for a, b in pairwise((0, *(place[s.pk] for s in way)))) for way in allowed)
    assert sum(table[n][n + 1] for n in range(len(found))) == pytest.approx(fastest, abs=1)
    assert driving_s(driver.point, *(stop.point for stop in found)) < driving_s(driver.point, *before)


def test_a_stop_that_has_been_reached_stays_first(order_at: Callable, driver: Driver) -> None:
    far, near = order_at(90, 1400, customer_name="Far"), order_at(270, 900, customer_name="Near")
    for order in (far, near):
        bring_to(order, driver, "picked_up")
    replanning.replan(driver.pk)
    assert plan(driver)[0] == "dropoff Near"
    plan_store.store(
        plan_store.Plan(
            driver.pk,
            plan_store.Ahead.of(stops(driver)),
            [plan_store.PlannedStop(stop.pk, timezone.now(), (1, 2)) for stop in reversed(stops(driver))],
        )
    )
    arrive(driver, "dropoff", far)
    replanning.replan(driver.pk)
    assert plan(driver) == ["dropoff Far", "dropoff Near"]


def test_a_pickup_that_has_been_reached_stays_first(order_at: Callable, driver: Driver) -> None:
    bag, waiting = order_at(270, 950, customer_name="Bag"), order_at(90, 900, customer_name="Waiting")
    bring_to(bag, driver, "picked_up")
    assign(waiting, driver)
    arrive(driver, "pickup", waiting)
    plan_store.store(
        plan_store.Plan(
            driver.pk,
            plan_store.Ahead.of(stops(driver)),
            [
                plan_store.PlannedStop(stop.pk, timezone.now(), (1, 2))
                for stop in sorted(stops(driver), key=lambda stop: (stop.arrived_at is None, stop.position))
            ],
        )
    )
    replanning.replan(driver.pk)
    assert plan(driver)[0] == "pickup Waiting"


# ------------------------------------------------------------------------------------------------ etas, roads


def test_an_eta_goes_through_everything_before_it(order_at: Callable, driver: Driver) -> None:
    first, second = order_at(90, 600), order_at(90, 1400)
    for order in (first, second):
        assign(order, driver)
    replanning.replan(driver.pk)
    way = [driver.point, *(stop.point for stop in stops(driver))]
    expected = driving_s(*way) + configured.PICKUP_SERVICE_S + configured.DROPOFF_SERVICE_S
    assert minutes(second) == pytest.approx(expected / 60, abs=1)
    assert minutes(first) < minutes(second)
    assert not second.eta_approximate


def test_food_that_is_late_makes_everything_late(order_at: Callable, driver: Driver) -> None:
    order = order_at(90, 600, ready_at=timezone.now() + timedelta(hours=1))
    assign(order, driver)
    replanning.replan(driver.pk)
    assert 60 < minutes(order) < 70
    pickup, _ = stops(driver)
    assert pickup.eta < timezone.now() + timedelta(minutes=10)


def test_the_roads_lead_from_stop_to_stop_with_the_longitude_first(
    order_at: Callable, driver: Driver
) -> None:
    for bearing in (90, 200):
        assign(order_at(bearing, 800), driver)
    replanning.replan(driver.pk)
    legs = [stop.leg for stop in stops(driver)]
    ends = [(Point(leg[0][1], leg[0][0]), Point(leg[-1][1], leg[-1][0])) for leg in legs if leg]
    assert distance_m(ends[0][0], driver.point) < 150
    assert all(distance_m(end, start) < 1 for (_, end), (start, _) in pairwise(ends))
    assert all(
        distance_m(end, stop.point) < 150
        for (_, end), stop in zip(ends, (s for s in stops(driver) if s.leg), strict=True)
    )


def test_an_eta_shrinks_as_the_driver_comes_nearer(order_at: Callable, driver: Driver) -> None:
    order = order_at(90, 1400)
    bring_to(order, driver, "picked_up")
    replanning.replan(driver.pk)
    far = minutes(order)
    move(driver, destination(DENVER, 90, 1300))
    assert replanning.refresh_etas() == 1
    assert minutes(order) < far


def test_roads_are_kept_while_the_driver_is_on_them(order_at: Callable, driver: Driver) -> None:
    order = order_at(90, 1400)
    bring_to(order, driver, "picked_up")
    replanning.replan(driver.pk)
    [before] = stops(driver)
    lng, lat = before.leg[len(before.leg) // 2]
    move(driver, Point(lat, lng))
    replanning.refresh_etas()
    assert stops(driver)[0].leg == before.leg


def test_who_took_another_road_gets_new_roads(order_at: Callable, driver: Driver) -> None:
    order = order_at(90, 1400)
    bring_to(order, driver, "picked_up")
    replanning.replan(driver.pk)
    [before] = stops(driver)
    move(driver, destination(DENVER, 180, 900))
    replanning.refresh_etas()
    [after] = stops(driver)
    assert after.leg != before.leg
    assert distance_m(Point(after.leg[0][1], after.leg[0][0]), driver.point) < 150


# ----------------------------------------------------------------------------------------- what can go wrong


def test_without_osrm_an_eta_is_approximate_and_the_stops_keep_their_order(
    order_at: Callable, driver: Driver, settings: object
) -> None:
    settings.OSRM_URL = NO_OSRM
    for bearing in (90, 270):
        bring_to(order_at(bearing, 900), driver, "picked_up")
    before = plan(driver)
    assert replanning.replan(driver.pk)
    assert plan(driver) == before
    orders = [stop.order for stop in stops(driver)]
    expected = straight_line([driver.point, *(order.customer_point for order in orders)])
    assert all(order.eta_approximate for order in orders)
    assert minutes(orders[0]) == pytest.approx(expected.legs[0].duration_s / 60, abs=1)
    assert minutes(orders[1]) == pytest.approx((expected.duration_s + 90) / 60, abs=1)


def test_a_straight_line_is_not_shown_as_a_road(order_at: Callable, driver: Driver, settings: object) -> None:
    assign(order_at(90, 900), driver)
    settings.OSRM_URL = NO_OSRM
    replanning.replan(driver.pk)
    assert [stop.leg for stop in stops(driver)] == [None, None]


def test_when_osrm_is_back_everything_is_exact_again(
    order_at: Callable, driver: Driver, settings: object
) -> None:
    order, url = order_at(90, 900), settings.OSRM_URL
    assign(order, driver)
    settings.OSRM_URL = NO_OSRM
    replanning.refresh_etas()
    order.refresh_from_db()
    assert order.eta_approximate
    settings.OSRM_URL = url
    replanning.refresh_etas()
    order.refresh_from_db()
    assert not order.eta_approximate
    assert all(len(stop.leg) > 2 for stop in stops(driver))


def test_soon_after_osrm_is_back_its_etas_are_exact_again(
    order_at: Callable, new_driver: Callable[..., Driver], settings: object
) -> None:
    (exact, approximate, silent), url = [order_at(90, 900) for _ in range(3)], settings.OSRM_URL
    quiet = new_driver()
    for order, driver in ((exact, new_driver()), (approximate, new_driver()), (silent, quiet)):
        assign(order, driver)
    replanning.refresh_etas()
    assert replanning.mend_etas() == 0
    settings.OSRM_URL = NO_OSRM
    for order in (approximate, silent):
        order.refresh_from_db()
        replanning.replan(order.driver_id)
    assert replanning.mend_etas() == 2
    settings.OSRM_URL = url
    Driver.objects.filter(pk=quiet.pk).update(last_seen_at=None)
    geofence_actions.mark_silent_drivers()
    # Whoever is silent stays approximate: the next round is soon enough.
    assert replanning.mend_etas() == 1
    for order in (exact, approximate, silent):
        order.refresh_from_db()
    assert [order.eta_approximate for order in (exact, approximate, silent)] == [False, False, True]


def test_an_osrm_that_fails_is_asked_once_a_round(
    order_at: Callable, new_driver: Callable[..., Driver], settings: object
) -> None:
    """Each question may cost seconds of waiting: of sixty drivers the last would hear after minutes."""
    asked: list[str] = []

    class Failing(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(500)

        def log_message(self, *_: object) -> None:
            pass

    orders = [order_at(90, 900 + n) for n in range(3)]
    for order in orders:
        assign(order, new_driver())
    with ThreadingHTTPServer(("127.0.0.1", 0), Failing) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        settings.OSRM_URL = f"http://127.0.0.1:{server.server_port}"
        assert replanning.refresh_etas() == 3
        server.shutdown()
    assert len(asked) == 1
    assert all(minutes(order) for order in orders)


def test_the_eta_of_a_silent_driver_is_approximate(order_at: Callable, driver: Driver) -> None:
    order = order_at(90, 900)
    assign(order, driver)
    Driver.objects.filter(pk=driver.pk).update(last_seen_at=None)
    geofence_actions.mark_silent_drivers()
    replanning.refresh_etas()
    assert minutes(order) > 0
    assert order.eta_approximate


@pytest.mark.parametrize("plan", [replanning.replan, lambda _: replanning.refresh_etas()])
def test_whoever_is_heard_of_is_not_silent_by_a_wrong_clock(
    order_at: Callable, driver: Driver, plan: Callable[[UUID], object]
) -> None:
    order = order_at(90, 900)
    assign(order, driver)
    with time_machine.travel(timezone.now() + timedelta(days=400), tick=False):  # this worker's clock
        plan(driver.pk)
    order.refresh_from_db()
    assert order.problem == ""


@pytest.mark.parametrize("problem", [Problem.DRIVER_OFF_ROAD, Problem.CUSTOMER_UNPLACED])
def test_one_drivers_trouble_does_not_stop_anothers_eta(
    order_at: Callable,
    new_driver: Callable[..., Driver],
    problem: Problem,
    caplog: pytest.LogCaptureFixture,
) -> None:
    unlucky, others = new_driver(name="A"), [new_driver(name="B"), new_driver(name="0")]
    for driver in (unlucky, *others):
        assign(order_at(90, 900, customer_name=driver.name), driver)
    if problem == Problem.DRIVER_OFF_ROAD:
        Driver.objects.filter(pk=unlucky.pk).update(**PARIS)
    else:
        Order.objects.filter(driver=unlucky).update(customer_lat=None, customer_lng=None)
    with caplog.at_level(logging.WARNING):
        replanning.refresh_etas()
    assert all(0 < minutes(order) < 30 for order in Order.objects.filter(driver__in=others))
    assert not Order.objects.filter(driver__in=others).exclude(problem="").exists()
    mine = Order.objects.get(driver=unlucky)
    assert (mine.eta_minutes, mine.problem) == (None, problem)
    assert not any(str(value) in caplog.text for value in (*PARIS.values(), DENVER.lat))


@pytest.mark.parametrize("cycle", [replanning.refresh_etas, replanning.sweep])
def test_what_nobody_thought_of_stays_one_drivers_trouble(
    order_at: Callable,
    new_driver: Callable[..., Driver],
    cycle: Callable[[], int],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Written past the application: a road that is none, and a pickup without a door to go to."""
    unlucky, *others = (new_driver() for _ in range(3))
    for driver in (unlucky, *others):
        for metres in (1400, 300):
            assign(order_at(90, metres), driver)
    Stop.objects.filter(driver=unlucky).update(leg=["nonsense"])
    Stop.objects.filter(driver=unlucky, kind="dropoff").delete()
    with caplog.at_level(logging.ERROR):
        assert cycle() == len(others)
    assert all(minutes(order) for order in Order.objects.filter(driver__in=others))
    assert f"driver {unlucky.pk} keeps the plan from before" in caplog.text
    caplog.clear()


def test_a_driver_without_stops_has_nothing_to_plan(driver: Driver) -> None:
    assert not replanning.replan(driver.pk)
    assert replanning.refresh_etas() == 0


def test_a_first_fix_is_enough_for_the_next_cycle(
    order_at: Callable, new_driver: Callable[..., Driver]
) -> None:
    driver, order = new_driver(current_lat=None, current_lng=None, fix_at=None), order_at(90, 900)
    assign(order, driver)
    move(driver, destination(DENVER, 270, 500))
    assert replanning.refresh_etas() == 1
    assert minutes(order) > 0


def test_a_door_that_was_left_is_on_nobodys_way(order_at: Callable, driver: Driver) -> None:
    """From where the driver is, straight to the next door; the last of all leaves nothing to plan."""
    ann, bob = order_at(90, 1500), order_at(270, 1500)
    for order in (ann, bob):
        bring_to(order, driver, "picked_up")
    arrive(driver, "dropoff", ann, seconds=1200)
    leave(driver, "dropoff", ann, seconds=1500)
    move(driver, DENVER)
    assert replanning.replan(driver.pk)
    assert replanning.refresh_etas() == 1
    expected = driving_s(DENVER, bob.customer_point)
    assert minutes(bob) == pytest.approx(expected / 60, abs=1)
    assert minutes(ann) is None
    report(driver, bob, "delivered")
    assert not replanning.replan(driver.pk)
    assert replanning.refresh_etas() == 0


# ------------------------------------------------------------------------- what a dispatcher reads of the trouble


def troubles(*orders: Order) -> list[tuple[bool, str]]:
    """Of each order whether it has an ETA, and what is wrong with it."""
    for order in orders:
        order.refresh_from_db()
    return [(order.eta_minutes is not None, order.problem) for order in orders]


#: A field without a road: near enough for an estimate, and too far away for one.
FIELD, DESERT = (destination(DENVER, 90, metres) for metres in (9_000, 90_000))


def at_door(place: Point) -> dict[str, float]:
    return {"customer_lat": place.lat, "customer_lng": place.lng}


@pytest.mark.parametrize("place", [FIELD, DESERT])
def test_a_customer_off_the_roads_spoils_only_what_comes_after(
    order_at: Callable, driver: Driver, place: Point
) -> None:
    before, lost, after = (order_at(90, metres) for metres in (300, 600, 900))
    for order in (before, lost, after):
        bring_to(order, driver, "picked_up")
    replanning.replan(driver.pk)
    Order.objects.filter(pk=lost.pk).update(**at_door(place))
    replanning.refresh_etas()
    told = place == FIELD
    assert troubles(before, lost, after) == [
        (True, ""),
        (told, Problem.CUSTOMER_UNREACHABLE),
        (told, Problem.EARLIER_STOP),
    ]
    assert [order.eta_low is not None for order in (before, lost, after)] == [True, False, False]
    # Put in order anew, the one that can't be reached comes last.
    replanning.replan(driver.pk)
    assert troubles(before, after, lost) == [(True, ""), (True, ""), (told, Problem.CUSTOMER_UNREACHABLE)]


@pytest.mark.parametrize("metres", [9_000, 90_000, 9_000_000])
def test_one_visit_fetches_what_goes_to_doors_off_the_roads(
    order_at: Callable, driver: Driver, metres: float
) -> None:
    """The one that is nearer comes first, whichever was assigned first."""
    for name, more in (("Far", 500), ("Near", 0)):
        assign(order_at(90, metres + more, customer_name=name), driver)
    replanning.replan(driver.pk)
    visited = plan(driver)
    assert ({*visited[:2]}, visited[2:]) == (
        {"pickup Far", "pickup Near"},
        ["dropoff Near", "dropoff Far"],
    )
    assign(order_at(90, 700, customer_name="Road"), driver)
    replanning.replan(driver.pk)
    visited = plan(driver)
    assert ({*visited[:3]}, visited[3:]) == (
        {"pickup Far", "pickup Near", "pickup Road"},
        ["dropoff Road", "dropoff Near", "dropoff Far"],
    )


def test_a_driver_off_the_roads_is_planned_by_what_can_be_guessed(order_at: Callable, driver: Driver) -> None:
    for name, metres in (("Far", 1500), ("Near", 700)):
        assign(order_at(90, metres, customer_name=name), driver)
    move(driver, FIELD)
    replanning.replan(driver.pk)
    assert [stop.split()[0] for stop in plan(driver)] == ["pickup", "pickup", "dropoff", "dropoff"]


def test_the_road_is_drawn_as_far_as_it_leads(order_at: Callable, driver: Driver) -> None:
    near, lost = order_at(90, 300), order_at(90, 600)
    for order in (near, lost):
        bring_to(order, driver, "picked_up")
    Order.objects.filter(pk=lost.pk).update(**at_door(FIELD))
    replanning.replan(driver.pk)
    assert [stop.leg is not None for stop in stops(driver)] == [True, False]


def test_a_restaurant_off_the_roads_is_named_at_its_own_order(
    order_at: Callable, driver: Driver, restaurant: Restaurant
) -> None:
    farm = Restaurant.objects.create(name="Farm", city=restaurant.city, lat=FIELD.lat, lng=FIELD.lng)
    bag, meal = order_at(90, 900), order_at(90, 600, restaurant_id=farm.pk)
    bring_to(bag, driver, "picked_up")
    assign(meal, driver)
    replanning.replan(driver.pk)
    assert troubles(bag, meal) == [(True, ""), (True, Problem.RESTAURANT_UNREACHABLE)]


def test_a_driver_without_a_position_is_named_and_the_first_fix_ends_it(
    order_at: Callable, new_driver: Callable[..., Driver]
) -> None:
    driver, order = new_driver(current_lat=None, current_lng=None, fix_at=None), order_at(90, 900)
    assign(order, driver)
    assert replanning.replan(driver.pk)
    assert troubles(order) == [(False, Problem.DRIVER_UNPLACED)]
    driver.refresh_from_db()
    version = driver.version
    assert replanning.refresh_etas() == 1
    driver.refresh_from_db()
    assert driver.version == version
    move(driver, destination(DENVER, 270, 500))
    replanning.refresh_etas()
    assert troubles(order) == [(True, "")]


def test_a_driver_off_the_roads_is_named(order_at: Callable, driver: Driver) -> None:
    orders = [order_at(90, metres) for metres in (300, 900)]
    for order in orders:
        bring_to(order, driver, "picked_up")
    move(driver, FIELD)
    replanning.refresh_etas()
    assert troubles(*orders) == [(True, Problem.DRIVER_OFF_ROAD)] * 2


def test_silence_and_roads_that_are_away_are_named(
    order_at: Callable, driver: Driver, settings: object
) -> None:
    order, url = order_at(90, 900), settings.OSRM_URL
    assign(order, driver)
    Driver.objects.filter(pk=driver.pk).update(last_seen_at=None)
    geofence_actions.mark_silent_drivers()
    replanning.refresh_etas()
    assert troubles(order) == [(True, Problem.DRIVER_SILENT)]
    settings.OSRM_URL = NO_OSRM
    replanning.refresh_etas()
    assert troubles(order) == [(True, Problem.ROADS_AWAY)]
    settings.OSRM_URL = url
    replanning.refresh_etas()
    assert troubles(order) == [(True, Problem.DRIVER_SILENT)]


def test_a_slow_app_is_on_duty_and_its_etas_are_approximate(order_at: Callable, driver: Driver) -> None:
    order = order_at(90, 900)
    assign(order, driver)
    for silent_s, problem in ((50, ""), (90, Problem.DRIVER_SILENT)):
        Driver.objects.update(last_seen_at=timezone.now() - timedelta(seconds=silent_s), heard_every_s=65)
        geofence_actions.mark_silent_drivers()
        replanning.refresh_etas()
        assert troubles(order) == [(True, problem)]
        assert status(driver) == "to_restaurant"


def test_whoever_takes_the_order_over_starts_without_its_trouble(
    order_at: Callable, new_driver: Callable[..., Driver], driver: Driver
) -> None:
    order = order_at(90, 900)
    assign(order, new_driver(current_lat=None, current_lng=None, fix_at=None))
    replanning.refresh_etas()
    assign(order, driver)
    assert troubles(order) == [(False, "")]
