"""What a real worker and a real beat show on their ports, and what of it their children leave behind."""

import os
import signal
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest
import redis
import requests
from django.conf import settings
from django.db import connection, transaction

from delivery.celery import app
from delivery.devtools.stack.demo import celery, worker
from delivery.errors import ChildDied
from delivery.osrm_server import free_port
from delivery.processes import Child, Processes
from dispatch.models import Driver, Lease, Order
from tests.dispatch.story import assign
from tests.exposition import figures
from tests.faults.cluster import READY_S, descendants, runs
from tests.locks import wait_for_a_waiter
from tests.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("servers")]

TOKEN = "sesame"
CHILDREN = 2


@dataclass
class Jobs:
    """A worker and a beat on the tests' database, with a round of each kind every second."""

    processes: Processes
    env: dict[str, str]
    schedule: Path
    temporary: Path

    def start_worker(self) -> Child:
        return self.processes.start("worker", worker(CHILDREN), self.env, stop_s=READY_S)

    def start_beat(self) -> Child:
        return self.processes.start("beat", celery("beat", "--schedule", str(self.schedule)), self.env)

    def asked(self, of: str, token: str = TOKEN) -> requests.Response:
        url = f"http://127.0.0.1:{self.env[of]}/metrics"
        return requests.get(url, headers={"Authorization": f"Bearer {token}"}, timeout=READY_S)

    def shown(self, of: str) -> dict[str, float]:
        """By series; nothing before it listens."""
        try:
            answer = self.asked(of)
        except requests.ConnectionError:
            return {}
        assert answer.status_code == 200, answer.text
        return figures(answer.text)

    def folders(self) -> list[Path]:
        """Where processes share what they count."""
        return list(self.temporary.glob("doorstep-metrics-*"))

    def wait_for(self, of: str, *series: str, more_than: float = 0) -> dict[str, float]:
        """What is shown once each of these series is."""
        shown: dict[str, float] = {}

        def all_there() -> bool:
            self.processes.pause()
            shown.clear()
            shown.update(self.shown(of))
            return all(shown.get(one, 0) > more_than for one in series)

        wait_until(all_there, f"{of} shows {series}")
        return shown


@pytest.fixture
def jobs(transactional_db: None, tmp_path: Path) -> Iterator[Jobs]:
    url = urlsplit(os.environ["DATABASE_URL"])
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    env = os.environ | {
        "DATABASE_URL": urlunsplit(url._replace(path=f"/{connection.settings_dict['NAME']}")),
        "INSTANCE_NAME": settings.INSTANCE_NAME,
        "METRICS_TOKEN": TOKEN,
        "WORKER_METRICS_PORT": str(free_port()),
        "BEAT_METRICS_PORT": str(free_port()),
        "ETA_INTERVAL_S": "1",
        "SWEEP_INTERVAL_S": "1",
        "TMPDIR": str(temporary),
    }
    processes = Processes(tmp_path)  # not entered as a context: a Ctrl-C is pytest's to handle
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        client.flushdb()
        try:
            yield Jobs(processes, env, tmp_path / "schedule", temporary)
        finally:
            processes.stop()
            client.flushdb()


WORKER, BEAT = "WORKER_METRICS_PORT", "BEAT_METRICS_PORT"
ROUNDS = [f'doorstep_round_seconds_count{{task="{task}"}}' for task in ("refresh_etas", "sweep")]


def test_each_family_is_there_after_one_round(jobs: Jobs, order: Order, driver: Driver) -> None:
    assign(order, driver)
    jobs.start_worker()
    jobs.start_beat()
    shown = jobs.wait_for(
        WORKER,
        *ROUNDS,
        'doorstep_tasks_total{outcome="done",task="sweep"}',
        'doorstep_task_seconds_count{task="refresh_etas"}',
        'doorstep_planner_seconds_count{question="best_tour"}',
        'doorstep_osrm_requests_total{outcome="ok",service="route"}',
        'doorstep_osrm_requests_total{outcome="ok",service="table"}',
        'doorstep_osrm_seconds_count{service="route"}',
    )
    for series in (
        "doorstep_tasks_running",
        'doorstep_database_pool_connections{state="idle"}',
        'doorstep_database_pool_connections{state="busy"}',
        "doorstep_database_pool_waiting",
        "doorstep_database_pool_wait_seconds_total",
    ):
        assert series in shown
    for outcome in ("failed", "expired"):
        assert shown[f'doorstep_tasks_total{{outcome="{outcome}",task="learn_etas"}}'] == 0
    assert shown['doorstep_tasks_total{outcome="failed",task="sweep"}'] == 0
    jobs.wait_for(BEAT, 'doorstep_tasks_sent_total{task="refresh_etas"}', more_than=1)
    assert [jobs.asked(of, "wrong").status_code for of in (WORKER, BEAT)] == [403, 403]
    # Somebody's name, place or link has no business here.
    text = jobs.asked(WORKER).text
    assert not [word for word in (order.tracking_token, str(driver.pk), str(order.pk)) if word in text]


def test_what_a_child_has_counted_outlives_it_and_goes_with_the_worker(
    jobs: Jobs, order: Order, driver: Driver
) -> None:
    assign(order, driver)
    parent = jobs.start_worker()
    jobs.start_beat()
    before = jobs.wait_for(WORKER, *ROUNDS)
    with transaction.atomic():
        Lease.objects.select_for_update().get(job="refresh_etas")  # who wants it now waits
        wait_for_a_waiter()
        jobs.wait_for(WORKER, "doorstep_tasks_running")
        kill(descendants(parent.process.pid))
        # Of a task whose process has ended the worker's first process tells.
        jobs.wait_for(WORKER, 'doorstep_tasks_total{outcome="failed",task="refresh_etas"}')
    for series in ROUNDS:
        jobs.wait_for(WORKER, series, more_than=before[series])
    kill(descendants(parent.process.pid))
    assert len(jobs.folders()) == 1
    jobs.processes.end(parent)
    assert jobs.folders() == []


def kill(processes: list[int]) -> None:
    for process in processes:
        os.kill(process, signal.SIGKILL)
    wait_until(lambda: not any(map(runs, processes)), "they are gone")


def test_a_task_that_comes_too_late_is_counted(jobs: Jobs) -> None:
    app.send_task("dispatch.tasks.sweep", expires=-1)
    jobs.start_worker()
    jobs.wait_for(WORKER, 'doorstep_tasks_total{outcome="expired",task="sweep"}')


def test_a_port_that_is_taken_is_told_in_a_line(jobs: Jobs) -> None:
    with socket.create_server(("127.0.0.1", int(jobs.env[WORKER]))):
        refused = jobs.start_worker()
        with pytest.raises(ChildDied):
            jobs.processes.wait_for(refused, lambda: False, READY_S)
    jobs.processes.children.remove(refused)
    line = f"doorstep: can't show figures on 127.0.0.1:{jobs.env[WORKER]}"
    said = refused.log.read_text()
    assert line in said
    assert "Traceback" not in said
