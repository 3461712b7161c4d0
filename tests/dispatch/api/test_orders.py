"""An order's life as its platform sees it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client, TestCase
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from dispatch import api_keys
from dispatch.models import City, Driver, Order, OrderEvent, Promise, Restaurant, Scope, Skill
from dispatch.orders import addresses
from dispatch.statuses import OrderStatus
from tests.conftest import DENVER
from tests.dispatch import story
from tests.dispatch.api.conftest import Asker, problem
from tests.rows_read import rows_read

pytestmark = pytest.mark.django_db

EVERYTHING = {
    "external_id": "A-1001",
    "number": "1001",
    "customer_phone": "+1 (303) 555-0142",
    "ready_at": "2026-11-28T18:20:00-07:00",
    "promised_at": "2026-11-29T02:00:00Z",
    "bags": 2,
    "items": [{"count": 2, "text": "Pad Thai"}, {"text": "Rice"}],
    "kitchen_note": "Hot",
    "driver_note": "Careful",
    "door_note": "Code 4711",
    "tip": "$4",
    "cash_due": "$20",
    "needs": ["alcohol"],
    "age_check": 21,
    "customer_language": "es-MX",
}


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


# ------------------------------------------------------------------------------------------------- placing


@pytest.mark.usefixtures("skills")
def test_an_order_with_all_that_can_be_said_of_it(asker: Asker, new_body: Callable[..., Any]) -> None:
    answer = asker.post("/orders", new_body(**EVERYTHING))
    assert answer.status_code == 201, answer.content
    told = answer.json()
    order = Order.objects.get()
    assert answer["Location"] == f"{settings.PUBLIC_URL}/api/v1/orders/{order.pk}"
    assert answer["ETag"] == f'"{order.version}"'
    assert told["tracking_url"] == f"{settings.PUBLIC_URL}/track/?t={order.tracking_token}"
    assert Client().get("/track/", {"t": order.tracking_token}).status_code == 200
    assert (order.customer_phone, told["customer_phone"]) == ("+13035550142", "+13035550142")
    assert (order.customer_language, told["customer_language"]) == ("es", "es")
    assert order.items == [{"count": 2, "text": "Pad Thai"}, {"count": 1, "text": "Rice"}]
    assert (told["status"], told["eta"], told["driver"], told["problem"]) == ("pending", None, None, None)
    assert (at(told["ready_at"]), at(told["promised_at"])) == (
        datetime(2026, 11, 29, 1, 20, tzinfo=UTC),
        datetime(2026, 11, 29, 2, tzinfo=UTC),
    )
    for name in (
        "external_id",
        "number",
        "bags",
        "kitchen_note",
        "driver_note",
        "door_note",
        "tip",
        "cash_due",
        "needs",
        "age_check",
    ):
        assert told[name] == EVERYTHING[name] == getattr(order, name)
    [event] = told["timeline"]
    assert (event["status"], event["by"], event["reason"]) == ("pending", "platform", "")
    assert OrderEvent.objects.get().actor_name == "Shop"


def test_an_order_needs_little(asker: Asker, new_body: Callable[..., Any], city: City) -> None:
    told = asker.post("/orders", new_body(customer_lat=None, customer_lng=None)).json()
    assert told["problem"]["code"] == "customer_unplaced"
    assert told["problem"]["message"].endswith(".")
    promised = at(told["created_at"]) + timedelta(minutes=city.promise_minutes)
    assert at(told["promised_at"]) == promised


def test_an_order_that_is_wanted_later(asker: Asker, new_body: Callable[..., Any]) -> None:
    wanted = timezone.now() + timedelta(hours=5)
    told = asker.post("/orders", new_body(wanted_at=wanted.isoformat())).json()
    assert (told["status"], at(told["wanted_at"]), at(told["promised_at"])) == ("scheduled", wanted, wanted)


def test_placing_an_order_asks_the_database_little(asker: Asker, new_body: Callable[..., Any]) -> None:
    asker.post("/orders", new_body())  # the key's use is written once a minute
    for headers in ({}, {"Idempotency_Key": "one"}):
        with CaptureQueriesContext(connection) as asked:
            placed = asker.post("/orders", new_body(external_id=f"A-{len(headers)}"), **headers)
        assert placed.status_code == 201
        # The key, the restaurant, what is against it, order and timeline; and the answer, which is kept.
        said = [one["sql"] for one in asked.captured_queries if "SAVEPOINT" not in one["sql"]]
        assert len(said) == 5 + 2 * len(headers), said
        # Nothing has been left to the database that is not told as it is there.
        assert asker.get(f"/orders/{placed.json()['id']}").json() == placed.json()


def test_no_platform_waits_for_the_roads(
    asker: Asker, new_body: Callable[..., Any], new_order: Callable[..., Order]
) -> None:
    """The next round asks them."""

    def asks(act: Callable[[], Any]) -> bool:
        with TestCase.captureOnCommitCallbacks() as later:
            act()
        return addresses.check in [getattr(call, "func", None) for call in later]

    assert asks(new_order)
    assert not asks(lambda: asker.post("/orders", new_body()))


def test_an_external_id_is_taken_once(asker: Asker, new_body: Callable[..., Any]) -> None:
    assert asker.post("/orders", new_body(external_id="A-1")).status_code == 201
    told = problem(asker.post("/orders", new_body(external_id="A-1")), 409, "external_id_taken")
    assert [one["pointer"] for one in told["errors"]] == ["#/external_id"]
    assert Order.objects.count() == 1


def test_each_platform_has_external_ids_of_its_own(asker: Asker, new_body: Callable[..., Any]) -> None:
    other = Asker(api_keys.issue("Other shop", Scope.values, cities=None)[1])
    rotated = Asker(api_keys.issue("Shop, new key", Scope.values, cities=None, source="Shop")[1])
    first, second = (
        one.post("/orders", new_body(external_id="A-1", number=number)).json()
        for one, number in ((asker, "1"), (other, "2"))
    )
    assert (first["source"], second["source"]) == ("Shop", "Other shop")
    problem(rotated.post("/orders", new_body(external_id="A-1")), 409, "external_id_taken")
    for one, own in ((asker, first), (other, second), (rotated, first)):
        assert one.get("/orders/external:A-1").json() == own
        assert one.get("/orders?external_id=A-1").json()["orders"] == [own]
        changed = one.patch("/orders/external:A-1", {"door_note": "Ring"}).json()
        assert changed["id"] == own["id"]
        own |= changed
    third = Asker(api_keys.issue("Third", Scope.values, cities=None)[1])
    problem(third.get("/orders/external:A-1"), 404, "not_found")
    assert third.get(f"/orders/{first['id']}").status_code == 200


@pytest.mark.usefixtures("skills")
def test_what_an_order_needs_is_on_the_list_of_skills(asker: Asker, new_body: Callable[..., Any]) -> None:
    told = problem(asker.post("/orders", new_body(needs=["alcohol", "licence", "pony"])), 422, "invalid")
    assert told["errors"] == [
        {"pointer": "#/needs/1", "message": "No skill has the code 'licence'; there are alcohol, hot_bag."},
        {"pointer": "#/needs/2", "message": "No skill has the code 'pony'; there are alcohol, hot_bag."},
    ]
    assert not Order.objects.exists()
    placed = asker.post("/orders", new_body(needs=["alcohol"])).json()
    changed = asker.patch(f"/orders/{placed['id']}", {"needs": ["hot_bag"], "age_check": 18}).json()
    assert (changed["needs"], changed["age_check"]) == (["hot_bag"], 18)
    told = problem(asker.patch(f"/orders/{placed['id']}", {"needs": ["pony"]}), 422, "invalid")
    assert [one["pointer"] for one in told["errors"]] == ["#/needs/0"]
    # Of a skill that is no longer on the list, and that nobody touches, nothing is said.
    Skill.objects.filter(code="hot_bag").delete()
    assert asker.patch(f"/orders/{placed['id']}", {"age_check": None}).json()["age_check"] is None


# -------------------------------------------------------------------------------------------------- ready


def test_the_food_is_ready_or_will_be(asker: Asker, order: Order, driver: Driver) -> None:
    path = f"/orders/{order.pk}/ready"
    later = (timezone.now() + timedelta(minutes=25)).isoformat()
    assert at(asker.ask("PUT", path, {"ready_at": later}).json()["ready_at"]) == at(later)
    story.assign(order, driver)
    before = Driver.objects.get().version
    for body in (None, {}, {"ready_at": None}):
        asked = timezone.now()
        told = asker.ask("PUT", path, body).json()
        assert asked <= at(told["ready_at"]) <= timezone.now()
    assert Driver.objects.get().version > before
    old = asker.ask("PUT", path, If_Match=f'"{told["version"] - 1}"')
    problem(old, 412, "version_mismatch")
    problem(asker.ask("PUT", path, {"ready_at": "soon"}), 422, "invalid")
    story.report(driver, order, "picked_up")
    problem(asker.ask("PUT", path), 409, "wrong_status")


# ------------------------------------------------------------------------------------------------- reading


@pytest.mark.parametrize("external_id", ["A-1", "100 %", "#7?x=1&y", "ä ö", "external:1", ".."])
def test_an_order_is_found_by_either_id(asker: Asker, new_body: Callable[..., Any], external_id: str) -> None:
    placed = asker.post("/orders", new_body(external_id=external_id)).json()
    for named in (placed["id"], placed["id"].upper(), f"external:{quote(external_id, safe='')}"):
        assert asker.get(f"/orders/{named}").json() == placed


def test_orders_that_there_are_not(asker: Asker, order: Order) -> None:
    for named in ("00000000-0000-0000-0000-000000000000", "external:none", "external:", "x", "1"):
        problem(asker.get(f"/orders/{named}"), 404, "not_found")


def test_what_is_told_of_an_order_under_way(asker: Asker, order: Order, driver: Driver) -> None:
    story.bring_to(order, driver, "picked_up")
    Order.objects.filter(pk=order.pk).update(eta_minutes=12, eta_low=10, eta_high=16)
    told = asker.get(f"/orders/{order.pk}").json()
    assert told["eta"] == {"minutes": 12, "low": 10, "high": 16, "approximate": False}
    assert told["driver"] == {"name": driver.name}
    assert [event["status"] for event in told["timeline"]] == ["pending", "assigned", "picked_up"]
    assert [event["by"] for event in told["timeline"]] == ["platform", "dispatcher", "driver"]
    assert "Dana" not in str(told["timeline"])


def test_the_driver_is_told_as_the_customer_may_know(
    asker: Asker, new_order: Callable[..., Order], driver: Driver, city: City
) -> None:
    first, second = new_order(), new_order(customer_lat=DENVER.lat + 0.01, customer_lng=DENVER.lng)

    def known(order: Order) -> bool:
        return asker.get(f"/orders/{order.pk}").json()["driver"] is not None

    story.assign(first, driver)
    assert not known(first)
    story.set_out(driver, first)
    assert known(first)
    City.objects.update(show_driver_from="picked_up")
    assert not known(first)
    story.assign(second, driver)
    story.report(driver, first, "picked_up")
    story.report(driver, second, "picked_up")
    # One door after the other.
    assert {known(first), known(second)} == {True, False}
    story.report(driver, first, "delivered")
    assert (known(first), known(second)) == (False, True)


def test_a_problem_is_told_with_its_sentence(asker: Asker, order: Order, driver: Driver) -> None:
    story.assign(order, driver)
    Driver.objects.update(on_shift=False)
    assert asker.get(f"/orders/{order.pk}").json()["problem"] == {
        "code": "shift_over",
        "message": "The driver's shift is over.",
    }


def test_what_has_not_changed_is_not_sent_again(asker: Asker, order: Order) -> None:
    tag = asker.get(f"/orders/{order.pk}")["ETag"]
    again = asker.get(f"/orders/{order.pk}", If_None_Match=tag)
    assert (again.status_code, again.content, again["ETag"]) == (304, b"", tag)
    Order.objects.filter(pk=order.pk).update(eta_minutes=5)
    assert asker.get(f"/orders/{order.pk}", If_None_Match=tag).status_code == 200


def test_rows_that_came_by_sql_are_told(asker: Asker, restaurant: Restaurant) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO orders (restaurant_id, items) VALUES (%s, '[1, {\"x\": null}]'), (NULL, '[]')",
            [restaurant.pk],
        )
    assert {str(one["items"]) for one in asker.get("/orders").json()["orders"]} == {"[1, {'x': None}]", "[]"}


# ------------------------------------------------------------------------------------------------- listing


def ids(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.content
    return [one["id"] for one in answer.json()["orders"]]


def test_pages_lead_through_all_orders(asker: Asker, new_order: Callable[..., Order]) -> None:
    orders = [new_order() for _ in range(7)]
    # Some came in the same moment.
    Order.objects.filter(pk__in=[order.pk for order in orders[2:6]]).update(created_at=timezone.now())
    seen: list[str] = []
    path = "/orders?limit=2"
    for _ in range(4):
        answer = asker.get(path)
        seen += ids(answer)
        if (following := answer.json()["next"]) is None:
            break
        path = f"/orders?limit=2&cursor={following}"
        new_order()  # what comes meanwhile moves nothing
    expected = Order.objects.filter(pk__in=[order.pk for order in orders]).order_by("-created_at", "id")
    assert seen == [str(order.pk) for order in expected]


def test_filters(
    asker: Asker, new_order: Callable[..., Order], driver: Driver, city: City, restaurant: Restaurant
) -> None:
    boulder = City.objects.create(name="Boulder", lat=40.0, lng=-105.0)
    there = Restaurant.objects.create(name="Pearl", city=boulder, lat=40.0, lng=-105.0)
    first, second = new_order(external_id="A-1"), new_order()
    third = new_order(restaurant_id=there.pk, customer_lat=40.0, customer_lng=-105.0)
    story.assign(second, driver)
    Order.objects.filter(pk=first.pk).update(created_at=timezone.now() - timedelta(days=2), source="Shop")
    since = quote((timezone.now() - timedelta(days=1)).isoformat())
    for query, found in {
        "status=pending": [third, first],
        "status=assigned": [second],
        "status=assigned&status=pending": [third, second, first],
        "status=delivered": [],
        f"city_id={city.pk}": [second, first],
        f"city_id={boulder.pk}&status=pending": [third],
        "external_id=A-1": [first],
        f"created_since={since}": [third, second],
        f"created_since={since.replace('%2B', '+')}": [third, second],
    }.items():
        assert ids(asker.get(f"/orders?{query}")) == [str(order.pk) for order in found], query


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("status=eaten", "status"),
        ("city_id=denver", "city_id"),
        ("created_since=yesterday", "created_since"),
        ("created_since=2026-11-28T00:00:00", "created_since"),
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=many", "limit"),
        ("cursor=x", "cursor"),
        ("cursor=bm9wZQ", "cursor"),
        ("stauts=pending", "stauts"),
    ],
)
def test_filters_that_make_no_sense(asker: Asker, query: str, parameter: str) -> None:
    told = problem(asker.get(f"/orders?{query}"), 422, "invalid")
    assert [one["parameter"] for one in told["errors"]] == [parameter]


def test_a_page_costs_the_same_however_many_are_on_it(
    asker: Asker, new_order: Callable[..., Order], new_driver: Callable[..., Driver]
) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            asker.get("/orders")
        return len(captured)

    asker.get("/orders")
    story.assign(new_order(), new_driver())
    few = queries()
    for _ in range(4):
        story.assign(new_order(), new_driver())
    assert queries() == few


def test_a_page_reads_no_more_than_it_shows(asker: Asker, new_order: Callable[..., Order]) -> None:
    for _ in range(30):
        new_order()
    following = asker.get("/orders?limit=10").json()["next"]
    for path in ("/orders?limit=5", f"/orders?limit=5&cursor={following}", "/orders?limit=5&status=pending"):
        with rows_read("orders", sorting=False) as read:
            assert len(ids(asker.get(path))) == 5
        assert read() <= 8, path


# ------------------------------------------------------------------------------------------------ amending


def test_what_is_named_is_changed_and_nothing_else(asker: Asker, new_body: Callable[..., Any]) -> None:
    placed = asker.post("/orders", new_body(**EVERYTHING)).json()
    answer = asker.patch("/orders/external:A-1001", {"door_note": "Ring", "items": []})
    told = answer.json()
    assert (told["door_note"], told["items"]) == ("Ring", [])
    assert told["version"] > placed["version"]
    assert answer["ETag"] == f'"{told["version"]}"'
    changed = {name for name in told if told[name] != placed[name]}
    assert changed == {"door_note", "items", "version"}


def test_an_empty_amendment_changes_nothing(asker: Asker, order: Order) -> None:
    before = asker.get(f"/orders/{order.pk}").json()
    assert asker.patch(f"/orders/{order.pk}", {}).json() == before


def test_a_door_that_moves(asker: Asker, order: Order) -> None:
    told = asker.patch(f"/orders/{order.pk}", {"customer_lat": 39.75, "customer_lng": -104.99}).json()
    assert (told["customer_lat"], told["customer_lng"]) == (39.75, -104.99)
    told = asker.patch(f"/orders/{order.pk}", {"customer_lat": None, "customer_lng": None}).json()
    assert told["problem"]["code"] == "customer_unplaced"
    for half in (
        {"customer_lat": 39.0},
        {"customer_lng": -105.0},
        {"customer_lat": 39.0, "customer_lng": None},
    ):
        told = problem(asker.patch(f"/orders/{order.pk}", half), 422, "invalid")
        assert [one["pointer"] for one in told["errors"]] == ["#/customer_lng"]
    assert asker.patch(f"/orders/{order.pk}", {"customer_lat": None}).status_code == 200


def test_a_driver_needs_a_door(asker: Asker, order: Order, driver: Driver) -> None:
    story.assign(order, driver)
    told = problem(
        asker.patch(f"/orders/{order.pk}", {"customer_lat": None, "customer_lng": None}), 422, "invalid"
    )
    assert "coordinates" in told["detail"]


def test_another_promise_has_its_reason(asker: Asker, order: Order) -> None:
    when = (timezone.now() + timedelta(hours=2)).isoformat()
    asker.patch(f"/orders/{order.pk}", {"promised_at": when, "promise_reason": "The oven broke"})
    last = Promise.objects.filter(order=order).latest("id")
    assert (last.promised_at, last.reason, last.made_by) == (at(when), "The oven broke", "Shop")


def test_what_waits_until_it_is_wanted_is_wanted_some_time(
    asker: Asker, new_body: Callable[..., Any]
) -> None:
    later = timezone.now() + timedelta(hours=5)
    placed = asker.post("/orders", new_body(wanted_at=later.isoformat())).json()
    told = problem(asker.patch(f"/orders/{placed['id']}", {"wanted_at": None}), 422, "invalid")
    assert [one["pointer"] for one in told["errors"]] == ["#/wanted_at"]
    later += timedelta(hours=1)
    told = asker.patch(f"/orders/{placed['id']}", {"wanted_at": later.isoformat()}).json()
    assert (told["status"], at(told["wanted_at"])) == ("scheduled", later)


def test_what_is_over_stays_as_it_was(asker: Asker, order: Order, driver: Driver) -> None:
    story.bring_to(order, driver, "delivered")
    problem(asker.patch(f"/orders/{order.pk}", {"bags": 2}), 409, "wrong_status")


def test_an_amendment_of_another_version_is_refused(asker: Asker, order: Order) -> None:
    tag = asker.get(f"/orders/{order.pk}")["ETag"]
    first = asker.patch(f"/orders/{order.pk}", {"bags": 2}, If_Match=tag)
    assert first.status_code == 200
    second = asker.patch(f"/orders/{order.pk}", {"bags": 3}, If_Match=tag)
    problem(second, 412, "version_mismatch")
    assert second["ETag"] == first["ETag"]
    assert Order.objects.get().bags == 2
    assert (
        asker.patch(f"/orders/{order.pk}", {"bags": 4}, If_Match=f'"0", {first["ETag"]}').status_code == 200
    )
    assert asker.patch(f"/orders/{order.pk}", {"bags": 5}, If_Match="*").status_code == 200
    for odd in ("", "x", "W/" + tag, tag.strip('"')):
        problem(asker.patch(f"/orders/{order.pk}", {"bags": 6}, If_Match=odd), 412, "version_mismatch")


# ---------------------------------------------------------------------------------------------- cancelling


def test_cancelling(asker: Asker, order: Order, driver: Driver) -> None:
    story.assign(order, driver)
    answer = asker.post(f"/orders/{order.pk}/cancel", {"reason": "The customer rang"})
    told = answer.json()
    assert (answer.status_code, told["status"], told["driver"], told["eta"]) == (200, "cancelled", None, None)
    assert told["ended_at"] is not None
    last = told["timeline"][-1]
    assert (last["status"], last["by"], last["reason"]) == ("cancelled", "platform", "The customer rang")
    problem(asker.post(f"/orders/{order.pk}/cancel"), 409, "wrong_status")


def test_cancelling_needs_no_body(asker: Asker, order: Order) -> None:
    assert asker.post(f"/orders/{order.pk}/cancel").json()["status"] == OrderStatus.CANCELLED


def test_food_on_board_is_for_dispatchers_to_cancel(asker: Asker, order: Order, driver: Driver) -> None:
    story.bring_to(order, driver, "picked_up")
    told = problem(asker.post(f"/orders/{order.pk}/cancel", {"reason": "x"}), 409, "wrong_status")
    assert "dispatcher" in told["detail"]


def test_a_cancellation_of_another_version_is_refused(asker: Asker, order: Order) -> None:
    tag = asker.get(f"/orders/{order.pk}")["ETag"]
    Order.objects.update(bags=2)
    problem(asker.post(f"/orders/{order.pk}/cancel", If_Match=tag), 412, "version_mismatch")
    assert Order.objects.get().status == "pending"
