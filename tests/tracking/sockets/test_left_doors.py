"""A driver leaves a customer’s door and presses nothing: what comes next is seen, and so is coming back."""

from collections.abc import Callable

import pytest
from asgiref.sync import sync_to_async

from dispatch.models import Driver, Order, Stop
from routing.geo import destination
from tests.conftest import DENVER
from tests.dispatch import story
from tests.tracking.sockets.clients import driver_socket
from tests.tracking.sockets.phone import Phone

pytestmark = pytest.mark.usefixtures("live_loop")

ANN_M, BOB_M = 1500, 2200  # metres east of the restaurant


async def test_the_next_door_is_seen_and_so_is_the_return(
    new_order: Callable[..., Order], driver: Driver
) -> None:
    orders = []
    for metres in (ANN_M, BOB_M):
        door = destination(DENVER, 90, metres)
        order = await sync_to_async(new_order)(customer_lat=door.lat, customer_lng=door.lng)
        await sync_to_async(story.bring_to)(order, driver, "picked_up")
        orders.append(order)
    ann, bob = orders
    async with await driver_socket(driver) as socket:
        await socket.frame("ready")
        phone = Phone(socket)
        await phone.at(*[ANN_M] * 15, speed=0)
        await phone.plan(ann, lambda stop: stop["orderStatus"] == "driver_nearby")
        await phone.at(1650, 1800, 1950, 2100, speed=30)
        await phone.plan(ann, lambda stop: "leftAt" in stop)
        await phone.at(BOB_M, BOB_M, speed=0)
        await phone.plan(bob, lambda stop: stop["orderStatus"] == "driver_nearby")
        await phone.at(2050, 1900, 1750, 1600, speed=30)
        await phone.at(ANN_M, speed=0)
        await phone.plan(ann, lambda stop: "leftAt" not in stop and stop["orderStatus"] == "driver_nearby")
    at_ann = await Stop.objects.aget(order=ann, kind="dropoff")
    assert at_ann.arrived_at is not None
    assert int(at_ann.arrived_at.timestamp() * 1000) == phone.ts
