"""Requests over HTTP while PostgreSQL is read-only or away, through the ASGI application as it is served."""

import logging
from collections.abc import Callable, Iterator
from urllib.parse import urlencode

import psycopg
import pytest
from asgiref.sync import async_to_sync
from channels.testing import HttpCommunicator
from django.db import (
    DatabaseError,
    InterfaceError,
    InternalError,
    OperationalError,
    ProgrammingError,
    connection,
)
from django.forms import model_to_dict
from django.test import Client
from django.urls import reverse
from psycopg_pool import ConnectionPool, PoolTimeout

from delivery.asgi import application
from delivery.probes import own_connection
from dispatch import api_keys
from dispatch.models import City, Driver, Order, Scope, User
from tests.dispatch.place_forms import NO_HOURS
from tests.waiting import wait_until
from tracking.database import is_away

ANSWER_S = 30.0
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


class Desk:
    """A dispatcher's browser. Each answer: status, headers and body."""

    def __init__(self) -> None:
        User.objects.create_superuser("dana", password="sesame")
        client = Client()
        client.force_login(User.objects.get())
        self._cookies = f"sessionid={client.cookies['sessionid'].value}; csrftoken={'c' * 32}"
        connection.close()

    def ask(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        accept: str = "*/*",
        type: str = "application/json",
        key: str = "",
    ) -> tuple[int, dict[str, str], str]:
        headers = {
            "Host": "localhost",
            "Cookie": self._cookies,
            "X-CSRFToken": "c" * 32,
            "Accept": accept,
            "Content-Type": type,
            "Content-Length": str(len(body)),
            "Authorization": f"Bearer {key}",
        }
        sent = [(name.lower().encode(), value.encode()) for name, value in headers.items()]

        async def answered() -> dict:
            asked = HttpCommunicator(application, method, path, body, sent)
            answer = await asked.get_response(ANSWER_S)
            await asked.wait(ANSWER_S)  # its connection is back in the pool
            return answer

        answer = async_to_sync(answered)()
        received = {name.decode(): value.decode() for name, value in answer["headers"]}
        return answer["status"], received, answer["body"].decode()

    def assign(self, order: Order, driver: Driver) -> tuple[int, dict[str, str], str]:
        return self.ask(
            "POST", reverse("dispatch:assign", args=[order.pk]), f'{{"driver": "{driver.pk}"}}'.encode()
        )


@pytest.fixture
def read_only(order: Order, driver: Driver, transactional_db: None) -> Iterator[Callable[[], None]]:
    """Sessions that begin from now on are read-only, until this is called; none that began before is left."""
    name = connection.settings_dict["NAME"]

    def alter(change: str) -> None:
        with own_connection() as own:
            own.execute("SET TRANSACTION READ WRITE")
            own.execute(f"ALTER DATABASE {name} {change}")

    def begin() -> Callable[[], None]:
        alter("SET default_transaction_read_only = on")
        connection.close_pool()
        return lambda: alter("RESET default_transaction_read_only")

    try:
        yield begin
    finally:
        alter("RESET default_transaction_read_only")
        connection.close()
        connection.close_pool()


def said(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    return [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_an_action_is_put_off_while_nothing_is_written_and_done_thereafter(
    read_only: Callable, order: Order, driver: Driver, caplog: pytest.LogCaptureFixture
) -> None:
    """With a pool that nobody empties: what it has began read-only."""
    desk = Desk()
    end = read_only()
    for _ in range(2):
        caplog.clear()
        status, headers, body = desk.assign(order, driver)
        assert (status, headers["Retry-After"]) == (503, "5")
        assert headers["Content-Type"] == "application/json"
        assert '"code":"unavailable"' in body
        [line] = said(caplog)
        assert "ReadOnlySqlTransaction" in line.getMessage()
        assert line.exc_info is None
    assert desk.ask("GET", reverse("dispatch:dashboard"))[0] == 200, "what is only read is shown"
    end()
    wait_until(lambda: desk.assign(order, driver)[0] == 204, "the action is done")
    order.refresh_from_db()
    assert order.driver_id == driver.pk


@pytest.mark.parametrize("path", ["admin:dispatch_city_add", "admin:login", "admin:logout"])
def test_a_page_says_it_to_people(read_only: Callable, path: str, caplog: pytest.LogCaptureFixture) -> None:
    desk = Desk()
    read_only()
    golden = model_to_dict(City(name="Golden", lat=39.75, lng=-105.2))
    form = golden | NO_HOURS | {"username": "dana", "password": "sesame"}
    status, headers, body = desk.ask(
        "POST",
        reverse(path),
        urlencode(form).encode(),
        accept=BROWSER,
        type="application/x-www-form-urlencoded",
    )
    assert (status, headers["Retry-After"]) == (503, "5"), body
    assert headers["Content-Type"].startswith("text/html")
    assert "Try again" in body
    [line] = said(caplog)
    assert "ReadOnlySqlTransaction" in line.getMessage()
    assert line.exc_info is None


def test_each_connection_that_began_read_only_is_replaced_at_once(read_only: Callable) -> None:
    """However many wait in the pool: nobody has to find them out one by one."""
    end = read_only()
    many = 4
    pool = connection.pool
    pool.open()
    held = [pool.getconn() for _ in range(many)]
    born = {id(one) for one in held}
    assert all(one.execute("SHOW transaction_read_only").fetchone() == ("on",) for one in held)
    end()
    for one in held:
        pool.putconn(one)

    def is_writable() -> bool:
        with pool.connection() as one:
            return one.execute("SHOW transaction_read_only").fetchone() == ("off",)

    wait_until(is_writable, "a connection that may write")
    again = [pool.getconn() for _ in range(many)]
    try:
        assert all(one.execute("SHOW transaction_read_only").fetchone() == ("off",) for one in again)
        assert not born & {id(one) for one in again}
    finally:
        for one in again:
            pool.putconn(one)


@pytest.mark.parametrize("accept", ["*/*", BROWSER], ids=["script", "browser"])
def test_who_asks_while_postgresql_is_away_is_asked_to_come_back(
    transactional_db: None, accept: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    desk = Desk()
    nobody = "host=127.0.0.1 port=1 dbname=none connect_timeout=1"
    with ConnectionPool(nobody, open=False, min_size=1, timeout=0.1) as pool, monkeypatch.context() as moved:
        moved.setitem(connection._connection_pools, "default", pool)
        status, headers, _ = desk.ask("GET", reverse("dispatch:dashboard"), accept=accept)
    assert (status, headers["Retry-After"]) == (503, "5")
    [line] = [record for record in said(caplog) if record.name == "django.request"]
    assert "PoolTimeout" in line.getMessage()
    assert line.exc_info is None


def test_what_is_no_outage_stays_an_error_with_its_traceback(
    order: Order, transactional_db: None, caplog: pytest.LogCaptureFixture
) -> None:
    desk = Desk()
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE cities RENAME TO cities_of_old")
    try:
        assert desk.ask("GET", reverse("dispatch:dashboard"))[0] == 500
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE cities_of_old RENAME TO cities")
    assert [record for record in said(caplog) if record.exc_info]


def of(wrapped: type[DatabaseError], cause: Exception) -> DatabaseError:
    error = wrapped()
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "away"),
    [
        (of(InternalError, psycopg.errors.ReadOnlySqlTransaction()), True),
        (of(OperationalError, psycopg.errors.AdminShutdown()), True),
        (of(OperationalError, psycopg.errors.CannotConnectNow()), True),
        (of(OperationalError, psycopg.errors.TooManyConnections()), True),
        (of(OperationalError, psycopg.OperationalError("connection refused")), True),
        (of(OperationalError, PoolTimeout()), True),
        (psycopg.errors.ReadOnlySqlTransaction(), True),
        (of(OperationalError, psycopg.errors.QueryCanceled()), False),
        (of(OperationalError, psycopg.errors.DeadlockDetected()), False),
        (of(ProgrammingError, psycopg.errors.UndefinedColumn()), False),
        (of(InternalError, psycopg.errors.InFailedSqlTransaction()), False),
        (of(InterfaceError, psycopg.InterfaceError("the cursor is closed")), False),
        (ValueError(), False),
    ],
    ids=lambda value: type(value.__cause__ or value).__name__ if isinstance(value, Exception) else str(value),
)
def test_an_outage_is_told_from_a_bug(error: Exception, away: bool) -> None:
    assert is_away(error) is away


def test_a_platform_reads_while_nothing_is_written_and_is_put_off_with_the_rest(
    read_only: Callable, order: Order
) -> None:
    _, key = api_keys.issue("Shop", Scope.values, cities=None)
    desk = Desk()
    end = read_only()
    status, _, _ = desk.ask("GET", f"/api/v1/orders/{order.pk}", key=key)
    assert status == 200
    status, headers, body = desk.ask("PATCH", f"/api/v1/orders/{order.pk}", b'{"bags": 2}', key=key)
    assert (status, headers["Retry-After"]) == (503, "5")
    assert headers["Content-Type"] == "application/problem+json"
    assert '"code":"unavailable"' in body
    end()
    wait_until(
        lambda: desk.ask("PATCH", f"/api/v1/orders/{order.pk}", b'{"bags": 2}', key=key)[0] == 200,
        "written again",
    )
