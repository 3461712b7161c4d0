"""A button that comes late, over the driver's socket, and what dispatchers see of it."""

import time
from collections.abc import AsyncIterator, Callable

import pytest
from asgiref.sync import sync_to_async

from dispatch import signals
from dispatch.models import Conflict, Driver, Order
from dispatch.models.conflicts import Outcome
from dispatch.orders import conflicts
from tests.dispatch import story
from tests.dispatch.story import DANA
from tests.tracking.sockets.clients import Socket, dispatcher_socket, driver_socket
from tracking import receivers

pytestmark = pytest.mark.usefixtures("live_loop")


@sync_to_async
def gave_away(order: Order, driver: Driver, new_driver: Callable[..., Driver]) -> None:
    """Dana gave the driver's order to another one."""
    story.assign(order, driver)
    story.assign(order, new_driver(name="Kim"))


async def press_late(socket: Socket, order: Order) -> None:
    """Made before the order was even placed, as far as the phone's clock knows."""
    pressed_at = round(time.time() * 1000) - 180_000
    await socket.send({"type": "status", "orderId": str(order.pk), "status": "delivered", "ts": pressed_at})


@pytest.fixture
async def unheard() -> AsyncIterator[None]:
    """The channel layer loses every word of conflicts."""
    signals.conflicts_changed.disconnect(receivers.on_conflicts_changed)
    yield
    receivers.connect()


async def test_both_sides_hear_of_a_conflict_and_of_its_end(
    order: Order, driver: Driver, new_driver: Callable[..., Driver]
) -> None:
    await gave_away(order, driver, new_driver)
    async with await dispatcher_socket() as desk, await driver_socket(driver) as app:
        await desk.frame("ready")
        await app.frame("ready")
        await press_late(app, order)
        error = await app.frame("error", code="in_conflict")
        assert "A dispatcher hears what you say" in error["message"]
        told = await desk.frame("conflict", orderId=str(order.pk), settled=False)
        assert (told["says"], told["driverName"]) == ("delivered", driver.name)
        against = told["against"]
        assert (against["status"], against["by"], against["driverName"]) == ("assigned", "Dana", "Kim")
        conflict = await Conflict.objects.aget()
        async with await dispatcher_socket() as late:
            assert await late.frame("conflict") == told
        await sync_to_async(conflicts.settle)(conflict.pk, Outcome.DRIVER, actor=DANA)
        await desk.frame("conflict", conflictId=str(conflict.pk), settled=True)
        await desk.frame("order", orderId=str(order.pk), status="delivered")
    async with await dispatcher_socket() as later:
        await later.frame("ready")
        assert "conflict" not in later.types()


@pytest.mark.usefixtures("unheard")
async def test_a_conflict_of_which_no_word_arrived_is_found(
    order: Order, driver: Driver, new_driver: Callable[..., Driver]
) -> None:
    await gave_away(order, driver, new_driver)
    async with await dispatcher_socket() as desk, await driver_socket(driver) as app:
        await desk.frame("ready")
        await app.frame("ready")
        await press_late(app, order)
        told = await desk.frame("conflict", settled=False)
        await sync_to_async(conflicts.settle)(told["conflictId"], Outcome.STANDS, actor=DANA)
        await desk.frame("conflict", settled=True)
