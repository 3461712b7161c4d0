"""An order comes, is given to a driver, moved to another one, taken back."""

from collections.abc import Callable
from uuid import uuid4

import pytest

from dispatch.errors import Invalid, NotFound, WrongStatus
from dispatch.models import Driver, Order, Restaurant, Stop
from dispatch.orders import actions
from routing.problems import Problem
from tests.dispatch.story import (
    DANA,
    NOON,
    arrive,
    assign,
    bring_to,
    last_event,
    plan,
    set_out,
    status,
    timeline,
)

# ------------------------------------------------------------------------------------------------- creating


def test_an_order_begins_pending_with_a_first_event(restaurant: Restaurant) -> None:
    order = actions.create_order(
        restaurant.pk,
        customer_name="Ann",
        customer_address="5 Elm",
        customer_lat=39.7,
        customer_lng=-105.0,
        customer_phone="+1 303",
        ready_at=NOON,
    )
    order.refresh_from_db()
    assert (order.status, order.driver_id, order.version) == ("pending", None, 1)
    assert (order.customer_name, order.customer_phone, order.ready_at) == ("Ann", "+1 303", NOON)
    event = last_event(order)
    assert (event.from_status, event.to_status, event.actor) == (None, "pending", "platform")
    assert timeline(order) == ["pending"]


# ------------------------------------------------------------------------------------------------- assigning


def test_assigning_gives_the_driver_a_pickup_and_then_a_dropoff(order: Order, driver: Driver) -> None:
    assign(order, driver)
    order.refresh_from_db()
    assert (order.status, order.driver_id) == ("assigned", driver.pk)
    assert plan(driver) == [f"pickup {order.customer_name}", f"dropoff {order.customer_name}"]
    assert status(driver) == "to_restaurant"


def test_assigning_is_an_event_with_who_did_it(order: Order, driver: Driver) -> None:
    assign(order, driver)
    event = last_event(order)
    assert (event.from_status, event.to_status, event.driver_id) == ("pending", "assigned", driver.pk)
    assert (event.actor, event.actor_name) == ("dispatcher", "Dana")


def test_every_change_makes_a_new_version(order: Order, driver: Driver) -> None:
    seen = [(order.version, driver.version)]
    for change in (lambda: assign(order, driver), lambda: actions.unassign(order.pk, actor=DANA)):
        change()
        order.refresh_from_db()
        driver.refresh_from_db()
        seen.append((order.version, driver.version))
    assert sorted(set(seen)) == seen
    assert seen[0][0] < seen[1][0] < seen[2][0]
    assert seen[0][1] < seen[1][1] < seen[2][1]


def test_a_second_order_comes_behind_the_first(new_order: Callable[..., Order], driver: Driver) -> None:
    for name in ("Ann", "Bob"):
        assign(new_order(customer_name=name), driver)
    assert plan(driver) == ["pickup Ann", "dropoff Ann", "pickup Bob", "dropoff Bob"]


def test_a_new_assignment_makes_new_versions_of_the_drivers_other_orders(
    new_order: Callable[..., Order], driver: Driver
) -> None:
    first = new_order()
    assign(first, driver)
    first.refresh_from_db()
    before = first.version
    assign(new_order(), driver)
    first.refresh_from_db()
    assert first.version > before


def test_no_order_for_a_driver_who_is_off_shift(order: Order, new_driver: Callable[..., Driver]) -> None:
    with pytest.raises(Invalid, match="off shift"):
        assign(order, new_driver(on_shift=False, status="offline"))
    assert (status(order), timeline(order)) == ("pending", ["pending"])
    assert not Stop.objects.exists()


def test_a_silent_driver_may_be_given_an_order(order: Order, new_driver: Callable[..., Driver]) -> None:
    silent = new_driver(status="offline", last_seen_at=None)
    assign(order, silent)
    assert (status(order), status(silent)) == ("assigned", "offline")


def test_no_driver_for_an_address_without_coordinates(
    new_order: Callable[..., Order], driver: Driver
) -> None:
    order = new_order(customer_lat=None, customer_lng=None)
    with pytest.raises(Invalid, match="coordinates"):
        assign(order, driver)
    assert status(order) == "pending"


def test_not_twice_to_the_same_driver(order: Order, driver: Driver) -> None:
    assign(order, driver)
    with pytest.raises(WrongStatus, match="already has"):
        assign(order, driver)
    assert timeline(order) == ["pending", "assigned"]


@pytest.mark.parametrize("what", ["order", "driver"])
def test_what_does_not_exist_cannot_be_assigned(order: Order, driver: Driver, what: str) -> None:
    order_id, driver_id = (uuid4(), driver.pk) if what == "order" else (order.pk, uuid4())
    with pytest.raises(NotFound, match=what):
        actions.assign(order_id, driver_id, actor=DANA)
    assert status(order) == "pending"


# ----------------------------------------------------------------------------------------------- reassigning


@pytest.mark.parametrize("before", ["assigned", "to_restaurant", "driver_at_restaurant"])
def test_before_the_pickup_an_order_can_go_to_another_driver(
    order: Order, new_driver: Callable[..., Driver], before: str
) -> None:
    first, second = new_driver(), new_driver()
    bring_to(order, first, before)
    Order.objects.filter(pk=order.pk).update(eta_minutes=9, problem=Problem.ROADS_AWAY)
    assign(order, second)
    order.refresh_from_db()
    assert (order.status, order.driver_id) == ("assigned", second.pk)
    assert (order.eta_minutes, order.problem) == (None, "")
    assert plan(first) == []
    assert plan(second) == [f"pickup {order.customer_name}", f"dropoff {order.customer_name}"]
    assert (status(first), status(second)) == ("idle", "to_restaurant")
    assert not Stop.objects.filter(arrived_at__isnull=False).exists()
    assert last_event(order).driver_id == second.pk


@pytest.mark.parametrize("before", ["picked_up", "driver_nearby", "delivered", "cancelled", "failed"])
def test_after_the_pickup_an_order_stays_with_its_driver(
    order: Order, new_driver: Callable[..., Driver], before: str
) -> None:
    first, second = new_driver(), new_driver()
    bring_to(order, first, before)
    events = timeline(order)
    with pytest.raises(WrongStatus):
        assign(order, second)
    with pytest.raises(WrongStatus):
        actions.unassign(order.pk, actor=DANA)
    order.refresh_from_db()
    assert (order.status, order.driver_id, timeline(order)) == (before, first.pk, events)
    assert plan(second) == []


def test_a_proposal_does_not_take_an_order_from_somebody(
    order: Order, new_driver: Callable[..., Driver]
) -> None:
    first, second = new_driver(), new_driver()
    assign(order, first, only_pending=True)
    with pytest.raises(WrongStatus, match="first"):
        assign(order, second, only_pending=True)
    order.refresh_from_db()
    assert order.driver_id == first.pk


# ----------------------------------------------------------------------------------------------- unassigning


@pytest.mark.parametrize("before", ["assigned", "to_restaurant", "driver_at_restaurant"])
def test_before_the_pickup_an_order_can_be_taken_back(order: Order, driver: Driver, before: str) -> None:
    bring_to(order, driver, before)
    Order.objects.filter(pk=order.pk).update(eta_minutes=9)
    actions.unassign(order.pk, actor=DANA, reason="flat tyre")
    order.refresh_from_db()
    assert (order.status, order.driver_id, order.eta_minutes) == ("pending", None, None)
    assert plan(driver) == []
    assert status(driver) == "idle"
    event = last_event(order)
    assert (event.from_status, event.to_status, event.reason) == (before, "pending", "flat tyre")
    assert event.driver_id == driver.pk


def test_what_nobody_has_cannot_be_taken_back(order: Order) -> None:
    with pytest.raises(WrongStatus):
        actions.unassign(order.pk, actor=DANA)
    assert timeline(order) == ["pending"]


def test_a_taken_back_order_can_be_given_again_to_the_same_driver(order: Order, driver: Driver) -> None:
    assign(order, driver)
    set_out(driver, order)
    arrive(driver, "pickup", order)
    actions.unassign(order.pk, actor=DANA)
    assign(order, driver)
    arrive(driver, "pickup", order, seconds=900)
    assert timeline(order) == [
        "pending",
        "assigned",
        "to_restaurant",
        "driver_at_restaurant",
        "pending",
        "assigned",
        "driver_at_restaurant",
    ]
