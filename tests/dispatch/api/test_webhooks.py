"""Webhooks as a platform sees to them."""

from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from dispatch import api_keys
from dispatch.models import OutboxEntry, Scope, WebhookEndpoint
from dispatch.webhooks import endpoints
from tests.dispatch.api.conftest import Asker, problem

pytestmark = pytest.mark.django_db

URL = "https://shop.example/hook"


@pytest.fixture
def made(asker: Asker) -> dict[str, Any]:
    answer = asker.post("/webhooks", {"url": URL, "events": ["order.created", "order.delivered"]})
    assert answer.status_code == 201, answer.content
    told: dict[str, Any] = answer.json()
    return told


def test_the_secret_is_shown_once(asker: Asker, made: dict[str, Any]) -> None:
    secret = made.pop("secret")
    assert secret.startswith("whsec_")
    assert asker.get(f"/webhooks/{made['id']}").json() == made
    assert asker.get("/webhooks").json() == {"webhooks": [made]}
    assert made["enabled"]
    assert made["disabled_because"] == ""
    issued = asker.ask("PUT", f"/webhooks/{made['id']}/secret").json()
    assert issued["secret"] not in (secret, "")
    problem(asker.post("/webhooks", {"url": URL, "events": ["order.created"]}), 409, "conflict")


def test_it_is_changed_switched_and_deleted(asker: Asker, made: dict[str, Any]) -> None:
    path = f"/webhooks/{made['id']}"
    changed = asker.patch(path, {"events": ["order.late"]}).json()
    assert (changed["url"], changed["events"]) == (URL, ["order.late"])
    off = asker.patch(path, {"enabled": False}).json()
    assert (off["enabled"], off["disabled_because"]) == (False, "Switched off over the API.")
    assert asker.patch(path, {"enabled": True}).json()["enabled"]
    waiting = endpoints.send_test(WebhookEndpoint.objects.get())
    assert asker.ask("DELETE", path).status_code == 204
    assert OutboxEntry.objects.get(pk=waiting.pk).state == "dropped"
    problem(asker.get(path), 404, "not_found")


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"url": "http://shop.example", "events": ["order.created"]}, "https://"),
        ({"url": "https://10.0.0.1/", "events": ["order.created"]}, "private network"),
        ({"url": URL, "events": []}, "at least 1"),
        ({"url": URL, "events": ["order.eaten"]}, "order.created"),
        ({"url": URL, "events": ["order.created", "order.created"]}, "once"),
        ({"url": URL}, "missing"),
        ({"url": "", "events": ["order.created"]}, "at least 1"),
        ({"url": "https://shop.example/\0", "events": ["order.created"]}, "ASCII"),
    ],
)
def test_what_makes_no_sense(asker: Asker, body: dict[str, Any], says: str) -> None:
    told = problem(asker.post("/webhooks", body), 422, "invalid")
    assert says in str(told)


def test_another_keys_are_not_there(asker: Asker, made: dict[str, Any]) -> None:
    _, secret = api_keys.issue("Other shop", Scope.values, cities=None)
    other = Asker(secret)
    assert other.get("/webhooks").json() == {"webhooks": []}
    path = f"/webhooks/{made['id']}"
    for answer in (
        other.get(path),
        other.patch(path, {"enabled": False}),
        other.ask("DELETE", path),
        other.ask("PUT", f"{path}/secret"),
        other.post(f"{path}/test"),
        other.get(f"{path}/deliveries"),
        other.post(f"{path}/deliveries/{uuid4()}/resend"),
    ):
        problem(answer, 404, "not_found")


def test_a_key_without_the_scope(made: dict[str, Any]) -> None:
    _, secret = api_keys.issue("Reader", ["orders:read"], cities=None)
    problem(Asker(secret).get("/webhooks"), 403, "forbidden")


def test_deliveries_are_listed_and_sent_again(asker: Asker, made: dict[str, Any]) -> None:
    path = f"/webhooks/{made['id']}"
    sent = [asker.post(f"{path}/test").json() for _ in range(3)]
    assert {one["event"] for one in sent} == {"webhook.test"}
    page = asker.get(f"{path}/deliveries?limit=2").json()
    rest = asker.get(f"{path}/deliveries?limit=2&cursor={page['next']}").json()
    assert [one["id"] for one in page["deliveries"] + rest["deliveries"]] == [one["id"] for one in sent[::-1]]
    assert rest["next"] is None
    again = f"{path}/deliveries/{sent[0]['id']}/resend"
    problem(asker.post(again), 409, "conflict")
    dead = OutboxEntry.objects.filter(message_id=sent[0]["id"])
    dead.update(state="dead", ended_at=timezone.now(), answer="busy", answer_code=503)
    [listed] = asker.get(f"{path}/deliveries?state=dead").json()["deliveries"]
    assert (listed["answer_status"], listed["answer"], listed["next_try_at"]) == (503, "busy", None)
    answer = asker.post(again)
    assert (answer.status_code, answer.json()["state"]) == (202, "waiting")
    problem(asker.post(f"{path}/deliveries/{uuid4()}/resend"), 404, "not_found")
    problem(asker.get(f"{path}/deliveries?cursor=x"), 422, "invalid")
