"""What drives past, halts at and visits to restaurants and doors make of orders, over the real socket."""

from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from dispatch.models import City, Driver, FailureReason, Order, OrderEvent, Restaurant, Stop
from dispatch.orders import actions
from routing.geo import destination
from tests.conftest import DENVER
from tests.dispatch import story
from tests.tracking.sockets.clients import driver_socket
from tests.tracking.sockets.phone import Phone

pytestmark = pytest.mark.usefixtures("live_loop")


def says(status: str) -> Callable[[dict[str, Any]], bool]:
    return lambda stop: stop["orderStatus"] == status


@sync_to_async
def order_from(city: City, new_order: Callable[..., Order], driver: Driver, metres_east: float) -> Order:
    """One that the driver has, of a restaurant so far east of the first one."""
    place = destination(DENVER, 90, metres_east)
    restaurant = Restaurant.objects.create(name=f"At {metres_east}", city=city, lat=place.lat, lng=place.lng)
    order = new_order(restaurant_id=restaurant.pk)
    story.assign(order, driver)
    return order


@sync_to_async
def timeline(order: Order) -> list[str]:
    return story.timeline(order)


async def test_a_red_light_before_the_restaurant_is_taken_back(order: Order, driver: Driver) -> None:
    await sync_to_async(story.assign)(order, driver)
    async with await driver_socket(driver) as socket:
        await socket.frame("ready")
        phone = Phone(socket)
        await phone.at(-400, -300, -200, -100, speed=10)
        await phone.at(0, 0, 0, speed=0)
        await phone.plan(order, says("driver_at_restaurant"))
        await phone.at(50, 120, 200, 280, 360, 440, 520, speed=15)
        await phone.plan(order, says("to_restaurant"))
    assert await timeline(order) == [
        "pending",
        "assigned",
        "to_restaurant",
        "driver_at_restaurant",
        "to_restaurant",
    ]
    event = await OrderEvent.objects.filter(order=order).alatest("id")
    assert (event.actor, event.reason) == ("geofence", "The driver drove on: the arrival is taken back.")
    assert event.evidence["stood_s"] < 40
    assert (await Stop.objects.aget(order=order, kind="pickup")).arrived_at is None


async def test_a_red_light_near_the_door_leaves_the_eta_and_the_driver(order: Order, driver: Driver) -> None:
    await sync_to_async(story.bring_to)(order, driver, "picked_up")
    async with await driver_socket(driver) as socket:
        await socket.frame("ready")
        phone = Phone(socket)
        await phone.at(1430, 1430, 1430, speed=0)
        await phone.plan(order, says("driver_nearby"))
        await phone.at(1350, 1280, 1200, 1120, 1040, 960, speed=15)
        await socket.frame("ack", seq=phone.seq)
    door = await Stop.objects.aget(order=order, kind="dropoff")
    assert (door.arrived_at, door.left_at) == (None, None)


async def test_both_restaurants_of_a_food_hall_are_visited_at_once(
    city: City, new_order: Callable[..., Order], order: Order, driver: Driver
) -> None:
    await sync_to_async(story.assign)(order, driver)
    other = await order_from(city, new_order, driver, 30)
    async with await driver_socket(driver) as socket:
        await socket.frame("ready")
        phone = Phone(socket, every_s=10)
        await phone.at(0, 0, speed=0)
        for each in (order, other):
            await phone.plan(each, says("driver_at_restaurant"))
        await phone.at(*[15] * 7, speed=0)
        await phone.at(200, 400, 600, speed=20)
        for each in (order, other):
            await phone.plan(each, says("picked_up"))


async def test_two_restaurants_a_block_apart_are_both_visited(
    city: City, new_order: Callable[..., Order], order: Order, driver: Driver
) -> None:
    await sync_to_async(story.assign)(order, driver)
    other = await order_from(city, new_order, driver, 120)
    async with await driver_socket(driver) as socket:
        await socket.frame("ready")
        phone = Phone(socket)
        await phone.at(*[0] * 9, speed=0)
        await phone.at(60, speed=10)
        await phone.at(*[120] * 9, speed=0)
        await phone.plan(other, says("driver_at_restaurant"))
        await phone.at(200, 300, 400, 500, 600, 700, speed=20)
        for each in (order, other):
            await phone.plan(each, says("picked_up"))


async def test_who_takes_the_second_pickup_first_is_seen_there(
    city: City, new_order: Callable[..., Order], order: Order, driver: Driver
) -> None:
    await sync_to_async(story.assign)(order, driver)
    other = await order_from(city, new_order, driver, 3000)
    assert (await Stop.objects.plans_of([driver.pk]).afirst()).order_id == order.pk
    async with await driver_socket(driver) as socket:
        await socket.frame("ready")
        phone = Phone(socket, every_s=10)
        await phone.at(*[3000] * 8, speed=0)
        await phone.plan(other, says("driver_at_restaurant"))
        plan = await socket.frame("plan")
        assert plan["stops"][0]["orderId"] == str(other.pk)
        # Who only sets out is on the way to the first.
        assert {stop["orderStatus"] for stop in plan["stops"][1:] if stop["orderId"] == str(order.pk)} == {
            "assigned"
        }


async def test_a_car_that_is_parked_has_not_left_a_restaurant_that_staff_move(
    restaurant: Restaurant, order: Order, driver: Driver
) -> None:
    await sync_to_async(story.assign)(order, driver)
    async with await driver_socket(driver) as socket:
        await socket.frame("ready")
        phone = Phone(socket)
        await phone.at(*[0] * 15, speed=0)
        await phone.plan(order, says("driver_at_restaurant"))
        plans = socket.types().count("plan")
        restaurant.lat = destination(DENVER, 0, 600).lat
        restaurant.geofence_radius = 50
        await sync_to_async(actions.change_restaurant)(restaurant)
        await socket.until(lambda: socket.types().count("plan") > plans)
        await phone.at(*[2] * 9, speed=0)
        await socket.frame("ack", seq=phone.seq)
    assert await timeline(order) == ["pending", "assigned", "driver_at_restaurant"]


async def test_orders_of_one_restaurant_are_one_visit_in_whatever_order_they_are_planned(
    new_order: Callable[..., Order], order: Order, driver: Driver
) -> None:
    other = await sync_to_async(new_order)()
    for each in (order, other):
        await sync_to_async(story.assign)(each, driver)
    await _one_after_the_other(driver, order, other)
    async with await driver_socket(driver) as socket:
        await socket.frame("ready")
        phone = Phone(socket)
        await phone.at(0, 0, 0, speed=0)
        for each in (order, other):
            await phone.plan(each, says("driver_at_restaurant"))


@sync_to_async
def _one_after_the_other(driver: Driver, *orders: Order) -> None:
    """The plan does one order after the other, though all are of one restaurant."""
    story.arrange(
        driver, [pk for order in orders for kind in ("pickup", "dropoff") for pk in story.stops(order, kind)]
    )


async def test_a_driver_hears_that_the_food_goes_back_and_says_so(order: Order, driver: Driver) -> None:
    await sync_to_async(story.bring_to)(order, driver, "picked_up")
    async with await driver_socket(driver) as socket:
        await socket.frame("ready")
        await sync_to_async(actions.cancel)(order.pk, actor=story.DANA, reason="Nobody home")
        await socket.until(
            lambda: [stop["kind"] for stop in socket.frames[-1].get("stops", [])] == ["return"]
        )
        (stop,) = socket.frames[-1]["stops"]
        assert (stop["name"], stop["orderStatus"]) == ("Larimer Noodles", "cancelled")
        await socket.send({"type": "seen", "stopIds": [stop["stopId"]]})
        await socket.until(lambda: any("seenAt" in one for one in socket.frames[-1].get("stops", [])))
        await socket.send({"type": "status", "orderId": str(order.pk), "status": "returned"})
        await socket.until(lambda: socket.frames[-1].get("stops") == [])


async def test_a_driver_before_a_closed_restaurant_says_so(order: Order, driver: Driver) -> None:
    await FailureReason.objects.all().adelete()
    await FailureReason.objects.acreate(code="closed", name="Restaurant closed", leads_to="end")
    await FailureReason.objects.acreate(code="old", name="An old one", active=False)
    await sync_to_async(story.bring_to)(order, driver, "driver_at_restaurant")
    async with await driver_socket(driver) as socket:
        told = await socket.frame("reasons")
        assert told["reasons"] == [{"code": "closed", "name": "Restaurant closed", "leadsTo": "end"}]
        await socket.frame("ready")
        await socket.send({"type": "status", "orderId": str(order.pk), "status": "failed"})
        await socket.frame("error", code="invalid")
        await socket.send(
            {"type": "status", "orderId": str(order.pk), "status": "failed", "reason": "closed"}
        )
        await socket.until(lambda: socket.frames[-1].get("stops") == [])
        assert socket.types().count("reasons") == 1
    assert (await timeline(order))[-1] == "failed"
