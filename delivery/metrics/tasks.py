"""What becomes of tasks: counted where they are asked for, where they run, and where they are missed."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import celery
from celery.signals import after_task_publish, task_failure, task_revoked, task_success, worker_init
from prometheus_client import Counter, Gauge, Histogram

from tracking.metrics import report_pool

_SENT = Counter("doorstep_tasks_sent", "Tasks that were put into a queue.", ["task"])
_TASKS = Counter(
    "doorstep_tasks", "Tasks, by what became of them: done, failed, expired.", ["task", "outcome"]
)
_SECONDS = Histogram(
    "doorstep_task_seconds",
    "How long a task took, whatever became of it.",
    ["task"],
    buckets=(0.01, 0.05, 0.1, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 600, 1800),
)
_OUTCOMES = ("done", "failed", "expired")
_RUNNING = Gauge("doorstep_tasks_running", "Tasks that run now.", multiprocess_mode="livesum")


@contextmanager
def running(task: str) -> Iterator[None]:
    """Around a task, in the process that runs it."""
    began = time.monotonic()
    _RUNNING.inc()
    try:
        yield
    finally:
        _RUNNING.dec()
        _SECONDS.labels(_name(task)).observe(time.monotonic() - began)
        report_pool()


@worker_init.connect
def _begin_at_0(sender: celery.worker.WorkController, **_: Any) -> None:
    """Of a figure that is first shown as 1 Prometheus sees no increase."""
    for task in sender.app.tasks:
        if not task.startswith("celery."):
            for outcome in _OUTCOMES:
                _TASKS.labels(_name(task), outcome)


@after_task_publish.connect
def _sent(sender: str, **_: Any) -> None:
    _SENT.labels(_name(sender)).inc()


@task_success.connect
def _done(sender: celery.Task, **_: Any) -> None:
    _count(sender, "done")


@task_failure.connect
def _failed(sender: celery.Task, **_: Any) -> None:
    """Of one whose process was ended, by its time limit say, the worker's first process hears."""
    _count(sender, "failed")


@task_revoked.connect
def _revoked(sender: celery.Task, *, expired: bool, **_: Any) -> None:
    """It was too late to begin with it; nothing of ours takes a task back."""
    if expired:
        _count(sender, "expired")


def _count(task: celery.Task, outcome: str) -> None:
    _TASKS.labels(_name(task.name), outcome).inc()


def _name(task: str) -> str:
    """As leases call it: without its module."""
    return task.rpartition(".")[2]
