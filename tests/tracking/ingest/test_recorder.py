"""What waits for the next commit, and what is said once it is done or can't be had."""

from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import connection, connections

from dispatch.models import Driver
from tests.tracking.ingest.drives import at
from tests.tracking.ingest.sessions import DRIVER, OTHER, new_session
from tracking.ingest.history import HistoryWriter, Kept
from tracking.ingest.recorder import Record, Recorder
from tracking.ingest.session import Session
from tracking.ingest.verdicts import GOOD
from tracking.models import LocationHistory


def test_of_two_sockets_of_a_driver_the_newest_fix_is_the_position() -> None:
    first, second = new_session(), new_session()
    for fixes in ((at(9, 5), at(0, 0)), (at(0, 0), at(9, 5))):
        latest = {session: Kept(session, fix) for session, fix in zip((first, second), fixes, strict=True)}
        assert Record(latest=latest).positions() == {DRIVER: at(9, 5)}


def test_a_record_that_could_not_be_written_goes_before_what_came_after_it() -> None:
    first, second = new_session(), new_session(OTHER)
    fixes = [Kept(first, at(0, 0)), Kept(first, at(9, 5)), Kept(second, at(0, 0))]
    old = Record(
        kept=[fixes[0]],
        latest={first: fixes[0], second: fixes[2]},
        heard={second},
        seqs={first: 3, second: 1},
        verdicts=Counter(good=1, stale=1),
    )
    new = Record([fixes[1]], {first: fixes[1]}, heard={first}, seqs={first: 4}, verdicts=Counter(good=2))
    merged = old.before(new)
    assert merged.kept == fixes[:2]
    assert merged.positions() == {DRIVER: at(9, 5), OTHER: at(0, 0)}
    assert merged.heard == {first, second}
    assert merged.seqs == {first: 4, second: 1}
    assert merged.verdicts == {"good": 3, "stale": 1}


@pytest.mark.parametrize(
    ("record", "something"),
    [
        (Record(), False),
        (Record(kept=[Kept(new_session(), at(0, 0))]), True),
        (Record(latest={new_session(): Kept(new_session(), at(0, 0))}), True),
        (Record(seqs={new_session(): 1}), True),
    ],
)
def test_whether_there_is_anything_to_write(record: Record, something: bool) -> None:
    assert bool(record) == something


def test_what_a_write_to_the_domain_waits_for_is_not_safe() -> None:
    session = new_session()
    session.writes.extend([(5, print), (None, print), (4, print)])
    assert Record(seqs={session: 6}).safe_seqs() == {session: 3}
    session.writes.clear()
    assert Record(seqs={session: 6}).safe_seqs() == {session: 6}


def test_a_session_without_numbers_has_nothing_to_acknowledge() -> None:
    recorder = Recorder(HistoryWriter(), most_waiting=1)
    recorder.considered(new_session())
    assert not recorder.record


# ------------------------------------------------------------------------------------------- with PostgreSQL

#: Fixes that may wait while PostgreSQL is away.
MOST = 2


@pytest.fixture
async def recorder(transactional_db: None) -> AsyncIterator[Recorder]:
    history = HistoryWriter()
    yield Recorder(history, MOST)
    await history.close()
    await sync_to_async(connections.close_all)()


@pytest.fixture
def acked() -> list[int]:
    return []


@pytest.fixture
def session(driver: Driver, acked: list[int]) -> Session:
    session = new_session(driver.pk, acknowledge=acked.append)
    session.name = "a run of the app"
    return session


def take_in(recorder: Recorder, session: Session, *seqs: int) -> None:
    for seq in seqs:
        assert session.numbering.is_new(seq)
        recorder.store(session, at(0, seq), seq, GOOD, live=True, keep=True)
        recorder.considered(session)


@pytest.fixture
def away(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """PostgreSQL for the recorder, as if it had gone; undone by `monkeypatch.undo`."""
    options: dict[str, Any] = connections["default"].settings_dict["OPTIONS"]

    def go() -> None:
        monkeypatch.setitem(connection.settings_dict, "OPTIONS", options | {"host": "127.0.0.1", "port": 1})

    return go


async def test_what_is_committed_is_acknowledged(
    recorder: Recorder, session: Session, driver: Driver, acked: list[int]
) -> None:
    take_in(recorder, session, 0, 1, 2)
    assert (recorder.waiting, acked) == (3, [])
    await recorder.close()
    assert (recorder.waiting, acked) == (0, [2])
    assert await LocationHistory.objects.filter(driver_id=driver.pk).acount() == 3
    await driver.arefresh_from_db()
    assert driver.fix_at.timestamp() * 1000 == at(0, 2).ts


async def test_what_cannot_be_committed_waits_unacknowledged_with_what_comes_after_it(
    recorder: Recorder,
    session: Session,
    acked: list[int],
    away: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    away()
    take_in(recorder, session, 0)
    await recorder.close()
    assert (recorder.waiting, acked) == (1, [])
    take_in(recorder, session, 1)
    monkeypatch.undo()
    await recorder.close()
    assert (recorder.waiting, acked) == (0, [1])
    assert await LocationHistory.objects.acount() == 2


async def test_what_is_too_much_is_left_to_the_app(
    recorder: Recorder,
    session: Session,
    acked: list[int],
    away: Callable[[], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    overloaded: list[str] = []
    session.overload = lambda: overloaded.append("app")
    away()
    take_in(recorder, session, *range(MOST))
    await recorder.close()
    assert (recorder.waiting, overloaded) == (MOST, [])
    take_in(recorder, session, MOST)
    await recorder.close()
    assert (recorder.waiting, overloaded, acked) == (0, ["app"], [])
    assert "3 fixes are left to the drivers' apps" in caplog.text
    caplog.clear()
