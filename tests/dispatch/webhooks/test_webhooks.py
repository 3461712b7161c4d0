"""From a change to a platform's server, and what becomes of platforms that do not answer."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import F
from django.utils import timezone
from pytest_django.fixtures import Settings

from dispatch import api_keys, tasks
from dispatch.errors import Conflict, Invalid
from dispatch.models import (
    ApiKey,
    City,
    Driver,
    Order,
    OutboxEntry,
    OutboxReceiver,
    Restaurant,
    Scope,
    WebhookEndpoint,
    WebhookEvent,
)
from dispatch.orders import actions, buttons
from dispatch.outbox.arrivals import ETA_CHANGED, LATE
from dispatch.planning import replanning
from dispatch.statuses import OrderStatus
from dispatch.webhooks import endpoints
from tests.conftest import DENVER
from tests.dispatch.api.conftest import Asker
from tests.dispatch.story import assign
from tests.dispatch.webhooks.conftest import nothing_yet, time_comes
from tests.dispatch.webhooks.receiver import Receiver

type Work = Callable[[], None]
type Hook = tuple[WebhookEndpoint, str]


def test_there_is_an_event_for_each_step() -> None:
    steps = {f"order.{status}" for status in OrderStatus if status != OrderStatus.SCHEDULED}
    assert set(WebhookEvent.values) == steps | {"order.created", ETA_CHANGED, LATE, "driver.shift"}


def test_an_order_over_the_api_and_its_steps(
    receiver: Receiver, work: Work, restaurant: Restaurant, driver: Driver
) -> None:
    nothing_yet()
    _, bearer = api_keys.issue("Shop", Scope.values, cities=None)
    shop = Asker(bearer)
    made = shop.post("/webhooks", {"url": receiver.url, "events": WebhookEvent.values}).json()
    placed = shop.post(
        "/orders",
        {
            "restaurant_id": str(restaurant.pk),
            "external_id": "A-1001",
            "customer_name": "Ada Lovelace",
            "customer_phone": "+13035550142",
            "customer_address": "1 Test Street",
            "customer_lat": DENVER.lat,
            "customer_lng": DENVER.lng + 0.01,
        },
    ).json()
    order = Order.objects.get()
    assign(order, driver)
    buttons.report(driver.pk, order.pk, "picked_up")
    buttons.report(driver.pk, order.pk, "delivered")
    work()
    told = receiver.told(made["secret"])
    assert [one["type"] for one in told] == [
        "order.created",
        "order.assigned",
        "order.picked_up",
        "order.delivered",
    ]
    steps = [(one["data"]["step"]["from"], one["data"]["step"]["to"]) for one in told]
    assert steps == [
        (None, "pending"),
        ("pending", "assigned"),
        ("assigned", "picked_up"),
        ("picked_up", "delivered"),
    ]
    assert [one["data"]["step"]["by"] for one in told] == ["platform", "dispatcher", "driver", "driver"]
    assert all(one["timestamp"] == one["data"]["step"]["happened_at"] for one in told)
    assert all(one["data"]["order"]["id"] == placed["id"] for one in told)
    assert told[0]["data"]["order"]["external_id"] == "A-1001"
    assert told[-1]["data"]["order"]["delivered_at"] is not None
    sent = b"".join(request.body for request in receiver.requests).decode()
    for secret in (order.tracking_token, "Ada", "3035550142", "1 Test Street", bearer, made["secret"]):
        assert secret not in sent
    # The log, over the API.
    log = shop.get(f"/webhooks/{made['id']}/deliveries").json()["deliveries"]
    assert {one["state"] for one in log} == {"sent"}
    assert [one["id"] for one in reversed(log)] == [request.id for request in receiver.requests]
    assert {one["answer_status"] for one in log} == {204}


def test_a_change_by_plain_sql(
    hook: Hook, receiver: Receiver, work: Work, order: Order, driver: Driver
) -> None:
    assign(order, driver)
    nothing_yet()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE orders SET status = 'delivered' WHERE id = %s", [order.pk])
    work()
    [told] = receiver.told(hook[1])
    assert told["type"] == "order.delivered"
    assert told["data"]["step"]["reason"] == "Written into the database."


def test_a_shift(hook: Hook, receiver: Receiver, work: Work, driver: Driver) -> None:
    nothing_yet()
    actions.set_shift(driver.pk, False)
    work()
    [told] = receiver.told(hook[1])
    assert told["type"] == "driver.shift"
    assert told["data"] == {
        "driver": {
            "id": str(driver.pk),
            "name": driver.name,
            "city_id": str(driver.city_id),
            "vehicle": "car",
        },
        "on_shift": False,
    }


# ------------------------------------------------------------------------------------------------ who hears


def test_nobody_hears_of_other_cities_or_of_what_was_not_chosen(
    receiver: Receiver, work: Work, order: Order, driver: Driver
) -> None:
    boulder = City.objects.create(name="Boulder", lat=40.015, lng=-105.27)
    far, _ = api_keys.issue("Far", Scope.values, cities=[boulder])
    near, _ = api_keys.issue("Near", Scope.values, cities=[boulder, driver.city])
    gone, _ = api_keys.issue("Gone", Scope.values, cities=None)
    endpoints.create(far, f"{receiver.url}/far", WebhookEvent.values)
    endpoints.create(near, f"{receiver.url}/near", ["order.assigned"])
    endpoints.create(gone, f"{receiver.url}/gone", WebhookEvent.values)
    off, _ = endpoints.create(near, f"{receiver.url}/off", WebhookEvent.values)
    endpoints.disable(off.pk, "Switched off.")
    api_keys.revoke(gone.pk)
    assign(order, driver)
    work()
    assert [request.path for request in receiver.requests] == ["/hook/near"]


def test_an_order_of_no_city_is_told_to_keys_of_all_cities(
    hook: Hook, receiver: Receiver, work: Work, city: City
) -> None:
    limited, _ = api_keys.issue("Limited", Scope.values, cities=[city])
    endpoints.create(limited, f"{receiver.url}/limited", WebhookEvent.values)
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO orders (customer_name) VALUES ('Ada')")
    work()
    [request] = receiver.requests
    assert request.path == "/hook"
    assert request.verified(hook[1])["data"]["order"]["problem"]["code"] == "customer_unplaced"


def test_a_key_hears_of_what_it_may_read_alone(transactional_db: None) -> None:
    key, _ = api_keys.issue("Shop", ["webhooks:write", "orders:read"], cities=None)
    endpoints.create(key, "https://shop.example/a", ["order.created", "order.late"])
    with pytest.raises(Invalid, match="drivers:write"):
        endpoints.create(key, "https://shop.example/b", ["driver.shift"])
    blind, _ = api_keys.issue("Blind", ["webhooks:write"], cities=None)
    with pytest.raises(Invalid, match="orders:read"):
        endpoints.create(blind, "https://shop.example/b", ["order.created"])


def test_a_key_has_an_address_once_and_a_few_of_them(key: ApiKey) -> None:
    for n in range(endpoints.MOST_OF_A_KEY):
        endpoints.create(key, f"https://shop.example/{n}", ["order.created"])
    for url in ("https://shop.example/0", "https://shop.example/more"):
        with pytest.raises(Conflict):
            endpoints.create(key, url, ["order.created"])


# ---------------------------------------------------------------------------------------------- signatures


def test_both_secrets_sign_for_a_day_after_a_new_one_was_issued(
    hook: Hook, receiver: Receiver, work: Work, new_order: Callable[..., Order]
) -> None:
    endpoint, old = hook
    new = endpoints.issue_secret(endpoint.pk)
    assert new != old
    new_order()
    work()
    [request] = receiver.requests
    assert request.verified(old) == request.verified(new)
    assert len(request.headers["webhook-signature"].split()) == 2
    WebhookEndpoint.objects.update(previous_until=timezone.now())
    new_order()
    work()
    assert len(receiver.requests[-1].headers["webhook-signature"].split()) == 1
    receiver.requests[-1].verified(new)


def test_a_secret_is_kept_sealed(
    hook: Hook, receiver: Receiver, work: Work, order: Order, settings: Settings
) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT string_agg(webhook_endpoints::text, ' ') FROM webhook_endpoints")
        [(rows,)] = cursor.fetchall()
    assert hook[1].removeprefix("whsec_") not in rows
    settings.SECRET_KEY, before = "another", settings.SECRET_KEY
    work()
    assert receiver.requests == []
    dead = OutboxEntry.objects.get()
    assert (dead.state, "another SECRET_KEY" in dead.answer) == ("dead", True)
    settings.SECRET_KEY_FALLBACKS = [before]
    tasks.outbox_entries.resend(dead.pk)
    work()
    receiver.requests[0].verified(hook[1])


# ------------------------------------------------------------------------------------------ what goes wrong


def test_a_failure_is_tried_again_under_the_same_id(
    hook: Hook, receiver: Receiver, work: Work, order: Order
) -> None:
    receiver.status, receiver.text = 500, b"<b>broken</b>"
    work()
    failed = OutboxEntry.objects.get()
    assert (failed.state, failed.answer_code, failed.answer) == ("waiting", 500, "<b>broken</b>")
    receiver.status = 200
    time_comes()
    work()
    first, second = receiver.requests
    assert (first.id, first.body) == (second.id, second.body)
    assert OutboxEntry.objects.get().state == "sent"


def test_a_redirect_is_a_failure(hook: Hook, receiver: Receiver, work: Work, order: Order) -> None:
    receiver.status, receiver.headers = 302, {"Location": f"{receiver.url}/elsewhere"}
    work()
    assert [request.path for request in receiver.requests] == ["/hook"]
    assert OutboxEntry.objects.get().answer_code == 302


def test_who_asks_for_time_gets_it(hook: Hook, receiver: Receiver, work: Work, order: Order) -> None:
    receiver.status, receiver.headers = 429, {"Retry-After": "900"}
    work()
    assert OutboxEntry.objects.get().due_at > timezone.now() + timedelta(seconds=600)
    assert OutboxReceiver.objects.get().wait_until > timezone.now() + timedelta(seconds=600)


def test_who_answers_410_is_told_nothing_any_more(
    hook: Hook, receiver: Receiver, work: Work, new_order: Callable[..., Order]
) -> None:
    receiver.status = 410
    new_order()
    work()
    new_order()
    work()
    assert len(receiver.requests) == 1
    assert "410" in WebhookEndpoint.objects.get().disabled_because
    assert OutboxEntry.objects.get().state == "dead"


def test_an_address_that_became_private_is_refused(
    hook: Hook, receiver: Receiver, work: Work, order: Order, settings: Settings
) -> None:
    settings.WEBHOOKS_ALLOW_PRIVATE = False
    work()
    assert receiver.requests == []
    assert OutboxEntry.objects.get().answer == "The name leads into a private network."


def test_who_takes_nothing_for_three_days_is_disabled(
    hook: Hook, receiver: Receiver, work: Work, new_order: Callable[..., Order], caplog: Any
) -> None:
    receiver.status = 500
    new_order()
    work()
    OutboxReceiver.objects.update(failing_since=F("failing_since") - timedelta(days=2, hours=23))
    tasks.disable_dead_webhooks()
    assert WebhookEndpoint.objects.get().disabled_at is None
    OutboxReceiver.objects.update(failing_since=F("failing_since") - timedelta(hours=1))
    tasks.disable_dead_webhooks()
    endpoint = WebhookEndpoint.objects.get()
    assert endpoint.disabled_because.startswith("It has taken nothing since ")
    assert f"webhook {endpoint.pk} is disabled" in caplog.text
    new_order()
    work()
    assert OutboxEntry.objects.count() == 1
    # What waits is not sent either, until it is enabled again.
    time_comes()
    work()
    assert OutboxEntry.objects.get().state == "dead"
    assert len(receiver.requests) == 1
    receiver.status = 200
    endpoints.enable(endpoint.pk)
    new_order()
    work()
    assert len(receiver.requests) == 2


def test_one_success_in_three_days_is_enough(
    hook: Hook, receiver: Receiver, work: Work, new_order: Callable[..., Order]
) -> None:
    receiver.status = 500
    new_order()
    work()
    OutboxReceiver.objects.update(failing_since=F("failing_since") - timedelta(days=4))
    receiver.status = 200
    time_comes()
    work()
    receiver.status = 500
    new_order()
    work()
    tasks.disable_dead_webhooks()
    assert WebhookEndpoint.objects.get().disabled_at is None


def test_no_secret_and_no_address_is_logged(
    hook: Hook, receiver: Receiver, work: Work, order: Order, caplog: pytest.LogCaptureFixture
) -> None:
    receiver.status = 500
    with caplog.at_level("DEBUG"):
        work()
        endpoints.disable(hook[0].pk, "Switched off.")
    for secret in (hook[1], receiver.url, order.tracking_token):
        assert secret not in caplog.text


# ------------------------------------------------------------------------------------------------- arrivals


def test_an_arrival_is_told_when_it_moves_and_lateness_once_of_each_promise(
    hook: Hook, receiver: Receiver, work: Work, order: Order, driver: Driver
) -> None:
    assign(order, driver)
    nothing_yet()

    def told() -> list[tuple[str, dict[str, Any]]]:
        work()
        receiver.requests, new = [], receiver.told(hook[1])
        return [(one["type"], one["data"]["arrival"]) for one in new]

    replanning.replan(driver.pk)
    [(kind, first)] = told()
    assert (kind, first["before"]) == (ETA_CHANGED, None)
    replanning.replan(driver.pk)
    assert told() == []
    # The food takes half an hour longer, and the promise is broken by that.
    ready_at = timezone.now() + timedelta(minutes=30)
    Order.objects.filter(pk=order.pk).update(ready_at=ready_at, promised_at=ready_at)
    replanning.replan(driver.pk)
    [(kind, second)] = told()
    assert (kind, second["before"]) == (ETA_CHANGED, first["at"])
    late = timezone.now()
    Order.objects.filter(pk=order.pk).update(promised_at=late)
    replanning.replan(driver.pk)
    [(kind, third)] = told()
    assert kind == LATE
    assert third["promised_at"] == late.isoformat().replace("+00:00", "Z")
    replanning.replan(driver.pk)
    assert told() == []
    Order.objects.filter(pk=order.pk).update(promised_at=late + timedelta(minutes=1))
    replanning.replan(driver.pk)
    assert [kind for kind, _ in told()] == [LATE]


def test_nobody_works_out_arrivals_for_nobody(key: ApiKey, order: Order, driver: Driver) -> None:
    endpoints.create(key, "https://shop.example", ["order.delivered"])
    assign(order, driver)
    nothing_yet()
    replanning.replan(driver.pk)
    with connection.cursor() as cursor:
        cursor.execute("SELECT (SELECT count(*) FROM outbox_events), (SELECT count(*) FROM arrivals_told)")
        assert cursor.fetchone() == (0, 0)


def test_bodies_are_json_of_moderate_size(hook: Hook, receiver: Receiver, work: Work, order: Order) -> None:
    work()
    [request] = receiver.requests
    assert json.loads(request.body)["type"] == "order.created"
    assert len(request.body) < 2000
