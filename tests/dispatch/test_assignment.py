"""Proposals and automatic assignment, on the real roads: who takes an order, what it costs, who can't and why."""

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from django.test import Client
from django.utils import timezone

from dispatch import actions, assignment, planning, plans, tasks
from dispatch.errors import Invalid, NotFound, WrongStatus
from dispatch.models import City, Driver, Order, Restaurant, Stop
from routing.geo import Point, destination
from routing.osrm import osrm_from_settings
from routing.planner import Problem
from routing.roads.cities import BOULDER
from tests.conftest import DENVER
from tests.dispatch.story import DANA, arrive, assign, at, bring_to, plan, report, status, timeline

PARIS = Point(48.8566, 2.3522)
NO_OSRM = "http://127.0.0.1:1"


@pytest.fixture
def driver_at(new_driver: Callable[..., Driver]) -> Callable[..., Driver]:
    """A driver on shift so many metres away from the restaurant, towards a bearing."""

    def make(bearing: float, metres: float, **fields: object) -> Driver:
        at = destination(DENVER, bearing, metres)
        return new_driver(current_lat=at.lat, current_lng=at.lng, **fields)

    return make


def ranked(order: Order) -> list[str]:
    """The drivers who can take it, the best first."""
    names = dict(Driver.objects.values_list("pk", "name"))
    return [names[p.driver] for p in assignment.propose(order.pk).ranked if p.problem is None]


def why_not(order: Order) -> dict[str, Problem]:
    names = dict(Driver.objects.values_list("pk", "name"))
    return {names[p.driver]: p.problem for p in assignment.propose(order.pk).ranked if p.problem}


# --------------------------------------------------------------------------------------------- proposals


def test_the_nearest_free_driver_is_best(order: Order, driver_at: Callable[..., Driver]) -> None:
    for metres, name in ((900, "Far"), (300, "Near"), (600, "Between")):
        driver_at(90, metres, name=name)
    assert ranked(order) == ["Near", "Between", "Far"]
    best = assignment.propose(order.pk).ranked[0]
    assert best.added_s > 60
    assert best.trip.delivered(order.pk) > timezone.now().timestamp() + 60


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
        return [stop.order for stop in proposal.trip.stops if stop.kind == "dropoff"]

    assert doors_of(relaxed) == [urgent.pk, relaxed.pk]
    Order.objects.update(promised_at=now + timedelta(minutes=90))
    assert doors_of(relaxed) == [relaxed.pk, urgent.pk]


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"current_lat": None, "current_lng": None, "fix_at": None}, Problem.DRIVER_UNPLACED),
        ({"capacity": 1}, Problem.TOO_BIG),
    ],
)
def test_who_can_not_take_it_is_told_with_the_reason(
    new_order: Callable[..., Order], new_driver: Callable[..., Driver], fields: dict, problem: Problem
) -> None:
    order = new_order(bags=2)
    new_driver(name="Able")
    new_driver(name="Unable", **fields)
    assert ranked(order) == ["Able"]
    assert why_not(order) == {"Unable": problem}
    assert problem.text.endswith(".")


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


def test_another_citys_driver_comes_after_our_own_unless_it_gains(
    order: Order, driver_at: Callable[..., Driver], new_order: Callable[..., Order]
) -> None:
    boulder = City.objects.create(name="Boulder", lat=BOULDER.center.lat, lng=BOULDER.center.lng)
    driver_at(90, 250, name="Guest", city=boulder)
    own = driver_at(270, 900, name="Own")
    assert ranked(order) == ["Own", "Guest"]
    for bearing in range(0, 360, 60):
        door = destination(DENVER, bearing, 1500)
        bring_to(new_order(customer_lat=door.lat, customer_lng=door.lng), own, "picked_up")
    assert ranked(order)[0] == "Guest"


def test_off_shift_is_not_asked(order: Order, new_driver: Callable[..., Driver]) -> None:
    new_driver(on_shift=False)
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
    assert [proposal.driver for proposal in found.ranked] == [driver.pk]


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


def test_an_order_that_can_not_be_planned_waits_and_the_others_do_not(
    auto: City, new_order: Callable[..., Order], driver: Driver
) -> None:
    lost, fine = new_order(customer_lat=PARIS.lat, customer_lng=PARIS.lng), new_order()
    assert assignment.assign_pending(auto) == 1
    assert (status(lost), status(fine)) == ("pending", "assigned")


def test_a_driver_is_told_when_it_is_nearly_time(
    auto: City, new_order: Callable[..., Order], driver: Driver
) -> None:
    order = new_order(ready_at=timezone.now() + timedelta(minutes=30))
    assert assignment.assign_pending(auto) == 0
    Order.objects.filter(pk=order.pk).update(ready_at=timezone.now() + timedelta(minutes=1))
    assert assignment.assign_pending(auto) == 1


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


# --------------------------------------------------------------------------- orders that will be late, and pins


@pytest.fixture
def late(new_order: Callable[..., Order], driver_at: Callable[..., Driver]) -> Order:
    """Promised already, with a driver far away; another one stands beside the restaurant."""
    far, _near = driver_at(270, 1400, name="Far"), driver_at(90, 100, name="Near")
    order = new_order(promised_at=timezone.now())
    assign(order, far)
    return order


def test_a_late_order_has_a_remedy_that_keeps_what_it_says(late: Order) -> None:
    best = assignment.remedies(late.pk)[0]
    near = Driver.objects.get(name="Near")
    assert (best.kind, best.moves, best.driver) == ("reassign", late.pk, near.pk)
    planning.refresh_etas()
    late.refresh_from_db()
    before = late.eta_minutes
    assign(late, near)
    planning.replan(near.pk)
    late.refresh_from_db()
    assert before - late.eta_minutes == pytest.approx(best.saved_s / 60, abs=1.1)


def test_without_roads_no_remedy_is_made_up(late: Order, settings: object) -> None:
    settings.OSRM_URL = NO_OSRM
    assert assignment.remedies(late.pk) == []


def test_only_an_order_that_a_driver_has_can_be_helped(order: Order) -> None:
    with pytest.raises(WrongStatus):
        assignment.remedies(order.pk)
    with pytest.raises(NotFound):
        assignment.remedies(uuid4())


@pytest.fixture
def doors(new_order: Callable[..., Order], driver: Driver) -> list[Order]:
    """Three orders in the bag; the driver, west of the restaurant, passes their doors one after the other."""
    found = []
    for metres in (300, 800, 1400):
        door = destination(DENVER, 90, metres)
        found.append(new_order(customer_name=f"At {metres}", customer_lat=door.lat, customer_lng=door.lng))
        bring_to(found[-1], driver, "picked_up")
    planning.replan(driver.pk)
    assert plan(driver) == ["dropoff At 300", "dropoff At 800", "dropoff At 1400"]
    return found


def test_the_leg_under_way_is_kept_but_not_just_after_a_stop(doors: list[Order], driver: Driver) -> None:
    best = ids(driver)
    plans.rearrange(driver.pk, best[::-1], pinned=False)
    picked_up = Stop.objects.filter(driver=driver, kind="pickup")
    picked_up.update(done_at=timezone.now() - timedelta(minutes=2))
    planning.replan(driver.pk)
    assert ids(driver)[0] == best[-1]
    picked_up.update(done_at=timezone.now())
    planning.replan(driver.pk)
    assert ids(driver) == best


def test_what_is_to_be_first_stays_first_until_it_is_unpinned(doors: list[Order], driver: Driver) -> None:
    actions.serve_first(doors[2].pk, actor=DANA)
    assert plan(driver)[0] == "dropoff At 1400"
    planning.replan(driver.pk)
    assert plan(driver)[0] == "dropoff At 1400"
    actions.unpin(doors[2].pk, actor=DANA)
    planning.replan(driver.pk)
    assert plan(driver) == ["dropoff At 300", "dropoff At 800", "dropoff At 1400"]


def test_where_the_driver_stands_comes_before_what_is_to_be_first(doors: list[Order], driver: Driver) -> None:
    arrive(driver, "dropoff", doors[0])
    actions.serve_first(doors[2].pk, actor=DANA)
    planning.replan(driver.pk)
    assert plan(driver) == ["dropoff At 300", "dropoff At 1400", "dropoff At 800"]


def test_nobody_serves_an_order_that_waits_first(order: Order) -> None:
    with pytest.raises(WrongStatus):
        actions.serve_first(order.pk, actor=DANA)


def test_the_dashboard_applies_a_remedy_and_takes_it_back(
    doors: list[Order], driver: Driver, admin_user: object
) -> None:
    client = Client()
    url = f"/dispatch/orders/{doors[2].pk}"
    assert client.get(f"{url}/remedies").status_code == 403
    client.force_login(admin_user)
    assert client.get(f"{url}/remedies").json() == {"remedies": []}
    Order.objects.filter(pk=doors[2].pk).update(promised_at=timezone.now())
    for other in doors[:2]:
        Order.objects.filter(pk=other.pk).update(promised_at=timezone.now() + timedelta(hours=2))
    actions.serve_first(doors[0].pk, actor=DANA)
    actions.serve_first(doors[1].pk, actor=DANA)
    (remedy,) = client.get(f"{url}/remedies").json()["remedies"]
    assert (remedy["kind"], remedy["moves"], remedy["driverId"]) == (
        "first",
        str(doors[2].pk),
        str(driver.pk),
    )
    assert remedy["savedMinutes"] >= 1
    assert client.post(f"{url}/first", content_type="application/json").status_code == 204
    assert plan(driver)[0] == "dropoff At 1400"
    assert client.post(f"{url}/unpin", content_type="application/json").status_code == 204
    assert not Stop.objects.filter(order=doors[2], pinned=True).exists()


# ------------------------------------------------------------------------------ a dispatcher's visiting order


def ids(driver: Driver) -> list[UUID]:
    return [stop.pk for stop in Stop.objects.plans_of([driver.pk])]


def test_what_the_planner_would_save_is_what_the_roads_say(doors: list[Order], driver: Driver) -> None:
    assert planning.saving(driver.pk) is None
    best = ids(driver)
    plans.rearrange(driver.pk, best[::-1], pinned=True)
    planning.replan(driver.pk)
    assert plan(driver) == ["dropoff At 1400", "dropoff At 800", "dropoff At 300"]
    found = planning.saving(driver.pk)
    assert found.stops == best
    osrm = osrm_from_settings()
    there, back = (
        osrm.route([driver.point, *(order.customer_point for order in way)]) for way in (doors, doors[::-1])
    )
    assert found.seconds == pytest.approx(back.duration_s - there.duration_s)
    assert found.metres == pytest.approx(back.distance_m - there.distance_m)
    assert found.seconds > 60


def test_three_orders_of_one_restaurant_across_downtown(
    new_order: Callable[..., Order], driver: Driver, restaurant: Restaurant
) -> None:
    """Visited as they were placed they criss-cross downtown; the planner's trip saves what it says it does."""
    orders = []
    for bearing, metres in ((60, 1100), (230, 1200), (75, 1300)):
        door = destination(DENVER, bearing, metres)
        orders.append(new_order(customer_lat=door.lat, customer_lng=door.lng))
        assign(orders[-1], driver)
    pickups = [Stop.objects.get(order=order, kind="pickup").pk for order in orders]
    dropoffs = [Stop.objects.get(order=order, kind="dropoff").pk for order in orders]
    plans.rearrange(driver.pk, [*pickups, *dropoffs], pinned=True)
    as_placed = planning.saving(driver.pk)
    plans.rearrange(driver.pk, as_placed.stops, pinned=False)
    planning.replan(driver.pk)
    assert planning.saving(driver.pk) is None

    doors = [stop.point for stop in Stop.objects.plans_of([driver.pk]) if stop.kind == "dropoff"]
    osrm = osrm_from_settings()
    placed, planned = (
        osrm.route([driver.point, restaurant.point, *way])
        for way in ([order.customer_point for order in orders], doors)
    )
    assert as_placed.seconds == pytest.approx(placed.duration_s - planned.duration_s, abs=1)
    assert as_placed.metres == pytest.approx(placed.distance_m - planned.distance_m, abs=10)
    assert planned.duration_s < 0.8 * placed.duration_s


def test_the_planners_order_is_applied_and_the_dispatchers_is_brought_back(
    doors: list[Order], driver: Driver
) -> None:
    best = ids(driver)
    plans.rearrange(driver.pk, best[::-1], pinned=True)
    plans.rearrange(driver.pk, best, pinned=False)
    planning.replan(driver.pk)
    assert (ids(driver), planning.saving(driver.pk)) == (best, None)
    plans.rearrange(driver.pk, best[::-1], pinned=True)
    planning.replan(driver.pk)
    assert ids(driver) == best[::-1]


def test_an_order_of_stops_that_can_not_be_is_refused(
    new_order: Callable[..., Order], driver: Driver
) -> None:
    assign(new_order(customer_name="Ann"), driver)
    pickup, dropoff = ids(driver)
    for wrong in ([dropoff, pickup], [pickup], [pickup, pickup], [pickup, dropoff, uuid4()]):
        with pytest.raises(Invalid):
            plans.rearrange(driver.pk, wrong, pinned=True)
    assert ids(driver) == [pickup, dropoff]


def test_the_dashboard_rearranges_and_saves(doors: list[Order], driver: Driver, admin_user: object) -> None:
    client = Client()
    client.force_login(admin_user)
    url = f"/dispatch/drivers/{driver.pk}"
    assert client.get(f"{url}/saving").json() == {"saving": None}
    best = [str(pk) for pk in ids(driver)]

    def arrange(stops: list[str], pinned: bool) -> int:
        body = {"stops": stops, "pinned": pinned}
        return client.post(f"{url}/stops", body, content_type="application/json").status_code

    assert arrange(best[::-1], True) == 204
    planning.replan(driver.pk)
    found = client.get(f"{url}/saving").json()["saving"]
    assert found["stops"] == best
    assert found["minutes"] > 1
    assert found["km"] > 0.3
    assert arrange(found["stops"], False) == 204
    assert client.get(f"{url}/saving").json() == {"saving": None}
    assert arrange(best[:1], True) == 400
    assert client.get(f"/dispatch/drivers/{uuid4()}/saving").status_code == 404


def test_without_roads_nothing_is_said_to_be_saved(
    doors: list[Order], driver: Driver, settings: object
) -> None:
    plans.rearrange(driver.pk, ids(driver)[::-1], pinned=True)
    settings.OSRM_URL = NO_OSRM
    assert planning.saving(driver.pk) is None
