"""Whatever a task asks of PostgreSQL ends with it, and migrations keep nobody waiting."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, OperationalError, connection, transaction
from psycopg.errors import QueryCanceled

from delivery.celery import app
from delivery.timeouts import ends_by
from tracking.ingest.history import connection_params


@app.task(time_limit=60)
def ask() -> str:
    return shown()


@app.task
def ask_without_a_limit_of_its_own() -> str:
    return shown()


def shown() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SHOW statement_timeout")
        (limit,) = cursor.fetchone()
    return limit


def seconds(limit: str) -> float:
    """Of "54998ms" or "55s"."""
    return float(limit.removesuffix("ms")) / 1000 if limit.endswith("ms") else float(limit.removesuffix("s"))


@pytest.mark.django_db(transaction=True)
def test_a_tasks_statements_end_before_its_time_is_up(settings: object) -> None:
    assert 30 < seconds(ask()) <= 55
    assert 60 < seconds(ask_without_a_limit_of_its_own()) <= settings.CELERY_TASK_TIME_LIMIT - 5
    assert shown() == "0"


@pytest.mark.django_db(transaction=True)
def test_each_statement_of_a_transaction_has_what_is_left() -> None:
    with transaction.atomic():
        for left_s in (50, 20):
            with connection.execute_wrapper(ends_by(time.monotonic() + left_s)):
                assert left_s - 10 < seconds(shown()) <= left_s


def sleep() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(60)")


def sleep_in_a_transaction() -> None:
    with transaction.atomic():
        sleep()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("work", [sleep, sleep_in_a_transaction])
@pytest.mark.parametrize("left_s", [0.1, 0.0, -10.0])
def test_what_takes_longer_is_cancelled(work: Callable[[], None], left_s: float) -> None:
    with connection.execute_wrapper(ends_by(time.monotonic() + left_s)):
        with pytest.raises(OperationalError) as cancelled:
            work()
        assert isinstance(cancelled.value.__cause__, QueryCanceled)
    assert shown() == "0"


@pytest.mark.django_db(transaction=True)
def test_a_transaction_that_failed_can_be_rolled_back_to_where_it_was() -> None:
    with connection.execute_wrapper(ends_by(time.monotonic() + 50)), transaction.atomic():
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT 1 / 0")
        assert seconds(shown()) <= 50


@pytest.mark.django_db(transaction=True)
def test_migrations_wait_for_no_table_that_is_in_use() -> None:
    def unmake() -> None:
        try:
            call_command("migrate", "tracking", "zero", verbosity=0)
        finally:
            connection.close()

    with psycopg.connect(**connection_params()) as dump, ThreadPoolExecutor(1) as thread:
        dump.execute("LOCK TABLE location_history IN ACCESS SHARE MODE")
        unmaking = thread.submit(unmake)
        try:
            with pytest.raises(CommandError, match="in use for too long"):
                unmaking.result(30)
            assert dump.execute("SELECT count(*) FROM location_history").fetchone() == (0,)
        finally:
            dump.rollback()
            wait([unmaking])
            call_command("migrate", verbosity=0)
