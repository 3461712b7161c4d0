"""A pickup that a geofence took for granted, and a dispatcher who takes it back."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from dispatch.errors import WrongStatus
from dispatch.models import Driver, Order, OrderEvent, Stop
from dispatch.orders import actions, geofence_actions
from dispatch.orders.transitions import Actor
from routing.problems import Problem
from tests.dispatch import story
from tests.dispatch.story import (
    DANA,
    arrive,
    assign,
    bring_to,
    last_event,
    leave,
    plan,
    report,
    status,
    stops,
    timeline,
)
from tracking.sockets.snapshots import order_items


def picked_up_by_geofence(order: Order, driver: Driver) -> None:
    bring_to(order, driver, "driver_at_restaurant")
    leave(driver, "pickup", order, seconds=600)
    assert status(order) == "picked_up"


def told(order: Order) -> tuple[int | None, int | None]:
    """When the dispatcher is told that the order was picked up automatically, and its customer's door left (ms)."""
    order.refresh_from_db()
    (item,) = order_items([order])
    return item.frame.auto_pickup_at, item.frame.left_dropoff_at


def ms(moment) -> int:
    return int(moment.timestamp() * 1000)


@pytest.mark.parametrize("nearby", [False, True], ids=["picked up", "nearby"])
def test_the_order_is_what_it_was_and_its_stops_are_new(order: Order, driver: Driver, nearby: bool) -> None:
    picked_up_by_geofence(order, driver)
    if nearby:
        arrive(driver, "dropoff", order, seconds=1200)
        leave(driver, "dropoff", order, seconds=1300)
    Order.objects.filter(pk=order.pk).update(eta_minutes=3, problem=Problem.ROADS_AWAY)
    before, version = status(order), order.version
    old = set(Stop.objects.values_list("pk", flat=True))
    actions.undo_pickup(order.pk, actor=DANA)
    order.refresh_from_db()
    assert (order.status, order.driver_id) == ("driver_at_restaurant", driver.pk)
    assert (order.eta_minutes, order.problem) == (None, "")
    assert order.version > version
    event = last_event(order)
    assert (event.from_status, event.to_status) == (before, "driver_at_restaurant")
    assert (event.actor, event.actor_name) == ("dispatcher", "Dana")
    assert event.reason == "The automatic pickup was undone."
    assert plan(driver) == [f"pickup {order.customer_name}", f"dropoff {order.customer_name}"]
    assert status(driver) == "to_restaurant"
    for stop in Stop.objects.all():
        assert stop.pk not in old
        assert (stop.arrived_at, stop.left_at, stop.done_at) == (None, None, None)
    story.check_everything()


def test_the_dispatcher_may_say_why(order: Order, driver: Driver) -> None:
    picked_up_by_geofence(order, driver)
    actions.undo_pickup(order.pk, actor=DANA, reason=" parked around the corner ")
    assert last_event(order).reason == "parked around the corner"


def test_the_pickup_comes_first_again(new_order: Callable[..., Order], driver: Driver) -> None:
    ann, bob = new_order(customer_name="Ann"), new_order(customer_name="Bob")
    bring_to(bob, driver, "picked_up")
    picked_up_by_geofence(ann, driver)
    assert plan(driver) == ["dropoff Bob", "dropoff Ann"]
    actions.undo_pickup(ann.pk, actor=DANA)
    assert plan(driver) == ["pickup Ann", "dropoff Bob", "dropoff Ann"]
    story.check_everything()


def test_a_new_visit_begins(order: Order, driver: Driver) -> None:
    """What geofences saw of the old stops says nothing of the new ones; what they see of these counts."""
    picked_up_by_geofence(order, driver)
    old = stops(order, "pickup"), stops(order, "dropoff")
    actions.undo_pickup(order.pk, actor=DANA)
    for ids in old:
        geofence_actions.arrive(driver.pk, ids, happened_at=story.at(700), evidence={})
        geofence_actions.leave(driver.pk, ids, happened_at=story.at(800), evidence={})
    leave(driver, "pickup", order, seconds=900)
    assert status(order) == "driver_at_restaurant"
    arrive(driver, "pickup", order, seconds=1000)
    leave(driver, "pickup", order, seconds=1100)
    assert timeline(order)[2:] == ["driver_at_restaurant", "picked_up"] * 2
    actions.undo_pickup(order.pk, actor=DANA)
    assert status(order) == "driver_at_restaurant"


def test_afterwards_the_driver_can_press_and_the_order_can_go_to_another(
    new_order: Callable[..., Order], new_driver: Callable[..., Driver]
) -> None:
    first, second = new_driver(), new_driver()
    ann, bob = new_order(), new_order()
    for order in (ann, bob):
        picked_up_by_geofence(order, first)
        actions.undo_pickup(order.pk, actor=DANA)
    report(first, ann, "picked_up")
    assign(bob, second)
    assert (status(ann), status(bob), bob.driver_id) == ("picked_up", "assigned", second.pk)
    with pytest.raises(WrongStatus, match="only an automatic pickup"):
        actions.undo_pickup(ann.pk, actor=DANA)
    story.check_everything()


def test_a_button_is_not_undone(order: Order, driver: Driver) -> None:
    bring_to(order, driver, "driver_nearby")
    events = timeline(order)
    with pytest.raises(WrongStatus, match="The driver pressed “picked up”"):
        actions.undo_pickup(order.pk, actor=DANA)
    assert (status(order), timeline(order)) == ("driver_nearby", events)


@pytest.mark.parametrize(
    "now",
    ["pending", "assigned", "to_restaurant", "driver_at_restaurant", "delivered", "cancelled", "failed"],
)
def test_without_food_in_the_bag_there_is_nothing_to_undo(order: Order, driver: Driver, now: str) -> None:
    if now in ("delivered", "failed"):
        picked_up_by_geofence(order, driver)
        report(driver, order, now)
    else:
        bring_to(order, driver, now)
    events = timeline(order)
    with pytest.raises(WrongStatus, match="no pickup to undo"):
        actions.undo_pickup(order.pk, actor=DANA)
    assert (status(order), timeline(order)) == (now, events)


def test_the_time_to_undo_is_limited(order: Order, driver: Driver, settings: Any) -> None:
    assert settings.UNDO_PICKUP_S == 600
    picked_up_by_geofence(order, driver)
    pickup = Stop.objects.filter(order=order, kind="pickup")
    pickup.update(done_at=timezone.now() - timedelta(seconds=601))
    assert told(order) == (None, None)
    with pytest.raises(WrongStatus, match="over 10 minutes ago"):
        actions.undo_pickup(order.pk, actor=DANA)
    late = timezone.now() - timedelta(seconds=595)
    pickup.update(done_at=late)
    assert told(order) == (ms(late), None)
    actions.undo_pickup(order.pk, actor=DANA)
    assert status(order) == "driver_at_restaurant"


def test_only_a_dispatcher_undoes(order: Order, driver: Driver) -> None:
    picked_up_by_geofence(order, driver)
    for actor in (
        actions.PLATFORM,
        actions.SYSTEM,
        geofence_actions.GEOFENCE,
        Actor(OrderEvent.Actor.DRIVER, driver.name),
    ):
        with pytest.raises(WrongStatus, match="Only a dispatcher"):
            actions.undo_pickup(order.pk, actor=actor)
    assert status(order) == "picked_up"


def test_the_dispatcher_is_told_while_it_can_be_undone(
    new_order: Callable[..., Order], driver: Driver
) -> None:
    automatic, by_button = new_order(), new_order()
    bring_to(by_button, driver, "picked_up")
    assert told(by_button) == (None, None)
    picked_up_by_geofence(automatic, driver)
    done = Stop.objects.get(order=automatic, kind="pickup").done_at
    assert told(automatic) == (ms(done), None)
    arrive(driver, "dropoff", automatic, seconds=1200)
    assert told(automatic) == (ms(done), None)
    actions.undo_pickup(automatic.pk, actor=DANA)
    assert told(automatic) == (None, None)


def test_the_dispatcher_is_told_of_a_door_that_was_left(
    new_order: Callable[..., Order], driver: Driver
) -> None:
    order = new_order()
    bring_to(order, driver, "driver_nearby")
    assert told(order) == (None, None)
    leave(driver, "dropoff", order, seconds=1500)
    assert told(order) == (None, ms(story.at(1500)))
    arrive(driver, "dropoff", order, seconds=1700)
    assert told(order) == (None, None)
    leave(driver, "dropoff", order, seconds=1800)
    assert told(order) == (None, ms(story.at(1800)))
    report(driver, order, "delivered")
    assert told(order) == (None, None)


def test_many_orders_are_told_of_with_one_query(
    new_order: Callable[..., Order], driver: Driver, django_assert_num_queries: Callable
) -> None:
    orders = [new_order() for _ in range(3)]
    for order in orders:
        picked_up_by_geofence(order, driver)
    known = list(Order.objects.select_related("restaurant__city", "driver"))
    with django_assert_num_queries(1):
        assert [bool(item.frame.auto_pickup_at) for item in order_items(known)] == [True] * 3
