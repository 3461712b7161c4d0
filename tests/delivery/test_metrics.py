"""`/metrics` of the web processes: what one counts, and several, and what PostgreSQL and Redis know."""

import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from math import inf
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models.functions import Now
from django.test import Client
from django.utils import timezone
from psycopg import conninfo
from psycopg_pool import ConnectionPool, PoolTimeout
from redis import Redis

from delivery.celery import app
from delivery.metrics.folder import VARIABLE
from delivery.settings import BASE_DIR
from dispatch.leases import lease
from dispatch.models import Alert, Lease, Order, OutboxEntry
from tests.conftest import NO_REDIS
from tests.exposition import figures
from tests.waiting import wait_until
from tracking.ingest import partitions
from tracking.ingest.history import connection_params
from tracking.metrics import report

BEARER = {"Authorization": "Bearer sesame"}


def test_there_is_nothing_without_a_token(client: Client, settings: Any) -> None:
    settings.METRICS_TOKEN = ""
    assert client.get("/metrics", headers={"Authorization": "Bearer "}).status_code == 404


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer "}, {"Authorization": "Bearer wrong"}])
def test_a_wrong_token_is_refused(client: Client, settings: Any, headers: dict[str, str]) -> None:
    settings.METRICS_TOKEN = "sesame"
    assert client.get("/metrics", headers=headers).status_code == 403


def test_what_is_counted_is_shown(client: Client, settings: Any) -> None:
    settings.METRICS_TOKEN = "sesame"
    before = _value(client, 'doorstep_fixes_total{verdict="teleport"}')
    report({"good": 40, "teleport": 2}, sockets=285, waiting=7)
    assert _value(client, 'doorstep_fixes_total{verdict="teleport"}') == before + 2
    assert _value(client, "doorstep_sockets") == 285
    assert _value(client, "doorstep_fixes_waiting") == 7


@pytest.mark.django_db(transaction=True)
def test_the_ages_of_jobs_are_shown(client: Client, settings: Any) -> None:
    settings.METRICS_TOKEN = "sesame"
    with lease("sweep"):
        assert _value(client, 'doorstep_job_age_seconds{task="sweep"}') == inf
    Lease.objects.update(done_at=Now() - timedelta(minutes=5))
    assert _value(client, 'doorstep_job_age_seconds{task="sweep"}') == pytest.approx(300, abs=30)


@pytest.mark.django_db(transaction=True)
def test_open_orders_are_counted_by_status(
    client: Client, settings: Any, new_order: Callable[..., Order]
) -> None:
    settings.METRICS_TOKEN = "sesame"
    for _ in range(2):
        new_order()
    shown = _shown(client)
    assert shown['doorstep_orders{status="pending"}'] == 2
    assert shown['doorstep_orders{status="picked_up"}'] == 0
    assert 'doorstep_orders{status="delivered"}' not in shown


@pytest.mark.django_db(transaction=True)
def test_open_alerts_are_counted_by_kind(client: Client, settings: Any, order: Order) -> None:
    settings.METRICS_TOKEN = "sesame"
    since = order.created_at
    for ended_at in (None, since):
        Alert.objects.create(kind="unassigned", order=order, since=since, fired_at=since, ended_at=ended_at)
    shown = _shown(client)
    assert shown['doorstep_alerts{kind="unassigned"}'] == 1
    assert shown['doorstep_alerts{kind="silent"}'] == 0


@pytest.mark.django_db(transaction=True)
def test_what_nobody_was_told_yet_is_counted(client: Client, settings: Any, order: Order) -> None:
    settings.METRICS_TOKEN = "sesame"
    now = timezone.now()
    for minutes in (5, -5):
        due_at = now - timedelta(minutes=minutes)
        OutboxEntry.objects.create(kind="sms", event="x", receiver="sms", body={}, due_at=due_at)
    shown = _shown(client)
    assert shown['doorstep_outbox_waiting{kind="event"}'] == 1
    assert shown['doorstep_outbox_waiting{kind="sms"}'] == 2
    assert shown['doorstep_outbox_oldest_seconds{kind="sms"}'] == pytest.approx(300, abs=30)


@pytest.fixture
def today(transactional_db: None) -> Iterator[date]:
    """The first of the days that have a partition, now and after the test."""
    today = partitions.today()
    partitions.make_partitions(today, partitions.DAYS_AHEAD)
    yield today
    partitions.make_partitions(today, partitions.DAYS_AHEAD)


@pytest.mark.parametrize("missing", range(partitions.DAYS_AHEAD + 1))
def test_partitions_are_counted_up_to_the_first_that_is_missing(
    client: Client, settings: Any, today: date, missing: int
) -> None:
    settings.METRICS_TOKEN = "sesame"
    gone = f"location_history_{today + timedelta(days=missing):%Y%m%d}"
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE IF EXISTS {gone}")
    assert _value(client, "doorstep_history_partitions_ahead") == missing


@pytest.fixture
def no_tasks(settings: Any) -> Iterator[None]:
    with Redis.from_url(settings.REDIS_URL) as redis:
        redis.flushdb()
        yield
        redis.flushdb()


@pytest.mark.usefixtures("no_tasks")
@pytest.mark.django_db(transaction=True)
def test_tasks_that_wait_are_counted(client: Client, settings: Any) -> None:
    settings.METRICS_TOKEN = "sesame"
    before = _shown(client)
    assert before['doorstep_tasks_waiting{queue="celery"}'] == 0
    for _ in range(3):
        app.send_task("dispatch.tasks.sweep")
    after = _shown(client)
    assert after['doorstep_tasks_waiting{queue="celery"}'] == 3
    sent = 'doorstep_tasks_sent_total{task="sweep"}'
    assert after[sent] == before.get(sent, 0) + 3


@pytest.mark.django_db(transaction=True)
def test_connections_to_postgresql_are_shown(client: Client, settings: Any) -> None:
    """Of a pool of two, which one thread has used up: another one waits, in vain."""
    settings.METRICS_TOKEN = "sesame"
    connection.close()
    with (
        ConnectionPool(connection_string(), min_size=2, max_size=2) as pool,
        pytest.MonkeyPatch.context() as own,
    ):
        own.setitem(connection._connection_pools, "default", pool)
        pool.wait()
        before = _shown(client)
        with pool.connection(), pool.connection():
            with pytest.raises(PoolTimeout):
                pool.getconn(timeout=0.1)
            during = _shown(client)
        after = _shown(client)
    assert [pool_of(shown) for shown in (before, during, after)] == [(0, 2), (2, 0), (0, 2)]
    # Who gave up is among those who wait until the next connection comes back.
    assert [shown["doorstep_database_pool_waiting"] for shown in (before, during, after)] == [0, 1, 0]
    errors, waited = "doorstep_database_pool_errors_total", "doorstep_database_pool_wait_seconds_total"
    assert during[errors] == after[errors] == before[errors] + 1
    assert during[waited] == after[waited] > before[waited]


def connection_string() -> str:
    return conninfo.make_conninfo(**connection_params())


def pool_of(shown: dict[str, float]) -> tuple[float, ...]:
    """Connections that are busy, and those that are idle."""
    return tuple(shown[f'doorstep_database_pool_connections{{state="{of}"}}'] for of in ("busy", "idle"))


@pytest.mark.django_db(transaction=True)
def test_the_page_for_operators_has_each_figure(client: Client, settings: Any) -> None:
    settings.METRICS_TOKEN = "sesame"
    answer = client.get("/metrics", headers=BEARER).content.decode()
    shown = set(re.findall(r"^# TYPE (doorstep_\w+)", answer, re.MULTILINE))
    written = set(re.findall(r"doorstep_\w+", (BASE_DIR / "docs/operations.md").read_text()))
    assert {name.removesuffix("_bucket") for name in written} == {
        name for name in shown if not name.endswith("_created")
    }


@pytest.mark.usefixtures("servers")
def test_who_is_away_is_left_out(client: Client, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.METRICS_TOKEN = "sesame"
    settings.BROKER_REDIS_URL = NO_REDIS
    with socket.socket() as nobody, monkeypatch.context() as moved:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
        moved.setitem(connection.settings_dict, "OPTIONS", {"host": "127.0.0.1", "port": port})
        shown = _shown(client)
    assert "doorstep_sockets" in shown
    assert not [
        series
        for series in shown
        if series.startswith(("doorstep_job_age", "doorstep_orders", "doorstep_tasks_w"))
    ]


@pytest.mark.django_db(transaction=True)
def test_a_question_that_takes_too_long_is_given_up(client: Client, settings: Any) -> None:
    settings.METRICS_TOKEN = "sesame"
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("LOCK TABLE orders IN ACCESS EXCLUSIVE MODE")
        shown = _shown(client)
        wait_until(nobody_waits, "the question is at its end")
    assert "doorstep_sockets" in shown
    assert "doorstep_history_partitions_ahead" not in shown


def nobody_waits() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return bool(cursor.fetchone() == (0,))


@pytest.mark.slow
def test_processes_are_summed_up_and_a_killed_one_is_forgotten(
    client: Client, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.METRICS_TOKEN = "sesame"
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    script = (
        "from tracking.metrics import report\n"
        "report({'good': 3}, sockets=5, waiting=0)\n"
        "print('counted', flush=True)\n"
        "input()\n"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    try:
        assert [process.stdout.readline() for process in processes] == ["counted\n"] * 2
        assert _value(client, "doorstep_sockets") == 10
        processes[0].kill()
        processes[0].wait()
        assert _value(client, "doorstep_sockets") == 5
        assert _value(client, 'doorstep_fixes_total{verdict="good"}') == 6
    finally:
        for process in processes:
            process.kill()
            process.communicate()


def _value(client: Client, name: str) -> float:
    return _shown(client).get(name, 0.0)


def _shown(client: Client) -> dict[str, float]:
    """By series."""
    answer = client.get("/metrics", headers=BEARER)
    assert answer.status_code == 200
    return figures(answer.content.decode())
