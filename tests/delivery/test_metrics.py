"""`/metrics`, of one process and of several."""

import subprocess
import sys
from datetime import timedelta
from math import inf
from pathlib import Path
from typing import Any

import pytest
from django.db.models.functions import Now
from django.test import Client

from delivery import metrics
from dispatch.leases import lease
from dispatch.models import Lease
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
        assert _value(client, 'doorstep_job_age_seconds{job="sweep"}') == inf
    Lease.objects.update(done_at=Now() - timedelta(minutes=5))
    assert _value(client, 'doorstep_job_age_seconds{job="sweep"}') == pytest.approx(300, abs=30)


@pytest.mark.slow
def test_processes_are_summed_up_and_a_killed_one_is_forgotten(
    client: Client, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.METRICS_TOKEN = "sesame"
    monkeypatch.setenv(metrics.FOLDER, str(tmp_path))
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
    answer = client.get("/metrics", headers=BEARER)
    assert answer.status_code == 200
    lines = [line.rsplit(" ", 1) for line in answer.content.decode().splitlines()]
    return sum(float(value) for series, value in lines if series == name)
