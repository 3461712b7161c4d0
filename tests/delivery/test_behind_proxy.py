"""Signing in through a proxy with TLS, and whose word for TLS is taken. Each address of 127.0.0.0/8 is a host."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from django.db import connection
from requests.adapters import HTTPAdapter

from delivery.devtools.stack.demo import web
from delivery.osrm_server import accepts, free_port
from delivery.processes import Processes
from dispatch.models import User

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

PATIENCE_S = 60.0
HOST, PUBLIC_URL = "food.example", "https://food.example"
PROXY, STRANGER = "127.0.0.2", "127.0.0.3"

type Serve = Callable[..., str]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Starts a web process with these settings, and returns its address."""
    processes = Processes(tmp_path)

    def start(**settings: str) -> str:
        port, name = free_port(), str(connection.settings_dict["NAME"])
        database = os.environ["DATABASE_URL"].replace("/doorstep?", f"/{name}?")
        env = os.environ | {"DATABASE_URL": database, "PUBLIC_URL": PUBLIC_URL, **settings}
        processes.wait_for(processes.start("web", web(port), env), lambda: accepts(port), PATIENCE_S)
        return f"http://127.0.0.1:{port}"

    yield start
    processes.stop()


class Proxied(requests.Session):
    """A browser behind a proxy at this address, which takes TLS off and says so."""

    def __init__(self, address: str) -> None:
        super().__init__()
        adapter = HTTPAdapter()
        adapter.init_poolmanager(1, 1, source_address=(address, 0))
        self.mount("http://", adapter)
        self.headers.update({"Host": HOST, "X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.9"})

    def ask(self, method: str, url: str, **how: Any) -> requests.Response:
        return self.request(method, url, allow_redirects=False, timeout=PATIENCE_S, **how)


@pytest.mark.parametrize("settings", [{}, {"TRUSTED_PROXIES": PROXY}])
def test_a_dispatcher_signs_in_through_a_proxy_elsewhere(serve: Serve, settings: dict[str, str]) -> None:
    User.objects.create_user("ada", password="lovelace-1815", is_staff=True)
    page = serve(**settings) + "/admin/login/"
    browser = Proxied(PROXY)
    token = browser.ask("GET", page).cookies["csrftoken"]
    answer = browser.ask(
        "POST",
        page,
        data={"username": "ada", "password": "lovelace-1815", "csrfmiddlewaretoken": token},
        # Its cookies are for HTTPS alone, which to this client it is not.
        headers={
            "Origin": PUBLIC_URL,
            "Referer": f"{PUBLIC_URL}/admin/login/",
            "Cookie": f"csrftoken={token}",
        },
    )
    assert answer.status_code == 302, answer.text
    assert "sessionid" in answer.cookies


def test_another_sites_form_is_refused(serve: Serve) -> None:
    page = serve() + "/admin/login/"
    token = Proxied(PROXY).ask("GET", page).cookies["csrftoken"]
    headers = {"Origin": "https://evil.example", "Cookie": f"csrftoken={token}"}
    answer = Proxied(PROXY).ask("POST", page, data={"csrfmiddlewaretoken": token}, headers=headers)
    assert answer.status_code == 403


def believes(url: str, address: str) -> bool:
    """Whether the process takes the word of whoever asks from this address that TLS was used: HSTS is of HTTPS."""
    answer = Proxied(address).ask("GET", url + "/admin/login/")
    assert answer.status_code == 200
    return "Strict-Transport-Security" in answer.headers


def test_nobody_is_believed_by_accident(serve: Serve) -> None:
    url = serve()
    assert [believes(url, address) for address in ("127.0.0.1", PROXY)] == [False, False]


def test_those_that_are_named_are_believed(serve: Serve) -> None:
    url = serve(TRUSTED_PROXIES=PROXY, SECURE_SSL_REDIRECT="true")
    assert believes(url, PROXY)
    redirected = Proxied(STRANGER).ask("GET", url + "/admin/login/")
    assert (redirected.status_code, redirected.headers["Location"]) == (301, f"{PUBLIC_URL}/admin/login/")
