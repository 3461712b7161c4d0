"""Live positions in a real Redis."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from itertools import permutations

import pytest
from django.conf import settings
from redis.asyncio import Redis

from tracking.ingest.positions import Batch, Positions
from tracking.protocol.messages import FleetPosition, encode

PATIENCE_S = 20.0
T0 = 1_800_000_000_000


@pytest.fixture
async def positions(servers: None) -> AsyncIterator[Positions]:
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
    """Hears what is published of Denver, from the moment that it is surely subscribed."""

    def __init__(self, positions: Positions) -> None:
        self._subscription = positions.subscribe()

    async def __aenter__(self) -> "Listener":
        await self._subscription.add(["denver"])
        assert await soon(self._subscription.receive()) == ("denver", None)  # Redis' confirmation
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._subscription.close()

    async def next(self) -> tuple[str, Batch | None]:
        return await soon(self._subscription.receive())


def batch(*positions: FleetPosition) -> tuple[str, Batch]:
    return "denver", {position.driver_id.encode(): encode(position).encode() for position in positions}


async def test_what_is_stored_can_be_read_back(positions: Positions) -> None:
    assert (await positions.store(moved([ada(0), bob(0)]))).newer == 2
    assert await positions.of_driver("denver", "ada") == ada(0)
    assert ("denver", await positions.of_city("denver")) == batch(ada(0), bob(0))


async def test_who_was_never_seen_has_no_position(positions: Positions) -> None:
    await positions.store(moved([ada(0)]))
    assert await positions.of_driver("denver", "bob") is None
    assert await positions.of_driver("boulder", "ada") is None
    assert await positions.of_city("boulder") == {}


async def test_hundreds_who_ask_at_once_are_all_answered(positions: Positions) -> None:
    await positions.store(moved([ada(0)]))
    found = await asyncio.gather(*(positions.of_driver("denver", "ada") for _ in range(300)))
    assert found == [ada(0)] * 300


async def test_a_newer_position_replaces_an_older_one(positions: Positions) -> None:
    await positions.store(moved([ada(0)]))
    assert (await positions.store(moved([ada(1)]))).newer == 1
    assert await positions.of_driver("denver", "ada") == ada(1)


@pytest.mark.parametrize("ts", [-1, 0, -T0])
async def test_an_older_position_never_replaces_a_newer_one(positions: Positions, ts: int) -> None:
    await positions.store(moved([ada(0)]))
    assert (await positions.store(moved([ada(ts, lat=10.0), bob(0)]))).newer == 1
    assert await positions.of_driver("denver", "ada") == ada(0)


async def test_times_are_compared_as_numbers(positions: Positions) -> None:
    await positions.store(moved([FleetPosition("ada", 1.0, 1.0, 999)]))
    assert (await positions.store(moved([FleetPosition("ada", 2.0, 2.0, 1000)]))).newer == 1
    assert (await positions.store(moved([FleetPosition("ada", 3.0, 3.0, 99)]))).newer == 0


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
        assert await positions.store(moved([ada(0), bob(0)])) == (2, 2)
        assert await here.next() == batch(ada(0), bob(0))
        assert await there.next() == batch(ada(0), bob(0))
    await other.close()


async def test_only_what_is_newer_is_published(positions: Positions) -> None:
    await positions.store(moved([ada(5)]))
    async with Listener(positions) as listener:
        await positions.store(moved([ada(4)]))
        await positions.store(moved([ada(3), bob(1)]))
        await positions.store(moved([ada(6)]))
        assert await listener.next() == batch(bob(1))
        assert await listener.next() == batch(ada(6))


async def test_cities_are_heard_apart(positions: Positions) -> None:
    async with Listener(positions) as listener:
        await positions.store({"boulder": {"bob": bob(0)}})
        await positions.store(moved([ada(0)]))
        assert await listener.next() == batch(ada(0))


async def test_a_batch_of_a_thousand_in_one_call(positions: Positions) -> None:
    fleet = [FleetPosition(f"driver {n}", 39.0, -104.0, T0) for n in range(1000)]
    assert (await positions.store(moved(fleet))).newer == 1000
    assert len(await positions.of_city("denver")) == 1000


async def test_nothing_to_store_is_fine(positions: Positions) -> None:
    assert (await positions.store(moved([]))).newer == 0


async def test_a_driver_who_left_the_city_has_no_place_there(positions: Positions) -> None:
    await positions.store(moved([ada(1), bob(1)]))
    await positions.store_troubles("denver", {"ada": "{}", "bob": "{}"})
    await positions.forget("denver", "ada")
    assert set(await positions.of_city("denver")) == {b"bob"}
    assert set(await positions.troubles_of("denver")) == {"bob"}
