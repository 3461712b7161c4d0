"""Real PostgreSQL, Redis and OSRM, as `make test` starts them; rows made by plain functions."""

import itertools
import logging
import os
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from threading import Barrier

import pytest
import redis
from asgiref.sync import sync_to_async
from django.conf import settings as configured
from django.db import connection, connections, transaction
from django.test import override_settings
from django.utils import timezone
from pytest_django import DjangoDbBlocker
from pytest_django.fixtures import Settings

from delivery import osrm_server
from delivery.devtools.stack import pgbouncer
from delivery.devtools.stack.state import open_state
from delivery.processes import Processes
from dispatch.models import City, Driver, Order, Restaurant
from dispatch.orders import actions
from routing.geo import Point, destination
from routing.osrm import Osrm, osrm_from_settings
from routing.roads.build import build
from routing.roads.denver import downtown_denver
from routing.roads.network import write_pbf
from routing.roads.progress import ProgressLog
from tests import committed
from tracking.ingest.history import connection_params
from tracking.sockets import process

DENVER = Point(39.7495, -104.9865)

#: Addresses where nobody answers.
NO_REDIS = "redis://127.0.0.1:1"
NO_OSRM = "http://127.0.0.1:1"

#: PgBouncer's connections to PostgreSQL, fewer than a test's threads.
SESSIONS = 3

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def servers() -> None:
    """Redis, OSRM, their data and the static files, as `make test` has them ready. Who asks for no database and uses
    one of them asks for this: what asks for neither is `fast`, and runs without any.
    """


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> None:
    """pytest-django's database, emptied behind tests that commit in a way of ours."""
    with django_db_blocker.unblock():
        committed.delete_instead_of_flush()


@pytest.fixture(autouse=True)
def no_server_unasked(request: pytest.FixtureRequest) -> Iterator[None]:
    """A fast test finds no server even where there is one: the mark is true."""
    if request.node.get_closest_marker("fast"):
        with override_settings(REDIS_URL=NO_REDIS, POSITIONS_REDIS_URL=NO_REDIS, OSRM_URL=NO_OSRM):
            yield
    else:
        yield


@pytest.fixture(scope="session")
def osrm(servers: None) -> Osrm:
    """The osrm-routed that `make test` started on the default roads."""
    return Osrm(os.environ["OSRM_URL"])


@pytest.fixture(scope="session")
def bicycle_url(servers: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An osrm-routed on the streets of downtown Denver by bicycle."""
    folder = tmp_path_factory.mktemp("bicycle")
    extract = folder / "denver.osm.pbf"
    write_pbf(downtown_denver(), extract)
    build(
        folder / "roads", extract, profiles=("car", "bicycle"), force=False, progress=ProgressLog([].append)
    )
    processes = Processes(folder)  # not entered as a context: a Ctrl-C is pytest's to handle
    try:
        yield osrm_server.start(processes, folder / "roads", profile="bicycle").url
    finally:
        processes.stop()


@pytest.fixture
def by_bicycle(bicycle_url: str, settings: Settings) -> Osrm:
    """Bicycles go by roads of their own from now on."""
    settings.OSRM_URL_BICYCLE = bicycle_url
    return osrm_from_settings("bicycle")


@pytest.fixture
def city(db: None) -> City:
    return City.objects.create(name="Denver", lat=DENVER.lat, lng=DENVER.lng)


@pytest.fixture
def restaurant(city: City) -> Restaurant:
    return Restaurant.objects.create(name="Larimer Noodles", city=city, lat=DENVER.lat, lng=DENVER.lng)


@pytest.fixture
def new_driver(city: City) -> Callable[..., Driver]:
    """A driver on shift, heard of just now, 1 km west of the restaurant unless said otherwise."""

    def make(**fields: object) -> Driver:
        at = destination(DENVER, 270, 1000)
        return Driver.objects.create(
            **{
                "name": f"Driver {next(_numbers)}",
                "city": city,
                "on_shift": True,
                "status": "idle",
                "last_seen_at": timezone.now(),
                "current_lat": at.lat,
                "current_lng": at.lng,
                "fix_at": timezone.now() - timedelta(minutes=5),
            }
            | fields
        )

    return make


@pytest.fixture
def driver(new_driver: Callable[..., Driver]) -> Driver:
    return new_driver()


@pytest.fixture
def new_order(restaurant: Restaurant) -> Callable[..., Order]:
    """A pending order, its customer 1.5 km east of the restaurant unless said otherwise."""

    def make(**fields: object) -> Order:
        door = destination(DENVER, 90, 1500)
        return actions.create_order(
            **{
                "restaurant_id": restaurant.pk,
                "customer_name": f"Customer {next(_numbers)}",
                "customer_address": "1 Test Street",
                "customer_lat": door.lat,
                "customer_lng": door.lng,
            }
            | fields
        )

    return make


@pytest.fixture
def order(new_order: Callable[..., Order]) -> Order:
    return new_order()


@pytest.fixture
async def live_loop(transactional_db: None) -> AsyncIterator[None]:
    """For tests with sockets: an empty Redis, and nothing left running or connected behind them."""
    with redis.Redis.from_url(configured.REDIS_URL) as client:
        client.flushdb()
    yield
    await process.close()
    await sync_to_async(connections.close_all)()


@pytest.fixture
def behind_pgbouncer(
    transactional_db: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """Whoever connects to the database from now on does so through PgBouncer in transaction mode, whose few
    connections to PostgreSQL take turns: each transaction reaches another one.
    """
    direct, named = connection.settings_dict, connection_params()
    with open_state(tmp_path / "pgbouncer") as state, monkeypatch.context() as moved:
        processes = Processes(state.logs)  # not entered as a context: a Ctrl-C is pytest's to handle
        sockets = pgbouncer.start(
            processes,
            state,
            host=named["host"],
            port=int(named["port"]),
            user=named["user"],
            pool_size=SESSIONS,
        )
        connection.close()
        # Without our own pool, which would go on with the connections that it has.
        options = {name: value for name, value in direct["OPTIONS"].items() if name != "pool"}
        for name, value in {"HOST": str(sockets), "PORT": pgbouncer.PORT, "OPTIONS": options}.items():
            moved.setitem(direct, name, value)
        try:
            _open_all_sessions()
            yield
        finally:
            connection.close()
            processes.stop()


def _open_all_sessions() -> None:
    together = Barrier(SESSIONS, timeout=30)

    def use_one() -> None:
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("SELECT 1")
                together.wait()
        finally:
            connection.close()

    with ThreadPoolExecutor(SESSIONS) as threads:
        for used in [threads.submit(use_one) for _ in range(SESSIONS)]:
            used.result()


@pytest.fixture(autouse=True)
def no_hidden_errors(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """What the server only logs (a receiver that failed after the commit, say) fails the test all the same."""
    yield
    records = [record for when in ("setup", "call") for record in caplog.get_records(when)]
    # What Django says of an HTTP answer is in the answer, and a test that looks at it knows better.
    hidden = [r.getMessage() for r in records if r.levelno >= logging.ERROR and r.name != "django.request"]
    assert not hidden
