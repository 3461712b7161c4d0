"""Orders that are cancelled while a driver has the food, or had delivered it already."""

from collections.abc import Callable

import pytest

from dispatch.errors import NotYours, WrongStatus
from dispatch.models import Driver, Order, Stop
from dispatch.orders import actions, buttons
from dispatch.planning import replanning
from dispatch.planning.workload import Workload
from tests.dispatch.story import (
    DANA,
    arrive,
    assign,
    at,
    bring_to,
    check_everything,
    last_event,
    leave,
    plan,
    status,
    timeline,
)


def cancel(order: Order, **options: bool) -> None:
    actions.cancel(order.pk, actor=DANA, reason="Nobody home", **options)


def presses(driver: Driver, order: Order, step: str, seconds: float) -> None:
    buttons.report(driver.pk, order.pk, step, happened_at=at(seconds))


def cancelled_at(order: Order, seconds: float) -> None:
    """The dispatcher cancelled then."""
    cancel(order)
    order.events.filter(to_status="cancelled").update(happened_at=at(seconds))


@pytest.fixture
def stories_time(order: Order) -> Order:
    """The order was placed before the story begins, by the story's clock."""
    order.events.update(happened_at=at(-600))
    return order


def test_food_on_board_of_a_cancelled_order_is_brought_back(order: Order, driver: Driver) -> None:
    bring_to(order, driver, "picked_up")
    cancel(order)
    assert status(order) == "cancelled"
    assert plan(driver) == [f"return {order.customer_name}"]
    assert status(driver) == "delivering"
    back = Stop.objects.get(order=order, kind="return")
    assert back.point == order.restaurant.point
    check_everything()
    buttons.acknowledge(driver.pk, [back.pk], happened_at=at(30))
    back.refresh_from_db()
    assert back.seen_at == at(30)
    buttons.bring_back(driver.pk, order.pk, happened_at=at(900))
    back.refresh_from_db()
    assert back.done_at == at(900)
    assert (plan(driver), status(driver)) == ([], "idle")


def test_food_that_is_to_be_disposed_of_is_not(order: Order, driver: Driver) -> None:
    bring_to(order, driver, "picked_up")
    cancel(order, dispose=True)
    assert plan(driver) == []


def test_before_the_pickup_there_is_nothing_to_bring_back(order: Order, driver: Driver) -> None:
    bring_to(order, driver, "driver_at_restaurant")
    cancel(order)
    assert plan(driver) == []
    with pytest.raises(NotYours, match="nothing of this order"):
        buttons.bring_back(driver.pk, order.pk)


def test_leaving_the_restaurant_again_is_enough(order: Order, driver: Driver) -> None:
    bring_to(order, driver, "picked_up")
    cancel(order)
    arrive(driver, "return", order, seconds=900)
    assert plan(driver) == [f"return {order.customer_name}"]
    leave(driver, "return", order, seconds=1000)
    assert plan(driver) == []
    assert status(order) == "cancelled"


def test_who_waits_for_food_comes_first(new_order: Callable[..., Order], driver: Driver) -> None:
    ann, bob = new_order(customer_name="Ann"), new_order(customer_name="Bob")
    for order in (ann, bob):
        bring_to(order, driver, "picked_up")
    cancel(ann)
    assert replanning.replan(driver.pk)
    assert plan(driver) == ["dropoff Bob", "return Ann"]
    ann.refresh_from_db()
    assert (ann.eta_minutes, ann.problem) == (None, "")
    back = Stop.objects.get(order=ann, kind="return")
    assert back.eta is not None
    assert back.leg
    instance, _ = Workload.of([driver]).instance(at(0))
    places = {shipment.id: (shipment.restaurant, shipment.customer) for shipment in instance.shipments}
    assert places[ann.pk][0] == places[ann.pk][1] == places[bob.pk][0]


def test_what_was_delivered_before_it_was_cancelled_is_delivered(stories_time: Order, driver: Driver) -> None:
    order = stories_time
    assign(order, driver)
    presses(driver, order, "picked_up", 0)
    cancelled_at(order, 120)
    presses(driver, order, "delivered", 60)
    order.refresh_from_db()
    assert (order.status, order.delivered_at) == ("delivered", at(60))
    event = last_event(order)
    assert (event.actor, event.happened_at, event.from_status) == ("driver", at(60), "cancelled")
    assert "before it was cancelled" in event.reason
    assert plan(driver) == []
    check_everything()


def test_what_is_delivered_after_it_was_cancelled_is_not(stories_time: Order, driver: Driver) -> None:
    order = stories_time
    assign(order, driver)
    presses(driver, order, "picked_up", 0)
    cancelled_at(order, 120)
    with pytest.raises(WrongStatus):
        presses(driver, order, "delivered", 180)
    assert (status(order), plan(driver)) == ("cancelled", [f"return {order.customer_name}"])


def test_what_was_picked_up_before_it_was_cancelled_is_brought_back(
    stories_time: Order, driver: Driver
) -> None:
    order = stories_time
    bring_to(order, driver, "driver_at_restaurant")
    cancelled_at(order, 720)
    presses(driver, order, "picked_up", 600)
    presses(driver, order, "picked_up", 600)
    assert (status(order), plan(driver)) == ("cancelled", [f"return {order.customer_name}"])
    # And perhaps delivered, too.
    presses(driver, order, "delivered", 700)
    assert (status(order), plan(driver)) == ("delivered", [])
    assert timeline(order)[-2:] == ["cancelled", "delivered"]


def test_what_had_failed_before_it_was_cancelled_leaves_nothing_to_bring_back(
    stories_time: Order, driver: Driver
) -> None:
    order = stories_time
    bring_to(order, driver, "driver_at_restaurant")
    cancelled_at(order, 720)
    presses(driver, order, "failed", 600)
    assert (status(order), plan(driver)) == ("cancelled", [])


def test_what_was_told_in_time_is_not_told_again(stories_time: Order, driver: Driver) -> None:
    order = stories_time
    bring_to(order, driver, "driver_at_restaurant")
    presses(driver, order, "picked_up", 400)
    actions.cancel(order.pk, actor=DANA, reason="Nobody home", dispose=True)
    order.events.filter(to_status="cancelled").update(happened_at=at(900))
    presses(driver, order, "picked_up", 400)
    assert plan(driver) == []


def test_only_the_drivers_own_stops_are_seen(
    order: Order, driver: Driver, new_driver: Callable[..., Driver]
) -> None:
    assign(order, driver)
    buttons.acknowledge(new_driver().pk, [stop.pk for stop in Stop.objects.all()])
    assert not Stop.objects.exclude(seen_at=None).exists()
