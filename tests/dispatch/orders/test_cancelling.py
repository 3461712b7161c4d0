"""Who may cancel what, and that a cancelled order never comes back."""

from collections.abc import Callable
from contextlib import suppress

import pytest

from dispatch.errors import Invalid, NotYours, WrongStatus
from dispatch.models import Driver, Order, OrderEvent, Stop
from dispatch.orders import actions, buttons, geofence_actions
from dispatch.orders.actions import PLATFORM, SYSTEM
from dispatch.orders.transitions import Actor
from dispatch.statuses import OrderStatus
from tests.dispatch.story import DANA, EVIDENCE, at, bring_to, last_event, plan, status, stops, timeline


@pytest.mark.parametrize(
    ("before", "actor"),
    [
        ("pending", PLATFORM),
        ("assigned", DANA),
        ("to_restaurant", PLATFORM),
        ("driver_at_restaurant", PLATFORM),
    ],
)
def test_before_the_pickup_anybody_may_cancel(
    order: Order, driver: Driver, before: str, actor: Actor
) -> None:
    bring_to(order, driver, before)
    actions.cancel(order.pk, actor=actor)
    assert status(order) == "cancelled"
    event = last_event(order)
    assert (event.from_status, event.to_status, event.actor) == (before, "cancelled", actor.kind)
    assert not Stop.objects.exists()
    assert status(driver) == "idle"


@pytest.mark.parametrize("before", ["picked_up", "driver_nearby"])
def test_in_the_bag_a_dispatcher_may_cancel_with_a_reason(order: Order, driver: Driver, before: str) -> None:
    bring_to(order, driver, before)
    actions.cancel(order.pk, actor=DANA, reason="spilled")
    assert status(order) == "cancelled"
    assert last_event(order).reason == "spilled"
    assert plan(driver) == [f"return {order.customer_name}"]
    assert status(driver) == "delivering"


@pytest.mark.parametrize("before", ["picked_up", "driver_nearby"])
def test_in_the_bag_not_without_a_reason(order: Order, driver: Driver, before: str) -> None:
    bring_to(order, driver, before)
    for reason in ("", " ", "\n\t"):
        with pytest.raises(Invalid, match="reason"):
            actions.cancel(order.pk, actor=DANA, reason=reason)
    assert status(order) == before
    assert len(plan(driver)) == 1


@pytest.mark.parametrize("before", ["picked_up", "driver_nearby"])
def test_in_the_bag_nobody_but_a_dispatcher(order: Order, driver: Driver, before: str) -> None:
    bring_to(order, driver, before)
    for actor in (PLATFORM, SYSTEM, geofence_actions.GEOFENCE, Actor(OrderEvent.Actor.DRIVER, "Ada")):
        with pytest.raises(WrongStatus, match="dispatcher"):
            actions.cancel(order.pk, actor=actor, reason="spilled")
    assert status(order) == before


@pytest.mark.parametrize("over", ["delivered", "cancelled", "failed"])
def test_what_is_over_cannot_be_cancelled(order: Order, driver: Driver, over: str) -> None:
    bring_to(order, driver, over)
    events = timeline(order)
    with pytest.raises(WrongStatus, match=f"order is {OrderStatus(over).label.lower()}"):
        actions.cancel(order.pk, actor=DANA, reason="too late")
    assert (status(order), timeline(order)) == (over, events)


def test_the_drivers_other_orders_stay(new_order: Callable[..., Order], driver: Driver) -> None:
    ann, bob = new_order(customer_name="Ann"), new_order(customer_name="Bob")
    bring_to(ann, driver, "assigned")
    bring_to(bob, driver, "assigned")
    actions.cancel(ann.pk, actor=DANA)
    assert plan(driver) == ["pickup Bob", "dropoff Bob"]
    assert (status(bob), status(driver)) == ("assigned", "to_restaurant")


def test_what_was_done_of_a_cancelled_order_stays_on_record(order: Order, driver: Driver) -> None:
    bring_to(order, driver, "driver_nearby")
    actions.cancel(order.pk, actor=DANA, reason="spilled", dispose=True)
    [pickup] = Stop.objects.filter(order=order)
    assert pickup.kind == "pickup"
    assert pickup.done_at is not None


def test_an_order_that_is_over_has_no_eta(order: Order, driver: Driver) -> None:
    bring_to(order, driver, "picked_up")
    Order.objects.filter(pk=order.pk).update(eta_minutes=7)
    actions.cancel(order.pk, actor=DANA, reason="spilled")
    order.refresh_from_db()
    assert order.eta_minutes is None


EVERYTHING: dict[str, Callable[[Order, Driver, list], object]] = {
    "assign to the same": lambda order, driver, _: actions.assign(order.pk, driver.pk, actor=DANA),
    "assign to another": lambda order, driver, _: actions.assign(
        order.pk, Driver.objects.create(name="Bea", on_shift=True).pk, actor=DANA
    ),
    "propose": lambda order, driver, _: actions.assign(order.pk, driver.pk, actor=SYSTEM, only_pending=True),
    "unassign": lambda order, driver, _: actions.unassign(order.pk, actor=DANA),
    "cancel": lambda order, driver, _: actions.cancel(order.pk, actor=DANA, reason="again"),
    "picked up": lambda order, driver, _: buttons.report(driver.pk, order.pk, "picked_up"),
    "delivered": lambda order, driver, _: buttons.report(driver.pk, order.pk, "delivered"),
    "failed": lambda order, driver, _: buttons.report(driver.pk, order.pk, "failed"),
    "set out": lambda order, driver, ids: geofence_actions.set_out(
        driver.pk, ids, happened_at=at(0), evidence=EVIDENCE
    ),
    "arrive": lambda order, driver, ids: geofence_actions.arrive(
        driver.pk, ids, happened_at=at(0), evidence=EVIDENCE
    ),
    "leave": lambda order, driver, ids: geofence_actions.leave(
        driver.pk, ids, happened_at=at(0), evidence=EVIDENCE
    ),
    "undo the pickup": lambda order, driver, _: actions.undo_pickup(order.pk, actor=DANA),
    "close": lambda order, driver, _: actions.close_for_driver(
        order.pk, "delivered", actor=DANA, reason="again"
    ),
    "correct": lambda order, driver, _: actions.change_order(order),
    "heard of": lambda order, driver, _: geofence_actions.heard_of(driver.pk),
    "shift": lambda order, driver, _: actions.set_shift(driver.pk, on=False),
}


@pytest.mark.parametrize("before", ["pending", "driver_at_restaurant", "driver_nearby"])
def test_a_cancelled_order_never_comes_back(order: Order, driver: Driver, before: str) -> None:
    bring_to(order, driver, before)
    ids = stops(order, "pickup") + stops(order, "dropoff")
    actions.cancel(order.pk, actor=DANA, reason="spilled")
    events = timeline(order)
    assert events[-1] == "cancelled"
    for name, action in EVERYTHING.items():
        with suppress(WrongStatus, NotYours):  # some are refused, some find nothing to do
            action(order, driver, ids)
        assert (status(order), timeline(order)) == ("cancelled", events), name
        assert not Stop.objects.filter(order=order, done_at=None).exclude(kind="return").exists(), name
