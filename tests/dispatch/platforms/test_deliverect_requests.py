"""Deliverect asks: what it gets, and what becomes of its jobs."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from dispatch.models import City, DeliveryArea, Driver, Order, OrderEvent, PlatformRestaurant, Restaurant
from dispatch.orders import switches
from routing.geo import Point, destination
from tests.conftest import DENVER
from tests.dispatch import story
from tests.dispatch.platforms.deliverect_jobs import CANCEL, SECRET, encoded, job, location, signed

pytestmark = pytest.mark.django_db

DOOR = destination(DENVER, 90, 1500)
type Ask = Callable[..., Any]


@pytest.fixture
def ask(settings: Settings, client: Client) -> Ask:
    settings.DELIVERECT_HMAC_SECRET = SECRET

    def asked(what: str, told: Any, status: int = 200) -> Any:
        body = told if isinstance(told, bytes) else encoded(told)
        answer = client.post(
            f"/platforms/deliverect/{what}",
            body,
            content_type="application/json",
            headers={"x-server-authorization-hmac-sha256": signed(body)},
        )
        assert answer.status_code == status, answer.content
        return answer.json()

    return asked


@pytest.fixture
def known(restaurant: Restaurant) -> Restaurant:
    PlatformRestaurant.objects.create(
        restaurant=restaurant, platform="deliverect", external_id="606f00aa11555"
    )
    return restaurant


_BEGUN = timezone.now().replace(microsecond=0)


def soon(minutes: float) -> datetime:
    return _BEGUN + timedelta(minutes=minutes)


def a_job(door: Point = DOOR, **more: Any) -> dict[str, Any]:
    return job(door, soon(20), soon(35), **more)


# ------------------------------------------------------------------------------------------------ who may ask


@pytest.mark.parametrize("what", ["validate", "create", "update", "cancel"])
def test_only_who_has_the_secret_is_heard(
    settings: Settings, client: Client, known: Restaurant, what: str
) -> None:
    settings.DELIVERECT_HMAC_SECRET = SECRET
    body = encoded(a_job())
    for headers in ({}, {"X-Server-Authorization-HMAC-SHA256": signed(body, "another")}):
        answer = client.post(
            f"/platforms/deliverect/{what}", body, content_type="application/json", headers=headers
        )
        assert answer.status_code == 401
    changed = body.replace(b"49", b"50")
    headers = {"X-Server-Authorization-HMAC-SHA256": signed(body)}
    answer = client.post(
        f"/platforms/deliverect/{what}", changed, content_type="application/json", headers=headers
    )
    assert answer.status_code == 401
    assert not Order.objects.exists()


def test_without_a_secret_there_is_nothing(client: Client) -> None:
    body = encoded(a_job())
    headers = {"X-Server-Authorization-HMAC-SHA256": signed(body, "")}
    assert client.post(
        "/platforms/deliverect/validate", body, content_type="application/json", headers=headers
    ).status_code == 404  # fmt: skip


@pytest.mark.parametrize(
    "told",
    [
        b"",
        b"{",
        b"[]",
        b"\xff",
        {},
        {"jobId": ""},
        {"jobId": "x", "deliveryLocations": [{}]},
        {"jobId": "x", "pickupTime": 5},
        {"jobId": "x", "pickupTime": "0001-01-01T00:00:00+23:00"},
    ],
)
def test_what_is_no_job(ask: Ask, told: Any) -> None:
    assert "job" in ask("create", told, 400)["error"]


# ------------------------------------------------------------------------------------------------- validate


def test_what_can_be_delivered(ask: Ask, known: Restaurant, driver: Driver) -> None:
    told = a_job()
    answer = ask("validate", told)
    assert answer["jobId"] == told["jobId"]
    assert answer["canDeliver"] is True
    assert answer["pickupTimeETA"] == soon(20).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    [where] = answer["deliveryLocations"]
    assert where["orderId"] == "609d2c1f9a4dd"
    assert where["deliveryTimeETA"] == told["deliveryLocations"][0]["deliveryTime"]
    assert answer["price"] == {"price": 0, "taxRate": 0}
    assert not Order.objects.exists()


def refused(answer: Any) -> tuple[int, str]:
    assert answer["canDeliver"] is False
    [error] = answer["errors"]
    assert (error["orderId"], error["channelOrderDisplayId"]) == ("609d2c1f9a4dd", "MT4YVTPL")
    return error["reason"], error["description"]


def test_a_location_that_nobody_entered(ask: Ask, restaurant: Restaurant, driver: Driver) -> None:
    assert refused(ask("validate", a_job()))[0] == 30


def test_without_a_driver_on_shift_nothing_soon_but_something_later(ask: Ask, known: Restaurant) -> None:
    assert refused(ask("validate", a_job()))[0] == 20
    assert ask("validate", job(DOOR, soon(300), soon(330)))["canDeliver"] is True


def test_a_paused_restaurant(ask: Ask, known: Restaurant, driver: Driver) -> None:
    switches.pause(known.pk, until=None, reason="Too much to do")
    assert refused(ask("validate", a_job())) == (20, "The restaurant is paused.")


def test_a_door_outside_the_area(ask: Ask, known: Restaurant, driver: Driver, city: City) -> None:
    square = [destination(DENVER, bearing, 1000) for bearing in (45, 135, 225, 315, 45)]
    ring = [[point.lng, point.lat] for point in square]
    DeliveryArea.objects.create(city=city, area={"type": "Polygon", "coordinates": [ring]})
    assert refused(ask("validate", a_job()))[0] == 30


@pytest.mark.parametrize("door", [Point(52.37, 4.89), Point(0, 0)])
def test_a_door_that_is_far_too_far(ask: Ask, known: Restaurant, driver: Driver, door: Point) -> None:
    assert refused(ask("validate", a_job(door)))[0] == 30


def test_an_address_without_coordinates_can_be_delivered_to(
    ask: Ask, known: Restaurant, driver: Driver
) -> None:
    told = a_job()
    told["deliveryLocations"][0] |= {"latitude": "", "longitude": None}
    assert ask("validate", told)["canDeliver"] is True


# --------------------------------------------------------------------------------------------------- create


def test_a_job_becomes_an_order(ask: Ask, known: Restaurant) -> None:
    told = a_job()
    answer = ask("create", told)
    order = Order.objects.get()
    assert answer["deliveryLocations"][0]["deliveryId"] == str(order.pk)
    assert (order.restaurant_id, order.status, order.number) == (known.pk, "pending", "MT4YVTPL")
    assert (order.customer_name, order.customer_phone) == ("V. Bertels", "+32470123456")
    assert order.customer_address == "Refugehof 49, 9001 AB Leusden"
    assert (order.customer_lat, order.customer_lng) == (DOOR.lat, DOOR.lng)
    assert (order.ready_at, order.promised_at, order.wanted_at) == (soon(20), soon(35), None)
    assert order.items == [{"count": 1, "text": "hot food"}]
    assert order.driver_note == "please use the backdoor for order pickup"
    assert order.door_note == "BrainQuantums\nDon't ring door bell.\nCode for the phone: 342241214"
    assert (order.tip, order.cash_due) == ("5.00", "")
    event = OrderEvent.objects.get()
    assert (event.actor, event.actor_name) == ("platform", "Deliverect")


def test_asked_again_it_is_the_same_order(ask: Ask, known: Restaurant) -> None:
    told = a_job()
    assert ask("create", told) == ask("create", told)
    assert Order.objects.count() == 1


def test_a_job_of_several_orders_of_which_one_is_paid_at_the_door(ask: Ask, known: Restaurant) -> None:
    other = location(
        DOOR,
        soon(40),
        orderId="other",
        payment={"orderIsAlreadyPaid": False, "amount": 1550, "paymentType": 1},
    )
    ask("create", a_job(deliveryLocations=[location(DOOR, soon(35)), other], ageCheck=True))
    first, second = Order.objects.order_by("promised_at")
    assert [(order.tip, order.cash_due) for order in (first, second)] == [("5.00", ""), ("", "15.50")]
    assert "age" in second.driver_note


def test_a_job_for_tonight_waits(ask: Ask, known: Restaurant) -> None:
    ask("create", job(DOOR, soon(300), soon(330)))
    order = Order.objects.get()
    assert (order.status, order.wanted_at) == ("scheduled", soon(330))


def test_what_is_wrong_with_an_address_is_a_dispatchers_to_mend(ask: Ask, known: Restaurant) -> None:
    door = {"name": "", "company": "", "phone": "none", "latitude": "x", "longitude": "4.89"}
    ask("create", a_job(deliveryLocations=[location(DOOR, soon(35), **door)]))
    order = Order.objects.get()
    assert (order.customer_name, order.customer_phone, order.customer_lat) == ("Customer", "", None)
    assert order.trouble == "customer_unplaced"


# ---------------------------------------------------------------------------------------- update and cancel


def test_an_update_corrects_adds_and_takes_out(ask: Ask, known: Restaurant) -> None:
    going = location(DOOR, soon(35), orderId="going")
    ask("create", a_job(deliveryLocations=[location(DOOR, soon(35)), going]))
    # As `update_job` has it: the job's id is another field, and it may say nothing of the pickup.
    told = {
        "_id": "609d2c1f9a72e",
        "externalJobId": "ABC123",
        "deliveryLocations": [
            {"deliveryId": "ABC567"}
            | location(DOOR, soon(50), deliveryRemarks="please knock 3x", name="", company=""),
            location(DOOR, soon(60), orderId="added", channelOrderDisplayId="82DE5"),
        ],
    }
    assert len(ask("update", told)["deliveryLocations"]) == 2
    orders = {order.external_id: order for order in Order.objects.all()}
    changed, gone, added = (
        orders[f"deliverect:609d2c1f9a72e:{order_id}"] for order_id in ("609d2c1f9a4dd", "going", "added")
    )
    assert (changed.promised_at, changed.customer_name, changed.ready_at) == (
        soon(50),
        "V. Bertels",
        soon(20),
    )
    assert "please knock 3x" in changed.door_note
    assert gone.status == "cancelled"
    assert (added.status, added.number, added.restaurant_id) == ("pending", "82DE5", known.pk)


def test_an_update_of_a_job_that_nobody_knows(ask: Ask) -> None:
    told = {"_id": "never", "deliveryLocations": [location(DOOR, soon(35))]}
    assert ask("update", told)["canDeliver"] is False


def test_a_job_is_cancelled_once_and_again(ask: Ask, known: Restaurant) -> None:
    ask("create", a_job())
    for _ in range(2):
        assert ask("cancel", CANCEL) == {"status": "confirmed", "reason": "", "price": 0}
    assert Order.objects.get().status == "cancelled"


def test_one_order_of_a_job_is_cancelled(ask: Ask, known: Restaurant) -> None:
    stays = location(DOOR, soon(35), orderId="stays")
    ask("create", a_job(deliveryLocations=[location(DOOR, soon(35)), stays]))
    ask("cancel", CANCEL)
    assert sorted(Order.objects.values_list("status", flat=True)) == ["cancelled", "pending"]


def test_food_on_board_is_not_cancelled_by_a_platform(ask: Ask, known: Restaurant, driver: Driver) -> None:
    ask("create", a_job())
    story.bring_to(Order.objects.get(), driver, "picked_up")
    assert "already with the driver" in ask("cancel", CANCEL, 400)["error"]
    assert Order.objects.get().status == "picked_up"
