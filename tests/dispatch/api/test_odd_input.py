"""Whatever is sent is answered: nothing that a client can write is a fault of ours."""

import json
from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from django.test import override_settings

from dispatch.api.order_bodies import Amendment, NewOrder
from dispatch.models import Driver, Order, Restaurant
from tests.dispatch.api.conftest import Asker

pytestmark = pytest.mark.django_db

ODD: list[Any] = [
    *[None, True, False, 0, -1, 1, 2**31, 2**63, 2**64, -(2**63), 10**300, 1.5, -0.0, 1e308, 5e-324],
    *[
        "",
        " ",
        "x",
        "0",
        "-1",
        "null",
        "\0",
        "a\0b",
        "ü",
        "\u202e",
        "😀",
        "\ufffe",
        "a" * 5_000,
        "%",
        "\\",
        "'",
    ],
    *[
        "00000000-0000-0000-0000-000000000000",
        "2026-11-28",
        "2026-11-28T18:30:00Z",
        "0001-01-01T00:00:00+14:00",
    ],
    *[
        "9999-12-31T23:59:59-12:00",
        "2026-02-30T00:00:00Z",
        "2026-11-28T18:30:00+23:59",
        "12:00",
        "20261128T1830Z",
    ],
    *["+13035550142", "+" + "9" * 40, [], {}, [[]], [{}], [None], {"a": None}, [{"count": 1, "text": "x"}]],
    *[[{"count": 2**70, "text": "\0"}], [{"text": "y"}] * 300, [[[[]]]], "{}", "[]", "1e999"],
]
FIELDS = [*NewOrder.model_fields, *Amendment.model_fields, "colour", "", "id", "status", "__class__", "\0"]
SENT = 600


def body(rng: Random, whole: dict[str, Any]) -> bytes:
    told = dict(whole) if rng.random() < 0.8 else {}
    for _ in range(rng.choice([0, 0, 1, 1, 2, 5])):
        told[rng.choice(FIELDS)] = rng.choice(ODD)
    text = json.dumps(told if rng.random() < 0.9 else rng.choice(ODD)).encode()
    if rng.random() < 0.1:
        at = rng.randrange(len(text) + 1)
        text = text[:at] + rng.choice([b"\xff", b"\x00", b"\\ud800", b"NaN", b"}", b'"', b"["]) + text[at:]
    return text


@override_settings(API_REQUESTS_PER_MIN=100 * SENT)
def test_whatever_is_sent_is_answered(
    asker: Asker,
    order: Order,
    driver: Driver,
    restaurant: Restaurant,
    new_body: Callable[..., dict[str, Any]],
) -> None:
    rng = Random(7)
    answers: Counter[int] = Counter()
    ids = [
        str(order.pk),
        "external:A-1",
        "external:" + "x" * 3_000,
        "x",
        "%ED%A0%80",
        "external:%00",
        "%2e%2e",
    ]
    words = [value for value in ODD if isinstance(value, str)]
    for _ in range(SENT):
        named, headers = rng.choice(ids), {}
        for name in ("If_Match", "If_None_Match", "Idempotency_Key", "Content_Type", "Accept"):
            if rng.random() < 0.15:
                headers[name] = rng.choice(['"1"', "*", "x", "ü", 'W/"1", "', "a" * 300, "application/json"])
        method, path = rng.choice(
            [
                ("POST", "/orders"),
                ("POST", "/orders"),
                ("PATCH", f"/orders/{named}"),
                ("POST", f"/orders/{named}/cancel"),
                ("GET", f"/orders/{named}"),
                ("PATCH", f"/restaurants/{restaurant.pk}"),
                ("POST", "/restaurants"),
                ("POST", "/drivers"),
                ("PUT", f"/drivers/{driver.pk}/shift"),
            ]
        )
        answer = asker.ask(method, path, None if method == "GET" else body(rng, new_body()), **headers)
        answers[answer.status_code] += 1
        assert answer.status_code < 500, (method, path, answer.content)
        query = (
            "&".join(
                f"{rng.choice(['status', 'city_id', 'external_id', 'created_since', 'cursor', 'limit'])}={word}"
                for word in rng.sample(words, 2)
            )
            .encode("utf-8", "replace")
            .decode("latin-1")
        )
        listed = asker.client.generic("GET", "/api/v1/orders", headers=asker.headers, QUERY_STRING=query)
        answers[listed.status_code] += 1
        assert listed.status_code < 500, query
    assert answers[201] > SENT // 50, answers
    assert answers[422] > SENT // 4, answers
