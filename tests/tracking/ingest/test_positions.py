"""Live positions in a real Redis."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from itertools import permutations

import pytest
from django.conf import settings
from redis.asyncio import Redis

from tracking.ingest.positions import Positions
from tracking.protocol.messages import FleetPosition, encode

PATIENCE_S = 3.0
T0 = 1_800_000_000_000
Batch = tuple[str, list[tuple[FleetPosition, str]]]


@pytest.fixture
async def positions() -> AsyncIterator[Positions]:
    async with Redis.from_url(settings.REDIS_URL) as redis:
        await redis.flushdb()
    positions = Positions()
    yield positions
    await positions.close()


def ada(ts: int, lat: float = 39.75) -> FleetPosition:
    return FleetPosition("ada", lat, -104.99, T0 + ts, speed=8.0)


def bob(ts: int) -> FleetPosition:
    return FleetPosition("bob", 40.0, -105.27, T0 + ts)


def moved(positions: list[FleetPosition]) -> dict[str, dict[str, FleetPosition]]:
    return {"denver": {position.driver_id: position for position in positions}}


async def soon[T](what: Awaitable[T]) -> T:
    return await asyncio.wait_for(what, PATIENCE_S)


class Listener:
    """Hears what is published, from the moment that it is surely subscribed."""

    def __init__(self, positions: Positions) -> None:
        self.news = positions.news()
        self._publish = positions.store

    async def __aenter__(self) -> "Listener":
        heard = asyncio.ensure_future(anext(self.news))
        for n in range(1000):
            await self._publish({"warm-up": {"bob": bob(n)}})
            done, _ = await asyncio.wait([heard], timeout=0.02)
            if done:
                break
        assert heard.result()[0] == "warm-up"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.news.aclose()

    async def next(self) -> Batch:
        while (batch := await soon(anext(self.news)))[0] == "warm-up":
            pass
        return batch


async def test_what_is_stored_can_be_read_back(positions: Positions) -> None:
    assert await positions.store(moved([ada(0), bob(0)])) == 2
    assert await positions.of_driver("denver", "ada") == ada(0)
    assert sorted(await positions.of_city("denver"), key=lambda p: p.driver_id) == [ada(0), bob(0)]


async def test_who_was_never_seen_has_no_position(positions: Positions) -> None:
    await positions.store(moved([ada(0)]))
    assert await positions.of_driver("denver", "bob") is None
    assert await positions.of_driver("boulder", "ada") is None
    assert await positions.of_city("boulder") == []


async def test_a_newer_position_replaces_an_older_one(positions: Positions) -> None:
    await positions.store(moved([ada(0)]))
    assert await positions.store(moved([ada(1)])) == 1
    assert await positions.of_driver("denver", "ada") == ada(1)


@pytest.mark.parametrize("ts", [-1, 0, -T0])
async def test_an_older_position_never_replaces_a_newer_one(positions: Positions, ts: int) -> None:
    await positions.store(moved([ada(0)]))
    assert await positions.store(moved([ada(ts, lat=10.0), bob(0)])) == 1
    assert await positions.of_driver("denver", "ada") == ada(0)


async def test_times_are_compared_as_numbers(positions: Positions) -> None:
    await positions.store(moved([FleetPosition("ada", 1.0, 1.0, 999)]))
    assert await positions.store(moved([FleetPosition("ada", 2.0, 2.0, 1000)])) == 1
    assert await positions.store(moved([FleetPosition("ada", 3.0, 3.0, 99)])) == 0


async def test_processes_that_write_at_once_agree_on_the_newest(positions: Positions) -> None:
    others = [Positions() for _ in range(4)]
    orders = list(permutations(range(4)))
    await asyncio.gather(
        *(other.store(moved([ada(n)])) for order in orders for n, other in zip(order, others, strict=True))
    )
    assert await positions.of_driver("denver", "ada") == ada(3)
    await asyncio.gather(*(other.close() for other in others))


async def test_what_is_stored_is_published_to_every_process(positions: Positions) -> None:
    other = Positions()
    async with Listener(positions) as here, Listener(other) as there:
        await positions.store(moved([ada(0), bob(0)]))
        batch = ("denver", [(ada(0), encode(ada(0))), (bob(0), encode(bob(0)))])
        assert await here.next() == batch
        assert await there.next() == batch
    await other.close()


async def test_only_what_is_newer_is_published(positions: Positions) -> None:
    await positions.store(moved([ada(5)]))
    async with Listener(positions) as listener:
        await positions.store(moved([ada(4)]))
        await positions.store(moved([ada(3), bob(1)]))
        await positions.store(moved([ada(6)]))
        assert await listener.next() == ("denver", [(bob(1), encode(bob(1)))])
        assert await listener.next() == ("denver", [(ada(6), encode(ada(6)))])


async def test_a_batch_of_a_thousand_in_one_call(positions: Positions) -> None:
    fleet = [FleetPosition(f"driver {n}", 39.0, -104.0, T0) for n in range(1000)]
    assert await positions.store(moved(fleet)) == 1000
    assert len(await positions.of_city("denver")) == 1000


async def test_nothing_to_store_is_fine(positions: Positions) -> None:
    assert await positions.store(moved([])) == 0
