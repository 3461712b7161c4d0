"""What geofences see: setting out, arriving, leaving."""

from collections.abc import Callable
from uuid import uuid4

import pytest

from dispatch.errors import NotFound
from dispatch.models import Driver, Order, Stop
from dispatch.orders import geofence_actions
from routing.problems import Problem
from tests.dispatch.story import (
    EVIDENCE,
    arrange,
    arrive,
    assign,
    at,
    bring_to,
    last_event,
    leave,
    pass_by,
    plan,
    report,
    set_out,
    status,
    stops,
    timeline,
)


def pickup(order: Order) -> Stop:
    return Stop.objects.get(order=order, kind="pickup")


def dropoff(order: Order) -> Stop:
    return Stop.objects.get(order=order, kind="dropoff")


def test_setting_out(order: Order, driver: Driver) -> None:
    assign(order, driver)
    set_out(driver, order, seconds=60)
    assert status(order) == "to_restaurant"
    event = last_event(order)
    assert (event.actor, event.driver_id, event.evidence) == ("geofence", driver.pk, EVIDENCE)
    assert event.happened_at == at(60)
    assert pickup(order).arrived_at is None


@pytest.mark.parametrize("before", ["assigned", "to_restaurant"])
def test_arriving_at_the_restaurant(order: Order, driver: Driver, before: str) -> None:
    bring_to(order, driver, before)
    arrive(driver, "pickup", order, seconds=300)
    assert status(order) == "driver_at_restaurant"
    assert pickup(order).arrived_at == at(300)
    event = last_event(order)
    assert (event.from_status, event.actor, event.evidence) == (before, "geofence", EVIDENCE)
    assert event.happened_at == at(300)
    assert len(plan(driver)) == 2


def test_arriving_near_the_customer(order: Order, driver: Driver) -> None:
    bring_to(order, driver, "picked_up")
    arrive(driver, "dropoff", order, seconds=1200)
    assert status(order) == "driver_nearby"
    assert dropoff(order).arrived_at == at(1200)
    assert plan(driver) == [f"dropoff {order.customer_name}"]


def test_arriving_twice_is_one_event(order: Order, driver: Driver) -> None:
    assign(order, driver)
    for seconds in (300, 310):
        arrive(driver, "pickup", order, seconds=seconds)
    assert timeline(order) == ["pending", "assigned", "driver_at_restaurant"]
    assert pickup(order).arrived_at == at(300)


def test_setting_out_after_arriving_changes_nothing(order: Order, driver: Driver) -> None:
    bring_to(order, driver, "driver_at_restaurant")
    set_out(driver, order)
    assert status(order) == "driver_at_restaurant"


def test_two_orders_of_one_restaurant_are_reached_together(
    new_order: Callable[..., Order], driver: Driver
) -> None:
    orders = [new_order(), new_order()]
    for order in orders:
        assign(order, driver)
    set_out(driver, *orders)
    arrive(driver, "pickup", *orders)
    assert [timeline(order) for order in orders] == [
        ["pending", "assigned", "to_restaurant", "driver_at_restaurant"]
    ] * 2


def test_leaving_after_a_forgotten_button_is_an_automatic_pickup(order: Order, driver: Driver) -> None:
    bring_to(order, driver, "driver_at_restaurant")
    leave(driver, "pickup", order, seconds=600)
    assert (status(order), status(driver)) == ("picked_up", "delivering")
    assert (pickup(order).left_at, pickup(order).done_at is not None) == (at(600), True)
    assert plan(driver) == [f"dropoff {order.customer_name}"]
    event = last_event(order)
    assert (event.actor, event.evidence, event.happened_at) == ("geofence", EVIDENCE, at(600))


def test_nobody_leaves_with_food_that_is_not_ready(
    new_order: Callable[..., Order], order: Order, driver: Driver
) -> None:
    later = new_order(ready_at=at(300 + 1200))
    for each in (order, later):
        assign(each, driver)
    arrive(driver, "pickup", order, later, seconds=300)
    leave(driver, "pickup", order, later, seconds=360)
    # One was picked up, for the other the driver comes back.
    assert [status(order), status(later)] == ["picked_up", "to_restaurant"]
    pickup = Stop.objects.get(order=later, kind="pickup")
    assert (pickup.arrived_at, pickup.left_at, pickup.done_at) == (None, None, None)
    arrive(driver, "pickup", later, seconds=1500)
    leave(driver, "pickup", later, seconds=1600)
    assert status(later) == "picked_up"


def test_food_may_be_ready_a_little_early(new_order: Callable[..., Order], driver: Driver) -> None:
    order = new_order(ready_at=at(600))
    assign(order, driver)
    arrive(driver, "pickup", order, seconds=240)
    leave(driver, "pickup", order, seconds=310)
    assert status(order) == "picked_up"


def test_leaving_after_the_button_was_pressed_changes_nothing(order: Order, driver: Driver) -> None:
    bring_to(order, driver, "picked_up")
    leave(driver, "pickup", order)
    assert timeline(order)[-1] == "picked_up"
    assert timeline(order).count("picked_up") == 1


def test_leaving_the_customer_delivers_nothing(order: Order, driver: Driver) -> None:
    bring_to(order, driver, "driver_nearby")
    Order.objects.filter(pk=order.pk).update(eta_minutes=1, problem=Problem.ROADS_AWAY)
    leave(driver, "dropoff", order, seconds=1500)
    assert status(order) == "driver_nearby"
    assert (order.eta_minutes, order.problem) == (None, "")
    assert dropoff(order).left_at == at(1500)
    report(driver, order, "delivered")
    assert status(order) == "delivered"


def test_who_never_arrived_cannot_leave(order: Order, driver: Driver) -> None:
    bring_to(order, driver, "to_restaurant")
    leave(driver, "pickup", order)
    assert status(order) == "to_restaurant"
    assert pickup(order).left_at is None
    assert len(plan(driver)) == 2


def test_a_short_stop_on_the_way_is_nothing_to_leave(order: Order, driver: Driver) -> None:
    bring_to(order, driver, "driver_at_restaurant")
    pass_by(driver, "pickup", order, seconds=320)
    assert pickup(order).arrived_at is None
    leave(driver, "pickup", order, seconds=600)
    assert timeline(order)[-2:] == ["driver_at_restaurant", "to_restaurant"]
    event = last_event(order)
    assert (event.actor, event.happened_at, event.evidence) == ("geofence", at(320), EVIDENCE)
    assert event.reason
    arrive(driver, "pickup", order, seconds=900)
    leave(driver, "pickup", order, seconds=1000)
    assert timeline(order)[-3:] == ["to_restaurant", "driver_at_restaurant", "picked_up"]


def test_that_the_driver_was_near_the_customer_is_not_taken_back(order: Order, driver: Driver) -> None:
    bring_to(order, driver, "driver_nearby")
    pass_by(driver, "dropoff", order, seconds=1230)
    assert (status(order), dropoff(order).arrived_at) == ("driver_nearby", None)


def test_where_the_driver_is_comes_first(new_order: Callable[..., Order], driver: Driver) -> None:
    first, second, third = (new_order(customer_name=name) for name in ("Ann", "Bob", "Cyd"))
    for order in (first, second, third):
        assign(order, driver)
    arrange(
        driver,
        [
            pk
            for order in (first, second, third)
            for kind in ("pickup", "dropoff")
            for pk in stops(order, kind)
        ],
    )
    arrive(driver, "pickup", second, seconds=300)
    assert plan(driver) == [
        "pickup Bob",
        "pickup Ann",
        "dropoff Ann",
        "dropoff Bob",
        "pickup Cyd",
        "dropoff Cyd",
    ]
    arrive(driver, "pickup", third, seconds=310)
    assert plan(driver)[:3] == ["pickup Bob", "pickup Cyd", "pickup Ann"]
    pass_by(driver, "pickup", second, seconds=320)
    assert plan(driver)[:3] == ["pickup Cyd", "pickup Bob", "pickup Ann"]


def test_what_came_before_the_arrival_does_not_take_it_back(order: Order, driver: Driver) -> None:
    bring_to(order, driver, "driver_at_restaurant")
    pass_by(driver, "pickup", order, seconds=299)
    assert pickup(order).arrived_at == at(300)


def test_who_leaves_by_a_clock_that_is_behind_the_arrival_has_not_left(order: Order, driver: Driver) -> None:
    bring_to(order, driver, "driver_at_restaurant")
    leave(driver, "pickup", order, seconds=299)
    assert status(order) == "driver_at_restaurant"
    assert pickup(order).left_at is None


def test_leaving_twice_is_one_event(order: Order, driver: Driver) -> None:
    bring_to(order, driver, "driver_nearby")
    for seconds in (1500, 1600):
        leave(driver, "dropoff", order, seconds=seconds)
    assert dropoff(order).left_at == at(1500)


def test_who_comes_back_to_a_door_begins_another_visit(order: Order, driver: Driver) -> None:
    bring_to(order, driver, "driver_nearby")
    leave(driver, "dropoff", order, seconds=1500)
    events = timeline(order)
    arrive(driver, "dropoff", order, seconds=1700)
    assert (dropoff(order).arrived_at, dropoff(order).left_at) == (at(1700), None)
    leave(driver, "dropoff", order, seconds=1900)
    assert (dropoff(order).arrived_at, dropoff(order).left_at) == (at(1700), at(1900))
    assert timeline(order) == events


def test_an_arrival_that_is_older_than_the_exit_is_no_return(order: Order, driver: Driver) -> None:
    bring_to(order, driver, "driver_nearby")
    leave(driver, "dropoff", order, seconds=1500)
    arrive(driver, "dropoff", order, seconds=1500)
    assert (dropoff(order).arrived_at, dropoff(order).left_at) == (at(1200), at(1500))


def test_nobody_is_near_a_customer_whose_food_is_still_at_the_restaurant(
    order: Order, driver: Driver
) -> None:
    assign(order, driver)
    arrive(driver, "dropoff", order)
    assert status(order) == "assigned"


def test_stops_of_another_driver_are_not_visited(order: Order, new_driver: Callable[..., Driver]) -> None:
    mine, other = new_driver(), new_driver()
    assign(order, mine)
    arrive(other, "pickup", order)
    assert status(order) == "assigned"
    assert pickup(order).arrived_at is None


def test_stops_that_are_gone_are_not_visited(order: Order, new_driver: Callable[..., Driver]) -> None:
    first, second = new_driver(), new_driver()
    assign(order, first)
    old = stops(order, "pickup")
    assign(order, second)
    geofence_actions.arrive(first.pk, old, happened_at=at(300), evidence=EVIDENCE)
    assert timeline(order) == ["pending", "assigned", "assigned"]


def test_a_driver_who_does_not_exist_arrives_nowhere(db: None) -> None:
    with pytest.raises(NotFound):
        geofence_actions.arrive(uuid4(), [uuid4()], happened_at=at(0), evidence={})
