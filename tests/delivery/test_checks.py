"""What begins with servers that can't be used says so in a line, and ends."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.checks import Tags, run_checks
from django.db import connection
from django.test import Client

from delivery.devtools.stack.demo import celery, web, worker
from delivery.devtools.stack.servers import MANAGE
from delivery.osrm_server import free_port
from delivery.processes import Processes
from dispatch.messages.gateway_urls import parse_gateways
from tests.valkeys import PATIENCE_S, Valkeys


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
def test_a_gateway_that_can_not_carry_texts_is_named_without_its_address(settings: object) -> None:
    settings.NOTIFY_URLS = parse_gateways("b=twilio://no-sid:s3cr3t@13035550100/{phone} console://")
    assert found() == [
        "NOTIFY_URLS, gateway b: Apprise can't use its address: look up how those of twilio:// are written."
    ]


@pytest.mark.django_db
def test_servers_that_are_away_are_waited_for(monkeypatch: pytest.MonkeyPatch, settings: object) -> None:
    settings.REDIS_SERVERS = {"REDIS_URL": f"redis://127.0.0.1:{free_port()}"}
    monkeypatch.setitem(connection.settings_dict, "OPTIONS", {"host": "127.0.0.1", "port": free_port()})
    assert found() == []


@pytest.fixture
def redis_cluster(servers: None, tmp_path: Path) -> Iterator[str]:
    """The URL of a node of a Redis Cluster."""
    processes = Processes(tmp_path)
    try:
        _, port = Valkeys(tmp_path, processes).start("cluster-enabled yes", f"cluster-port {free_port()}")
        yield f"redis://127.0.0.1:{port}"
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


@pytest.mark.slow
@pytest.mark.django_db
def test_a_redis_that_became_a_cluster_is_not_ready(
    client: Client, settings: object, redis_cluster: str
) -> None:
    settings.REDIS_SERVERS = {"REDIS_URL": redis_cluster}
    answer = client.get("/readyz")
    # Jobs may be late as well, where the tests have been running for long.
    assert answer.status_code == 503
    assert "redis" in answer.json()["down"]
    assert "names a Redis Cluster" in answer.json()["why"]["redis"]
