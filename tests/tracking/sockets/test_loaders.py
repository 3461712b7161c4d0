"""Questions that are answered together."""

import asyncio
from collections.abc import Mapping

import pytest

from tracking.sockets.loaders import BATCH, DataLoader


class Database:
    """Answers a number with its double, and knows none below zero. `asked`: every query's keys."""

    def __init__(self) -> None:
        self.asked: list[list[int]] = []
        self.fails = False
        self.rested = asyncio.Event()
        self.ask = DataLoader(self._load, self.rested.wait)

    def _load(self, keys: list[int]) -> Mapping[int, int]:
        self.asked.append(keys)
        if self.fails:
            raise ConnectionError
        return {key: 2 * key for key in keys if key >= 0}


async def test_who_asks_alone_is_answered_at_once() -> None:
    database = Database()
    assert await database.ask(1) == 2
    assert database.asked == [[1]]


async def test_whoever_asks_in_the_rest_after_an_answer_is_answered_with_the_others() -> None:
    database = Database()
    await database.ask(1)
    later = []
    for key in (2, 3, -1, 3):
        later.append(asyncio.create_task(database.ask(key)))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    assert database.asked == [[1]]
    database.rested.set()
    assert await asyncio.gather(*later) == [4, 6, None, 6]
    assert database.asked == [[1], [2, 3, -1]]


async def test_a_query_is_asked_for_so_much_at_most() -> None:
    database = Database()
    database.rested.set()
    keys = range(BATCH + 1)
    assert await asyncio.gather(*map(database.ask, keys)) == [2 * key for key in keys]
    assert [len(keys) for keys in database.asked] == [BATCH, 1]


async def test_nobody_rests_while_a_whole_query_waits() -> None:
    database = Database()
    keys = range(2 * BATCH)
    assert await asyncio.gather(*map(database.ask, keys)) == [2 * key for key in keys]
    assert [len(keys) for keys in database.asked] == [BATCH, BATCH]


async def test_a_failure_is_theirs_who_asked_and_nobody_elses() -> None:
    database = Database()
    database.rested.set()
    database.fails = True
    failed = await asyncio.gather(database.ask(1), database.ask(2), return_exceptions=True)
    assert [type(error) for error in failed] == [ConnectionError] * 2
    database.fails = False
    assert await database.ask(1) == 2


async def test_who_stops_waiting_takes_no_answer_from_another() -> None:
    database = Database()
    impatient, patient = (asyncio.create_task(database.ask(1)) for _ in range(2))
    await asyncio.sleep(0)
    impatient.cancel()
    assert await patient == 2
    with pytest.raises(asyncio.CancelledError):
        await impatient
