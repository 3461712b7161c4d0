"""Orders that are wanted later: they wait, calmly, until it is time to set off."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db import IntegrityError, transaction
from django.urls import reverse

from dispatch.errors import WrongStatus
from dispatch.models import City, Driver, Order, Restaurant
from dispatch.orders import actions, scheduling
from dispatch.planning import assignment
from dispatch.tasks import assign_pending
from tests.dispatch.story import DANA, check_everything, last_event, status, timeline
from tracking.protocol.frames import customer_view, order_state
from tracking.protocol.messages import CustomerStatus

#: Friday noon in Denver, and Saturday 19:00 there.
NOW = datetime(2026, 11, 27, 19, tzinfo=UTC)
WANTED = datetime(2026, 11, 29, 2, tzinfo=UTC)


def message(order: Order) -> str:
    order.refresh_from_db()
    (told,) = (frame for frame in customer_view(order, []).frames if isinstance(frame, CustomerStatus))
    return told.message


def test_an_order_for_tomorrow_waits_until_it_is_time_to_set_off(new_order: Callable[..., Order]) -> None:
    with time_machine.travel(NOW, tick=False) as clock:
        order = new_order(wanted_at=WANTED)
        assert (order.status, order.promised_at) == ("scheduled", WANTED)
        assert timeline(order) == ["scheduled"]
        assert message(order) == "Your order is planned for Saturday, November 28 at 7:00 PM."
        shown = order_state(order, NOW)
        begins = WANTED - timedelta(minutes=45)
        assert (shown.wanted_at, shown.created_at) == (WANTED.timestamp() * 1000, begins.timestamp() * 1000)
        clock.move_to(begins - timedelta(seconds=1))
        assert scheduling.wake() == 0
        clock.move_to(begins)
        assert scheduling.wake() == 1
        assert scheduling.wake() == 0
    assert timeline(order) == ["scheduled", "pending"]
    assert last_event(order).actor == "system"
    assert message(order) == "We have your order and are looking for a driver."
    # Nobody has waited for it yet.
    assert order.waits_since == begins
    check_everything()


def test_a_customer_is_told_the_time_as_clocks_show_it_there(new_order: Callable[..., Order]) -> None:
    City.objects.update(clock="24h")
    with time_machine.travel(NOW, tick=False):
        order = new_order(wanted_at=WANTED)
    assert message(order) == "Your order is planned for Saturday, November 28 at 19:00."


def test_nobody_is_assigned_too_early(new_order: Callable[..., Order], driver: Driver) -> None:
    order = new_order(wanted_at=WANTED + timedelta(days=365 * 20))
    with pytest.raises(WrongStatus, match="later"):
        actions.assign(order.pk, driver.pk, actor=DANA)
    with pytest.raises(WrongStatus):
        assignment.propose(order.pk)
    order.restaurant.city.assignment = "auto"
    order.restaurant.city.save()
    assign_pending()
    assert status(order) == "scheduled"
    actions.cancel(order.pk, actor=DANA)
    assert timeline(order) == ["scheduled", "cancelled"]


def test_what_is_wanted_within_the_promise_is_wanted_now(new_order: Callable[..., Order]) -> None:
    with time_machine.travel(NOW, tick=False):
        order = new_order(wanted_at=NOW + timedelta(minutes=45))
    assert (order.status, order.promised_at) == ("pending", NOW + timedelta(minutes=45))
    assert order.waits_since == order.created_at


def test_the_round_of_assigning_wakes_them(new_order: Callable[..., Order]) -> None:
    order = new_order(wanted_at=WANTED + timedelta(days=365 * 20))
    Order.objects.filter(pk=order.pk).update(dispatch_at=NOW - timedelta(days=365))
    assign_pending()
    assert status(order) == "pending"


def test_who_wants_it_at_another_time_says_so(new_order: Callable[..., Order]) -> None:
    order = new_order(wanted_at=WANTED + timedelta(days=365 * 20))
    order.wanted_at += timedelta(hours=1)
    before = order.dispatch_at
    actions.change_order(order)
    order.refresh_from_db()
    assert order.dispatch_at == before + timedelta(hours=1)
    order.wanted_at = None
    with pytest.raises(IntegrityError), transaction.atomic():
        Order.objects.filter(pk=order.pk).update(wanted_at=None)


def test_staff_enter_an_order_for_later(admin_client, restaurant: Restaurant) -> None:
    form = {"restaurant": str(restaurant.pk), "customer_name": "Ada", "bags": "1"}
    form |= {"wanted_at_0": "2046-11-28", "wanted_at_1": "19:00"}
    response = admin_client.post(reverse("admin:dispatch_order_add"), form)
    assert response.status_code == 302, response.context["errors"]
    order = Order.objects.get()
    assert (order.status, order.wanted_at) == ("scheduled", datetime(2046, 11, 29, 2, tzinfo=UTC))
    assert timeline(order) == ["scheduled"]
