"""What our channel layer does otherwise than channels_redis."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Never

import pytest
import redis.asyncio
from channels.layers import get_channel_layer
from django.conf import settings
from redis.exceptions import ConnectionError as RedisConnectionError

from delivery.processes import Child, Processes
from tests.valkeys import Valkeys
from tracking.sockets.channel_layer import ChannelLayer

pytestmark = pytest.mark.usefixtures("live_loop")

MANY = 300
PATIENCE_S = 20.0


async def subscribe_commands() -> int:
    """How many of them Redis has carried out so far, of both kinds."""
    async with redis.asyncio.Redis.from_url(settings.REDIS_URL) as client:
        stats = await client.info("commandstats")
    return sum(
        stats.get(f"cmdstat_{command}", {}).get("calls", 0) for command in ("subscribe", "unsubscribe")
    )


async def heard(url: str | None = None) -> set[str]:
    async with redis.asyncio.Redis.from_url(url or settings.REDIS_URL) as client:
        return {name.decode() for name in await client.pubsub_channels("*")}


async def until(holds: Callable[[set[str]], bool]) -> None:
    """Of what is heard."""
    async with asyncio.timeout(PATIENCE_S):
        while not holds(await heard()):
            pass


async def test_those_who_come_and_go_at_once_share_the_commands_to_redis() -> None:
    layer = get_channel_layer()
    first = await layer.new_channel()
    before, heard_before = await subscribe_commands(), await heard()
    channels = await asyncio.gather(*(layer.new_channel() for _ in range(MANY)))
    await asyncio.gather(*(layer.group_add(f"group{n}", channel) for n, channel in enumerate(channels)))
    await layer.group_send(f"group{MANY - 1}", {"type": "hello"})
    assert await layer.receive(channels[-1]) == {"type": "hello"}
    await asyncio.gather(*(layer.end_channel(channel, [f"group{n}"]) for n, channel in enumerate(channels)))
    await layer.end_channel(first, [])
    assert await subscribe_commands() - before < 10
    assert await heard() == heard_before


class NeverWalked(dict[str, object]):
    """A dict that is only asked for single keys."""

    def keys(self) -> Never:
        raise AssertionError("one who comes or goes has everybody looked at")

    __iter__ = keys


async def test_who_comes_or_goes_costs_nothing_for_those_who_are_there() -> None:
    layer = get_channel_layer()
    first = await layer.new_channel()
    here = layer._get_layer()
    here.channels, here.groups = NeverWalked(here.channels), NeverWalked()
    channel = await layer.new_channel()
    await layer.group_add("group", channel)
    await layer.group_send("group", {"type": "hello"})
    assert await layer.receive(channel) == {"type": "hello"}
    await layer.end_channel(channel, ["group"])
    await layer.end_channel(first, [])
    assert not layer.channels
    assert not layer.groups


async def test_who_leaves_while_redis_is_told_of_it_is_not_heard_any_longer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    layer = get_channel_layer()
    channel, other = await layer.new_channel(), await layer.new_channel()
    await layer.group_add("others", other)
    before = await heard()
    pubsub = layer._get_layer()._shards[0]._pubsub
    subscribe, leaving = pubsub.subscribe, []

    async def leave_meanwhile(*names: str) -> None:
        leaving.append(asyncio.create_task(layer.end_channel(channel, ["group"])))
        await asyncio.sleep(0)
        await subscribe(*names)

    monkeypatch.setattr(pubsub, "subscribe", leave_meanwhile)
    await layer.group_add("group", channel)
    await asyncio.gather(*leaving)
    assert await heard() == before
    await layer.end_channel(other, ["others"])


async def test_many_messages_at_once_share_one_connection() -> None:
    layer = get_channel_layer()
    async with redis.asyncio.Redis.from_url(settings.REDIS_URL) as client:
        before = (await client.info("stats"))["total_connections_received"]
        await asyncio.gather(*(layer.group_send("nobody", {"type": "hello"}) for _ in range(MANY)))
        assert (await client.info("stats"))["total_connections_received"] - before <= 1


async def test_the_channels_of_a_process_are_one_subscription_and_each_hears_its_own() -> None:
    layer, elsewhere = get_channel_layer(), ChannelLayer(**settings.CHANNEL_LAYERS["default"]["CONFIG"])
    channels = [await layer.new_channel()]
    before, commands = await heard(), await subscribe_commands()
    channels += await asyncio.gather(*(layer.new_channel() for _ in range(MANY)))
    for n, channel in enumerate(channels):
        await elsewhere.send(channel, {"type": "hello", "n": n})
    assert [await layer.receive(channel) for channel in channels] == [
        {"type": "hello", "n": n} for n in range(len(channels))
    ]
    gone = channels.pop()
    await layer.end_channel(gone, [])
    await elsewhere.send(gone, {"type": "hello"})
    await elsewhere.send(channels[0], {"type": "goodbye"})
    assert await layer.receive(channels[0]) == {"type": "goodbye"}
    assert set(layer.channels) == set(channels)
    assert await heard() == before
    assert await subscribe_commands() == commands
    await asyncio.gather(*(layer.end_channel(channel, []) for channel in channels))
    await elsewhere.flush()


async def test_a_channel_that_a_worker_listens_to_by_name_is_heard() -> None:
    layer = get_channel_layer()
    before = await heard()
    receiving = asyncio.create_task(layer.receive("thumbnails"))
    await until(lambda names: "thumbnails" in names)
    await layer.send("thumbnails", {"type": "hello"})
    assert await receiving == {"type": "hello"}
    stopped = asyncio.create_task(layer.receive("thumbnails"))
    await asyncio.sleep(0)
    stopped.cancel()
    await asyncio.gather(stopped, return_exceptions=True)
    assert await heard() == before


async def test_who_is_cancelled_while_subscribing_takes_nobodys_subscription_along() -> None:
    layer = get_channel_layer()
    hasty, patient = asyncio.create_task(layer.new_channel()), asyncio.create_task(layer.new_channel())
    await asyncio.sleep(0)
    hasty.cancel()
    channel = await patient
    await layer.send(channel, {"type": "hello"})
    assert await layer.receive(channel) == {"type": "hello"}
    await layer.end_channel(channel, [])


async def test_a_channel_that_was_never_listened_to_ends_as_well() -> None:
    layer = get_channel_layer()
    channel = await layer.new_channel()
    await layer.group_add("group", channel)
    await layer.group_add("group", other := await layer.new_channel())
    await layer.end_channel(channel, ["group"])
    assert set(layer.channels) == {other}
    await layer.group_send("group", {"type": "hello"})
    assert await layer.receive(other) == {"type": "hello"}
    await layer.end_channel(other, ["group"])
    assert not layer.channels
    assert not layer.groups


@pytest.fixture
def two_redis(tmp_path: Path) -> Iterator[tuple[str, Child]]:
    """The URL of a second one, beside settings.REDIS_URL, and its process."""
    processes = Processes(tmp_path)
    try:
        second, port = Valkeys(tmp_path, processes).start()
        yield f"redis://127.0.0.1:{port}", second
    finally:
        processes.stop()


@pytest.mark.slow
async def test_several_redis_share_the_groups(two_redis: tuple[str, Child]) -> None:
    servers = [settings.REDIS_URL, two_redis[0]]
    layer, elsewhere = ChannelLayer(hosts=servers, prefix="x:"), ChannelLayer(hosts=servers, prefix="x:")
    before = await heard()
    channels = await asyncio.gather(*(layer.new_channel() for _ in range(MANY)))
    await asyncio.gather(*(layer.group_add(f"group{n}", channel) for n, channel in enumerate(channels)))
    shares = [len(await heard(url)) for url in servers]
    assert sum(shares) == MANY + 2 + len(before)  # a mailbox at each
    assert min(shares) > MANY / 4
    for n in range(MANY):
        await elsewhere.group_send(f"group{n}", {"type": "hello", "n": n})
    assert [await layer.receive(channel) for channel in channels] == [
        {"type": "hello", "n": n} for n in range(MANY)
    ]
    await asyncio.gather(*(layer.end_channel(channel, [f"group{n}"]) for n, channel in enumerate(channels)))
    assert len(await heard()) == len(before) + 1
    assert len(await heard(two_redis[0])) == 1
    await layer.flush()
    await elsewhere.flush()


@pytest.mark.slow
async def test_of_several_redis_one_that_is_away_keeps_nobody_else(two_redis: tuple[str, Child]) -> None:
    url, process = two_redis
    layer = ChannelLayer(hosts=[settings.REDIS_URL, url], prefix="x:")
    process.stop()
    tried = await asyncio.gather(*(layer.new_channel() for _ in range(MANY)), return_exceptions=True)
    channels = [channel for channel in tried if isinstance(channel, str)]
    assert {type(other) for other in tried if other not in channels} == {RedisConnectionError}
    assert len(channels) > MANY / 3
    assert set(layer.channels) == set(channels)
    for channel in channels:
        await layer.send(channel, {"type": "hello"})
        assert await layer.receive(channel) == {"type": "hello"}
        await layer.end_channel(channel, [])
    await layer.flush()


@pytest.mark.slow
async def test_who_tries_again_and_again_while_redis_is_away_leaves_nothing(
    two_redis: tuple[str, Child],
) -> None:
    url, process = two_redis
    layer = ChannelLayer(hosts=[url], prefix="x:")
    process.stop()
    for _ in range(MANY):
        with pytest.raises(RedisConnectionError):
            await layer.new_channel()
    assert not layer.channels
    (connection,) = layer._get_layer()._shards
    assert len(connection._unsettled) <= 1  # the last one, of whom Redis was not told
    await layer.flush()
