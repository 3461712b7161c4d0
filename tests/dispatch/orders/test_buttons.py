"""What a driver reports with the app's buttons."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone

from dispatch.errors import Invalid, NotYours, WrongStatus
from dispatch.models import Driver, Order, OrderEvent, Stop
from dispatch.orders import actions, buttons
from tests.dispatch.story import NOON, assign, bring_to, last_event, plan, report, status, timeline


@pytest.mark.parametrize("before", ["assigned", "to_restaurant", "driver_at_restaurant"])
def test_picked_up(order: Order, driver: Driver, before: str) -> None:
    bring_to(order, driver, before)
    report(driver, order, "picked_up")
    assert status(order) == "picked_up"
    assert plan(driver) == [f"dropoff {order.customer_name}"]
    assert Stop.objects.get(order=order, kind="pickup").done_at is not None
    assert status(driver) == "delivering"
    event = last_event(order)
    assert (event.from_status, event.to_status) == (before, "picked_up")
    assert (event.actor, event.actor_name, event.driver_id) == ("driver", driver.name, driver.pk)


@pytest.mark.parametrize("before", ["picked_up", "driver_nearby"])
def test_delivered(order: Order, driver: Driver, before: str) -> None:
    bring_to(order, driver, before)
    Order.objects.filter(pk=order.pk).update(eta_minutes=1)
    began = timezone.now()
    report(driver, order, "delivered")
    order.refresh_from_db()
    assert (order.status, order.eta_minutes) == ("delivered", None)
    assert began <= order.delivered_at <= timezone.now()
    assert plan(driver) == []
    assert status(driver) == "idle"


@pytest.mark.parametrize("before", ["picked_up", "driver_nearby"])
def test_could_not_be_handed_over(order: Order, driver: Driver, before: str) -> None:
    bring_to(order, driver, before)
    Order.objects.filter(pk=order.pk).update(eta_minutes=1)
    report(driver, order, "failed")
    order.refresh_from_db()
    assert (order.status, order.delivered_at, order.eta_minutes) == ("failed", None, None)
    assert plan(driver) == []
    assert Stop.objects.get(order=order, kind="dropoff").done_at is not None


def test_the_time_of_the_press_is_kept(order: Order, driver: Driver) -> None:
    assign(order, driver)
    buttons.report(driver.pk, order.pk, "picked_up", happened_at=NOON)
    assert last_event(order).happened_at == NOON


def test_a_press_that_was_uploaded_later_counts_from_when_it_was_made(order: Order, driver: Driver) -> None:
    bring_to(order, driver, "picked_up")
    OrderEvent.objects.filter(order=order).update(happened_at=timezone.now() - timedelta(minutes=40))
    pressed_at = timezone.now() - timedelta(minutes=25)
    began = timezone.now()
    buttons.report(driver.pk, order.pk, "delivered", happened_at=pressed_at)
    order.refresh_from_db()
    dropoff = Stop.objects.get(order=order, kind="dropoff")
    assert (order.delivered_at, dropoff.done_at, last_event(order).happened_at) == (pressed_at,) * 3
    # The customer's page has its time from now on.
    assert order.ended_at >= began


def test_no_press_is_before_the_step_that_came_before(order: Order, driver: Driver) -> None:
    bring_to(order, driver, "picked_up")
    picked_up_at = last_event(order).happened_at
    weeks = timedelta(weeks=1024)
    buttons.report(driver.pk, order.pk, "delivered", happened_at=picked_up_at - weeks)
    order.refresh_from_db()
    assert order.delivered_at == picked_up_at


@pytest.mark.parametrize("before", ["assigned", "to_restaurant", "driver_at_restaurant"])
def test_what_is_delivered_was_picked_up_though_nobody_said_so(
    order: Order, driver: Driver, before: str
) -> None:
    bring_to(order, driver, before)
    report(driver, order, "delivered")
    assert status(order) == "delivered"
    assert plan(driver) == []
    inferred, delivered = OrderEvent.objects.filter(order=order).order_by("-id")[:2][::-1]
    assert (inferred.from_status, inferred.to_status, inferred.actor) == (before, "picked_up", "system")
    assert "Inferred" in inferred.reason
    assert (delivered.actor, delivered.reason) == ("driver", "")
    pickup = Stop.objects.get(order=order, kind="pickup")
    assert (pickup.arrived_at, pickup.done_at) == (None, inferred.happened_at)


def test_the_same_press_twice_counts_once(order: Order, driver: Driver) -> None:
    bring_to(order, driver, "picked_up")
    events = timeline(order)
    with pytest.raises(WrongStatus):
        report(driver, order, "picked_up")
    assert timeline(order) == events


@pytest.mark.parametrize("over", ["delivered", "cancelled", "failed"])
def test_what_is_over_is_over(order: Order, driver: Driver, over: str) -> None:
    bring_to(order, driver, over)
    events = timeline(order)
    for step in ("picked_up", "delivered", "failed"):
        with pytest.raises(WrongStatus):
            report(driver, order, step)
    assert (status(order), timeline(order)) == (over, events)


def test_an_order_of_another_driver(order: Order, new_driver: Callable[..., Driver]) -> None:
    mine, other = new_driver(), new_driver()
    assign(order, mine)
    with pytest.raises(NotYours):
        report(other, order, "picked_up")
    assert (status(order), status(other)) == ("assigned", "idle")


def test_an_order_of_nobody(order: Order, driver: Driver) -> None:
    with pytest.raises(NotYours):
        report(driver, order, "picked_up")
    assert status(order) == "pending"


def test_there_are_no_other_buttons(order: Order, driver: Driver) -> None:
    bring_to(order, driver, "picked_up")
    for step in ("pending", "assigned", "to_restaurant", "cancelled", "driver_nearby", "", "lost"):
        with pytest.raises(Invalid, match="delivered, failed, picked_up"):
            report(driver, order, step)
    assert status(order) == "picked_up"


def test_two_dropoffs_one_after_the_other(new_order: Callable[..., Order], driver: Driver) -> None:
    ann, bob = new_order(customer_name="Ann"), new_order(customer_name="Bob")
    for order in (ann, bob):
        bring_to(order, driver, "picked_up")
    assert plan(driver) == ["dropoff Ann", "dropoff Bob"]
    report(driver, bob, "delivered")
    assert (plan(driver), status(driver)) == (["dropoff Ann"], "delivering")
    report(driver, ann, "delivered")
    assert (plan(driver), status(driver)) == ([], "idle")
    assert (status(ann), status(bob)) == ("delivered", "delivered")


def test_a_driver_who_ended_the_shift_still_delivers(order: Order, driver: Driver) -> None:
    bring_to(order, driver, "picked_up")
    actions.set_shift(driver.pk, on=False)
    report(driver, order, "delivered")
    assert (status(order), status(driver)) == ("delivered", "offline")


def test_a_new_token_replaces_the_one_before(driver: Driver) -> None:
    first, second = actions.issue_token(driver.pk), actions.issue_token(driver.pk)
    driver.refresh_from_db()
    assert driver.token_digest == Driver.digest(second) != Driver.digest(first)
    assert second not in driver.token_digest
