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
