"""`/healthz` and `/readyz`, as a load balancer asks them."""

import socket
import time
from datetime import timedelta
from math import inf
from typing import Any

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.test import Client

from delivery import jobs
from dispatch.leases import lease
from dispatch.models import Lease


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
    assert (answer.status_code, answer.json()) == (200, {"status": "ok", "down": []})


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("name", "setting", "scheme"), [("redis", "REDIS_URL", "redis"), ("osrm", "OSRM_URL", "http")]
)
def test_what_is_down_is_named(client: Client, settings: Any, name: str, setting: str, scheme: str) -> None:
    setattr(settings, setting, f"{scheme}://127.0.0.1:{unused_port()}")
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
    assert client.get("/readyz").json() == {"status": "ok", "down": []}
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
