"""A reader that is as slow as the test wants it to be."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from tracking.sockets.outbox import AT_A_TIME, MAX_EVENTS, Outbox

PATIENCE_S = 20.0


class Reader:
    """The other side of a socket: each frame is taken when the test asks for it."""

    def __init__(self) -> None:
        self.outbox = Outbox(self._send, self._latest, self._too_slow)
        self.positions: str | None = None
        self.overflows = 0
        self.in_flight = 0
        self._frames: asyncio.Queue[str] = asyncio.Queue()
        self._taken: asyncio.Queue[None] = asyncio.Queue()

    async def _send(self, frame: str, more: bool) -> None:
        self.in_flight += 1
        assert self.in_flight == 1
        self._frames.put_nowait(frame)
        await self._taken.get()
        self.in_flight -= 1

    def _latest(self) -> str | None:
        frame, self.positions = self.positions, None
        return frame

    def _too_slow(self) -> None:
        self.overflows += 1
        self.outbox.finish(4408)

    def move(self, frame: str) -> None:
        self.positions = frame
        self.outbox.wake()

    async def offered(self) -> str:
        """The frame that is being sent; the socket takes no other meanwhile."""
        return await asyncio.wait_for(self._frames.get(), PATIENCE_S)

    async def take(self) -> str:
        frame = await self.offered()
        self._taken.put_nowait(None)
        return frame


@pytest.fixture
async def reader() -> AsyncIterator[Reader]:
    reader = Reader()
    reader.running = asyncio.create_task(reader.outbox.run())
    yield reader
    reader.running.cancel()
    await asyncio.gather(reader.running, return_exceptions=True)


async def test_events_keep_their_order(reader: Reader) -> None:
    for n in range(5):
        reader.outbox.put(str(n))
    assert [await reader.take() for _ in range(5)] == ["0", "1", "2", "3", "4"]


async def test_events_that_come_while_one_is_sent_wait_for_it(reader: Reader) -> None:
    reader.outbox.put("first")
    assert await reader.offered() == "first"
    reader.outbox.put("second")
    assert reader._frames.empty()
    reader._taken.put_nowait(None)
    assert await reader.take() == "second"


async def test_events_go_before_positions(reader: Reader) -> None:
    reader.outbox.put("event")
    reader.move("position")
    reader.outbox.put("another event")
    assert [await reader.take() for _ in range(3)] == ["event", "another event", "position"]


async def test_of_many_positions_a_slow_reader_gets_the_latest(reader: Reader) -> None:
    reader.move("old")
    assert await reader.offered() == "old"
    for n in range(1000):
        reader.move(str(n))
    reader._taken.put_nowait(None)
    assert await reader.take() == "999"
    reader.outbox.put("event")
    assert await reader.take() == "event"


async def test_waking_without_positions_sends_nothing(reader: Reader) -> None:
    reader.outbox.wake()
    reader.outbox.put("event")
    assert await reader.take() == "event"
    assert reader._frames.empty()


async def test_idle_is_when_nothing_waits_and_nothing_is_sent(reader: Reader) -> None:
    assert reader.outbox.idle
    reader.outbox.put("event")
    assert not reader.outbox.idle
    await reader.offered()
    assert not reader.outbox.idle
    reader._taken.put_nowait(None)
    reader.outbox.put("last")
    await reader.take()
    reader.outbox.finish(1000)
    await asyncio.wait_for(reader.running, PATIENCE_S)


async def test_what_waits_is_sent_before_the_close(reader: Reader) -> None:
    reader.outbox.put("goodbye")
    reader.outbox.finish(4409)
    assert await reader.take() == "goodbye"
    assert await asyncio.wait_for(reader.running, PATIENCE_S) == 4409


async def test_positions_do_not_hold_up_the_close(reader: Reader) -> None:
    reader.move("position")
    reader.outbox.finish(4409)
    assert await asyncio.wait_for(reader.running, PATIENCE_S) == 4409


async def test_after_the_close_nothing_is_taken(reader: Reader) -> None:
    reader.outbox.finish(4409)
    reader.outbox.put("too late")
    assert await asyncio.wait_for(reader.running, PATIENCE_S) == 4409
    assert reader._frames.empty()


async def test_a_reader_who_is_too_slow_for_the_events_is_closed_once(reader: Reader) -> None:
    reader.outbox.put("being sent")
    await reader.offered()
    for n in range(MAX_EVENTS):
        reader.outbox.put(str(n))
    assert reader.overflows == 0
    for _ in range(2 * MAX_EVENTS):
        reader.outbox.put("one too many")
    assert reader.overflows == 1
    reader._taken.put_nowait(None)
    assert await asyncio.wait_for(reader.running, PATIENCE_S) == 4408
    assert reader._frames.empty()


async def test_of_many_states_of_one_thing_the_latest_is_sent_in_the_place_of_the_first(
    reader: Reader,
) -> None:
    reader.outbox.put("being sent")
    await reader.offered()
    for n in range(3 * MAX_EVENTS):
        reader.outbox.put_state("order", f"order {n}")
        reader.outbox.put_state("driver", f"driver {n}")
    reader.outbox.put("event")
    reader._taken.put_nowait(None)
    last = 3 * MAX_EVENTS - 1
    assert [await reader.take() for _ in range(3)] == [f"order {last}", f"driver {last}", "event"]
    assert reader.overflows == 0


async def test_states_of_many_things_are_never_too_many(reader: Reader) -> None:
    things = [str(n) for n in range(3 * MAX_EVENTS)]
    for thing in things:
        reader.outbox.put_state(thing, thing)
    for _ in range(MAX_EVENTS):
        reader.outbox.put("event")
    assert [await reader.take() for _ in things] == things
    assert reader.overflows == 0
    reader.outbox.put("one too many")
    assert reader.overflows == 1


async def test_after_the_close_no_state_is_taken(reader: Reader) -> None:
    reader.outbox.finish(4409)
    reader.outbox.put_state("order", "too late")
    assert await asyncio.wait_for(reader.running, PATIENCE_S) == 4409
    assert reader._frames.empty()


async def test_events_that_were_sent_count_no_longer(reader: Reader) -> None:
    for _ in range(3):
        for _ in range(MAX_EVENTS):
            reader.outbox.put("event")
        for _ in range(MAX_EVENTS):
            await reader.take()
        await asyncio.sleep(0)
    assert reader.overflows == 0


async def test_a_snapshot_that_a_fast_reader_takes_at_once_holds_up_nobody() -> None:
    """Of ten thousand drivers it has twenty thousand frames."""
    sent: list[str] = []
    written: list[int] = []

    async def send(frame: str, more: bool) -> None:
        sent.append(frame)
        if not more:
            written.append(len(sent))

    outbox = Outbox(send, lambda: None, lambda: None)
    for n in range(3 * AT_A_TIME - 1):
        outbox.put_state(f"driver:{n}", str(n))
    outbox.finish(4409)
    running = asyncio.create_task(outbox.run())
    sent_by_each_turn = []
    while not running.done():
        await asyncio.sleep(0)
        sent_by_each_turn.append(len(sent))
    assert sent_by_each_turn[:3] == [AT_A_TIME, 2 * AT_A_TIME, 3 * AT_A_TIME - 1]
    assert written == sent_by_each_turn[:3], "what one turn sends is written together"
    assert sent == [str(n) for n in range(3 * AT_A_TIME - 1)]
