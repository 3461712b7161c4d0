"""A dispatcher says how a handover ended, for a driver who does not."""

from collections.abc import Callable

import pytest
from django.utils import timezone

from dispatch.errors import Invalid, NotFound, WrongStatus
from dispatch.models import Driver, Order, OrderEvent, Stop
from dispatch.orders import actions
from dispatch.orders.transitions import Actor
from tests.dispatch import story
from tests.dispatch.story import DANA, arrive, bring_to, last_event, leave, plan, status, timeline


def close(order: Order, step: str, *, actor: Actor = DANA, reason: str = "the driver called") -> None:
    actions.close_for_driver(order.pk, step, actor=actor, reason=reason)


@pytest.mark.parametrize("before", ["picked_up", "driver_nearby"])
@pytest.mark.parametrize("step", ["delivered", "failed"])
def test_the_order_ends_and_its_timeline_says_who_ended_it(
    order: Order, driver: Driver, before: str, step: str
) -> None:
    bring_to(order, driver, before)
    Order.objects.filter(pk=order.pk).update(eta_minutes=1)
    began = timezone.now()
    close(order, step, reason=" the driver called ")
    order.refresh_from_db()
    assert (order.status, order.eta_minutes) == (step, None)
    assert (order.delivered_at is not None) == (step == "delivered")
    event = last_event(order)
    assert (event.from_status, event.to_status) == (before, step)
    assert (event.actor, event.actor_name, event.reason) == ("dispatcher", "Dana", "the driver called")
    assert event.driver_id == driver.pk
    assert began <= event.happened_at <= timezone.now()
    assert (plan(driver), status(driver)) == ([], "idle")
    story.check_everything()


def test_a_door_that_was_left_is_closed(order: Order, driver: Driver) -> None:
    bring_to(order, driver, "driver_nearby")
    leave(driver, "dropoff", order, seconds=1500)
    close(order, "delivered")
    dropoff = Stop.objects.get(order=order, kind="dropoff")
    assert dropoff.done_at is not None
    assert dropoff.left_at == story.at(1500)


@pytest.mark.parametrize("reason", ["", " ", "\n\t"])
def test_not_without_a_reason(order: Order, driver: Driver, reason: str) -> None:
    bring_to(order, driver, "driver_nearby")
    with pytest.raises(Invalid, match="reason"):
        close(order, "delivered", reason=reason)
    assert status(order) == "driver_nearby"


@pytest.mark.parametrize("before", ["pending", "assigned", "driver_at_restaurant"])
def test_nothing_is_delivered_before_the_pickup(order: Order, driver: Driver, before: str) -> None:
    bring_to(order, driver, before)
    with pytest.raises(WrongStatus, match="cannot become delivered"):
        close(order, "delivered")
    assert status(order) == before


def test_nothing_fails_that_nobody_has(order: Order) -> None:
    with pytest.raises(WrongStatus, match="cannot become not handed over"):
        close(order, "failed")
    assert status(order) == "pending"


@pytest.mark.parametrize("over", ["delivered", "cancelled", "failed"])
def test_what_is_over_stays_as_it_ended(order: Order, driver: Driver, over: str) -> None:
    bring_to(order, driver, over)
    events = timeline(order)
    for step in ("delivered", "failed"):
        with pytest.raises(WrongStatus):
            close(order, step)
    assert (status(order), timeline(order)) == (over, events)


def test_nothing_else_can_be_said_for_a_driver(order: Order, driver: Driver) -> None:
    bring_to(order, driver, "driver_nearby")
    for step in ("picked_up", "cancelled", "pending", ""):
        with pytest.raises(Invalid, match="delivered, failed"):
            close(order, step)


def test_nobody_but_a_dispatcher(order: Order, driver: Driver) -> None:
    bring_to(order, driver, "driver_nearby")
    for actor in (actions.PLATFORM, actions.SYSTEM, Actor(OrderEvent.Actor.DRIVER, driver.name)):
        with pytest.raises(WrongStatus, match="Only a dispatcher"):
            close(order, "delivered", actor=actor)
    assert status(order) == "driver_nearby"


def test_an_order_that_does_not_exist(driver: Driver) -> None:
    with pytest.raises(NotFound):
        actions.close_for_driver(driver.pk, "delivered", actor=DANA, reason="x")


def test_the_drivers_other_orders_stay(new_order: Callable[..., Order], driver: Driver) -> None:
    ann, bob = new_order(customer_name="Ann"), new_order(customer_name="Bob")
    for order in (ann, bob):
        bring_to(order, driver, "picked_up")
    arrive(driver, "dropoff", ann, seconds=1200)
    close(ann, "failed")
    assert (plan(driver), status(driver), status(bob)) == (["dropoff Bob"], "delivering", "picked_up")
