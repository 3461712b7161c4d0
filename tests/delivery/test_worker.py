"""What becomes of a process that does a worker's tasks."""

import gc
import json
import subprocess
import sys
from pathlib import Path

import pytest

from delivery.celery import NICE
from delivery.garbage import NEW_OBJECTS

#: Forks as a worker does, and says what has become of the child.
FORKS = """
import gc, json, os, sys
from pathlib import Path
from celery.signals import worker_process_init
import delivery.celery
import django
django.setup()
if os.fork() == 0:
    worker_process_init.send(sender=None)
    group = Path("/proc/self/autogroup")
    # Empty for whoever is in none, as in some containers.
    words = group.read_text().split() if group.exists() else []
    session = words[-1] if words else None
    print(json.dumps([gc.get_threshold()[0], os.nice(0), session]))
    sys.exit()
os.wait()
"""
#: Celery's own care for Django's connections, as in a worker's process; and what a task leaves behind.
ENDS_A_TASK = """
import json
from types import SimpleNamespace
from celery import signals
from celery.fixups.django import DjangoWorkerFixup
import delivery.celery
import django
django.setup()
from django.db import connection
from dispatch import tasks
fixup = DjangoWorkerFixup(delivery.celery.app)
fixup.worker = SimpleNamespace(pool_cls="celery.concurrency.prefork")
fixup.install()
connection.ensure_connection()
pool = connection.pool
signals.task_prerun.send(sender=tasks.send_outbox)
connection.ensure_connection()
signals.task_postrun.send(sender=tasks.send_outbox)
print(json.dumps([connection.connection is None, pool.closed]))
"""
#: Not every kernel has them.
AUTOGROUPS = Path("/proc/self/autogroup").exists()


def forked(*, own_session: bool) -> list[object]:
    ran = subprocess.run(
        [sys.executable, "-c", FORKS],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        start_new_session=own_session,
    )
    return list(json.loads(ran.stdout))


@pytest.mark.slow
def test_it_gives_way_to_web_processes_and_rarely_looks_for_garbage() -> None:
    threshold, nice, session = forked(own_session=True)
    assert (threshold, nice) == (NEW_OBJECTS, NICE)
    assert gc.get_threshold()[0] != NEW_OBJECTS
    assert session == (str(NICE) if AUTOGROUPS else None)


@pytest.mark.slow
def test_a_session_that_it_shares_does_not_give_way() -> None:
    _, nice, session = forked(own_session=False)
    assert nice == NICE
    assert session != str(NICE)


@pytest.mark.slow
def test_a_task_gives_its_connection_back_and_leaves_the_pool_to_threads(servers: None) -> None:
    """Threads of the process send what the outbox has, while tasks come and go."""
    ran = subprocess.run(
        [sys.executable, "-c", ENDS_A_TASK], capture_output=True, text=True, timeout=60, check=True
    )
    assert json.loads(ran.stdout) == [True, False]
