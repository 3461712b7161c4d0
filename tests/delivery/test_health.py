"""`/healthz` and `/readyz`, as a load balancer asks them."""

import socket
from typing import Any

import pytest
from django.db import connection
from django.test import Client


def unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_the_process_is_up(client: Client) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}


@pytest.mark.django_db
def test_everything_is_up(client: Client) -> None:
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok", "down": []})


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("name", "setting", "scheme"), [("redis", "REDIS_URL", "redis"), ("osrm", "OSRM_URL", "http")]
)
def test_what_is_down_is_named(client: Client, settings: Any, name: str, setting: str, scheme: str) -> None:
    setattr(settings, setting, f"{scheme}://127.0.0.1:{unused_port()}")
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["down"]) == (503, [name])


@pytest.mark.django_db
def test_a_database_that_is_down_is_named(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:

    with monkeypatch.context() as moved:
        moved.setitem(connection.settings_dict, "OPTIONS", {"host": "127.0.0.1", "port": unused_port()})
        answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["down"]) == (503, ["database"])
