"""Whatever is refused is a problem that a program can read, and says all that is wrong."""

from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings
from django.test import AsyncClient, Client, override_settings

from dispatch.api import limits, problems
from dispatch.api.admission import MOST_BYTES
from dispatch.models import Order
from dispatch.orders import actions
from tests.dispatch.api.conftest import Asker, problem
from tracking import request_counts

pytestmark = [pytest.mark.django_db]


def test_every_wrong_field_is_named_at_once(asker: Asker, new_body: Callable[..., Any]) -> None:
    body = new_body(
        customer_name=" ",
        customer_phone="303 555 0142",
        customer_lat=91,
        ready_at="tomorrow",
        wanted_at="2026-11-28T18:00:00",
        promised_at=1_796_000_000_000,
        bags="2",
        items=[{"count": 1, "text": "Rice"}, {"count": 0, "text": ""}],
        colour="red",
        number=None,
        external_id="a/b",
        door_note="a\0b",
        tip=4,
        customer_language="Spanish",
    )
    del body["customer_address"]
    told = problem(asker.post("/orders", body), 422, "invalid")
    assert {one["pointer"] for one in told["errors"]} == {
        *("#/customer_name", "#/customer_phone", "#/customer_lat", "#/ready_at", "#/wanted_at"),
        *("#/promised_at", "#/bags", "#/items/1/count", "#/items/1/text", "#/colour", "#/number"),
        *("#/external_id", "#/door_note", "#/tip", "#/customer_address", "#/customer_language"),
    }
    assert all(one["message"].endswith(".") for one in told["errors"])
    assert not Order.objects.exists()


@pytest.mark.parametrize(
    ("number", "stored"),
    [
        ("+1 303-555-0142", "+13035550142"),
        ("+442079460958", "+442079460958"),
        ("", ""),
        ("+1 555", None),
        ("+99912345678", None),
        ("0303 5550142", None),
        ("+1" + "3" * 30, None),
        ("call me", None),
    ],
)
def test_telephone_numbers(
    asker: Asker, new_body: Callable[..., Any], number: str, stored: str | None
) -> None:
    answer = asker.post("/orders", new_body(customer_phone=number))
    if stored is None:
        told = problem(answer, 422, "invalid")
        assert [one["pointer"] for one in told["errors"]] == ["#/customer_phone"]
    else:
        assert answer.json()["customer_phone"] == stored


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"nonsense",
        b'{"bags": NaN}',
        b'{"bags": Infinity}',
        b'{"customer_name": "\\ud800"}',
        b'{"customer_name": "\xff"}',
        b"[" * 100_000,
        b'{"a":' * 10_000,
        b'{"customer_lat": 1e999}',
    ],
)
def test_what_is_no_json(asker: Asker, body: bytes) -> None:
    problem(asker.post("/orders", body), 400, "malformed")


@pytest.mark.parametrize("body", [b"[]", b"null", b'"x"', b"1", b"true", b" "])
def test_what_is_json_and_no_object(asker: Asker, body: bytes) -> None:
    answer = asker.post("/orders", body)
    if body.strip():
        assert problem(answer, 422, "invalid")["errors"][0]["pointer"] == "#"
    else:
        problem(answer, 400, "malformed")


def test_no_body_where_one_is_needed(asker: Asker) -> None:
    told = problem(asker.post("/orders"), 422, "invalid")
    assert told["errors"] == [{"pointer": "#", "message": "It is missing."}]


def test_of_thousands_of_mistakes_some_are_named(asker: Asker) -> None:
    told = problem(asker.post("/orders", {f"field {n}": n for n in range(20_000)}), 422, "invalid")
    assert len(told["errors"]) == 100
    assert all(one["pointer"].startswith("#/") for one in told["errors"])


def test_too_large(asker: Asker, new_body: Callable[..., Any]) -> None:
    problem(asker.post("/orders", b" " * (MOST_BYTES + 1)), 413, "too_large")
    problem(asker.post("/orders", b" " * 3_000_000), 413, "too_large")


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "", "nonsense"])
def test_what_does_not_say_that_it_is_json(asker: Asker, content_type: str) -> None:
    answer = asker.client.generic(
        "POST", "/api/v1/orders", data=b"{}", content_type=content_type, headers=asker.headers
    )
    problem(answer, 415, "unsupported_media_type")


def test_a_merge_patch_is_json(asker: Asker, order: Order) -> None:
    answer = asker.client.generic(
        "PATCH",
        f"/api/v1/orders/{order.pk}",
        data=b'{"bags": 3}',
        content_type="application/merge-patch+json; charset=utf-8",
        headers=asker.headers,
    )
    assert answer.json()["bags"] == 3


@pytest.mark.parametrize("path", ["", "/", "/nothing", "/orders/", "/orders/x/y/z", "/openapi.yaml"])
def test_addresses_that_there_are_not(asker: Asker, path: str) -> None:
    problem(asker.client.get(f"/api/v1{path}", follow=True), 404, "not_found")
    problem(asker.client.get(f"/api/v2{path}"), 404, "not_found")


@pytest.mark.parametrize("method", ["DELETE", "PUT", "HEAD", "OPTIONS", "TRACE", "PROPFIND"])
def test_methods_that_there_are_not(asker: Asker, method: str) -> None:
    answer = asker.ask(method, "/orders")
    assert (answer.status_code, answer["Content-Type"]) == (405, problems.MEDIA_TYPE)
    assert set(answer["Allow"].split(", ")) == {"GET", "POST"}


@pytest.mark.parametrize("path", ["/orders/%00", "/orders?external_id=%00", "/orders/external:a%00b"])
def test_a_nul_in_an_address(asker: Asker, path: str) -> None:
    problem(asker.get(path), 400, "malformed")


def test_no_cookie_or_form_opens_it(asker: Asker) -> None:
    """And none is needed: whoever has a key is asked for no CSRF token."""
    strict = Client(enforce_csrf_checks=True)
    answer = strict.post("/api/v1/orders", b"{}", content_type="application/json", headers=asker.headers)
    problem(answer, 422, "invalid")


async def test_over_asgi_as_well(transactional_db: None) -> None:
    answer = await AsyncClient().get("/api/v1/nothing")
    problem(answer, 404, "not_found")
    answer = await AsyncClient().get("/api/v1/orders")
    problem(answer, 401, "unauthorized")
    assert (await AsyncClient().get("/nothing"))["Content-Type"].startswith("text/html")


def test_a_fault_of_ours_is_a_problem_too(
    asker: Asker, order: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actions, "cancel", None)
    problem(asker.post(f"/orders/{order.pk}/cancel"), 500, "internal")


def test_every_problem_has_a_status_and_a_title() -> None:
    for code, (status, title) in problems.CODES.items():
        assert 400 <= status < 600
        assert title.endswith(".")
        assert code.replace("_", "").isalpha()


# -------------------------------------------------------------------------------------------- how often


@pytest.mark.usefixtures("servers")
@override_settings(API_REQUESTS_PER_MIN=3)
def test_who_asks_too_often_is_put_off(asker: Asker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits.time, "time", lambda: 1_800_000_015.0)
    left = []
    for _ in range(3):
        answer = asker.get("/cities")
        assert (answer.status_code, answer["RateLimit-Limit"]) == (200, "3")
        left.append(answer["RateLimit-Remaining"])
    assert left == ["2", "1", "0"]
    answer = asker.get("/cities")
    problem(answer, 429, "too_many_requests")
    assert answer["Retry-After"] == answer["RateLimit-Reset"] == "45"
    monkeypatch.setattr(limits.time, "time", lambda: 1_800_000_060.0)
    assert asker.get("/cities").status_code == 200


def test_while_redis_is_away_everybody_is_let_through(asker: Asker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_counts, "_asked_again_at", 0.0)
    with override_settings(REDIS_URL="redis://127.0.0.1:1", API_REQUESTS_PER_MIN=1):
        for _ in range(3):
            answer = asker.get("/cities")
            assert (answer.status_code, "RateLimit-Limit" in answer) == (200, False)
    monkeypatch.setattr(request_counts, "_asked_again_at", 0.0)


def test_the_limit_is_a_setting() -> None:
    assert settings.API_REQUESTS_PER_MIN == 600
