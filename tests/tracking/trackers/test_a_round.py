"""A driver whom only a tracker app follows: the order's steps happen as with a socket."""

from typing import Any

import pytest
from asgiref.sync import sync_to_async
from pytest_django.fixtures import Settings

from dispatch.models import Driver, Order
from dispatch.orders import actions
from routing.geo import destination
from tests.conftest import DENVER
from tests.dispatch import story
from tests.tracking.sockets.clients import Socket, customer_socket, dispatcher_socket
from tests.tracking.trackers.apps import APPS, App, Fix, ask
from tests.waiting import wait_until
from tracking.clock import now_ms
from tracking.ingest import recorder
from tracking.sockets import loaders
from tracking.trackers import trackers

pytestmark = pytest.mark.usefixtures("live_loop")


@pytest.fixture(autouse=True)
def without_pauses(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    settings.FIX_STALE_S = 600
    monkeypatch.setattr(recorder, "COMMIT_S", 0.01)
    monkeypatch.setattr(loaders, "REST_S", 0.0)
    monkeypatch.setattr(trackers, "REQUESTS_PER_S", 1000)


class Phone:
    """Sends a fix every ten seconds of its own time, which begins five minutes ago."""

    def __init__(self, app: App, token: str) -> None:
        self._app, self._token = app, token
        self._ts = (now_ms() // 1000 - 300) * 1000

    async def at(self, *metres_east: float, speed: float) -> None:
        for metres in metres_east:
            self._ts += 10_000
            place = destination(DENVER, 90, metres)
            fix = Fix(place.lat, place.lng, self._ts, speed)
            assert (await ask(self._app(self._token, fix))).status == 200


@sync_to_async
def reaches(order: Order, status: str) -> None:
    def reached() -> bool:
        order.refresh_from_db()
        return order.status == status

    wait_until(reached, status)


@pytest.mark.parametrize("app", APPS.values(), ids=APPS)
async def test_a_round(driver: Driver, order: Order, app: App) -> None:
    phone = Phone(app, await sync_to_async(actions.issue_token)(driver.pk))
    await sync_to_async(story.assign)(order, driver)
    async with await dispatcher_socket() as dispatcher, customer_socket(order.tracking_token) as customer:
        await dispatcher.frame("ready")
        await phone.at(-760, -380, speed=38)
        assert (await seen(dispatcher, driver))["battery"] == 80
        await reaches(order, "to_restaurant")
        await customer.frame("driver_pos")
        await phone.at(*[0] * 10, speed=0)
        # Stands there for over a minute, and drives on: nobody has pressed the button.
        await phone.at(380, 760, speed=38)
        await reaches(order, "picked_up")
        await phone.at(1140, speed=38)
        await phone.at(1460, 1460, speed=0)
        await customer.frame("status", status="driver_nearby")
    assert await sync_to_async(story.timeline)(order) == [
        "pending",
        "assigned",
        "to_restaurant",
        "driver_at_restaurant",
        "picked_up",
        "driver_nearby",
    ]


async def seen(dispatcher: Socket, driver: Driver) -> dict[str, Any]:
    def found() -> dict[str, Any] | None:
        shown = [d for f in dispatcher.frames if f["type"] == "driver_pos" for d in f["drivers"]]
        return next((d for d in shown if d["driverId"] == str(driver.pk)), None)

    return await dispatcher.until(found)
