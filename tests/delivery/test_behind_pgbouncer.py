"""PgBouncer in transaction mode: each transaction may reach another session of PostgreSQL."""

import pytest
from asgiref.sync import sync_to_async
from django.db import connection, connections

from delivery.celery import app
from dispatch.models import City, Driver
from tests.conftest import SESSIONS
from tests.tracking.ingest.sessions import new_session
from tracking.ingest.fix_filter import Fix
from tracking.ingest.history import HistoryWriter, Kept
from tracking.models import LocationHistory

pytestmark = pytest.mark.usefixtures("behind_pgbouncer")
#: psycopg prepares a statement that it is asked to run for the fifth time, if it is let.
OFTEN = 12


def session() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (pid,) = cursor.fetchone()
    return pid


def test_sessions_take_turns() -> None:
    assert len({session() for _ in range(OFTEN)}) == SESSIONS


def test_long_lists_are_read_to_their_end() -> None:
    City.objects.bulk_create(City(name=f"City {n}", lat=39.7, lng=-105) for n in range(OFTEN))
    assert len(list(City.objects.iterator(chunk_size=1))) == OFTEN


@app.task
def limit() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SHOW statement_timeout")
        (shown,) = cursor.fetchone()
    return shown


def test_a_tasks_limit_is_not_left_to_others() -> None:
    for _ in range(OFTEN):
        assert limit() != "0"
        assert limit.run() == "0"


async def test_fixes_are_stored_batch_after_batch(driver: Driver) -> None:
    writer, session = HistoryWriter(), new_session(driver.pk)
    try:
        for n in range(OFTEN):
            fix = Fix(39.7, -105, 1_800_000_000_000 + n)
            await writer.write([Kept(session, fix)], {driver.pk: fix}, {})
        assert await LocationHistory.objects.acount() == OFTEN
    finally:
        await writer.close()
        # Of the thread that counted: PgBouncer ends before it does.
        await sync_to_async(connections.close_all)()
