"""A driver's visiting order: what late orders can be helped with, what a dispatcher wants, what stays."""

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from django.test import Client
from django.utils import timezone

from dispatch.errors import Invalid, NotFound, WrongStatus
from dispatch.models import NO_ETA, Driver, Order, Restaurant, Stop
from dispatch.planning import assignment, replanning, visiting_order
from dispatch.planning.visiting_order import Wish
from dispatch.statuses import StopKind
from routing.geo import destination
from routing.osrm import osrm_from_settings
from routing.problems import Problem
from tests.conftest import DENVER
from tests.dispatch.story import NO_OSRM, arrange, arrive, assign, bring_to, plan

# --------------------------------------------------------------------------- orders that will be late, and pins


@pytest.fixture
def late(new_order: Callable[..., Order], driver_at: Callable[..., Driver]) -> Order:
    """Promised already, with a driver far away; another one stands beside the restaurant."""
    far, _near = driver_at(270, 1400, name="Far"), driver_at(90, 100, name="Near")
    order = new_order(promised_at=timezone.now())
    assign(order, far)
    return order


def test_a_late_order_has_a_remedy_that_keeps_what_it_says(late: Order) -> None:
    best = assignment.remedies(late.pk).ranked[0]
    near = Driver.objects.get(name="Near")
    assert (best.kind, best.moves, best.vehicle) == ("reassign", late.pk, near.pk)
    replanning.refresh_etas()
    late.refresh_from_db()
    before = late.eta_minutes
    assign(late, near)
    replanning.replan(near.pk)
    late.refresh_from_db()
    assert before - late.eta_minutes == pytest.approx(best.saved_s / 60, abs=1.1)


def test_who_is_not_heard_of_is_no_remedy(late: Order) -> None:
    Driver.objects.filter(name="Near").update(status="offline")
    assert assignment.remedies(late.pk).ranked == []
    # An order is helped all the same when it is its own driver who is not heard of.
    Driver.objects.update(status="offline")
    Driver.objects.filter(name="Near").update(status="idle")
    assert [remedy.kind for remedy in assignment.remedies(late.pk).ranked] == ["reassign"]


def test_without_roads_no_remedy_is_made_up_and_that_is_said(late: Order, settings: object) -> None:
    assert not assignment.remedies(late.pk).roads_away
    settings.OSRM_URL = NO_OSRM
    assert assignment.remedies(late.pk) == assignment.Remedies([], roads_away=True)


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
    replanning.replan(driver.pk)
    assert plan(driver) == ["dropoff At 300", "dropoff At 800", "dropoff At 1400"]
    return found


def test_the_leg_under_way_is_kept_but_not_just_after_a_stop(doors: list[Order], driver: Driver) -> None:
    best = ids(driver)
    arrange(driver, best[::-1])
    picked_up = Stop.objects.filter(driver=driver, kind="pickup")
    picked_up.update(done_at=timezone.now() - timedelta(minutes=2))
    replanning.replan(driver.pk)
    assert ids(driver)[0] == best[-1]
    picked_up.update(done_at=timezone.now())
    replanning.replan(driver.pk)
    assert ids(driver) == best


def test_what_is_to_be_first_stays_first_until_it_is_unpinned(doors: list[Order], driver: Driver) -> None:
    visiting_order.serve_first(doors[2].pk)
    assert plan(driver)[0] == "dropoff At 1400"
    replanning.replan(driver.pk)
    assert plan(driver)[0] == "dropoff At 1400"
    visiting_order.unpin(doors[2].pk)
    replanning.replan(driver.pk)
    assert plan(driver) == ["dropoff At 300", "dropoff At 800", "dropoff At 1400"]


def test_where_the_driver_stands_comes_before_what_is_to_be_first(doors: list[Order], driver: Driver) -> None:
    arrive(driver, "dropoff", doors[0])
    visiting_order.serve_first(doors[2].pk)
    replanning.replan(driver.pk)
    assert plan(driver) == ["dropoff At 300", "dropoff At 1400", "dropoff At 800"]


def test_nobody_serves_an_order_that_waits_first(order: Order) -> None:
    with pytest.raises(WrongStatus):
        visiting_order.serve_first(order.pk)


def test_the_dashboard_applies_a_remedy_and_takes_it_back(
    doors: list[Order], driver: Driver, admin_user: object
) -> None:
    client = Client()
    url = f"/dispatch/orders/{doors[2].pk}"
    assert client.get(f"{url}/remedies").status_code == 403
    client.force_login(admin_user)
    assert client.get(f"{url}/remedies").json() == {"roadsAway": False, "remedies": []}
    Order.objects.filter(pk=doors[2].pk).update(promised_at=timezone.now())
    for other in doors[:2]:
        Order.objects.filter(pk=other.pk).update(promised_at=timezone.now() + timedelta(hours=2))
    visiting_order.serve_first(doors[0].pk)
    visiting_order.serve_first(doors[1].pk)
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


def pins(driver: Driver) -> list[bool]:
    return [stop.pinned for stop in Stop.objects.plans_of([driver.pk])]


def test_what_the_planner_would_save_is_what_the_roads_say(doors: list[Order], driver: Driver) -> None:
    assert replanning.saving(driver.pk) is None
    best = ids(driver)
    arrange(driver, best[::-1], pinned=best)
    replanning.replan(driver.pk)
    assert plan(driver) == ["dropoff At 1400", "dropoff At 800", "dropoff At 300"]
    found = replanning.saving(driver.pk)
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
    arrange(driver, [*pickups, *dropoffs], pinned=[*pickups, *dropoffs])
    as_placed = replanning.saving(driver.pk)
    arrange(driver, as_placed.stops)
    replanning.replan(driver.pk)
    assert replanning.saving(driver.pk) is None

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
    arrange(driver, best[::-1], pinned=best)
    arrange(driver, best)
    replanning.replan(driver.pk)
    assert (ids(driver), replanning.saving(driver.pk)) == (best, None)
    arrange(driver, best[::-1], pinned=best)
    replanning.replan(driver.pk)
    assert ids(driver) == best[::-1]


def test_just_the_pins_that_were_are_brought_back(doors: list[Order], driver: Driver) -> None:
    near, between, far = ids(driver)
    arrange(driver, [between, far, near], pinned=[between])
    visiting_order.serve_first(doors[0].pk)
    assert (ids(driver), pins(driver)) == ([near, between, far], [True, True, False])
    arrange(driver, [between, far, near], pinned=[between])
    replanning.replan(driver.pk)
    assert (ids(driver), pins(driver)) == ([between, far, near], [True, False, False])


def test_an_order_that_comes_back_gets_its_places_back(
    new_order: Callable[..., Order], driver_at: Callable[..., Driver]
) -> None:
    """Its stops are new ones then; a dispatcher's page knows the old ones."""
    had, other = driver_at(270, 500), driver_at(90, 500)
    orders = [new_order() for _ in range(2)]
    for order in orders:
        assign(order, had)
    first, last = orders
    wanted = [
        Wish(order.pk, kind, pinned=kind == StopKind.PICKUP)
        for kind in (StopKind.PICKUP, StopKind.DROPOFF)
        for order in (last, first)
    ]
    visiting_order.rearrange(had.pk, wanted)
    before = plan(had)
    for driver in (other, had):
        assign(last, driver)
    assert plan(had) != before
    visiting_order.rearrange(had.pk, wanted)
    assert (plan(had), pins(had)) == (before, [True, True, False, False])
    assign(last, other)
    with pytest.raises(Invalid, match="changed meanwhile"):
        visiting_order.rearrange(had.pk, wanted)


def test_an_order_of_stops_that_can_not_be_is_refused(
    new_order: Callable[..., Order], driver: Driver
) -> None:
    ann = new_order(customer_name="Ann")
    assign(ann, driver)
    before = ids(driver)
    pickup, dropoff = (Wish(ann.pk, kind, pinned=True) for kind in (StopKind.PICKUP, StopKind.DROPOFF))
    strange = Wish(uuid4(), StopKind.DROPOFF, pinned=True)
    for wrong in ([dropoff, pickup], [pickup], [pickup, pickup], [pickup, dropoff, strange]):
        with pytest.raises(Invalid):
            visiting_order.rearrange(driver.pk, wrong)
    assert (ids(driver), pins(driver)) == (before, [False, False])


def test_the_dashboard_rearranges_and_saves(doors: list[Order], driver: Driver, admin_user: object) -> None:
    client = Client()
    client.force_login(admin_user)
    url = f"/dispatch/drivers/{driver.pk}"
    assert client.get(f"{url}/saving").json() == {"saving": None}
    best = [str(pk) for pk in ids(driver)]

    def post(stops: list[str], **others: object) -> int:
        orders = [str(Stop.objects.get(pk=pk).order_id) for pk in stops]
        body = {"stops": [{"order": order, "kind": "dropoff", "pinned": True} | others for order in orders]}
        return client.post(f"{url}/stops", body, content_type="application/json").status_code

    assert post(best[::-1]) == 204
    assert pins(driver) == [True, True, True]
    replanning.replan(driver.pk)
    found = client.get(f"{url}/saving").json()["saving"]
    assert found["stops"] == best
    assert found["minutes"] > 1
    assert found["km"] > 0.3
    assert post(found["stops"], pinned=False) == 204
    assert client.get(f"{url}/saving").json() == {"saving": None}
    assert post(best[:1]) == 400
    for strange in ({"order": str(uuid4())}, {"kind": "pickup"}, {"kind": "lunch"}, {"pinned": "yes"}):
        assert post(best, **strange) == 400
    assert pins(driver) == [False, False, False]
    assert client.get(f"/dispatch/drivers/{uuid4()}/saving").status_code == 404


def test_the_sweep_puts_stops_in_order_where_that_gains(
    doors: list[Order], driver: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    best = ids(driver)
    assert replanning.sweep() == 0
    arrange(driver, best[::-1])
    with monkeypatch.context() as patch:
        patch.setattr(replanning, "SWEEP_GAIN_S", 1e6)
        assert replanning.sweep() == 0
    assert replanning.sweep() == 1
    assert ids(driver) == best
    assert replanning.sweep() == 0


def test_the_sweep_leaves_what_a_dispatcher_wants(doors: list[Order], driver: Driver) -> None:
    best = ids(driver)
    arrange(driver, best[::-1], pinned=best)
    assert replanning.sweep() == 0
    assert ids(driver) == best[::-1]


def test_a_door_that_nobody_knows_comes_last_and_the_others_have_etas(
    doors: list[Order], driver: Driver
) -> None:
    """Written past the application: it takes no such order."""
    Order.objects.filter(pk=doors[0].pk).update(customer_lat=None, customer_lng=None, **NO_ETA)
    replanning.replan(driver.pk)
    assert plan(driver) == ["dropoff At 800", "dropoff At 1400", "dropoff At 300"]
    replanning.refresh_etas()
    told = Order.objects.order_by("created_at").values_list("eta_minutes", "problem")
    assert [(minutes is None, problem) for minutes, problem in told] == [
        (True, Problem.CUSTOMER_UNPLACED),
        (False, ""),
        (False, ""),
    ]


def test_without_roads_nothing_is_said_to_be_saved(
    doors: list[Order], driver: Driver, settings: object
) -> None:
    arrange(driver, ids(driver)[::-1], pinned=ids(driver))
    settings.OSRM_URL = NO_OSRM
    assert replanning.saving(driver.pk) is None
