"""The dashboard and its requests: who gets in, and what each refusal says."""

import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.utils import timezone

from dispatch.models import Alert, City, Driver, Order, Restaurant, User
from dispatch.orders import actions, buttons
from dispatch.statuses import BEFORE_PICKUP, FINAL, IN_THE_BAG, DriverStatus, OrderStatus
from tests.dispatch.story import bring_to, last_event, leave, status


@pytest.fixture
def dispatcher(db: None) -> User:
    user = User.objects.create_user("dana", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="dispatch_orders"))
    return user


@pytest.fixture
def desk(dispatcher: User) -> Client:
    client = Client()
    client.force_login(dispatcher)
    return client


def post(client: Client, order: Order | uuid.UUID, verb: str, body: Any = None, **headers: Any) -> Any:
    order_id = order.pk if isinstance(order, Order) else order
    data = body if isinstance(body, str | bytes) else json.dumps(body or {})
    return client.post(
        f"/dispatch/orders/{order_id}/{verb}", data, content_type="application/json", **headers
    )


def test_the_dashboard_asks_to_sign_in(client: Client, db: None) -> None:
    response = client.get("/dispatch/")
    assert response.status_code == 302
    assert response["Location"] == "/admin/login/?next=/dispatch/"


def test_staff_without_the_permission_are_told(client: Client, db: None) -> None:
    client.force_login(User.objects.create_user("sam", is_staff=True))
    response = client.get("/dispatch/")
    assert response.status_code == 403
    assert "This page isn’t open to you" in response.content.decode()


def test_a_dispatcher_gets_the_dashboard(desk: Client, driver: Driver) -> None:
    response = desk.get("/dispatch/")
    assert response.status_code == 200
    assert response["Cache-Control"] == "no-store"
    page = response.context["page"]
    assert page["cities"][0]["locale"] == {"timeZone": "America/Denver", "clock": "12h", "units": "mi"}
    assert page["locale"]["timeZone"] == "UTC"
    assert (page["staleAfterMs"], page["undoPickupMs"]) == (15_000, 600_000)


def test_the_dashboard_is_told_every_status(desk: Client) -> None:
    statuses = desk.get("/dispatch/").context["page"]["statuses"]
    assert set(statuses["orders"]) == set(statuses["events"]) == set(OrderStatus.values)
    assert set(statuses["drivers"]) == set(DriverStatus.values)
    assert set(statuses["final"]) == FINAL
    assert set(statuses["beforePickup"]) == BEFORE_PICKUP
    assert set(statuses["inTheBag"]) == IN_THE_BAG


def test_icons_of_events_exist(desk: Client) -> None:
    answer = desk.get("/dispatch/")
    icons = {event["icon"] for event in answer.context["page"]["statuses"]["events"].values()}
    assert not [icon for icon in icons if f'id="i-{icon}"' not in answer.content.decode()]


def test_addresses_that_the_dashboard_is_told_are_answered(desk: Client) -> None:
    """Each with the id of an order or driver that does not exist, in the place where the page puts it."""
    urls = desk.get("/dispatch/").context["page"]["urls"]
    subject, other, nobody = urls.pop("subject"), urls.pop("other"), str(uuid.uuid4())
    questions = {"proposals", "remedies", "saving", "succession", "successionTo"}
    bodies = {
        "assign": {"driver": nobody},
        "rearrange": {"stops": []},
        "cancel": {"reason": "x"},
        "close": {"status": "failed", "reason": "x"},
        "settle": {"outcome": "stands"},
        "handOn": {"moves": [{"order": nobody, "driver": nobody}]},
        "handBack": {"stops": [{"order": nobody, "kind": "pickup", "pinned": False}]},
        "promiseLater": {"minutes": 15, "until": 253_402_300_000_000},
    }
    for name, url in urls.items():
        assert url.count(subject) == 1
        assert url.count(other) == (name == "successionTo")
        address = url.replace(subject, nobody).replace(other, nobody)
        if name in questions:
            answer = desk.get(address)
        else:
            answer = desk.post(address, json.dumps(bodies.get(name, {})), content_type="application/json")
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), name


def test_assign_and_unassign(desk: Client, order: Order, driver: Driver) -> None:
    assert post(desk, order, "assign", {"driver": str(driver.pk)}).status_code == 204
    order.refresh_from_db()
    assert (order.driver_id, order.status) == (driver.pk, "assigned")
    event = order.events.last()
    assert event is not None
    assert (event.actor, event.actor_name) == ("dispatcher", "dana")
    assert post(desk, order, "unassign").status_code == 204
    order.refresh_from_db()
    assert (order.driver_id, order.status) == (None, "pending")


def test_cancelling_food_under_way_needs_a_reason(desk: Client, order: Order, driver: Driver) -> None:
    actions.assign(order.pk, driver.pk, actor=actions.SYSTEM)
    buttons.report(driver.pk, order.pk, "picked_up")
    refused = post(desk, order, "cancel", {"reason": " "})
    assert refused.status_code == 400
    assert refused.json()["code"] == "invalid"
    assert post(desk, order, "cancel", {"reason": "Spilled"}).status_code == 204
    order.refresh_from_db()
    assert order.status == "cancelled"


def test_an_automatic_pickup_is_undone_once(desk: Client, order: Order, driver: Driver) -> None:
    bring_to(order, driver, "driver_at_restaurant")
    leave(driver, "pickup", order)
    assert post(desk, order, "undo-pickup").status_code == 204
    order.refresh_from_db()
    assert order.status == "driver_at_restaurant"
    event = last_event(order)
    assert (event.actor, event.actor_name) == ("dispatcher", "dana")
    refused = post(desk, order, "undo-pickup")
    assert (refused.status_code, refused.json()["code"]) == (409, "wrong_status")


@pytest.mark.parametrize("step", ["delivered", "failed"])
def test_a_handover_is_closed_for_the_driver_with_a_reason(
    desk: Client, order: Order, driver: Driver, step: str
) -> None:
    bring_to(order, driver, "driver_nearby")
    for body in (
        {},
        {"status": "cancelled", "reason": "x"},
        {"status": step},
        {"status": step, "reason": " "},
    ):
        assert (post(desk, order, "close", body).status_code, status(order)) == (400, "driver_nearby")
    assert post(desk, order, "close", {"status": step, "reason": "The driver called"}).status_code == 204
    assert status(order) == step
    event = last_event(order)
    assert (event.actor, event.actor_name, event.reason) == ("dispatcher", "dana", "The driver called")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (lambda driver: {"driver": str(uuid.uuid4())}, 404, "not_found"),
        (lambda driver: {"driver": str(driver.pk)}, 409, "wrong_status"),
        (lambda driver: {}, 400, "invalid"),
        (lambda driver: {"driver": "nobody"}, 400, "invalid"),
        (lambda driver: "[1]", 400, "invalid"),
        (lambda driver: "{", 400, "invalid"),
        (lambda driver: '{"x":' + "[" * 100_000, 400, "invalid"),
    ],
    ids=["unknown driver", "has it already", "no driver", "no id", "no object", "no JSON", "deep"],
)
def test_a_refusal_has_a_code_and_a_sentence(
    desk: Client, order: Order, driver: Driver, body: Callable[[Driver], Any], status: int, code: str
) -> None:
    actions.assign(order.pk, driver.pk, actor=actions.SYSTEM)
    response = post(desk, order, "assign", body(driver))
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert response.json()["message"].endswith(".")


@pytest.mark.parametrize("body", [{"reason": "a\0b"}, b'{"reason":"\xff"}'], ids=["NUL", "no UTF-8"])
def test_a_reason_that_is_no_text(desk: Client, order: Order, body: Any) -> None:
    refused = post(desk, order, "cancel", body)
    assert (refused.status_code, refused.json()["code"]) == (400, "invalid")


def test_a_request_is_only_so_long(desk: Client, order: Order, driver: Driver) -> None:
    """What is longer is refused before anything is locked or looked up for it."""
    assert post(desk, order, "cancel", {"reason": "x" * 301}).json()["code"] == "invalid"
    wish = {"order": str(order.pk), "kind": "pickup", "pinned": False}
    stops = json.dumps({"stops": [wish] * 1001})
    refused = desk.post(f"/dispatch/drivers/{driver.pk}/stops", stops, content_type="application/json")
    assert (refused.status_code, "1000" in refused.json()["message"]) == (400, True)
    assert post(desk, order, "cancel", {"reason": "x" * 300}).status_code == 204


def switch(client: Client, place: Restaurant | City, verb: str, body: Any = None) -> Any:
    url = f"/dispatch/places/{place.pk}/{verb}"
    return client.post(url, json.dumps(body or {}), content_type="application/json")


def test_a_restaurant_or_a_city_is_paused_until_then_or_until_somebody_resumes(
    desk: Client, city: City, restaurant: Restaurant
) -> None:
    until = round(timezone.now().timestamp() + 1800) * 1000
    for place in (restaurant, city):
        assert switch(desk, place, "pause", {"until": until, "reason": " too busy "}).status_code == 204
        place.refresh_from_db()
        assert place.paused_until.timestamp() * 1000 == until
        assert (place.pause_reason, place.paused_since <= timezone.now()) == ("too busy", True)
        assert switch(desk, place, "pause", {"until": None}).status_code == 204
        place.refresh_from_db()
        assert place.unpaused_from(timezone.now()) is None
        assert switch(desk, place, "resume").status_code == 204
        place.refresh_from_db()
        assert (place.paused_since, place.paused_until, place.pause_reason) == (None, None, "")


def test_minutes_are_promised_more_for_a_while(desk: Client, city: City) -> None:
    until = round(timezone.now().timestamp() + 3600) * 1000
    for wrong in ({}, {"minutes": 15}, {"minutes": 0, "until": until}, {"minutes": 241, "until": until}):
        assert switch(desk, city, "promise-later", wrong).status_code == 400
    assert switch(desk, city, "promise-later", {"minutes": 15, "until": 1}).json()["code"] == "invalid"
    assert switch(desk, city, "promise-later", {"minutes": 15, "until": until}).status_code == 204
    city.refresh_from_db()
    assert (city.extra_minutes, city.extra_until.timestamp() * 1000) == (15, until)
    assert switch(desk, city, "promise-as-usual").status_code == 204
    city.refresh_from_db()
    assert (city.extra_minutes, city.extra_until) == (0, None)


@pytest.mark.parametrize("verb", ["pause", "resume", "promise-later", "promise-as-usual"])
def test_nobody_else_switches_anything(client: Client, city: City, verb: str) -> None:
    assert switch(client, city, verb).json()["code"] == "forbidden"


def test_an_unknown_order_is_not_found(desk: Client, driver: Driver) -> None:
    response = post(desk, uuid.uuid4(), "assign", {"driver": str(driver.pk)})
    assert (response.status_code, response.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize("verb", ["assign", "unassign", "cancel", "undo-pickup", "close"])
def test_nobody_else_can_act(client: Client, order: Order, driver: Driver, verb: str) -> None:
    for user in (None, User.objects.create_user("sam", is_staff=True)):
        if user:
            client.force_login(user)
        response = post(client, order, verb, {"driver": str(driver.pk), "status": "delivered", "reason": "x"})
        assert (response.status_code, response.json()["code"]) == (403, "forbidden")
    order.refresh_from_db()
    assert order.status == "pending"


def test_a_foreign_page_cannot_act_and_a_link_cannot_either(
    dispatcher: User, order: Order, driver: Driver
) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(dispatcher)
    assert post(strict, order, "assign", {"driver": str(driver.pk)}).status_code == 403
    page = strict.get("/dispatch/")
    token = page.context["page"]["csrf"]
    assert (
        post(strict, order, "assign", {"driver": str(driver.pk)}, headers={"X-CSRFToken": token}).status_code
        == 204
    )
    assert strict.get(f"/dispatch/orders/{order.pk}/unassign").status_code == 405


def test_an_alert_is_seen_by_name_and_not_any_more(desk: Client, order: Order) -> None:
    now = order.created_at
    alert = Alert.objects.create(kind="unassigned", order=order, since=now, fired_at=now)
    for body, name in (({}, "dana"), ({"seen": False}, ""), ({"seen": True}, "dana")):
        seen = desk.post(
            f"/dispatch/alerts/{alert.pk}/seen", json.dumps(body), content_type="application/json"
        )
        assert seen.status_code == 204
        alert.refresh_from_db()
        assert alert.seen_by == name
    Alert.objects.update(ended_at=now)
    over = desk.post(f"/dispatch/alerts/{alert.pk}/seen", "{}", content_type="application/json")
    assert (over.status_code, over.json()["message"]) == (404, "This alert is over.")
