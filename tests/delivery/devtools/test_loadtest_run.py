"""The load generator against servers that run: Doorstep itself, and one that loses what it is told."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest
import redis
from django.conf import settings
from django.contrib.sessions.models import Session
from django.core.management import CommandError, call_command
from django.db import connection
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve

from delivery.devtools import fleet
from delivery.devtools.loadtest.report import Report
from delivery.devtools.stack.demo import answers_ok, web
from delivery.devtools.stack.state import ROOT
from dispatch.models import User

pytestmark = pytest.mark.slow

READY_S = 30
NO_FIXES = ("--rate=0", "--dispatchers=0", "--seconds=0.1", "--warmup=0", "--drain=0")


@pytest.fixture
def server(transactional_db: None, tmp_path: Path) -> Iterator[tuple[str, int]]:
    """Its address, and its pid."""
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        client.flushdb()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    database = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{connection.settings_dict['NAME']}")
    env = os.environ | {"DATABASE_URL": database.geturl(), "PORT": str(port), "ALLOWED_HOSTS": "127.0.0.1"}
    with open(tmp_path / "web.log", "w") as log, running(web(port), env, log) as process:
        deadline = time.monotonic() + READY_S
        while not answers_ok(f"http://127.0.0.1:{port}/readyz"):
            assert process.poll() is None, (tmp_path / "web.log").read_text()
            assert time.monotonic() < deadline, "the web server is not ready"
            time.sleep(0.05)
        yield f"ws://127.0.0.1:{port}", process.pid


@contextmanager
def running(command: list[str], env: dict[str, str], log: Any) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(command, env=env, stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@pytest.fixture
def seed(transactional_db: None, tmp_path: Path) -> Path:
    file = tmp_path / "seed.json"
    call_command("seed", "--drivers", "10", "--orders", "5", "--json", str(file))
    return file


def loadtest(url: str, seed: Path, *options: str) -> Report:
    out = seed.with_name("report.json")
    call_command("loadtest", "--url", url, "--targets", str(seed), "--json", str(out), *options)
    return written(seed)


def written(seed: Path) -> Report:
    return msgspec.json.decode(seed.with_name("report.json").read_bytes(), type=Report)


def test_a_run_accounts_for_every_fix(server: tuple[str, int], seed: Path, capsys: Any) -> None:
    url, pid = server
    options = ["--rate=100", "--dispatchers=2", "--seconds=2", "--warmup=1", f"--process=web={pid}"]
    report = loadtest(url, seed, *options)
    assert (report.connecting.ready, report.connecting.refused) == (17, {})
    # 10 drivers, 10 fixes a second each: 200 in the measured time, of which 5 customers hear 20, 2 dispatchers all.
    assert (report.customer.expected, report.dispatcher.expected) == (100, 400)
    for feed in (report.customer, report.dispatcher):
        assert (feed.lost, feed.out_of_order, feed.repeated) == (0, 0, 0)
        assert feed.latency_ms.count == feed.delivered
        assert feed.freshness_ms.count == feed.expected
    assert report.ack_ms is not None
    assert report.ack_ms.count == 200
    assert (report.errors, report.closes) == ({}, {})
    assert report.sent_per_s == pytest.approx(100, rel=0.1)
    assert report.processes["web"].cpu_s > 0
    assert report.processes["web"].rss_connected_kb > 10_000
    assert "fixes      sent" in capsys.readouterr().out
    # What the dispatchers signed in with is gone.
    assert (User.objects.count(), Session.objects.count()) == (0, 0)


def test_dispatchers_who_come_meanwhile(
    server: tuple[str, int], transactional_db: None, tmp_path: Path
) -> None:
    url, pid = server
    seed = tmp_path / "seed.json"
    call_command("seed", "--bulk", "--drivers", "100", "--orders", "4", "--json", str(seed))
    options = ["--rate=20", "--dispatchers=1", "--customers=0", "--seconds=2", "--warmup=0.5"]
    report = loadtest(url, seed, *options, "--newcomers=3", f"--process=web={pid}")
    came = report.newcomers
    assert came is not None
    assert (came.wanted, came.ready, came.ready_ms.count) == (3, 3, 3)
    # A frame for each restaurant, order, driver and plan, and those around them.
    rows = 3 * fleet.RESTAURANTS + 4 + 2 * 100
    assert rows < came.frames < rows + 10
    assert came.bytes > 50 * rows
    assert (report.unconfirmed, report.connecting.ready, report.closes) == (0, 101, {})
    assert (report.dispatcher.lost, report.dispatcher.unmatched) == (0, 0)
    # Ten drivers find room in what the process has already.
    assert report.processes["web"].kb_per_driver > 0


# --------------------------------------------------------------------------------- a server with a memory gap


class Forgetful:
    """Speaks the plain dialect; of each driver's fixes it loses every fourth."""

    def __init__(self) -> None:
        self._dispatchers: list[ServerConnection] = []
        self._customers: defaultdict[str, list[ServerConnection]] = defaultdict(list)
        self._sending = threading.Lock()

    def __call__(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        query = {
            name: values[0] for name, values in parse_qs(urlsplit(connection.request.path).query).items()
        }
        if query["role"] == "dispatcher":
            self._dispatchers.append(connection)
        elif query["role"] == "customer":
            self._customers[query["token"]].append(connection)
        for number, message in enumerate(connection):
            if number % 4 != 3:
                self._tell(query["driverId"], json.loads(message))

    def _tell(self, driver: str, fix: dict[str, Any]) -> None:
        position = {"type": "driver_pos", "lat": fix["lat"], "lng": fix["lng"]}
        with self._sending:
            for each in self._dispatchers:
                each.send(json.dumps(position | {"driverId": driver}))
            for each in self._customers[f"of {driver}"]:
                each.send(json.dumps(position))


@contextmanager
def served(handler: Callable[[ServerConnection], None]) -> Iterator[str]:
    def until_it_is_left(connection: ServerConnection) -> None:
        with suppress(ConnectionClosed):
            handler(connection)

    with serve(until_it_is_left, "127.0.0.1", 0, compression=None) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"ws://127.0.0.1:{server.socket.getsockname()[1]}"
        server.shutdown()
        thread.join()


@pytest.fixture
def forgetful() -> Iterator[str]:
    with served(Forgetful()) as url:
        yield url


def test_what_a_server_loses_is_found(forgetful: str, tmp_path: Path) -> None:
    seed = tmp_path / "seed.json"
    drivers = [{"id": f"d{n}"} for n in range(4)]
    seed.write_text(json.dumps({"drivers": drivers, "customers": [{"token": "of d1", "driverId": "d1"}]}))
    # 4 fixes of each driver a second, phases within a quarter of one: the window holds the fixes 4 to 7 of each.
    options = ["--dialect=plain", "--rate=16", "--warmup=1", "--seconds=1", "--drain=0.2", "--dispatchers=2"]
    report = loadtest(forgetful, seed, *options)
    assert (report.customer.expected, report.customer.delivered, report.customer.lost) == (4, 3, 1)
    assert (report.dispatcher.expected, report.dispatcher.delivered, report.dispatcher.lost) == (32, 24, 8)
    assert report.dispatcher.superseded == report.dispatcher.out_of_order == 0
    assert report.ack_ms is None
    assert report.backlog >= 4  # each driver's last fix was never seen
    assert report.unconfirmed == 4


def test_who_is_not_let_in_is_told_and_the_others_stay(tmp_path: Path) -> None:
    def doorman(connection: ServerConnection) -> None:
        assert connection.request is not None
        if "role=driver" in connection.request.path:
            connection.close(4401)
        else:
            connection.send('{"type":"ready"}')
            connection.recv()

    seed = tmp_path / "seed.json"
    drivers = [{"id": f"d{n}"} for n in range(3)]
    seed.write_text(json.dumps({"drivers": drivers, "customers": [{"token": "c", "driverId": "d1"}]}))
    with served(doorman) as url, pytest.raises(CommandError, match="Not every socket was let in"):
        loadtest(url, seed, *NO_FIXES, "--customers=2")
    connecting = written(seed).connecting
    assert connecting.refused == {"closed 4401": 3}
    assert (connecting.wanted, connecting.ready, connecting.most_ready_s) == (5, 2, None)


def test_of_drivers_who_are_not_all_let_in_the_others_send(tmp_path: Path) -> None:
    come = count(1)

    def doorman(connection: ServerConnection) -> None:
        if next(come) == 1:
            connection.close(1013)
        else:
            connection.send('{"type":"ready"}')
            for seq, _ in enumerate(connection):
                connection.send(json.dumps({"type": "ack", "seq": seq}))

    seed = tmp_path / "seed.json"
    seed.write_text(json.dumps({"drivers": [{"id": f"d{n}"} for n in range(4)], "customers": []}))
    options = ["--rate=16", "--warmup=0", "--seconds=1", "--dispatchers=0"]
    with served(doorman) as url, pytest.raises(CommandError, match="Not every socket was let in"):
        loadtest(url, seed, *options)
    report = written(seed)
    assert report.connecting.refused == {"closed 1013": 1}
    assert (report.ack_ms.count, report.unconfirmed) == (12, 0)


def test_a_server_that_ends_in_the_middle_is_told(tmp_path: Path) -> None:
    def quitter(connection: ServerConnection) -> None:
        connection.recv()
        connection.close(1012)

    seed = tmp_path / "seed.json"
    seed.write_text('{"drivers": [{"id": "d"}], "customers": []}')
    with served(quitter) as url:
        options = ["--dialect=plain", "--rate=20", "--seconds=0.5", "--drain=0", "--dispatchers=0"]
        report = loadtest(url, seed, "--warmup=0", *options)
    assert report.closes == {"driver closed 1012": 1}
    assert report.sent_per_s < 10


# --------------------------------------------------------------------------------------------- wrong orders


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--url=http://localhost:1"], "give ws://host:port"),
        (["--rate=-1"], "--rate must be 0 or more"),
        (["--seconds=0"], "--seconds must be more than 0"),
        (["--rate=9", "--find-limit"], "--rate 10 or more"),
        (["--json=/nowhere/at/all.json"], "no such folder"),
        (["--rate=100000"], "at most 404 fixes a second"),
        (["--drivers=5"], "has 1 drivers"),
        (["--process=web"], "is not NAME=PID"),
        (["--customers=1000000"], "more than this machine allows"),
    ],
)
def test_what_can_not_be_run(tmp_path: Path, options: list[str], why: str) -> None:
    seed = tmp_path / "seed.json"
    seed.write_text('{"drivers": [{"id": "d"}], "customers": [{"token": "c", "driverId": "d"}]}')
    given = ["--url=ws://localhost:1", "--rate=10", "--dispatchers=0", f"--targets={seed}", *options]
    with pytest.raises(CommandError, match=why):
        call_command("loadtest", *given)


def test_a_server_that_is_not_there(tmp_path: Path) -> None:
    seed = tmp_path / "seed.json"
    seed.write_text('{"drivers": [{"id": "d"}], "customers": []}')
    with pytest.raises(CommandError, match="Not every socket"):
        loadtest("ws://127.0.0.1:1", seed, *NO_FIXES)
    assert written(seed).connecting.refused == {"Connection refused": 1}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_at_once(forgetful: str, tmp_path: Path, number: signal.Signals) -> None:
    seed = tmp_path / "seed.json"
    seed.write_text('{"drivers": [{"id": "d"}], "customers": []}')
    command = [sys.executable, "manage.py", "loadtest", f"--url={forgetful}", f"--targets={seed}"]
    command += ["--dialect=plain", "--rate=10", "--seconds=600", "--find-limit"]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "— 10 fixes/s\n"
        process.send_signal(number)
        _, errors = process.communicate(timeout=40)
    assert process.returncode == 130, errors
    assert "Stopped." in errors
    assert "Traceback" not in errors
