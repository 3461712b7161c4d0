"""`/healthz` and `/readyz`, as a load balancer asks them."""

import os
import socket
import time
from collections.abc import Iterator
from datetime import timedelta
from math import inf
from pathlib import Path
from typing import Any

import pytest
import requests
from django.db import connection
from django.db.models.functions import Now
from django.test import AsyncClient, Client

from delivery import jobs
from delivery.devtools.stack.demo import web
from delivery.osrm_server import accepts, free_port
from delivery.processes import Processes
from dispatch.leases import lease
from dispatch.models import Lease

PATIENCE_S = 60.0


def unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_the_process_is_up(client: Client) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}


@pytest.fixture(autouse=True)
def just_started(monkeypatch: pytest.MonkeyPatch) -> None:
    """No job is missed yet, however long the tests have been running."""
    monkeypatch.setattr(jobs, "_started", time.monotonic())


@pytest.mark.django_db
def test_everything_is_up(client: Client) -> None:
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok", "down": [], "why": {}})


@pytest.mark.django_db
def test_an_osrm_that_is_down_is_named(client: Client, settings: Any) -> None:
    settings.OSRM_URL = f"http://127.0.0.1:{unused_port()}"
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["down"]) == (503, ["osrm"])


@pytest.mark.django_db
def test_the_osrm_of_bicycles_counts_where_there_is_one(client: Client, settings: Any) -> None:
    settings.OSRM_URL_BICYCLE = f"http://127.0.0.1:{unused_port()}"
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["down"]) == (503, ["osrm by bicycle"])


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("setting", "name"), [("REDIS_URL", "redis"), ("CELERY_BROKER_URL", "redis of CELERY_BROKER_URL")]
)
def test_a_redis_that_is_down_is_named(client: Client, settings: Any, setting: str, name: str) -> None:
    settings.REDIS_SERVERS = {"UP": settings.REDIS_URL, setting: f"redis://127.0.0.1:{unused_port()}"}
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["down"]) == (503, [name])


@pytest.mark.django_db
def test_a_database_that_is_down_is_named(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:

    with monkeypatch.context() as moved:
        moved.setitem(connection.settings_dict, "OPTIONS", {"host": "127.0.0.1", "port": unused_port()})
        answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["down"]) == (503, ["database"])


@pytest.mark.django_db(transaction=True)
def test_jobs_whose_rounds_do_no_work_are_named(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    for job in jobs.NEEDED:
        with lease(job):
            pass
    monkeypatch.setattr(jobs, "_started", -inf)
    assert client.get("/readyz").json() == {"status": "ok", "down": [], "why": {}}
    Lease.objects.filter(job="refresh_etas").update(done_at=Now() - timedelta(days=1))
    Lease.objects.filter(job="sweep").update(done_at=None)
    Lease.objects.filter(job="assign_pending").delete()
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["down"]) == (503, ["refresh_etas", "sweep", "assign_pending"])


@pytest.mark.parametrize(
    ("age_s", "up_s", "late"),
    [
        (0, inf, False),
        (210, inf, False),
        (211, inf, True),
        (inf, inf, True),
        (inf, 210, False),  # a cold start
        (inf, 211, True),
        (30, 211, False),
    ],
)
def test_a_job_is_late_after_a_few_rounds_that_we_could_have_seen(
    settings: Any, age_s: float, up_s: float, late: bool
) -> None:
    assert settings.ETA_INTERVAL_S == 30
    ages = {"refresh_etas": age_s, "sweep": 0.0, "assign_pending": 0.0}
    assert jobs.late_of(ages, up_s=up_s) == (["refresh_etas"] if late else [])


@pytest.mark.django_db
def test_a_database_that_is_too_old_is_named(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(connection.features), "minimum_database_version", (99,))
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert "Doorstep needs 99 or newer" in answer.json()["why"]["database"]


@pytest.fixture
def migration_to_come(transactional_db: None) -> Iterator[str]:
    """One that is known, and not made."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'dispatch' AND name = '0001_initial'")
        yield "dispatch.0001_initial"
        cursor.execute(
            "INSERT INTO django_migrations (app, name, applied) VALUES ('dispatch', '0001_initial', now())"
        )


def test_migrations_to_come_are_named(client: Client, migration_to_come: str) -> None:
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["why"]) == (
        503,
        {"migrations": f"1 to come, {migration_to_come} among them: run manage.py migrate."},
    )


@pytest.mark.django_db
def test_a_database_without_any_table_lacks_migrations(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(connection.settings_dict, "NAME", "postgres")
    assert client.get("/readyz").json()["down"] == ["migrations"]


@pytest.mark.slow
@pytest.mark.django_db
def test_a_host_without_static_files_and_roads_says_so(tmp_path: Path) -> None:
    processes, port = Processes(tmp_path), free_port()
    name = str(connection.settings_dict["NAME"])
    env = os.environ | {
        "DATABASE_URL": os.environ["DATABASE_URL"].replace("/doorstep?", f"/{name}?"),
        "DOORSTEP_STATE": str(tmp_path / "state"),
    }
    try:
        server = processes.start("web", web(port), env)
        processes.wait_for(server, lambda: accepts(port), PATIENCE_S)
        answer = requests.get(f"http://127.0.0.1:{port}/readyz", timeout=PATIENCE_S)
    finally:
        processes.stop()
    assert (answer.status_code, answer.json()["down"]) == (503, ["static files", "roads"])


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
@pytest.mark.usefixtures("servers")
async def test_a_process_is_asked_by_any_name_and_in_plain_http(settings: Any, path: str) -> None:
    settings.SECURE_SSL_REDIRECT = True
    settings.METRICS_TOKEN = "token"
    by_address = {"headers": {"Host": "10.1.2.3:8000", "Authorization": "Bearer token"}}
    statuses = {
        Client().get(path, **by_address).status_code,
        (await AsyncClient().get(path, **by_address)).status_code,
    }
    assert statuses <= {200, 503}
