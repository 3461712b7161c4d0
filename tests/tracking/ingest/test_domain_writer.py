"""Writes to the domain that fixes asked for, on a real PostgreSQL that does not always take them."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import pytest
from asgiref.sync import sync_to_async
from django.db import connections
from django.utils import timezone

from dispatch.errors import WrongStatus
from dispatch.models import Driver
from tests.tracking.ingest.sessions import new_session
from tests.tracking.ingest.states import STATES, state
from tracking.ingest.domain_writer import DomainWriter
from tracking.ingest.session import Session

PATIENCE_S = 20.0


@pytest.fixture
def told() -> list[tuple[str, int | None]]:
    return []


@pytest.fixture
def session(driver: Driver, told: list[tuple[str, int | None]]) -> Session:
    session = new_session(driver.pk)
    session.refuse = lambda count, seq: told.append((f"refused {count}", seq))
    session.overload = lambda: told.append(("overload", None))
    return session


@pytest.fixture
async def clean_up(transactional_db: None) -> AsyncIterator[None]:
    yield
    await sync_to_async(connections.close_all)()


class Write:
    """Renames a driver, unless PostgreSQL says no; counts how often that was tried."""

    def __init__(self, driver: Driver, **fields: object) -> None:
        self._loop = asyncio.get_running_loop()
        self._change = lambda: Driver.objects.filter(pk=driver.pk).update(**fields)
        self._tries = asyncio.Semaphore(0)

    def __call__(self) -> None:
        try:
            self._change()
        finally:
            self._loop.call_soon_threadsafe(self._tries.release)

    async def tried(self, times: int) -> None:
        async with asyncio.timeout(PATIENCE_S):
            for _ in range(times):
                await self._tries.acquire()


@asynccontextmanager
async def running(most_waiting: int = 100) -> AsyncIterator[tuple[DomainWriter, Callable]]:
    """A writer, and what waits until so many writes of it are done."""
    done = asyncio.Semaphore(0)
    writer = DomainWriter(lambda session: done.release(), most_waiting)
    task = asyncio.create_task(writer.run())

    async def finished(writes: int = 1) -> None:
        async with asyncio.timeout(PATIENCE_S):
            for _ in range(writes):
                await done.acquire()

    try:
        yield writer, finished
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await writer.close()


@pytest.mark.usefixtures("clean_up")
@pytest.mark.parametrize("named", STATES)
async def test_what_the_database_takes_later_waits_and_holds_the_ack(
    driver: Driver, session: Session, told: list[tuple[str, int | None]], named: str
) -> None:
    held = state(STATES[named])
    end = await sync_to_async(held.__enter__)()
    try:
        async with running() as (writer, finished):
            write = Write(driver, name="Renamed", last_seen_at=timezone.now())
            writer.ask(session, 5, write)
            await write.tried(2)
            assert session.safe_seq(7) == 4
            await sync_to_async(end)()
            await finished()
            assert session.safe_seq(7) == 7
            assert writer.waiting == 0
    finally:
        await sync_to_async(held.__exit__)(None, None, None)
    assert told == []
    await driver.arefresh_from_db()
    assert driver.name == "Renamed"


@pytest.mark.usefixtures("clean_up")
async def test_what_can_never_be_stored_is_told_before_the_ack_passes_it(
    driver: Driver,
    session: Session,
    told: list[tuple[str, int | None]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with running() as (writer, finished):
        writer.ask(session, 5, Write(driver, capacity=0))
        writer.ask(session, 6, Write(driver, name="Renamed"))
        await finished(2)
    assert told == [("refused 1", 5)]
    assert session.safe_seq(7) == 7
    await driver.arefresh_from_db()
    assert driver.name == "Renamed"
    assert "CheckViolation: drivers_capacity_range" in caplog.text
    assert "Failing row" not in caplog.text
    caplog.clear()


@pytest.mark.usefixtures("clean_up")
async def test_a_bug_is_told_as_well(
    session: Session, told: list[tuple[str, int | None]], caplog: pytest.LogCaptureFixture
) -> None:
    def bug() -> None:
        raise KeyError("something")

    async with running() as (writer, finished):
        writer.ask(session, 5, bug)
        await finished()
    assert told == [("refused 1", 5)]
    caplog.clear()


@pytest.mark.usefixtures("clean_up")
async def test_a_step_that_the_domain_refuses_is_over(
    session: Session, told: list[tuple[str, int | None]]
) -> None:
    def too_late() -> None:
        raise WrongStatus("The order was cancelled.")

    async with running() as (writer, finished):
        writer.ask(session, 5, too_late)
        await finished()
    assert (told, session.safe_seq(7)) == ([], 7)


async def test_what_waits_is_bounded_and_left_to_the_apps(
    session: Session, told: list[tuple[str, int | None]], caplog: pytest.LogCaptureFixture
) -> None:
    writer = DomainWriter(lambda session: None, most_waiting=2)
    session.numbering.send_ack(3)
    for seq in (4, 5):
        writer.ask(session, seq, print)
    assert (writer.waiting, told, session.safe_seq(7)) == (2, [], 3)
    writer.ask(session, 6, print)
    assert (writer.waiting, told, session.safe_seq(7)) == (0, [("overload", None)], 3)
    assert not session.writes
    caplog.clear()
