"""That an order comes later than promised is said once of each promise."""

import pytest
from django.utils import timezone

from dispatch.models import (
    Driver,
    Order,
    OutboxEvent,
    Stop,
)
from dispatch.orders import actions
from dispatch.planning import replanning
from tests.dispatch.messages.conftest import Phone
from tests.dispatch.messages.words import MINUTE, Make, Steps, Work


@pytest.fixture
def late(new_order: Make, steps: Steps) -> Order:
    """Promised in 20 minutes, expected in 35."""
    order = new_order(promised_at=timezone.now() + 20 * MINUTE)
    steps(order, "assigned", "picked_up")
    expect(order, 35)
    return order


def expect(order: Order, minutes: float) -> None:
    Order.objects.filter(pk=order.pk).update(eta_minutes=minutes, problem="")
    Stop.objects.filter(order=order, kind="dropoff").update(eta=timezone.now() + minutes * MINUTE)


def predicted(order: Order, kind: str = "order.late") -> None:
    """As it is recorded when a prediction is stored."""
    OutboxEvent.objects.create(kind=kind, order=order)


def test_later_is_said_once_for_each_promise(phone: Phone, late: Order, work: Work) -> None:
    for minutes in (35, 36, 31, 50):
        expect(late, minutes)
        predicted(late)
        work()
    [text] = [text for text in phone.texts if "late" in text]
    eta = late.locale.time(timezone.now() + 35 * MINUTE)
    assert text.startswith("Sorry, your order from Larimer Noodles is running 15 min late.")
    assert eta.partition(":")[0] in text
    late.refresh_from_db()
    late.promised_at = timezone.now() + 45 * MINUTE
    actions.change_order(late)
    expect(late, 57)
    for _ in range(2):
        predicted(late)
        work()
    assert len([text for text in phone.texts if "late" in text]) == 2


def test_what_the_planner_predicts_is_told(
    phone: Phone, new_order: Make, driver: Driver, steps: Steps, work: Work
) -> None:
    order = new_order(promised_at=timezone.now() - 15 * MINUTE)
    steps(order, "assigned", "picked_up")
    for _ in range(2):
        replanning.replan(driver.pk)
        work()
    order.refresh_from_db()
    arrival = Stop.objects.get(order=order, kind="dropoff").eta
    assert arrival
    late = (arrival - order.promise) // MINUTE
    assert [text for text in phone.texts if f"running {late} min late" in text] == phone.texts[1:]
    assert len(phone.texts) == 2


@pytest.mark.parametrize(("minutes", "problem", "told"), [(29, "", 0), (31, "", 1), (31, "straight_line", 0)])
def test_later_by_how_much(
    phone: Phone, late: Order, work: Work, minutes: int, problem: str, told: int
) -> None:
    expect(late, minutes)
    Order.objects.filter(pk=late.pk).update(problem=problem)
    predicted(late)
    work()
    assert len([text for text in phone.texts if "late" in text]) == told


def test_an_order_that_is_in_time_again_is_told_when_it_is_late_once_more(
    phone: Phone, late: Order, work: Work
) -> None:
    predicted(late)
    expect(late, 18)
    work()
    assert not [text for text in phone.texts if "late" in text]
    expect(late, 40)
    predicted(late, "order.eta_changed")
    work()
    assert len([text for text in phone.texts if "late" in text]) == 1
