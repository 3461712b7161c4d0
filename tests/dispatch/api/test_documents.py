"""What the API says of itself is true, and loads nothing from anybody else."""

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import get_resolver

from dispatch.api.app import api
from dispatch.api.drivers import NewDriver, Shift
from dispatch.api.order_bodies import Amendment, NewOrder, Order
from dispatch.api.places import NewRestaurant, RestaurantChange
from dispatch.api.problems import CODES, MEDIA_TYPE
from dispatch.api.webhooks import NewWebhook, WebhookChange
from dispatch.models import Scope

pytestmark = pytest.mark.usefixtures("servers")


def document() -> dict[str, Any]:
    answer = Client().get("/api/v1/openapi.json")
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/json")
    told: dict[str, Any] = answer.json()
    return told


def operations() -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (path, method, told)
        for path, methods in document()["paths"].items()
        for method, told in methods.items()
    ]


def test_the_document() -> None:
    told = document()
    assert told["openapi"].startswith("3.1")
    assert told["components"]["securitySchemes"]["Key"]["scheme"] == "bearer"
    paths = {(method, path) for path, method, _ in operations()}
    assert {
        ("post", "/api/v1/orders"),
        ("get", "/api/v1/orders"),
        ("get", "/api/v1/orders/{order_id}"),
        ("patch", "/api/v1/orders/{order_id}"),
        ("post", "/api/v1/orders/{order_id}/cancel"),
    } <= paths


def test_every_reference_leads_somewhere() -> None:
    told = document()

    def references(part: Any) -> list[str]:
        match part:
            case {"$ref": str(name), **rest}:
                return [name, *references(rest)]
            case dict():
                return [name for value in part.values() for name in references(value)]
            case list():
                return [name for value in part for name in references(value)]
        return []

    found = set(references(told))
    assert len(found) > 10
    assert {name.rpartition("/")[2] for name in found} <= told["components"]["schemas"].keys()


def test_every_operation_is_described() -> None:
    ids = [told["operationId"] for _, _, told in operations()]
    assert len(ids) == len(set(ids)) > 10
    for _, method, told in operations():
        [[scopes]] = [list(one.values()) for one in told["security"]]
        assert set(scopes) <= set(Scope.values)
        assert all(f"Needs `{scope}`." in told["description"] for scope in scopes)
        assert {"401", "403", "429"} <= told["responses"].keys()
        for status, answer in told["responses"].items():
            if int(status) >= 400:
                assert list(answer["content"]) == [MEDIA_TYPE]
        # A schema has a list of examples; a parameter has none, or one.
        assert not any("examples" in one for one in told["parameters"])
        names = [one["name"] for one in told["parameters"]]
        # What answers are sent again is stored, and a secret is not.
        tells_a_secret = told["operationId"] == "addWebhook"
        assert ("Idempotency-Key" in names) == (method == "post" and not tells_a_secret)


def test_every_operation_is_there() -> None:
    served = {
        re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", f"/api/v1/{pattern.pattern}")
        for part in get_resolver().url_patterns
        if str(part.pattern) == "api/v1/"
        for pattern in part.url_patterns
    }
    documented = {path for path, _, _ in operations()}
    assert served - documented == {"/api/v1/", "/api/v1/docs", "/api/v1/openapi.json"}
    assert documented <= served


@pytest.mark.parametrize(
    "body",
    [
        NewOrder,
        Amendment,
        Order,
        NewRestaurant,
        RestaurantChange,
        NewDriver,
        Shift,
        NewWebhook,
        WebhookChange,
    ],
)
def test_examples_are_right(body: Any) -> None:
    [example] = document()["components"]["schemas"][body.__name__]["examples"]
    body.model_validate(example)


def test_codes_of_problems_are_listed() -> None:
    assert document()["components"]["schemas"]["Problem"]["properties"]["code"]["enum"] == list(CODES)


def test_the_page() -> None:
    answer = Client().get("/api/v1/docs")
    assert answer.status_code == 200
    page = answer.content.decode()
    for path, _, told in operations():
        assert path in page
        assert told["summary"] in page
    links = set(re.findall(r'href="#([^"]+)"', page))
    assert links <= set(re.findall(r'id="([^"]+)"', page))
    assert set(CODES) <= set(re.findall(r'id="([^"]+)"', page))
    loaded = re.findall(r'(?:src|<link[^>]*href)="([^"]+)"', page)
    assert loaded
    assert all(address.startswith("/static/") for address in loaded), loaded
    assert "<script" not in page
    assert " style=" not in page


def test_pages_take_no_posts() -> None:
    assert Client().post("/api/v1/docs").status_code == 405
    assert Client().post("/api/v1/openapi.json").status_code == 405


def test_ninja_serves_no_page_of_its_own() -> None:
    assert (api.docs_url, api.openapi_url) == (None, None)
