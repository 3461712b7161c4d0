"""The servers of the stack, for real, in a state folder of their own."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Timer

import psycopg
import pytest
import redis

from delivery import osrm_server
from delivery.devtools.stack import postgres, programs, servers, valkey
from delivery.devtools.stack.state import StateFolder, open_state
from delivery.devtools.stack.unprivileged import NOBODY, as_nobody, give, in_user_namespace
from delivery.errors import StackError
from delivery.processes import Processes
from routing.roads.build import build
from routing.roads.progress import ProgressLog

pytestmark = pytest.mark.slow

#: What makes a program refuse to be PostgreSQL's, and what proves that it may write where it must.
WHO_AND_WHERE = 'id -u; echo written > "$0/proof"'


@contextmanager
def running(folder: Path) -> Iterator[tuple[Processes, StateFolder]]:
    with open_state(folder) as state, Processes(state.logs) as processes:
        yield processes, state


def ask(url: str, query: str) -> object:
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute(query).fetchone()
    return row and row[0]


def test_postgres_serves_a_socket_only_and_keeps_its_data(tmp_path: Path) -> None:
    with running(tmp_path) as (processes, state):
        url = postgres.start(processes, state, throwaway=True)
        assert str(ask(url, "SHOW server_version")).startswith("18.")
        assert ask(url, "SHOW listen_addresses") == ""
        assert ask(url, "SELECT lower('ÉCLAIR')") == "éclair"
        with psycopg.connect(url) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")

    # The number in a pid file that a power cut left behind may be another program's by now.
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as other, running(tmp_path) as (processes, state):
        (tmp_path / "postgres" / "postmaster.pid").write_text(f"{other.pid}\n{tmp_path}/postgres\n")
        url = postgres.start(processes, state)
        assert ask(url, "SELECT answer FROM kept") == 42
        assert ask(url, "SHOW fsync") == "on"
    assert list((tmp_path / "run").iterdir()) == []

    (tmp_path / "postgres" / "PG_VERSION").write_text("17\n")
    with (
        running(tmp_path) as (processes, state),
        pytest.raises(StackError, match=r"is of PostgreSQL 17, and this is 18: move"),
    ):
        postgres.start(processes, state)


def test_a_folder_without_postgres_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTGRES_BIN", str(tmp_path))
    with running(tmp_path / "state") as (processes, state), pytest.raises(StackError, match="has no initdb"):
        postgres.start(processes, state)


def test_postgres_after_a_launcher_that_was_killed(tmp_path: Path) -> None:
    program = """
import sys
from pathlib import Path
from threading import Timer
from delivery.devtools.stack import postgres
from delivery.processes import Processes
from delivery.devtools.stack.state import open_state
with open_state(Path(sys.argv[1])) as state, Processes(state.logs) as processes:
    print(postgres.start(processes, state, throwaway=True), flush=True)
    while True:
        processes.pause()
"""
    with subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE) as launcher:
        assert launcher.stdout
        assert launcher.stdout.readline().startswith(b"postgres://")
        server = int((tmp_path / "postgres" / "postmaster.pid").read_text().partition("\n")[0])
        os.kill(server, signal.SIGSTOP)  # it takes its time to end
        launcher.send_signal(signal.SIGKILL)
    Timer(0.5, os.kill, (server, signal.SIGCONT)).start()
    with running(tmp_path) as (processes, state):
        assert ask(postgres.start(processes, state, throwaway=True), "SELECT 1") == 1


def test_root_gives_root_up(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    for way in (in_user_namespace, as_nobody) if os.geteuid() == 0 else ():
        folder = tmp_path / "closed" / way.__name__
        folder.mkdir(mode=0o700, parents=True)
        give(folder, way)
        told = subprocess.check_output(["sh", "-c", WHO_AND_WHERE, folder], preexec_fn=way, text=True)
        assert told == f"{NOBODY}\n"
        assert (folder / "proof").read_text() == "written\n"


def test_valkey_serves_a_socket_only_and_keeps_its_data(tmp_path: Path) -> None:
    with running(tmp_path) as (processes, state):
        client = redis.Redis.from_url(valkey.start(processes, state))
        assert client.config_get("port") == {"port": "0"}
        client.set("kept", "42")
    with running(tmp_path) as (processes, state):
        client = redis.Redis.from_url(valkey.start(processes, state))
        assert client.get("kept") == b"42"


def test_a_missing_program_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(programs, "SYSTEM_PATH", str(tmp_path))
    with pytest.raises(StackError, match="apt-get install pgbouncer"):
        programs.system_program("PgBouncer", "pgbouncer")
    with pytest.raises(StackError, match="apt-get install prometheus"):
        programs.system_program("Prometheus", "promtool", package="prometheus")


def test_a_server_that_does_not_start_is_named(tmp_path: Path) -> None:
    with running(tmp_path) as (processes, _):
        with pytest.raises(StackError, match=r"current holds no roads: `manage.py roads build`"):
            osrm_server.start(processes, tmp_path / "roads")
        build(tmp_path / "roads", None, force=False, progress=ProgressLog([].append))
        shutil.rmtree(tmp_path / "roads" / "current" / "osrm")
        with pytest.raises(StackError, match=r"^osrm ended by itself"):
            osrm_server.start(processes, tmp_path / "roads")


@pytest.mark.parametrize(
    ("variable", "url"),
    [
        ("DATABASE_URL", "psql://someone:hidden@127.0.0.1:1/doorstep"),
        ("REDIS_URL", "redis://:hidden@127.0.0.1:1/0"),
        ("OSRM_URL", "http://127.0.0.1:1"),
        ("OSRM_URL_BICYCLE", "http://127.0.0.1:1"),
    ],
)
def test_a_named_server_that_does_not_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, url: str
) -> None:
    monkeypatch.setenv(variable, url)
    with running(tmp_path) as _, pytest.raises(StackError) as raised:
        servers.named_or_ours("It", variable, lambda: pytest.fail("ours was started"))
    assert str(raised.value).startswith(f"{variable} does not answer: ")
    assert "hidden" not in str(raised.value)
    assert "\n" not in str(raised.value)
