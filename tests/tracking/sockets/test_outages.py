"""What sockets say while PostgreSQL or Redis is away: a word and a close code, never a traceback."""

import socket

import pytest
from asgiref.sync import sync_to_async
from channels.layers import channel_layers, get_channel_layer
from django.conf import settings
from django.db import connection
from redis.exceptions import ConnectionError

from dispatch.models import City, Driver, Order
from dispatch.orders import actions, buttons
from routing.geo import destination
from tests.conftest import DENVER
from tests.tracking.ingest.states import STATES, state
from tests.tracking.sockets.clients import Socket, bearer, customer_socket, dispatcher_socket, driver_socket
from tracking.clock import now_ms
from tracking.sockets.channel_layer import ChannelLayer
from tracking.sockets.process import this_process

pytestmark = pytest.mark.usefixtures("live_loop")


def unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class PostgresAway:
    """The database of this process, as if its server had gone."""

    def __init__(self) -> None:
        self._options = dict(connection.settings_dict["OPTIONS"])

    @sync_to_async
    def begin(self) -> None:
        connection.close()
        connection.settings_dict["OPTIONS"] = {"host": "127.0.0.1", "port": unused_port()}

    @sync_to_async
    def end(self) -> None:
        connection.close()
        connection.settings_dict["OPTIONS"] = self._options


async def test_who_comes_while_postgresql_is_away_is_asked_to_come_back(order: Order) -> None:
    away = PostgresAway()
    await away.begin()
    try:
        async with customer_socket(order.tracking_token) as page:
            await page.frame("error", code="unavailable")
            assert await page.closed() == 1013
    finally:
        await away.end()
    async with customer_socket(order.tracking_token) as page:
        await page.frame("status", status="pending")


async def test_a_button_pressed_while_postgresql_is_away_is_told_and_the_socket_stays(
    driver: Driver, order: Order
) -> None:
    async with await driver_socket(driver) as app:
        await app.frame("ready")
        away = PostgresAway()
        await away.begin()
        try:
            await app.send({"type": "shift", "on": False})
            await app.frame("error", code="unavailable")
        finally:
            await away.end()
        await app.send({"type": "shift", "on": False})
        await app.frame("plan", onShift=False)


async def test_while_postgresql_takes_no_writes_fixes_wait_and_whoever_comes_is_asked_to_come_back(
    driver: Driver, order: Order
) -> None:
    """Read-only, as after a failover. The fixes drive up to the restaurant: the order waits as well."""
    await sync_to_async(actions.assign)(order.pk, driver.pk, actor=actions.SYSTEM)
    token = await sync_to_async(actions.issue_token)(driver.pk)
    headers = bearer(token)
    async with Socket("role=driver&session=monday", headers) as app:
        await app.frame("ready")
        read_only = state(STATES["ReadOnlySqlTransaction"])
        end = await sync_to_async(read_only.__enter__)()
        try:
            for seq, metres in enumerate((1000, 600, 200, 100)):
                place = destination(DENVER, 270, metres)
                ts = now_ms() - 60_000 + seq * 10_000
                fix = {"lat": place.lat, "lng": place.lng, "ts": ts, "seq": seq, "accuracy": 8, "speed": 1.0}
                await app.send({"type": "location", **fix})
            await app.send({"type": "shift", "on": True})
            await app.frame("error", code="unavailable")
            async with Socket("role=driver&session=tuesday", headers) as refused:
                assert await refused.closed() == 1013
            assert "ack" not in app.types()
        finally:
            await sync_to_async(end)()
        await app.frame("ack", seq=3)
    await order.arefresh_from_db()
    assert order.status == "driver_at_restaurant"
    await driver.arefresh_from_db()
    assert (driver.fix_session, driver.fix_seq) == ("monday", 3)


@pytest.fixture
def redis_away(monkeypatch: pytest.MonkeyPatch) -> None:
    layer = channel_layers.make_backend("default")
    layer._kwargs["hosts"] = [f"redis://127.0.0.1:{unused_port()}"]
    monkeypatch.setitem(channel_layers.backends, "default", layer)


@pytest.mark.usefixtures("redis_away")
async def test_who_comes_while_redis_is_away_is_sent_off(order: Order) -> None:
    async with Socket(f"role=customer&token={order.tracking_token}") as refused:
        assert await refused.closed() == 1013
    assert refused.types() == ["hello", "error"]
    # An outage is long, and pages try again and again.
    assert get_channel_layer().channels == {}


@pytest.mark.usefixtures("redis_away")
async def test_what_is_done_while_redis_is_away_is_done(
    order: Order, driver: Driver, caplog: pytest.LogCaptureFixture
) -> None:
    await sync_to_async(actions.assign)(order.pk, driver.pk, actor=actions.SYSTEM)
    await order.arefresh_from_db()
    assert order.status == "assigned"
    assert [record.getMessage() for record in caplog.records if record.levelname == "WARNING"] == [
        "Redis is away, sockets hear of a change when they heal: ConnectionError"
    ]


class GroupsAway(ChannelLayer):
    """Redis goes away after a channel was had, and before a group is joined."""

    async def group_add(self, group: str, channel: str) -> None:
        raise ConnectionError


async def test_a_dispatcher_who_was_sent_off_takes_nothing_away_from_others(
    city: City, order: Order, driver: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    await sync_to_async(actions.assign)(order.pk, driver.pk, actor=actions.SYSTEM)
    await sync_to_async(buttons.report)(driver.pk, order.pk, "picked_up")
    async with customer_socket(order.tracking_token) as page:
        await page.frame("ready")
        monkeypatch.setitem(channel_layers.backends, "default", GroupsAway(hosts=[settings.REDIS_URL]))
        async with await dispatcher_socket() as refused:
            assert await refused.closed() == 1013
        assert this_process().fanout._interest == {str(city.pk): 1}
