"""A request that is sent twice is done once."""

import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
import requests
from django.db import connection, connections, transaction
from django.utils import timezone

from dispatch import api_keys, tasks
from dispatch.models import ApiAnswer, Order, OrderEvent, Restaurant, Scope
from dispatch.orders import actions
from tests.dispatch.api.conftest import Asker, problem
from tests.locks import wait_for_a_waiter

pytestmark = pytest.mark.django_db
PATIENCE_S = 30.0


def test_sent_again_it_is_answered_alike(asker: Asker, new_body: Callable[..., Any]) -> None:
    body = json.dumps(new_body()).encode()
    first = asker.post("/orders", body, Idempotency_Key="one")
    Order.objects.update(bags=7)
    again = asker.post("/orders", body, Idempotency_Key="one")
    assert (again.status_code, again.content) == (first.status_code, first.content) == (201, first.content)
    for name in ("ETag", "Location", "Content-Type"):
        assert again[name] == first[name]
    assert ("Idempotent-Replayed" in first, again["Idempotent-Replayed"]) == (False, "true")
    assert Order.objects.count() == 1


def test_another_key_is_another_order(asker: Asker, new_body: Callable[..., Any]) -> None:
    ids = {asker.post("/orders", new_body(), Idempotency_Key=key).json()["id"] for key in ("one", "two")}
    assert len(ids) == 2
    _, secret = api_keys.issue("Another shop", Scope.values, cities=None)
    assert Asker(secret).post("/orders", new_body(), Idempotency_Key="one").json()["id"] not in ids


def test_without_a_key_it_is_done_twice(asker: Asker, new_body: Callable[..., Any]) -> None:
    for _ in range(2):
        assert asker.post("/orders", new_body()).status_code == 201
    assert Order.objects.count() == 2


def test_a_key_is_for_one_request(asker: Asker, new_body: Callable[..., Any], order: Order) -> None:
    asker.post("/orders", new_body(), Idempotency_Key="one")
    problem(asker.post("/orders", new_body(bags=2), Idempotency_Key="one"), 422, "idempotency_key_reused")
    other = asker.post(f"/orders/{order.pk}/cancel", new_body(), Idempotency_Key="one")
    assert other.status_code == 422
    assert Order.objects.count() == 2


@pytest.mark.parametrize("key", ["", " ", "a b", "ü", "x" * 256])
def test_keys_that_can_be_none(asker: Asker, new_body: Callable[..., Any], key: str) -> None:
    told = problem(asker.post("/orders", new_body(), Idempotency_Key=key), 422, "invalid")
    assert told["errors"][0]["header"] == "Idempotency-Key"


def test_a_refusal_is_kept_as_well(asker: Asker, order: Order) -> None:
    asker.post(f"/orders/{order.pk}/cancel", Idempotency_Key="first")
    refused = [asker.post(f"/orders/{order.pk}/cancel", Idempotency_Key="second") for _ in range(2)]
    for answer in refused:
        problem(answer, 409, "wrong_status")
    assert refused[0].content == refused[1].content
    # And the one before it.
    assert asker.post(f"/orders/{order.pk}/cancel", Idempotency_Key="first").status_code == 200


def test_another_version_is_none_of_its_answers(asker: Asker, order: Order) -> None:
    path = f"/orders/{order.pk}/cancel"
    refused = asker.post(path, Idempotency_Key="one", If_Match='"0"')
    problem(refused, 412, "version_mismatch")
    assert asker.post(path, Idempotency_Key="one", If_Match=refused["ETag"]).status_code == 200


def test_bad_input_may_be_mended_under_the_same_key(asker: Asker, new_body: Callable[..., Any]) -> None:
    problem(asker.post("/orders", new_body(bags=0), Idempotency_Key="one"), 422, "invalid")
    assert asker.post("/orders", new_body(bags=1), Idempotency_Key="one").status_code == 201


def test_what_failed_in_our_hands_is_tried_again(
    asker: Asker, new_body: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr("dispatch.api.order_answers.placed", None)
        problem(asker.post("/orders", new_body(), Idempotency_Key="one"), 500, "internal")
    assert not ApiAnswer.objects.exists()
    assert asker.post("/orders", new_body(), Idempotency_Key="one").status_code == 201
    assert Order.objects.count() == 1


def test_answers_are_forgotten_after_a_day(asker: Asker, new_body: Callable[..., Any]) -> None:
    asker.post("/orders", new_body(), Idempotency_Key="old")
    ApiAnswer.objects.update(made_at=timezone.now() - timedelta(hours=24, minutes=1))
    asker.post("/orders", new_body(), Idempotency_Key="new")
    # Before anybody has cleaned up, too.
    assert asker.post("/orders", new_body(bags=2), Idempotency_Key="old").status_code == 201
    assert Order.objects.count() == 3
    ApiAnswer.objects.filter(idempotency_key="old").update(made_at=timezone.now() - timedelta(hours=25))
    tasks.forget_api_answers()
    assert [kept.idempotency_key for kept in ApiAnswer.objects.all()] == ["new"]


def test_restaurants_and_drivers_come_once_as_well(asker: Asker, restaurant: Restaurant) -> None:
    city = str(restaurant.city_id)
    for path, body in {
        "/restaurants": {"name": "Two", "city_id": city, "lat": 39.7, "lng": -105.0},
        "/drivers": {"name": "Grace", "city_id": city},
    }.items():
        answers = [asker.post(path, body, Idempotency_Key="one") for _ in range(2)]
        # Each with the other's key: it belongs to the first.
        assert {answer.status_code for answer in answers} == ({201} if path == "/restaurants" else {422})
        again = [asker.post(path, body, Idempotency_Key=path.strip("/")) for _ in range(2)]
        assert again[0].json() == again[1].json()


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("unheard")
def test_of_two_at_once_the_second_waits(restaurant: Restaurant, new_body: Callable[..., Any]) -> None:
    _, secret = api_keys.issue("Shop", Scope.values, cities=None)
    body, answers = json.dumps(new_body(external_id="A-1")).encode(), []

    def ask() -> None:
        try:
            answers.append(Asker(secret).post("/orders", body, Idempotency_Key="one"))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=ask, daemon=True) for _ in range(4)]
    # Whoever comes first waits for us, and all others for it.
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("LOCK TABLE orders IN SHARE MODE")
        for thread in threads:
            thread.start()
        wait_for_a_waiter()
    for thread in threads:
        thread.join(PATIENCE_S)
        assert not thread.is_alive()
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert sorted("Idempotent-Replayed" in answer for answer in answers) == [False, True, True, True]
    assert Order.objects.count() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("unheard")
def test_who_waited_for_nothing_does_it(
    restaurant: Restaurant, new_body: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first fails after the second has come: the second finds no answer, and is the one to make it."""
    _, secret = api_keys.issue("Shop", Scope.values, cities=None)
    answers: list[Any] = []
    place, calls = actions.place, []

    def fail_first(*args: Any, **fields: Any) -> OrderEvent:
        calls.append(threading.current_thread().name)
        if len(calls) == 1:
            second.start()
            wait_for_a_waiter()
            raise RuntimeError("broken")
        return place(*args, **fields)

    def ask() -> None:
        try:
            answers.append(Asker(secret).post("/orders", new_body(), Idempotency_Key="one"))
        finally:
            connections.close_all()

    monkeypatch.setattr(actions, "place", fail_first)
    first, second = (threading.Thread(target=ask, daemon=True, name=name) for name in ("first", "second"))
    first.start()
    first.join(PATIENCE_S)
    second.join(PATIENCE_S)
    assert sorted(answer.status_code for answer in answers) == [201, 500]
    assert calls == ["first", "second"]
    assert Order.objects.count() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("unheard")
def test_the_same_external_id_at_once_is_one_order(
    restaurant: Restaurant, new_body: Callable[..., Any]
) -> None:
    _, secret = api_keys.issue("Shop", Scope.values, cities=None)
    answers: list[Any] = []

    def ask() -> None:
        try:
            answers.append(Asker(secret).post("/orders", new_body(external_id="A-1")))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=ask, daemon=True) for _ in range(4)]
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("LOCK TABLE orders IN SHARE MODE")
        for thread in threads:
            thread.start()
        wait_for_a_waiter()
    for thread in threads:
        thread.join(PATIENCE_S)
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"external_id_taken"}
    assert Order.objects.count() == 1


def test_fifty_at_once_are_one_order_and_fifty_equal_answers(
    asker: Asker, served: str, new_body: Callable[..., Any]
) -> None:
    together = threading.Barrier(50, timeout=PATIENCE_S)
    body, headers = new_body(external_id="A-1"), asker.headers | {"Idempotency-Key": "one"}

    def ask(_: int) -> requests.Response:
        together.wait()
        return requests.post(f"{served}/api/v1/orders", json=body, headers=headers, timeout=PATIENCE_S)

    with ThreadPoolExecutor(50) as threads:
        answers = list(threads.map(ask, range(50)))
    order = Order.objects.get()
    kept = {
        (one.status_code, one.content, one.headers["ETag"], one.headers["Location"], one.json()["id"])
        for one in answers
    }
    assert [(status, order_id) for status, *_, order_id in kept] == [(201, str(order.pk))]
    assert sum("Idempotent-Replayed" in one.headers for one in answers) == 49
    assert [event.to_status for event in order.events.all()] == ["pending"]
