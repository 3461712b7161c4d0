"""Redis by its URL: behind sentinels, through a failover, and what can't be used."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import kombu
import pytest
from django.core.exceptions import ImproperlyConfigured
from redis.exceptions import RedisError

from delivery.osrm_server import free_port
from delivery.processes import Processes
from tests.valkeys import MASTER, PATIENCE_S, Failover, Valkeys
from tracking import redis_servers
from tracking.ingest.positions import FixSubscription, Positions
from tracking.protocol import groups
from tracking.protocol.messages import FleetPosition
from tracking.redis_servers import Sentinels, celery_broker, layer_host, sentinels, several, why_unusable
from tracking.sockets.channel_layer import ChannelLayer

# ------------------------------------------------------------------------------------------------ what a URL says


def test_sentinels_are_named_by_a_url() -> None:
    url = "redis+sentinel://us%40er:p%2Fw@one:1,two,[::1]:3/main/2?sentinel_username=s&sentinel_password=t"
    assert sentinels(url) == Sentinels(
        addresses=[("one", 1), ("two", 26379), ("::1", 3)],
        master="main",
        database=2,
        login={"username": "us@er", "password": "p/w"},
        sentinel_login={"username": "s", "password": "t"},
    )
    assert sentinels("redis+sentinel://one/main") == Sentinels([("one", 26379)], "main", 0, {}, {})


@pytest.mark.parametrize("url", ["redis://one:6379/2", "rediss://one", "unix:///run/valkey.sock?db=3"])
def test_other_urls_are_as_they_were(url: str) -> None:
    assert sentinels(url) is None
    assert layer_host(url) == url


def test_celery_is_told_of_all_sentinels() -> None:
    url, options = celery_broker("redis+sentinel://:p%2Fw@one:1,two/main/2")
    assert url == "sentinel://:p%2Fw@one:1/2;sentinel://:p%2Fw@two:26379/2"
    assert options["master_name"] == "main"


@pytest.mark.parametrize(
    ("rest", "reason"),
    [
        ("one:26379", "names no master"),
        ("/main", "names no master or no sentinel"),
        ("one,/main", "names no master or no sentinel"),
        ("one:port/main", "port"),
        ("one/main/first", "first"),
        ("one/main?ssl=true", "knows no ssl"),
    ],
)
def test_one_that_says_too_little_is_refused(rest: str, reason: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=f"sentinels are named otherwise .*{reason}"):
        sentinels(f"redis+sentinel://{rest}")


@pytest.mark.parametrize("between", [",", ", ", " ", "\n"])
def test_a_list_may_hold_sentinels(between: str) -> None:
    urls = ["redis://one/0", "redis+sentinel://a:1,b:2/main", "unix:///run/valkey.sock"]
    assert several(between.join(urls)) == urls


# ---------------------------------------------------------------------------------------------------- real servers


@pytest.fixture
def valkeys(tmp_path: Path) -> Iterator[Valkeys]:
    valkeys = Valkeys(tmp_path, Processes(tmp_path))
    yield valkeys
    valkeys.processes.stop()


@pytest.fixture
def failover(valkeys: Valkeys) -> Failover:
    return Failover.prepared(valkeys)


def moved(driver: str) -> dict[str, dict[str, FleetPosition]]:
    return {groups.NO_CITY: {driver: FleetPosition(driver, 39.7, -105.0, 1_800_000_000_000)}}


@asynccontextmanager
async def heard(positions: Positions) -> AsyncIterator[FixSubscription]:
    subscription = positions.subscribe()
    await subscription.add([groups.NO_CITY])
    assert await subscription.receive() == (groups.NO_CITY, None)
    yield subscription
    await subscription.close()


@pytest.mark.slow
async def test_live_positions_outlive_the_master(failover: Failover) -> None:
    positions = Positions(failover.url)
    async with asyncio.timeout(PATIENCE_S):
        async with heard(positions) as before:
            await positions.store(moved("ada"))
            assert list((await before.receive())[1]) == [b"ada"]
            await asyncio.to_thread(failover.happen)
            with pytest.raises(RedisError):
                await before.receive()
        async with heard(positions) as after:
            await positions.store(moved("bob"))
            assert list((await after.receive())[1]) == [b"bob"]
        assert set(await positions.of_city(groups.NO_CITY)) >= {b"bob"}
    await positions.close()


@pytest.mark.slow
async def test_groups_outlive_the_master(failover: Failover, caplog: pytest.LogCaptureFixture) -> None:
    layer = ChannelLayer(hosts=[layer_host(failover.url)])
    async with asyncio.timeout(PATIENCE_S):
        channel = await layer.new_channel()
        await layer.group_add("city.none", channel)
        await layer.group_send("city.none", {"type": "before"})
        assert await layer.receive(channel) == {"type": "before"}
        await asyncio.to_thread(failover.happen)
        received = asyncio.create_task(layer.receive(channel))
        while not received.done():  # what is sent before the layer has subscribed anew is lost
            try:
                await layer.group_send("city.none", {"type": "after"})
            except RedisError:
                continue
            await asyncio.wait([received], timeout=0.1)
        assert received.result() == {"type": "after"}
    await layer.flush()
    # A line for each attempt while there is no master.
    assert {record.name for record in caplog.records if record.levelname == "ERROR"} == {
        "channels_redis.pubsub"
    }
    caplog.clear()


@pytest.mark.slow
async def test_tasks_outlive_the_master(failover: Failover) -> None:
    broker, options = celery_broker(failover.url)

    def task() -> str:
        options_ = options | {"global_keyprefix": "doorstep:mine:"}
        with (
            kombu.Connection(broker, transport_options=options_) as connection,
            connection.SimpleQueue("celery") as queue,
        ):
            queue.put("task")
            message = queue.get(timeout=PATIENCE_S)
            message.ack()
            return str(message.payload)

    assert await asyncio.to_thread(task) == "task"
    await asyncio.to_thread(failover.happen)
    assert await asyncio.to_thread(task) == "task"


@pytest.mark.slow
def test_a_master_behind_sentinels_can_be_used(failover: Failover) -> None:
    assert why_unusable("REDIS_URL", failover.url, 5) is None
    with redis_servers.connected(failover.url) as client:
        assert client.connection_pool.connection_kwargs["db"] == 1
        assert client.ping()


@pytest.mark.slow
def test_a_cluster_can_not_be_used_and_neither_can_a_replica_or_a_sentinel(valkeys: Valkeys) -> None:
    _, node = valkeys.start("cluster-enabled yes", f"cluster-port {free_port()}")
    _, master = valkeys.start()
    _, replica = valkeys.start(f"replicaof 127.0.0.1 {master}")
    _, sentinel = valkeys.start(f"sentinel monitor {MASTER} 127.0.0.1 {master} 1", sentinel=True)
    reasons = [
        why_unusable("CELERY_BROKER_URL", f"redis://127.0.0.1:{port}", PATIENCE_S)
        for port in (node, sentinel, replica, master)
    ]
    assert [reason and reason.partition(":")[0].partition(",")[0] for reason in reasons] == [
        "CELERY_BROKER_URL names a Redis Cluster",
        "CELERY_BROKER_URL names a sentinel like a Redis",
        "CELERY_BROKER_URL names a replica",
        None,
    ]
