"""Proposals and automatic assignment, on the real roads: who takes an order, what it costs, who can't and why."""

from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

from dispatch import tasks
from dispatch.errors import NotFound, WrongStatus
from dispatch.models import City, Driver, Order, Restaurant, Stop
from dispatch.orders import actions, switches
from dispatch.planning import assignment
from dispatch.planning.workload import TABLE_PLACES
from routing.geo import Point, destination
from routing.planner import Problem
from routing.roads.cities import BOULDER
from tests.conftest import DENVER
from tests.dispatch.story import (
    NO_OSRM,
    assign,
    at,
    bring_to,
    last_event,
    plan,
    report,
    status,
    timeline,
)

PARIS = Point(48.8566, 2.3522)
#: Nine kilometres from the restaurant, and far from every road.
FIELD = destination(DENVER, 90, 9_000)


def ranked(order: Order) -> list[str]:
    """The drivers who can take it, the best first."""
    names = dict(Driver.objects.values_list("pk", "name"))
    return [names[p.vehicle] for p in assignment.propose(order.pk).ranked if p.problem is None]


def why_not(order: Order) -> dict[str, Problem]:
    names = dict(Driver.objects.values_list("pk", "name"))
    return {names[p.vehicle]: p.problem for p in assignment.propose(order.pk).ranked if p.problem}


# --------------------------------------------------------------------------------------------- proposals


def test_the_nearest_free_driver_is_best(order: Order, driver_at: Callable[..., Driver]) -> None:
    for metres, name in ((900, "Far"), (300, "Near"), (600, "Between")):
        driver_at(90, metres, name=name)
    assert ranked(order) == ["Near", "Between", "Far"]
    best = assignment.propose(order.pk).ranked[0]
    assert best.added_s > 60
    assert best.tour.delivered(order.pk) > timezone.now().timestamp() + 60


def test_a_busy_driver_next_door_loses_to_a_free_one_farther_away(
    order: Order, new_order: Callable[..., Order], driver_at: Callable[..., Driver]
) -> None:
    busy, _free = driver_at(90, 100, name="Busy"), driver_at(270, 700, name="Free")
    for bearing in (0, 180):
        door = destination(DENVER, bearing, 1300)
        bring_to(new_order(customer_lat=door.lat, customer_lng=door.lng), busy, "picked_up")
    assert ranked(order) == ["Free", "Busy"]


def test_a_driver_who_comes_to_the_restaurant_anyway_beats_a_free_one_far_away(
    order: Order, new_order: Callable[..., Order], driver_at: Callable[..., Driver]
) -> None:
    coming, _free = driver_at(90, 300, name="Coming"), driver_at(270, 1900, name="Free")
    assign(new_order(), coming)
    assert ranked(order)[0] == "Coming"


def test_whoever_is_promised_sooner_is_served_first(new_order: Callable[..., Order], driver: Driver) -> None:
    """The new door is on the way, and would be first if nobody had been promised anything."""
    doors = [destination(DENVER, 90, metres) for metres in (1500, 700)]
    now = timezone.now()
    urgent, relaxed = (
        new_order(customer_lat=door.lat, customer_lng=door.lng, promised_at=now + timedelta(minutes=minutes))
        for door, minutes in zip(doors, (1, 90), strict=True)
    )
    assign(urgent, driver)

    def doors_of(order: Order) -> list[Order]:
        (proposal,) = assignment.propose(order.pk).ranked
        return [visit.shipment for visit in proposal.tour.visits if visit.kind == "dropoff"]

    assert doors_of(relaxed) == [urgent.pk, relaxed.pk]
    Order.objects.update(promised_at=now + timedelta(minutes=90))
    assert doors_of(relaxed) == [relaxed.pk, urgent.pk]


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"current_lat": None, "current_lng": None, "fix_at": None}, Problem.DRIVER_UNPLACED),
        ({"capacity": 1}, Problem.TOO_BIG),
        ({"vehicle": "foot"}, Problem.TOO_BIG),
    ],
)
def test_who_can_not_take_it_is_told_with_the_reason(
    new_order: Callable[..., Order], new_driver: Callable[..., Driver], fields: dict, problem: Problem
) -> None:
    order = new_order(bags=3)
    new_driver(name="Able", vehicle="bicycle")
    new_driver(name="Unable", **fields)
    assert ranked(order) == ["Able"]
    assert why_not(order) == {"Unable": problem}


@pytest.mark.parametrize(
    ("where", "problem"),
    [
        ({"customer_lat": None, "customer_lng": None}, Problem.CUSTOMER_UNPLACED),
        ({"customer_lat": PARIS.lat, "customer_lng": PARIS.lng}, Problem.CUSTOMER_UNREACHABLE),
    ],
)
def test_an_order_that_nobody_can_take_says_why_and_blocks_no_other(
    new_order: Callable[..., Order], driver: Driver, where: dict, problem: Problem
) -> None:
    lost, fine = new_order(**where), new_order()
    assert why_not(lost) == {driver.name: problem}
    assert ranked(fine) == [driver.name]


def test_a_restaurant_out_of_reach(new_order: Callable[..., Order], city: City, driver: Driver) -> None:
    paris = Restaurant.objects.create(name="Chez Doorstep", city=city, lat=PARIS.lat, lng=PARIS.lng)
    assert why_not(new_order(restaurant_id=paris.pk)) == {driver.name: Problem.RESTAURANT_UNREACHABLE}


@pytest.fixture
def boulder(db: None) -> City:
    return City.objects.create(name="Boulder", lat=BOULDER.center.lat, lng=BOULDER.center.lng)


def test_another_citys_driver_is_asked_only_where_that_gains(
    order: Order, boulder: City, driver_at: Callable[..., Driver], new_order: Callable[..., Order]
) -> None:
    driver_at(90, 250, name="Guest", city=boulder)
    own = driver_at(270, 900, name="Own")
    assert ranked(order) == ["Own"]
    for bearing in range(0, 360, 60):
        door = destination(DENVER, bearing, 1500)
        bring_to(new_order(customer_lat=door.lat, customer_lng=door.lng), own, "picked_up")
    assert ranked(order)[0] == "Guest"


def test_other_cities_drivers_are_asked_where_no_own_one_can(
    new_order: Callable[..., Order], boulder: City, driver_at: Callable[..., Driver]
) -> None:
    order = new_order(bags=2)
    driver_at(90, 250, name="Guest", city=boulder)
    own = driver_at(270, 900, name="Own", capacity=1)
    assert (ranked(order), why_not(order)) == (["Guest"], {"Own": Problem.TOO_BIG})
    own.delete()
    assert ranked(order) == ["Guest"]


def test_where_a_restaurant_has_no_city_nobody_is_a_stranger(
    order: Order, boulder: City, driver_at: Callable[..., Driver]
) -> None:
    for name, metres, home in (("Nomad", 300, None), ("Guest", 900, boulder)):
        driver_at(270, metres, name=name, city=home)
    Restaurant.objects.update(city=None)
    assert set(ranked(order)) == {"Nomad", "Guest"}


def test_another_citys_driver_who_has_the_order_is_listed(
    order: Order, boulder: City, driver_at: Callable[..., Driver]
) -> None:
    has = driver_at(90, 250, name="Guest", city=boulder)
    driver_at(90, 400, name="Another guest", city=boulder)
    driver_at(270, 900, name="Own")
    assign(order, has)
    assert ranked(order) == ["Own", "Guest"]


def test_off_shift_is_not_asked(order: Order, new_driver: Callable[..., Driver]) -> None:
    new_driver(on_shift=False, status="offline")
    assert assignment.propose(order.pk).ranked == []


def test_alternatives_for_an_order_that_a_driver_has(order: Order, driver_at: Callable[..., Driver]) -> None:
    has, _other = driver_at(90, 1500, name="Has"), driver_at(90, 200, name="Other")
    assign(order, has)
    assert set(ranked(order)) == {"Has", "Other"}


def test_without_roads_proposals_are_approximate(order: Order, driver: Driver, settings: object) -> None:
    assert not assignment.propose(order.pk).approximate
    settings.OSRM_URL = NO_OSRM
    found = assignment.propose(order.pk)
    assert found.approximate
    assert [proposal.vehicle for proposal in found.ranked] == [driver.pk]


def test_orders_that_wait_for_nobody(order: Order, driver: Driver) -> None:
    with pytest.raises(NotFound):
        assignment.propose(uuid4())
    bring_to(order, driver, "picked_up")
    with pytest.raises(WrongStatus):
        assignment.propose(order.pk)


def test_the_dashboard_asks(
    order: Order, driver: Driver, new_driver: Callable[..., Driver], admin_user: object
) -> None:
    lost = new_driver(current_lat=None, current_lng=None, fix_at=None)
    client = Client()
    url = f"/dispatch/orders/{order.pk}/proposals"
    assert client.get(url).status_code == 403
    client.force_login(admin_user)
    answer = client.get(url)
    assert answer["Cache-Control"] == "no-store"
    assert not answer.json()["approximate"]
    best, last = answer.json()["proposals"]
    assert (best["driverId"], best["lateMinutes"], best["delays"]) == (str(driver.pk), 0, [])
    assert 0 < best["addedMinutes"] < 30
    assert 60_000 < best["deliveredAt"] - timezone.now().timestamp() * 1000 < 30 * 60_000
    assert last == {
        "driverId": str(lost.pk),
        "problem": "driver_unplaced",
        "message": "The driver has not sent a position yet.",
    }
    bring_to(order, driver, "picked_up")
    assert client.get(url).json()["code"] == "wrong_status"
    assert client.get(f"/dispatch/orders/{uuid4()}/proposals").status_code == 404


# ------------------------------------------------------------------------------------ where Doorstep assigns


@pytest.fixture
def auto(city: City) -> City:
    city.assignment = City.Assignment.AUTO
    city.save()
    return city


def test_all_waiting_orders_go_to_drivers_at_once(
    auto: City, new_order: Callable[..., Order], driver_at: Callable[..., Driver]
) -> None:
    drivers = [driver_at(bearing, 400) for bearing in (0, 120, 240)]
    orders = [new_order() for _ in range(3)]
    assert assignment.assign_pending(auto) == 3
    assert {status(order) for order in orders} == {"assigned"}
    assert sum(len(plan(driver)) for driver in drivers) == 6
    assert assignment.assign_pending(auto) == 0
    assert timeline(orders[0]) == ["pending", "assigned"]


def test_only_cities_where_doorstep_assigns_help_each_other(
    auto: City, boulder: City, order: Order, driver_at: Callable[..., Driver]
) -> None:
    guest = driver_at(90, 250, city=boulder)
    assert assignment.assign_pending(auto) == 0
    boulder.assignment = City.Assignment.AUTO
    boulder.save()
    assert assignment.assign_pending(auto) == 1
    order.refresh_from_db()
    assert order.driver == guest


def test_an_order_that_can_not_be_planned_waits_and_the_others_do_not(
    auto: City, new_order: Callable[..., Order], driver: Driver
) -> None:
    lost, fine = new_order(customer_lat=FIELD.lat, customer_lng=FIELD.lng), new_order()
    assert assignment.assign_pending(auto) == 1
    assert (status(lost), status(fine)) == ("pending", "assigned")


def test_why_an_order_waits_is_told_once_and_until_it_is_given_out(
    auto: City, new_order: Callable[..., Order], driver: Driver
) -> None:
    lost = new_order(customer_lat=FIELD.lat, customer_lng=FIELD.lng)

    def known() -> tuple[int, Problem | None]:
        order = Order.objects.select_related("restaurant__city").get(pk=lost.pk)
        return order.version, order.trouble

    assert known() == (1, None)
    for _ in range(2):
        assignment.assign_pending(auto)
        assert known() == (2, Problem.CUSTOMER_UNREACHABLE)
    Order.objects.filter(pk=lost.pk).update(customer_lat=DENVER.lat, customer_lng=DENVER.lng)
    Driver.objects.update(on_shift=False)
    corrected, _ = known()
    assignment.assign_pending(auto)
    assert known() == (corrected + 1, Problem.NO_DRIVER)
    Driver.objects.update(on_shift=True)
    assert assignment.assign_pending(auto) == 1
    assert known()[1] is None


def test_who_ends_the_shift_has_what_is_not_picked_up_handed_on(
    auto: City, new_order: Callable[..., Order], driver_at: Callable[..., Driver]
) -> None:
    gone, other = driver_at(0, 400), driver_at(180, 400)
    waits, on_board = new_order(), new_order()
    bring_to(waits, gone, "driver_at_restaurant")
    bring_to(on_board, gone, "picked_up")
    actions.set_shift(gone.pk, on=False)
    assert assignment.assign_pending(auto) == 1
    waits.refresh_from_db()
    assert (waits.driver, waits.status) == (other, "assigned")
    assert last_event(waits).actor == "system"
    # Food in a bag never changes driver by itself.
    assert plan(gone) == [f"dropoff {on_board.customer_name}"]
    assert assignment.assign_pending(auto) == 0


def test_who_ends_the_shift_keeps_what_nobody_can_take(
    auto: City, order: Order, driver_at: Callable[..., Driver]
) -> None:
    gone = driver_at(0, 400)
    bring_to(order, gone, "to_restaurant")
    actions.set_shift(gone.pk, on=False)
    assert assignment.assign_pending(auto) == 0
    order.refresh_from_db()
    assert (order.driver, order.status, order.trouble) == (gone, "to_restaurant", Problem.SHIFT_OVER)


def test_where_dispatchers_assign_nobody_says_why_an_order_waits(auto: City, order: Order) -> None:
    assignment.assign_pending(auto)
    order.refresh_from_db()
    assert order.trouble == Problem.NO_DRIVER
    City.objects.update(assignment=City.Assignment.PROPOSE)
    assert Order.objects.get(pk=order.pk).trouble is None


def test_an_order_without_coordinates_says_so_from_the_start(new_order: Callable[..., Order]) -> None:
    assert new_order(customer_lat=None, customer_lng=None).trouble == Problem.CUSTOMER_UNPLACED


def test_an_order_whose_coordinates_can_not_be_right_is_left_to_a_dispatcher(
    auto: City, new_order: Callable[..., Order], driver: Driver, settings: object
) -> None:
    """Without roads it would be driven to along a straight line."""
    settings.OSRM_URL = NO_OSRM
    wrong = [new_order(customer_lat=at.lat, customer_lng=at.lng) for at in (Point(0, 0), PARIS)]
    fine = new_order()
    assert assignment.assign_pending(auto) == 1
    assert [status(order) for order in (*wrong, fine)] == ["pending", "pending", "assigned"]
    assign(wrong[1], driver)
    assert status(wrong[1]) == "assigned"


@pytest.mark.parametrize("on_duty", [True, False])
def test_of_a_restaurant_and_a_door_the_one_without_a_road_is_named(
    auto: City, new_order: Callable[..., Order], new_driver: Callable[..., Driver], on_duty: bool
) -> None:
    new_driver(on_shift=on_duty)
    farm = Restaurant.objects.create(name="Farm", city=auto, lat=FIELD.lat, lng=FIELD.lng)
    orders = [new_order(restaurant_id=farm.pk), new_order(customer_lat=FIELD.lat, customer_lng=FIELD.lng)]
    for _ in range(2):
        assert assignment.assign_pending(auto) == 0
        assert [Order.objects.get(pk=order.pk).trouble for order in orders] == [
            Problem.RESTAURANT_UNREACHABLE,
            Problem.CUSTOMER_UNREACHABLE,
        ]


def test_a_driver_is_told_when_it_is_nearly_time(
    auto: City, new_order: Callable[..., Order], driver: Driver
) -> None:
    order = new_order(ready_at=timezone.now() + timedelta(minutes=30))
    assert assignment.assign_pending(auto) == 0
    Order.objects.filter(pk=order.pk).update(ready_at=timezone.now() + timedelta(minutes=1))
    assert assignment.assign_pending(auto) == 1


def test_nobody_is_sent_to_a_restaurant_before_it_opens(auto: City, order: Order, driver: Driver) -> None:
    (proposal,) = assignment.propose(order.pk).ranked
    drive = timedelta(seconds=proposal.tour.schedule[0].arrives_at - timezone.now().timestamp())
    # A driver hears of it two minutes before it is time to set off.
    for wait, given in (
        (timedelta(hours=2), 0),
        (drive + timedelta(minutes=3), 0),
        (drive + timedelta(minutes=1), 1),
    ):
        switches.pause(order.restaurant_id, until=timezone.now() + wait)
        assert assignment.assign_pending(auto) == given
        order.refresh_from_db()
        assert order.trouble == (None if given else Problem.RESTAURANT_PAUSED)
    assert status(order) == "assigned"


def test_nobody_is_sent_while_nobody_knows_when_a_pause_ends(
    auto: City, new_order: Callable[..., Order], driver: Driver
) -> None:
    order = new_order()
    elsewhere = Restaurant.objects.create(name="Elsewhere", city=auto, lat=DENVER.lat, lng=DENVER.lng)
    other = new_order(restaurant_id=elsewhere.pk)
    switches.pause(order.restaurant_id, until=None)
    assert assignment.assign_pending(auto) == 1
    assert (status(order), status(other)) == ("pending", "assigned")
    switches.resume(order.restaurant_id)
    switches.pause(auto.pk, until=None)
    assert assignment.assign_pending(auto) == 0
    order.refresh_from_db()
    assert order.trouble == Problem.CITY_PAUSED


def test_nobody_is_sent_to_a_restaurant_that_closes_before_the_driver_is_there(
    auto: City, order: Order, driver: Driver
) -> None:
    Restaurant.objects.update(paused_since=timezone.now() + timedelta(seconds=15))
    assert assignment.assign_pending(auto) == 0
    order.refresh_from_db()
    assert order.trouble == Problem.RESTAURANT_CLOSES
    Restaurant.objects.update(paused_since=timezone.now() + timedelta(minutes=30))
    assert assignment.assign_pending(auto) == 1


def test_a_kitchen_whose_food_is_ready_after_closing_is_at_work_for_it(
    auto: City, new_order: Callable[..., Order], driver: Driver
) -> None:
    order = new_order(ready_at=timezone.now() + timedelta(minutes=20))
    Restaurant.objects.update(paused_since=timezone.now() + timedelta(minutes=15))
    assert assignment.assign_pending(auto) == 0  # nobody has to set off yet
    order.refresh_from_db()
    assert order.trouble is None


def test_an_address_that_no_road_leads_to_is_named_before_a_pause(
    auto: City, new_order: Callable[..., Order], driver: Driver
) -> None:
    lost = new_order(customer_lat=FIELD.lat, customer_lng=FIELD.lng)
    assignment.assign_pending(auto)
    switches.pause(lost.restaurant_id, until=None)
    for _ in range(2):
        assignment.assign_pending(auto)
        assert Order.objects.get(pk=lost.pk).trouble == Problem.CUSTOMER_UNREACHABLE


def test_a_busy_driver_is_not_told_of_food_that_is_ready_much_later(
    auto: City, new_order: Callable[..., Order], driver: Driver
) -> None:
    bring_to(new_order(), driver, "picked_up")
    order = new_order(ready_at=timezone.now() + timedelta(minutes=40))
    assert assignment.assign_pending(auto) == 0
    assert status(order) == "pending"


def test_of_very_many_orders_the_oldest_are_planned_first(
    auto: City, new_order: Callable[..., Order], driver_at: Callable[..., Driver]
) -> None:
    """All at once they would not fit into one table of the roads'."""
    drivers = [driver_at(bearing, 400) for bearing in (0, 180)]
    orders = [new_order() for _ in range(TABLE_PLACES)]
    assert assignment.assign_pending(auto) >= len(drivers)
    given = Order.objects.exclude(status="pending").order_by("-created_at")
    assert given.first().created_at <= orders[TABLE_PLACES // 4 - 1].created_at


def test_a_driver_with_the_order_is_asked_however_much_there_is_to_do(
    order: Order, new_order: Callable[..., Order], driver_at: Callable[..., Driver]
) -> None:
    has, near = driver_at(90, 1500, name="Has"), driver_at(90, 100, name="Near")
    assign(order, has)
    carried = [new_order() for _ in range(TABLE_PLACES)]
    Order.objects.filter(pk__in=[one.pk for one in carried]).update(driver=near, status="picked_up")
    Stop.objects.bulk_create(Stop(driver=near, order=one, kind="dropoff", position=1) for one in carried)
    assert [proposal.vehicle for proposal in assignment.propose(order.pk).ranked] == [has.pk]


def test_silent_drivers_are_not_given_anything(
    auto: City, order: Order, new_driver: Callable[..., Driver]
) -> None:
    new_driver(status="offline", last_seen_at=at(0))
    assert assignment.assign_pending(auto) == 0


def test_what_a_driver_knows_of_is_never_taken_away(
    auto: City, order: Order, new_order: Callable[..., Order], driver_at: Callable[..., Driver]
) -> None:
    far, _near = driver_at(90, 1900), driver_at(90, 100)
    assign(order, far)
    new_order()
    assignment.assign_pending(auto)
    order.refresh_from_db()
    assert order.driver == far


@pytest.mark.django_db(transaction=True)
def test_only_cities_that_want_it(order: Order, city: City, driver: Driver) -> None:
    tasks.assign_pending()
    assert status(order) == "pending"
    City.objects.update(assignment=City.Assignment.AUTO)
    tasks.assign_pending()
    assert status(order) == "assigned"
    report(driver, order, "picked_up")
