"""What begins with servers that can't be used says so in a line, and ends."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from django.core.checks import Tags, run_checks
from django.db import connection

from delivery.devtools.stack import valkey
from delivery.devtools.stack.demo import celery, web, worker
from delivery.devtools.stack.servers import MANAGE
from delivery.osrm_server import free_port
from delivery.processes import Processes

PATIENCE_S = 60.0


def found() -> list[str]:
    return [message.msg for message in run_checks(tags=[Tags.database], databases=["default"])]


@pytest.mark.django_db
def test_the_servers_of_today_can_be_used() -> None:
    assert found() == []


@pytest.mark.django_db
def test_an_old_postgresql_can_not(monkeypatch: pytest.MonkeyPatch) -> None:
    version = connection.pg_version // 10_000
    monkeypatch.setattr(type(connection.features), "minimum_database_version", (version + 1,))
    assert found() == [f"DATABASE_URL names PostgreSQL {version}: Doorstep needs {version + 1} or newer."]


@pytest.mark.django_db
def test_servers_that_are_away_are_waited_for(monkeypatch: pytest.MonkeyPatch, settings: object) -> None:
    settings.REDIS_URL = f"redis://127.0.0.1:{free_port()}"
    monkeypatch.setitem(connection.settings_dict, "OPTIONS", {"host": "127.0.0.1", "port": free_port()})
    assert found() == []


@pytest.fixture
def redis_cluster(servers: None, tmp_path: Path) -> Iterator[str]:
    """The URL of a node of a Redis Cluster."""
    processes, port = Processes(tmp_path), free_port()
    options = ["--port", str(port), "--cluster-enabled", "yes", "--cluster-port", str(free_port())]
    url = f"redis://127.0.0.1:{port}"

    def answers() -> bool:
        try:
            with redis.Redis.from_url(url) as client:
                return bool(client.ping())
        except redis.ConnectionError:
            return False

    try:
        node = processes.start("cluster", [valkey.program(), *options, "--dir", str(tmp_path)], os.environ)
        processes.wait_for(node, answers, PATIENCE_S)
        yield url
    finally:
        processes.stop()


@pytest.mark.slow
def test_nothing_begins_on_a_redis_cluster(redis_cluster: str, tmp_path: Path) -> None:
    beat = celery("beat", "--schedule", str(tmp_path / "schedule"))
    for command in (web(free_port()), worker(1), beat, [*MANAGE, "migrate"]):
        ended = subprocess.run(
            command, env=os.environ | {"REDIS_URL": redis_cluster}, capture_output=True, timeout=PATIENCE_S
        )
        said = ended.stderr.decode().strip().splitlines()
        assert ended.returncode == 1, (command, said)
        assert "REDIS_URL names a Redis Cluster" in said[-1]
