"""The whole of Doorstep as it runs for people: web, worker, beat and simulated drivers, and a browser before it.

Uses the PostgreSQL, Redis and OSRM that the environment names, with a database and a Redis database of its own.
"""

import json
import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from socket import socket
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
import redis
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from psycopg.sql import SQL, Identifier

from delivery.devtools.stack.demo import answers_ok, celery, web, worker
from delivery.devtools.stack.servers import MANAGE, for_libpq
from delivery.devtools.stack.test import find_browser
from delivery.errors import StackError
from delivery.processes import Child, Processes
from tests.clerk import Clerk
from tests.e2e import scene

ARTIFACTS = Path(__file__).parents[2] / "artifacts"
DATABASE = "doorstep_e2e"
REDIS_DATABASE = 7
USERNAME, PASSWORD = "dispatcher", "in-the-browser"
DRIVERS = 14
FLEET = [
    "--drivers",
    str(DRIVERS),
    "--orders-per-hour",
    "0",
    "--no-dispatcher",
    "--interval",
    "1",
    "--seed",
    "7",
]
READY_S = 30
#: What a browser, and the map's tiles, say of a server that is not there.
#: What a browser says of a server that is away, or goes away under a connection that it has not answered yet.
UNREACHABLE = ("ERR_CONNECTION_REFUSED", "ERR_CONNECTION_RESET", "Failed to fetch")

PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1440, "height": 900}
CHROMIUM_FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def pytest_collection_finish(session: pytest.Session) -> None:
    """No browser: said once, before anything starts, and only where these tests are to run."""
    if any(Path(__file__).parent in item.path.parents for item in session.items):
        try:
            find_browser()
        except StackError as error:
            pytest.exit(f"doorstep: {error}", returncode=1)


@dataclass
class Stack:
    """What runs. `base` is the address of the pages."""

    base: str
    env: dict[str, str]
    processes: Processes
    clerk: Clerk
    web: Child | None = None

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        with psycopg.connect(for_libpq(self.env["DATABASE_URL"]), autocommit=True) as connection:
            return connection.execute(query, values).fetchall()

    def wait_for(self, find: Callable[[], Any], what: str, seconds: float = READY_S) -> Any:
        """What `find` returns once that is something."""
        deadline = time.monotonic() + seconds
        while not (found := find()):
            assert time.monotonic() < deadline, f"{what}: not within {seconds} s"
            self.processes.pause(0.1)
        return found

    def start_web(self) -> None:
        self.web = self.processes.start("web", web(int(self.env["PORT"])), self.env)
        self.wait_for(lambda: answers_ok(self.base + "/readyz"), "the web process")

    def stop_web(self) -> None:
        assert self.web is not None
        self.processes.children.remove(self.web)
        self.web.stop()


@pytest.fixture(scope="session")
def stack(servers: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    base = f"http://127.0.0.1:{port}"
    with (
        _own_database(os.environ["DATABASE_URL"]) as database,
        _own_redis(os.environ["REDIS_URL"]) as redis_url,
    ):
        folder = tmp_path_factory.mktemp("e2e")
        env = dict(os.environ) | {
            "NOTIFY_URLS": f"file://{folder}/texts",
            "DATABASE_URL": database,
            "REDIS_URL": redis_url,
            "PORT": str(port),
            "PUBLIC_URL": base,
            "DOORSTEP_DEMO_PASSWORD": PASSWORD,
            "PYTHONUNBUFFERED": "1",
        }
        with Processes(folder) as processes, closing(Clerk(env)) as clerk:
            # What does not depend on the database, static files and roads, is as `make test` has left it.
            todo = json.dumps([["migrate", "--no-input"], ["roads", "index"], ["sample_data"]])
            processes.run("prepare", [sys.executable, "-m", "delivery.devtools.stack.prepare", todo], env)
            running = Stack(base, env, processes, clerk)
            processes.start("worker", worker(1), env, stop_s=5)
            processes.start("beat", celery("beat", "--schedule", str(folder / "schedule")), env)
            processes.start("simulate", [*MANAGE, "simulate", *FLEET], env)
            running.start_web()
            ready = "SELECT 1 FROM drivers WHERE status = 'idle' AND current_lat IS NOT NULL"
            running.wait_for(lambda: len(running.rows(ready)) == DRIVERS, "the drivers on shift")
            clerk.ask(scene.drivers_at_work)
            yield running


@contextmanager
def _own_database(url: str) -> Iterator[str]:
    drop = SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(Identifier(DATABASE))
    with psycopg.connect(for_libpq(url), autocommit=True) as connection:
        connection.execute(drop)
        connection.execute(SQL("CREATE DATABASE {}").format(Identifier(DATABASE)))
        try:
            yield urlunsplit(urlsplit(url)._replace(path=f"/{DATABASE}"))
        finally:
            connection.execute(drop)


@contextmanager
def _own_redis(url: str) -> Iterator[str]:
    if url.startswith("unix:"):
        own = re.sub(r"\?.*", "", url) + f"?db={REDIS_DATABASE}"
    else:
        own = urlunsplit(urlsplit(url)._replace(path=f"/{REDIS_DATABASE}"))
    with redis.Redis.from_url(own) as client:
        client.flushdb()
        try:
            yield own
        finally:
            client.flushdb()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=find_browser(), args=CHROMIUM_FLAGS)
        yield chromium
        chromium.close()


@dataclass
class Watch:
    """What a page must not do. A test that cuts the connection itself allows the browser to say so."""

    base: str
    faults: list[str]
    offline: bool = False

    def follow(self, page: Page) -> None:
        page.on("pageerror", lambda error: self.faults.append(f"page error: {error}"))
        page.on("console", lambda message: self._read(message.type, message.text))
        page.on("request", lambda request: self._check(request.url))
        page.on("websocket", lambda live: self._check(live.url.replace("ws", "http", 1)))
        page.on(
            "response",
            lambda answer: answer.status >= 400 and self._read("error", f"{answer.status} {answer.url}"),
        )

    def _read(self, kind: str, text: str) -> None:
        if kind == "error" and not (self.offline and any(words in text for words in UNREACHABLE)):
            self.faults.append(f"console: {text}")

    def _check(self, url: str) -> None:
        if not url.startswith((f"{self.base}/", "data:")):
            self.faults.append(f"request to another origin: {url}")


@pytest.fixture
def watch(stack: Stack) -> Iterator[Watch]:
    watching = Watch(stack.base, [])
    yield watching
    assert watching.faults == []


@pytest.fixture
def open_page(browser: Browser, watch: Watch) -> Iterator[Callable[..., Page]]:
    """Opens a page of Doorstep in a browser of its own; a phone has touch and fine pixels."""
    contexts: list[BrowserContext] = []

    def open_(path: str, viewport: dict[str, int] = DESKTOP, cookies: list[Any] | None = None) -> Page:
        phone = viewport is PHONE
        context = browser.new_context(
            viewport=viewport, device_scale_factor=2 if phone else 1, is_mobile=phone, has_touch=phone
        )
        contexts.append(context)
        context.add_cookies(cookies or [])
        page = context.new_page()
        watch.follow(page)
        page.goto(watch.base + path)
        return page

    yield open_
    for context in contexts:
        context.close()


@pytest.fixture(scope="session")
def session(browser: Browser, stack: Stack) -> list[Any]:
    """The cookies of a dispatcher who has signed in, as people do: the dashboard asks for it."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{stack.base}/dispatch/")
    page.get_by_label("Username").fill(USERNAME)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(f"{stack.base}/dispatch/")
    cookies = context.cookies()
    context.close()
    return cookies


@pytest.fixture
def dashboard(open_page: Callable[..., Page], session: list[Any]) -> Callable[..., Page]:
    """Opens the dashboard and waits until it is live."""

    def open_(viewport: dict[str, int] = DESKTOP) -> Page:
        page = open_page("/dispatch/", viewport, session)
        page.locator("#live[data-state=live]").wait_for()
        return page

    return open_


@pytest.fixture(scope="session")
def artifacts() -> Path:
    ARTIFACTS.mkdir(exist_ok=True)
    return ARTIFACTS
