"""What a customer's page is told, and what it is never told."""

from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from dispatch.models import City, Driver, Order, Stop
from dispatch.orders import actions, buttons, geofence_actions
from routing.geo import destination
from tests.conftest import DENVER
from tests.tracking.sockets.clients import customer_socket, dispatcher_socket, driver_socket
from tracking.clock import now_ms
from tracking.sockets import broadcast

pytestmark = pytest.mark.usefixtures("live_loop")


@sync_to_async
def assign(order: Order, driver: Driver) -> None:
    actions.assign(order.pk, driver.pk, actor=actions.SYSTEM)


@sync_to_async
def pick_up(order: Order, driver: Driver) -> None:
    buttons.report(driver.pk, order.pk, "picked_up")


def fix(metres_west: float, seq: int = 1) -> dict[str, Any]:
    at = destination(DENVER, 270, metres_west)
    return {"type": "location", "lat": at.lat, "lng": at.lng, "seq": seq}


async def test_the_snapshot_of_a_pending_order(order: Order) -> None:
    async with customer_socket(order.tracking_token) as socket:
        await socket.frame("ready")
        assert socket.types() == ["hello", "driver_hidden", "status", "ready"]
        assert (await socket.frame("status"))["status"] == "pending"


@sync_to_async
def plan(order: Order, minutes: int | None) -> None:
    """As a plan tells when the driver comes, and over which road."""
    order.stops.update(leg=None if minutes is None else [[-105.0, 39.75], [-104.99, 39.75]])
    Order.objects.filter(pk=order.pk).update(eta_minutes=minutes)
    broadcast.fleet([order.pk], [])


async def test_what_is_known_no_longer_is_taken_back_and_told_again(driver: Driver, order: Order) -> None:
    await assign(order, driver)
    await pick_up(order, driver)
    async with customer_socket(order.tracking_token) as socket:
        await socket.frame("ready")
        for minutes in (12, None, 12):
            del socket.frames[:]
            await plan(order, minutes)
            await socket.frame("eta", minutes=12) if minutes else await socket.frame("eta_unknown")
            await socket.frame("route") if minutes else await socket.frame("route_hidden")


@pytest.mark.parametrize("minutes", [7, None])
async def test_of_an_order_that_was_cancelled_nobody_is_told_minutes_who_never_was(
    driver: Driver, order: Order, minutes: int | None
) -> None:
    await assign(order, driver)
    await plan(order, minutes)
    async with customer_socket(order.tracking_token) as socket:
        await socket.frame("ready")
        del socket.frames[:]
        await sync_to_async(actions.cancel)(order.pk, actor=actions.dispatcher("Dana"), reason="spilled")
        await socket.frame("status", status="cancelled")
        told = [frame.get("minutes", frame["type"]) for frame in socket.frames if "eta" in frame["type"]]
        assert told == ([] if minutes is None else [0, "eta_unknown"])
    async with customer_socket(order.tracking_token) as later:
        await later.frame("ready")
        assert later.types() == ["hello", "driver_hidden", "status", "ready"]


async def test_status_changes_arrive_with_words(driver: Driver, order: Order) -> None:
    async with customer_socket(order.tracking_token) as socket:
        await socket.frame("ready")
        await assign(order, driver)
        assert (await socket.frame("status", status="assigned"))["message"] == "A driver has your order."
        await pick_up(order, driver)
        await socket.frame("status", status="picked_up")


async def test_the_driver_is_hidden_until_the_order_is_on_its_way(driver: Driver, order: Order) -> None:
    async with customer_socket(order.tracking_token) as socket, await driver_socket(driver) as app:
        await app.frame("ready")
        await assign(order, driver)
        await socket.frame("status", status="assigned")
        await app.send(fix(1000, 1))
        await app.frame("ack", seq=1)
        assert "driver_pos" not in socket.types()
        await pick_up(order, driver)
        # The last known position comes at once, without waiting for the next fix.
        await socket.frame("driver_pos")
        await app.send(fix(975, 2))
        at = destination(DENVER, 270, 975)
        await socket.frame("driver_pos", lat=round(at.lat, 6), lng=round(at.lng, 6))


async def test_a_city_may_show_the_driver_only_after_pickup(city: City, driver: Driver, order: Order) -> None:
    city.show_driver_from = City.ShowDriverFrom.PICKED_UP
    await city.asave()
    await assign(order, driver)
    stop = await Stop.objects.aget(order=order, kind="pickup")
    await sync_to_async(geofence_actions.set_out)(
        driver.pk, [stop.pk], happened_at=order.created_at, evidence={}
    )
    async with customer_socket(order.tracking_token) as socket:
        await socket.frame("status", status="to_restaurant")
        await socket.frame("driver_hidden")
        assert "route" not in socket.types()


async def test_the_driver_is_hidden_at_somebody_elses_door(
    driver: Driver, new_order: Callable[..., Order]
) -> None:
    first, second = await sync_to_async(new_order)(), await sync_to_async(new_order)(customer_lat=39.76)
    for order in (first, second):
        await assign(order, driver)
        await pick_up(order, driver)
        await plan(order, 9)
    async with customer_socket(second.tracking_token) as socket, await driver_socket(driver) as app:
        await socket.frame("ready")
        assert (await socket.frame("eta"))["stopsBefore"] == 1
        await app.send(fix(500, 1))
        await app.frame("ack", seq=1)
        assert "driver_pos" not in socket.types()
        await sync_to_async(buttons.report)(driver.pk, first.pk, "delivered")
        await socket.frame("driver_pos")
        assert "stopsBefore" not in await socket.frame("eta")


async def test_the_driver_is_hidden_until_well_away_from_somebody_elses_door(
    driver: Driver, new_order: Callable[..., Order]
) -> None:
    """Neither the last known position nor the next ones tell where the customer before lives."""
    since = now_ms() - 60_000

    def driven(metres_west: float, seq: int) -> dict[str, Any]:
        return fix(metres_west, seq) | {"ts": since + 9000 * seq}

    door = destination(DENVER, 270, 500)
    first = await sync_to_async(new_order)(customer_lat=door.lat, customer_lng=door.lng)
    second = await sync_to_async(new_order)(customer_lat=39.76)
    for order in (first, second):
        await assign(order, driver)
        await pick_up(order, driver)
    async with customer_socket(second.tracking_token) as socket, await driver_socket(driver) as app:
        await socket.frame("ready")
        await app.send(driven(500, 1))
        await app.frame("ack", seq=1)
        await sync_to_async(buttons.report)(driver.pk, first.pk, "delivered")
        await app.frame("plan")
        async with customer_socket(second.tracking_token) as another:
            await another.frame("ready")
            for seq, metres in enumerate((500, 420, 310), start=2):
                await app.send(driven(metres, seq))
                await app.frame("ack", seq=seq)
            await app.send(driven(290, 5))
            away = destination(DENVER, 270, 290)
            for page in (socket, another):
                await page.frame("driver_pos", lat=round(away.lat, 6), lng=round(away.lng, 6))
                assert page.types().count("driver_pos") == 1
            # Once away it may come by again.
            await app.send(driven(350, 6))
            back = destination(DENVER, 270, 350)
            await socket.frame("driver_pos", lat=round(back.lat, 6), lng=round(back.lng, 6))


async def test_nothing_of_the_driver_after_the_handover(driver: Driver, order: Order) -> None:
    await assign(order, driver)
    await pick_up(order, driver)
    async with customer_socket(order.tracking_token) as socket, await driver_socket(driver) as app:
        await app.send(fix(700, 1))
        await socket.frame("driver_pos")
        await sync_to_async(buttons.report)(driver.pk, order.pk, "delivered")
        await socket.frame("status", status="delivered")
        await socket.frame("driver_hidden")
        seen = socket.types().count("driver_pos")
        await app.send(fix(650, 2))
        await app.frame("ack", seq=2)
        assert socket.types().count("driver_pos") == seen


async def test_the_same_is_not_said_twice(driver: Driver, order: Order) -> None:
    await assign(order, driver)
    async with customer_socket(order.tracking_token) as socket:
        await socket.frame("ready")
        await pick_up(order, driver)
        await socket.frame("status", status="picked_up")
        assert socket.types().count("driver_hidden") == 1


async def test_one_customer_hears_nothing_of_anothers_order(
    new_order: Callable[..., Order], driver: Driver
) -> None:
    mine, other = await sync_to_async(new_order)(), await sync_to_async(new_order)()
    async with (
        customer_socket(mine.tracking_token) as socket,
        customer_socket(other.tracking_token) as theirs,
    ):
        await socket.frame("ready")
        await theirs.frame("ready")
        await assign(other, driver)
        await theirs.frame("status", status="assigned")
        assert [f["status"] for f in socket.frames if f["type"] == "status"] == ["pending"]


async def test_what_a_customer_sends_is_not_read(order: Order) -> None:
    async with customer_socket(order.tracking_token) as socket:
        await socket.send({"type": "status", "orderId": str(order.pk), "status": "delivered"})
        await socket.frame("error", code="read_only")
    await order.arefresh_from_db()
    assert order.status == "pending"


async def test_a_cancelled_order_leaves_the_dispatchers_lists(order: Order) -> None:
    async with await dispatcher_socket() as socket:
        await socket.frame("order", orderId=str(order.pk), status="pending")
        await sync_to_async(actions.cancel)(order.pk, actor=actions.dispatcher("ada"), reason="asked to")
        await socket.frame("order", orderId=str(order.pk), status="cancelled")
