"""A process hears the fixes of those cities that somebody there watches, and of no others."""

import asyncio
import gc
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
import redis.asyncio
from asgiref.sync import sync_to_async
from channels.layers import get_channel_layer
from channels.testing import WebsocketCommunicator
from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore

from delivery.asgi import application
from dispatch.models import City, Driver, Order, User
from dispatch.orders import actions, buttons
from tests.tracking.sockets.clients import (
    ORIGIN,
    PATIENCE_S,
    Socket,
    bearer,
    customer_socket,
    dispatcher_socket,
)
from tracking.ingest.positions import Batch, Positions, decode
from tracking.protocol.messages import FleetPosition
from tracking.sockets import broadcast, fanout, reconciliation
from tracking.sockets.base import DenyingConsumer
from tracking.sockets.customer import CustomerConsumer
from tracking.sockets.dispatcher import DispatcherConsumer
from tracking.sockets.driver import DriverConsumer
from tracking.sockets.fix_feed import FixFeed
from tracking.sockets.process import this_process

pytestmark = pytest.mark.usefixtures("live_loop")


async def subscribed() -> set[str]:
    """The cities whose fixes anybody asked Redis for."""
    async with redis.asyncio.Redis.from_url(settings.REDIS_URL) as client:
        channels = await client.pubsub_channels(f"{settings.REDIS_PREFIX}fixes:*")
        return {name.decode().rpartition(":")[2] for name in channels}


async def until_subscribed(*cities: object) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while await subscribed() != {str(city) for city in cities}:
            pass  # asking takes its time


@sync_to_async
def on_its_way(order: Order, driver: Driver) -> None:
    actions.assign(order.pk, driver.pk, actor=actions.SYSTEM)
    buttons.report(driver.pk, order.pk, "picked_up")


async def test_a_city_is_heard_from_its_first_watcher_to_its_last(
    city: City, driver: Driver, order: Order
) -> None:
    async with customer_socket(order.tracking_token) as page:
        await page.frame("ready")
        assert await subscribed() == set()
        await on_its_way(order, driver)
        await until_subscribed(city.pk)
        async with await dispatcher_socket() as dashboard:
            await dashboard.frame("ready")
            await until_subscribed(city.pk, "none")
        await until_subscribed(city.pk)
    await until_subscribed()


async def test_no_fix_of_a_city_that_nobody_here_watches_is_heard_or_decoded(
    city: City, driver: Driver, order: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded: list[str] = []
    decode: Callable[[bytes], FleetPosition] = fanout.decode

    def counting(json: bytes) -> FleetPosition:
        position = decode(json)
        decoded.append(position.driver_id)
        return position

    monkeypatch.setattr(fanout, "decode", counting)
    await on_its_way(order, driver)
    async with customer_socket(order.tracking_token) as page:
        await page.frame("ready")
        await until_subscribed(city.pk)
        heard: list[str] = []
        publish = this_process().feed._publish
        monkeypatch.setattr(
            this_process().feed, "_publish", lambda place, batch: (heard.append(place), publish(place, batch))
        )
        elsewhere = Positions()
        somebody = FleetPosition("somebody", 40.0, -105.0, 1)
        mine = FleetPosition(str(driver.pk), 39.75, -104.99, 2_000_000_000_000)
        other = FleetPosition("a colleague", 39.75, -104.99, 1)
        await elsewhere.store({"boulder": {"somebody": somebody}})
        await elsewhere.store({str(city.pk): {"a colleague": other, str(driver.pk): mine}})
        await page.frame("driver_pos", ts=mine.ts)
        await elsewhere.close()
        assert set(heard) == {str(city.pk)}
        assert set(decoded) == {str(driver.pk)}


async def test_a_dispatcher_watches_a_city_that_is_new(city: City) -> None:
    async with await dispatcher_socket() as dashboard:
        await dashboard.frame("ready")
        boulder = await City.objects.acreate(name="Boulder", lat=40.0, lng=-105.2)
        await reconciliation.reconcile(this_process().subscriptions, None)
        await until_subscribed(city.pk, "none", boulder.pk)


async def test_a_dispatcher_who_leaves_while_joining_a_new_city_leaves_nothing_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    joined, go_on = asyncio.Event(), asyncio.Event()
    group_add = get_channel_layer().group_add

    async def group_add_with_a_slow_redis(group: str, channel: str) -> None:
        await group_add(group, channel)
        joined.set()
        await go_on.wait()

    async with await dispatcher_socket() as dashboard:
        await dashboard.frame("ready")
        for name in ("Boulder", "Fort Collins"):
            await City.objects.acreate(name=name, lat=40.0, lng=-105.2)
        monkeypatch.setattr(get_channel_layer(), "group_add", group_add_with_a_slow_redis)
        look = asyncio.create_task(reconciliation.reconcile(this_process().subscriptions, None))
        await joined.wait()
    go_on.set()
    await look
    assert not this_process().subscriptions
    assert not get_channel_layer().groups
    await until_subscribed()


async def test_a_new_city_that_could_not_be_joined_is_joined_at_the_next_look(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def group_add_without_redis(group: str, channel: str) -> None:
        raise redis.ConnectionError

    async with await dispatcher_socket() as dashboard:
        await dashboard.frame("ready")
        boulder = await City.objects.acreate(name="Boulder", lat=40.0, lng=-105.2)
        with monkeypatch.context() as patched:
            patched.setattr(get_channel_layer(), "group_add", group_add_without_redis)
            with pytest.raises(redis.ConnectionError):
                await reconciliation.reconcile(this_process().subscriptions, None)
        await reconciliation.reconcile(this_process().subscriptions, None)
        await broadcast.send_async([broadcast.to_city(str(boulder.pk), [("driver:x", 1, '{"type":"told"}')])])
        await dashboard.frame("told")


async def test_each_consumer_stands_alone(driver: Driver, order: Order) -> None:
    """As Channels' documentation has it: a communicator on the consumer, without our routing."""
    token = await sync_to_async(actions.issue_token)(driver.pk)
    headers = bearer(token)
    async with Socket("", headers, consumer=DriverConsumer.as_asgi()) as app:
        await app.frame("ready")
    async with Socket(f"token={order.tracking_token}", consumer=CustomerConsumer.as_asgi()) as page:
        await page.frame("ready")
    # What AuthMiddlewareStack would put there.
    scope = {"user": await sync_to_async(User.objects.create_superuser)("dana"), "session": SessionStore()}
    async with Socket("", [ORIGIN], consumer=DispatcherConsumer.as_asgi(), scope=scope) as dashboard:
        await dashboard.frame("order", orderId=str(order.pk))
        await dashboard.frame("ready")


async def test_an_address_that_is_no_socket_is_refused() -> None:
    assert (await WebsocketCommunicator(application, "/elsewhere").connect())[0] is False
    for _ in range(10):
        async with Socket("role=nobody") as refused:
            assert await refused.closed() == 4400
    gc.collect()
    kept = [one for one in gc.get_objects() if isinstance(one, DenyingConsumer)]
    assert len(kept) <= 1  # the last, which `refused` leads to


async def test_cities_that_are_wanted_while_redis_is_being_asked_are_heard_too() -> None:
    feed = FixFeed(Positions(), lambda city, batch: None, back=lambda: None)
    running = asyncio.create_task(feed.run())
    cities = [f"city {n}" for n in range(100)]
    for city in cities:
        feed.want(city)
        await asyncio.sleep(0)
    await until_subscribed(*cities)
    for city in cities[1:]:
        feed.let_go(city)
        await asyncio.sleep(0)
    await until_subscribed(cities[0])
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


class Page:
    """What a watcher of one city would see: the times of the fixes that its process published."""

    def __init__(self) -> None:
        self.seen: asyncio.Queue[int] = asyncio.Queue()

    def publish(self, city: str, batch: Batch) -> None:
        for json in batch.values():
            self.seen.put_nowait(decode(json).ts)

    async def sees(self, ts: int) -> None:
        async with asyncio.timeout(PATIENCE_S):
            assert await self.seen.get() == ts


@asynccontextmanager
async def fed(page: Page) -> AsyncIterator[FixFeed]:
    positions = Positions()
    feed = FixFeed(positions, page.publish, back=lambda: None)
    running = asyncio.create_task(feed.run())
    try:
        yield feed
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await positions.close()


async def store(ts: int) -> None:
    positions = Positions()
    await positions.store({"denver": {"ada": FleetPosition("ada", 39.75, -104.99, ts)}})
    await positions.close()


async def test_a_fix_that_came_before_redis_took_the_subscription_is_shown() -> None:
    """It is newer than what a page reads when it opens, and no other may follow for a long time."""
    page = Page()
    await store(1)
    async with fed(page) as feed:
        feed.want("denver")
        await page.sees(1)


async def test_a_fix_that_came_while_the_subscription_was_broken_is_shown() -> None:
    page = Page()
    async with fed(page) as feed:
        feed.want("denver")
        await until_subscribed("denver")
        async with redis.asyncio.Redis.from_url(settings.REDIS_URL) as client:
            await client.client_kill_filter(_type="pubsub")
        await store(1)
        await page.sees(1)
