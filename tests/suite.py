"""How the suite is run, as a plugin of pytest (pyproject.toml): which tests are fast, and what workers do not share.

It is loaded before Django's settings are, which read the environment once.
"""

import os
import re
from contextlib import ExitStack
from pathlib import Path

import hypothesis
import pytest

from delivery.devtools.stack import valkey
from delivery.devtools.stack.state import open_state
from delivery.processes import Processes

#: Of each property, where only fast tests are wanted.
FAST_EXAMPLES = 25
#: What stands for the servers that `make test` starts, in the fixtures of a test.
SERVERS = {"servers", "django_db_setup"}
#: Tests under these have processes of their own, too many to have them twice: one worker runs them all.
TOGETHER = ("tests/faults/",)
_MARK_OF_FILE = re.compile(r"^pytestmark = .*", re.MULTILINE)
_NEVER_FAST = re.compile(r"mark\.(slow|django_db)\b|\"(servers|live_loop)\"")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "slow: starts programs, or computes for long; never fast")
    config.addinivalue_line(
        "markers", "fast: needs no server and is not slow; each test that is gets the mark"
    )
    if config.option.markexpr == "fast":
        # All day and in seconds: the whole suite tries the rest of the examples.
        hypothesis.settings.register_profile("fast", max_examples=FAST_EXAMPLES)
        hypothesis.settings.load_profile("fast")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Where only fast tests are wanted, files are not imported whose own mark says that they have none."""
    if config.option.markexpr != "fast" or not collection_path.name.startswith("test_"):
        return None
    mark = _MARK_OF_FILE.search(collection_path.read_text())
    return True if mark and _NEVER_FAST.search(mark[0]) else None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if not needs_servers(item) and not item.get_closest_marker("slow"):
            item.add_marker(pytest.mark.fast)
        for path in TOGETHER:
            if item.nodeid.startswith(path):
                item.add_marker(pytest.mark.xdist_group(path))


def needs_servers(item: pytest.Item) -> bool:
    fixtures = set(getattr(item, "fixturenames", ()))
    return bool(fixtures & SERVERS or item.get_closest_marker("django_db"))


def give_this_worker_its_redis(worker: str, state: Path) -> None:
    """A server of its own: what is published is heard in all databases of one. PostgreSQL is pytest-django's to see
    to. `worker` is pytest-xdist's name of this process.
    """
    own = _until_the_end.enter_context(open_state(state / worker))
    processes = Processes(own.logs)  # not entered as a context: a Ctrl-C is pytest's to handle
    _until_the_end.callback(processes.stop)
    os.environ["REDIS_URL"] = valkey.start(processes, own, throwaway=True)


def pytest_unconfigure() -> None:
    _until_the_end.close()


_until_the_end = ExitStack()

# Taken out: a pytest that a test starts is no worker.
if (worker := os.environ.pop("PYTEST_XDIST_WORKER", None)) and "REDIS_URL" in os.environ:
    give_this_worker_its_redis(worker, Path(os.environ["DOORSTEP_STATE"]))
