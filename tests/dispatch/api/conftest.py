from collections.abc import Callable, Iterator
from threading import Thread
from typing import Any

import pytest
import uvicorn
from django.test import Client

from delivery.asgi import application
from delivery.server import listen
from dispatch import api_keys
from dispatch.models import Restaurant, Scope
from routing.geo import destination
from tests.conftest import DENVER
from tests.waiting import wait_until


class Asker:
    """Asks with a key: JSON in, JSON out."""

    def __init__(self, secret: str, **headers: str) -> None:
        self.secret = secret
        self.client = Client(raise_request_exception=False)
        self.headers = {"Authorization": f"Bearer {secret}"} | headers

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """`headers`: If_Match for If-Match."""
        more = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = {} if body is None else {"data": body, "content_type": "application/json"}
        return self.client.generic(
            method, f"/api/v1{path}", headers=self.headers | more, **self._encoded(**sent)
        )

    def _encoded(self, data: Any = None, **rest: Any) -> dict[str, Any]:
        if data is None:
            return rest
        return {
            "data": data if isinstance(data, bytes) else self.client._encode_json(data, rest["content_type"])
        } | rest

    def get(self, path: str, **headers: str) -> Any:
        return self.ask("GET", path, **headers)

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        return self.ask("POST", path, body, **headers)

    def patch(self, path: str, body: Any, **headers: str) -> Any:
        return self.ask("PATCH", path, body, **headers)


@pytest.fixture
def asker(db: None) -> Asker:
    """Whose key may do everything, everywhere."""
    _, secret = api_keys.issue("Shop", Scope.values, cities=None)
    return Asker(secret)


@pytest.fixture
def new_body(restaurant: Restaurant) -> Callable[..., dict[str, Any]]:
    """An order as a platform sends it."""
    door = destination(DENVER, 90, 1500)

    def make(**fields: Any) -> dict[str, Any]:
        return {
            "restaurant_id": str(restaurant.pk),
            "customer_name": "Ada",
            "customer_address": "1 Test Street",
            "customer_lat": door.lat,
            "customer_lng": door.lng,
        } | fields

    return make


@pytest.fixture
def served(transactional_db: None) -> Iterator[str]:
    """The address of a server on the test's database: the application and HTTP protocol of `manage.py serve`."""
    with listen("127.0.0.1", 0) as listening:
        web = uvicorn.Server(
            uvicorn.Config(
                application,
                http="delivery.http:HttpProtocol",
                lifespan="off",
                log_config=None,
                access_log=False,
            )
        )
        thread = Thread(target=web.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        try:
            wait_until(lambda: web.started, "the server is there")
            yield "http://{}:{}".format(*listening.getsockname())
        finally:
            web.should_exit = True
            thread.join()


def problem(answer: Any, status: int, code: str) -> dict[str, Any]:
    """The problem of an answer, which it must be."""
    assert (answer.status_code, answer["Content-Type"]) == (status, "application/problem+json"), (
        answer.content
    )
    told: dict[str, Any] = answer.json()
    assert (told["status"], told["code"]) == (status, code)
    assert told["title"]
    assert told["detail"].endswith(".")
    assert told["type"].endswith(f"/api/v1/docs#{code}")
    return told
