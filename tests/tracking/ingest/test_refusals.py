"""A real PostgreSQL that takes no fixes for a while, or some never: what an ack promises holds."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass, field

import pytest
from asgiref.sync import sync_to_async
from django.db import connection, connections, transaction

from dispatch.models import Driver
from tests.locks import wait_for_a_waiter
from tests.tracking.ingest.drives import at
from tests.tracking.ingest.sessions import new_session
from tests.tracking.ingest.states import NO_PARTITION, STATES, state
from tracking.ingest.fix_filter import Fix
from tracking.ingest.history import HistoryWriter
from tracking.ingest.recorder import Recorder
from tracking.ingest.session import Session
from tracking.ingest.verdicts import GOOD, Verdicts
from tracking.models import LocationHistory

MOST = 3
NOWHERE = 95.0


@dataclass
class App:
    """A driver's app that numbers its fixes, and all that it is told."""

    session: Session
    recorder: Recorder
    heard: list[tuple[str, int | None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.session.name = "a run of the app"
        self.session.numbering.acknowledge = lambda seq: self.heard.append(("ack", seq))
        self.session.refuse = lambda count, seq: self.heard.append((f"refused {count}", seq))
        self.session.overload = lambda: self.heard.append(("overload", None))

    def send(self, *seqs: int, lat: float | None = None) -> None:
        """As Pipeline.ingest takes in a good fix."""
        for seq in seqs:
            assert self.session.numbering.is_new(seq)
            self.recorder.considered(self.session)
            fix = at(0, seq) if lat is None else Fix(lat, 0.0, at(0, seq).ts)
            self.recorder.store(self.session, fix, seq, GOOD, live=True, keep=True)


@pytest.fixture
def verdicts() -> Verdicts:
    return Verdicts()


@pytest.fixture
async def recorder(transactional_db: None, verdicts: Verdicts) -> AsyncIterator[Recorder]:
    recorder = Recorder(HistoryWriter(), MOST, verdicts.stored)
    yield recorder
    await recorder._history.close()
    await sync_to_async(connections.close_all)()


@pytest.fixture
def app(recorder: Recorder, driver: Driver) -> App:
    return App(new_session(driver.pk), recorder)


@pytest.fixture
def other_app(recorder: Recorder, new_driver: Callable[..., Driver]) -> App:
    return App(new_session(new_driver().pk), recorder)


async def kept(app: App) -> list[int]:
    """The numbers of the app's fixes that are in the history."""
    rows = LocationHistory.objects.filter(driver_id=app.session.driver_id).order_by("recorded_at")
    return [round(row.recorded_at.timestamp() * 1000 - at(0, 0).ts) // 1000 async for row in rows]


async def expected(app: App) -> int | None:
    """What a later socket of this app is told that it has up to."""
    driver = await Driver.objects.aget(pk=app.session.driver_id)
    return driver.fix_seq


# ------------------------------------------------------------------------------------- what a later moment takes


@pytest.mark.parametrize("named", [*STATES, "CheckViolation"])
def test_what_the_database_takes_later_waits_and_is_acknowledged_then(
    driver: Driver, transactional_db: None, named: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Synchronous but for the recorder: the state is begun and ended by a connection that was there before."""
    recorder = Recorder(HistoryWriter(), MOST)
    app = App(new_session(driver.pk), recorder)
    with state(STATES.get(named, NO_PARTITION)) as end:
        for seq in range(MOST):
            app.send(seq)
            asyncio.run(recorder.close())
        assert (recorder.waiting, app.heard) == (MOST, [])
        assert f"they wait unacknowledged: {named}" in caplog.text
        end()
        asyncio.run(recorder.close())
    assert (recorder.waiting, app.heard) == (0, [("ack", MOST - 1)])
    assert LocationHistory.objects.filter(driver_id=driver.pk).count() == MOST


def test_a_state_that_lasts_leaves_the_fixes_to_the_apps(
    driver: Driver, transactional_db: None, caplog: pytest.LogCaptureFixture
) -> None:
    recorder = Recorder(HistoryWriter(), MOST)
    app = App(new_session(driver.pk), recorder)
    with state(STATES["ReadOnlySqlTransaction"]) as end:
        app.send(*range(MOST + 1))
        asyncio.run(recorder.close())
        assert (recorder.waiting, app.heard) == (0, [("overload", None)])
        end()
        # What the socket still had to say, or a write to the domain that is done now, acknowledges none of them.
        app.send(MOST + 1)
        asyncio.run(recorder.close())
    assert app.heard == [("overload", None)]
    driver.refresh_from_db()
    assert driver.fix_seq is None
    assert f"{MOST + 1} fixes are left to the drivers' apps" in caplog.text
    caplog.clear()


async def test_a_lock_that_is_held_for_long_fills_no_memory(
    recorder: Recorder, app: App, other_app: App, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing fails then; the commit only takes as long as the lock."""
    app.send(0)
    async with locked_drivers():
        committing = asyncio.create_task(recorder.close())
        await sync_to_async(wait_for_a_waiter)()
        other_app.send(*range(MOST))
        assert other_app.heard == [("overload", None)]
        assert recorder.waiting == 1
    await committing
    assert (app.heard, other_app.heard) == ([("ack", 0)], [("overload", None)])
    assert (await kept(app), await kept(other_app)) == ([0], [])
    caplog.clear()


# ----------------------------------------------------------------------------------------------- what it never takes


async def test_a_fix_that_can_never_be_stored_is_told_before_an_ack_passes_it_and_costs_itself_only(
    recorder: Recorder, app: App, other_app: App, caplog: pytest.LogCaptureFixture
) -> None:
    recorder._most_waiting = 100
    app.send(0, 1)
    app.send(2, lat=NOWHERE)
    app.send(3)
    other_app.send(0)
    await recorder.close()
    assert app.heard == [("refused 1", 2), ("ack", 3)]
    assert other_app.heard == [("ack", 0)]
    assert (await kept(app), await kept(other_app)) == ([0, 1, 3], [0])
    assert await expected(app) == 3
    [said] = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert said.endswith("CheckViolation: location_history_on_globe")
    assert str(NOWHERE) not in caplog.text
    caplog.clear()


async def test_many_that_can_never_be_stored_are_told_at_once(
    recorder: Recorder, app: App, caplog: pytest.LogCaptureFixture
) -> None:
    recorder._most_waiting = 100
    app.send(*range(5), lat=NOWHERE)
    app.send(5)
    await recorder.close()
    assert app.heard == [("refused 5", 4), ("ack", 5)]
    caplog.clear()


async def test_a_position_that_can_never_be_the_drivers_is_told_once(
    recorder: Recorder, app: App, caplog: pytest.LogCaptureFixture
) -> None:
    """The same fix, refused by the history and by the driver's row."""
    app.send(0)
    app.send(1, lat=NOWHERE)
    await recorder.close()
    assert app.heard == [("refused 1", 1), ("ack", 1)]
    assert await kept(app) == [0]
    caplog.clear()


async def test_each_fix_is_counted_once_as_what_it_became(
    recorder: Recorder, app: App, verdicts: Verdicts, caplog: pytest.LogCaptureFixture
) -> None:
    """Refused by the history, the driver's row or both; and a session's last fix, which was counted as it came."""
    recorder._most_waiting = 100
    app.send(0, 1)
    app.send(2, lat=NOWHERE)
    recorder.store(app.session, Fix(NOWHERE, 0.0, at(0, 3).ts), 3, "stale", live=False, keep=True)
    recorder.store(app.session, Fix(NOWHERE, 0.0, at(0, 4).ts), 4, GOOD, live=True, keep=False)
    recorder.keep(app.session, Fix(NOWHERE, 0.0, at(0, 5).ts))
    assert not verdicts.counts
    await recorder.close()
    assert +verdicts.counts == {"good": 2, "refused": 3}
    assert ("refused 4", 4) in app.heard
    caplog.clear()


async def test_what_waits_for_postgresql_is_counted_when_it_is_stored(
    recorder: Recorder, app: App, verdicts: Verdicts, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as away:
        options = connection.settings_dict["OPTIONS"] | {"host": "127.0.0.1", "port": 1}
        away.setitem(connection.settings_dict, "OPTIONS", options)
        app.send(0)
        await recorder.close()
    assert not verdicts.counts
    app.send(1)
    await recorder.close()
    assert verdicts.counts == {"good": 2}


# -------------------------------------------------------------------------------------- a commit that is cut short


async def test_what_was_being_committed_as_the_process_ended_is_in_its_last_commit(
    recorder: Recorder, app: App
) -> None:
    """Its later fixes are, and an ack for them must not pass those before."""
    app.send(0)
    async with locked_drivers():
        running = asyncio.create_task(recorder.run())
        await sync_to_async(wait_for_a_waiter)()
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        app.send(1)
    await recorder.close()
    assert app.heard == [("ack", 1)]
    assert await kept(app) == [0, 1]


class locked_drivers:
    """All drivers' rows, by a transaction of sync_to_async's thread, where the look for waiters runs as well."""

    @sync_to_async
    def __aenter__(self) -> None:
        self._atomic = transaction.atomic()
        self._atomic.__enter__()
        with connection.cursor() as cursor:
            cursor.execute("SELECT FROM drivers FOR UPDATE")

    @sync_to_async
    def __aexit__(self, *_: object) -> None:
        self._atomic.__exit__(None, None, None)
