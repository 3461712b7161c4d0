"""Partitions are made and dropped while others use the history: nobody waits for long, a dump least of all."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date, timedelta

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from dispatch.access import Claim
from dispatch.models import Driver, Lease
from tests.locks import wait_for_a_waiter
from tracking.ingest import partitions
from tracking.ingest.history import connection_params, keep_last_fixes
from tracking.sockets import loaders
from tracking.tasks import keep_history_partitions

pytestmark = pytest.mark.django_db(transaction=True)
PATIENCE_S = 30
TOKEN = "sesame-" * 8
#: Too long for a test to wait for.
FOR_EVER_S = 10_000.0


@contextmanager
def dump() -> Iterator[None]:
    """Holds what pg_dump does from its beginning to its end."""
    with psycopg.connect(**connection_params()) as dumping:
        dumping.execute("LOCK TABLE drivers, location_history IN ACCESS SHARE MODE")
        yield
        dumping.rollback()


@pytest.fixture
def started() -> Iterator[Callable[[Callable[[], object]], Future]]:
    """Starts work in a thread, and so on a connection, of its own."""
    with ThreadPoolExecutor(2) as threads:

        def start(work: Callable[[], object]) -> Future:
            def closing() -> object:
                try:
                    return work()
                finally:
                    connection.close()

            return threads.submit(closing)

        yield start


def last_day() -> date:
    return partitions.today() + timedelta(days=partitions.DAYS_AHEAD - 1)


def exists(day: date) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [f"location_history_{day:%Y%m%d}"])
        (found,) = cursor.fetchone()
    return found


@pytest.fixture
def a_day_is_missing(transactional_db: None) -> Iterator[None]:
    partitions.make_partitions(partitions.today(), partitions.DAYS_AHEAD)
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE location_history_{last_day():%Y%m%d}")
    yield
    partitions.make_partitions(last_day(), 1)


@pytest.fixture
def a_day_is_too_old(transactional_db: None, settings: object) -> Iterator[date]:
    day = partitions.today() - timedelta(days=settings.LOCATION_HISTORY_DAYS + 1)
    partitions.make_partitions(day, 1)
    yield day
    partitions.drop_partitions(day + timedelta(days=1), force=True)


@pytest.fixture
def signed_in_driver(new_driver: Callable[..., Driver]) -> Driver:
    """With a fix of today that the history does not have."""
    driver = new_driver(token_digest=Driver.digest(TOKEN))
    with connection.cursor() as cursor:
        cursor.execute("UPDATE drivers SET fix_at = now()")
    return driver


def sign_in() -> int:
    return len(loaders._drivers([Claim(TOKEN)]))


def test_where_nothing_is_to_be_done_no_lock_is_asked_for(
    started: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_history_partitions()
    monkeypatch.setattr(partitions, "LOCK_TIMEOUT_S", FOR_EVER_S)
    with dump():
        started(lambda: partitions.keep_partitions(history_days=30)).result(PATIENCE_S)


@pytest.mark.usefixtures("a_day_is_missing")
def test_a_day_that_cannot_be_made_now_is_made_the_next_time(
    started: Callable, caplog: pytest.LogCaptureFixture
) -> None:
    with dump():
        started(keep_history_partitions).result(PATIENCE_S)
        assert not exists(last_day())
        assert "in use" in caplog.text
        assert Lease.objects.get(job="keep_history_partitions").done_at is None
        with pytest.raises(CommandError, match="Try again"):
            call_command("history_partitions")
    keep_history_partitions()
    assert exists(last_day())
    assert Lease.objects.get(job="keep_history_partitions").done_at is not None


def test_a_day_that_cannot_be_dropped_now_is_dropped_the_next_time(
    a_day_is_too_old: date, started: Callable
) -> None:
    with dump():
        started(keep_history_partitions).result(PATIENCE_S)
        assert exists(a_day_is_too_old)
    keep_history_partitions()
    assert not exists(a_day_is_too_old)


@pytest.mark.usefixtures("a_day_is_missing")
def test_drivers_sign_in_while_the_default_is_waited_for(
    signed_in_driver: Driver, started: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partitions, "LOCK_TIMEOUT_S", FOR_EVER_S)
    with transaction.atomic():
        with connection.cursor() as dumping:
            dumping.execute("LOCK TABLE drivers, location_history IN ACCESS SHARE MODE")
        making = started(keep_history_partitions)
        wait_for_a_waiter()
        assert started(sign_in).result(PATIENCE_S) == 1
    making.result(PATIENCE_S)
    assert exists(last_day())


def test_who_stores_a_fix_of_no_day_and_who_makes_one_do_not_deadlock(
    a_day_is_missing: None, signed_in_driver: Driver, started: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partitions, "LOCK_TIMEOUT_S", FOR_EVER_S)
    with transaction.atomic(), connection.cursor() as storing:
        storing.execute("UPDATE drivers SET last_seen_at = now()")
        making = started(keep_history_partitions)
        wait_for_a_waiter()
        storing.execute(
            "INSERT INTO location_history (driver_id, lat, lng, recorded_at) VALUES (%s, 39.7, -105, 'epoch')",
            [signed_in_driver.pk],
        )
    making.result(PATIENCE_S)
    assert exists(last_day())


def test_signing_in_touches_todays_partition_alone(signed_in_driver: Driver) -> None:
    keep_history_partitions()
    with transaction.atomic():
        assert keep_last_fixes([signed_in_driver.pk], todays=True) == 1
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT DISTINCT relation::regclass::text FROM pg_locks JOIN pg_class ON pg_class.oid = relation"
                " WHERE pid = pg_backend_pid() AND relkind IN ('r', 'p') AND relname LIKE 'location_history%'"
            )
            touched = {name for (name,) in cursor.fetchall()}
    # In the first hour of a day, the fix that was sent just now is still today's.
    assert touched == {"location_history", f"location_history_{partitions.today():%Y%m%d}"}


def test_a_last_fix_of_another_day_is_not_looked_for_when_signing_in(signed_in_driver: Driver) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE drivers SET fix_at = now() - interval '25 hours'")
    assert keep_last_fixes([signed_in_driver.pk], todays=True) == 0
    assert keep_last_fixes([signed_in_driver.pk]) == 1


def test_two_workers_make_a_day_once(a_day_is_missing: None, started: Callable) -> None:
    making = [started(lambda: partitions.make_partitions(last_day(), 1)) for _ in range(2)]
    for each in making:
        each.result(PATIENCE_S)
    assert exists(last_day())


def test_what_is_waited_for_takes_less_than_a_second_in_all() -> None:
    assert 2 * partitions.LOCK_TIMEOUT_S < 1
