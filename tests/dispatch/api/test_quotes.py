"""What a platform is told before it orders, and that it is kept."""

import threading
from collections.abc import Callable
from datetime import datetime, time, timedelta
from typing import Any

import pytest
from django.db import connection, connections
from django.test import override_settings
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from dispatch import api_keys, tasks
from dispatch.models import City, DeliveryArea, Driver, OpeningHours, Order, Quote, Restaurant, Scope
from dispatch.orders import switches
from dispatch.planning import quotes
from routing.geo import destination, to_lnglat
from tests.conftest import DENVER, NO_OSRM
from tests.dispatch import story
from tests.dispatch.api.conftest import Asker, problem
from tests.waiting import PATIENCE_S

pytestmark = pytest.mark.django_db


@pytest.fixture
def ask(asker: Asker, restaurant: Restaurant) -> Callable[..., Any]:
    """Asks for a quote, and says what came."""
    door = destination(DENVER, 90, 1500)

    def make(status: int = 200, **fields: Any) -> Any:
        body = {"restaurant_id": str(restaurant.pk), "customer_lat": door.lat, "customer_lng": door.lng}
        answer = asker.post("/quotes", body | fields)
        assert answer.status_code == status, answer.content
        return answer.json()

    return make


def codes(told: Any) -> list[str]:
    assert told["deliverable"] is False
    assert (told["id"], told["eta"], told["promised_at"], told["expires_at"]) == (None, None, None, None)
    assert all(one["message"].endswith(".") for one in told["problems"])
    return [one["code"] for one in told["problems"]]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


# --------------------------------------------------------------------------------------------- what is told


def test_what_can_be_promised(ask: Callable[..., Any], driver: Driver, city: City) -> None:
    before = timezone.now()
    told = ask()
    assert told["deliverable"] is True
    assert told["problems"] == []
    eta = told["eta"]
    # A kilometre to the restaurant, one and a half to the door, two handovers.
    assert 4 <= eta["minutes"] <= 15
    assert eta["low"] <= eta["minutes"] <= eta["high"]
    assert eta["approximate"] is False
    assert told["city_minutes"] == city.promise_minutes
    assert timedelta(0) <= at(told["promised_at"]) - before - timedelta(minutes=45) < timedelta(seconds=30)
    assert timedelta(0) <= at(told["expires_at"]) - before - timedelta(minutes=10) < timedelta(seconds=30)
    assert not Order.objects.exists()


def test_the_kitchen_takes_its_time(ask: Callable[..., Any], driver: Driver) -> None:
    ready = timezone.now() + timedelta(minutes=80)
    told = ask(ready_at=ready.isoformat())
    assert 80 < told["eta"]["minutes"] < 95
    # Later than what the city promises: nobody is promised what can't be.
    asked_at = at(told["promised_at"]) - timedelta(minutes=told["eta"]["minutes"])
    assert abs(asked_at - timezone.now()) < timedelta(seconds=30)


def test_what_drivers_have_to_do_and_others_wait_for_comes_first(
    ask: Callable[..., Any], driver: Driver, new_order: Callable[..., Order]
) -> None:
    free = ask()["eta"]["minutes"]
    for bearing in (250, 290):
        far = destination(DENVER, bearing, 1200)
        story.assign(new_order(customer_lat=far.lat, customer_lng=far.lng), driver)
    busy = ask()["eta"]["minutes"]
    assert busy > free
    for bearing in (240, 260, 280, 300):
        far = destination(DENVER, bearing, 1200)
        new_order(customer_lat=far.lat, customer_lng=far.lng)
    assert ask()["eta"]["minutes"] > busy


def test_more_minutes_that_are_switched_on(ask: Callable[..., Any], driver: Driver, city: City) -> None:
    until = timezone.now() + timedelta(hours=1)
    switches.promise_later(city.pk, 20, until=until)
    told = ask()
    assert told["city_minutes"] == 65


def test_every_reason_why_not(ask: Callable[..., Any], restaurant: Restaurant, city: City) -> None:
    assert codes(ask()) == ["no_driver"]
    corners = [destination(DENVER, bearing, 500) for bearing in (0, 120, 240, 0)]
    ring = [to_lnglat(corner) for corner in corners]
    DeliveryArea.objects.create(city=city, area={"type": "Polygon", "coordinates": [ring]})
    until = timezone.now() + timedelta(hours=1)
    switches.pause(restaurant.pk, until=until)
    yesterday = (timezone.now() - timedelta(days=3)).weekday()
    OpeningHours.objects.create(city=city, weekday=yesterday, opens=time(10), closes=time(11))
    told = ask()
    assert codes(told) == ["customer_outside", "restaurant_paused", "city_closed", "no_driver"]
    paused = told["problems"][1]
    # Until all of them are open.
    assert at(paused["until"]) > until + timedelta(days=1)
    assert not Quote.objects.exists()


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"customer_lat": 0.0, "customer_lng": 0.0}, "customer_at_zero"),
        ({"customer_lat": 48.85, "customer_lng": 2.35}, "customer_far"),
        ({"customer_lat": 39.95, "customer_lng": -105.3}, "customer_unreachable"),
        ({"bags": 7}, "too_big"),
        ({"needs": ["alcohol"]}, "lacks_skill"),
    ],
)
@pytest.mark.usefixtures("driver", "skills")
def test_why_not(ask: Callable[..., Any], fields: dict[str, Any], code: str) -> None:
    assert codes(ask(**fields)) == [code]


@pytest.mark.usefixtures("skills")
def test_who_can_what_is_needed_is_asked_however_far(
    ask: Callable[..., Any], driver_at: Callable[..., Driver]
) -> None:
    for n in range(quotes.FREE + quotes.BUSY):
        driver_at(0, 100 + n)
    driver_at(270, 1200, skills=["alcohol"])
    assert ask(needs=["alcohol"])["deliverable"] is True


def test_without_roads_it_is_told_along_straight_lines(ask: Callable[..., Any], driver: Driver) -> None:
    with override_settings(OSRM_URL=NO_OSRM):
        told = ask()
    assert (told["deliverable"], told["eta"]["approximate"]) == (True, True)


def test_bad_questions(
    ask: Callable[..., Any], asker: Asker, boulder_restaurant: Restaurant, city: City
) -> None:
    told = ask(422, restaurant_id="3f0c1f9e-6f0e-4b6e-9a53-0a9c5b1d7c11", customer_lat=None)
    assert {one["pointer"] for one in told["errors"]} == {"#/customer_lat"}
    here = Asker(api_keys.issue("Here", Scope.values, cities=[city])[1])
    body = {"restaurant_id": str(boulder_restaurant.pk), "customer_lat": 40.0, "customer_lng": -105.2}
    told = problem(here.post("/quotes", body), 422, "invalid")
    assert [one["pointer"] for one in told["errors"]] == ["#/restaurant_id"]
    reader = Asker(api_keys.issue("Reader", [Scope.ORDERS_READ], cities=None)[1])
    problem(reader.post("/quotes", body), 403, "forbidden")


@pytest.fixture
def boulder_restaurant(db: None) -> Restaurant:
    boulder = City.objects.create(name="Boulder", lat=40.015, lng=-105.27)
    return Restaurant.objects.create(name="Pearl", city=boulder, lat=40.015, lng=-105.27)


def test_a_quote_costs_the_same_in_a_large_fleet(
    ask: Callable[..., Any], driver_at: Callable[..., Driver], new_order: Callable[..., Order]
) -> None:
    def statements() -> int:
        with CaptureQueriesContext(connection) as asked:
            assert ask()["deliverable"]
        return len(asked)

    driver_at(0, 500)
    ask()  # the key's use is written once a minute
    few = statements()
    for n in range(60):
        driver_at(n * 6, 300 + 20 * n)
        new_order()
    assert statements() == few
    order = Order(restaurant=Restaurant.objects.get(), customer_lat=DENVER.lat, customer_lng=DENVER.lng)
    assert len(quotes._drivers_near(order)) == quotes.FREE
    assert len(quotes._waiting_longer(order)) == quotes.WAITING


# ------------------------------------------------------------------------------------------- what is kept


@pytest.fixture
def quoted(ask: Callable[..., Any], driver: Driver) -> Any:
    return ask(ready_at=(timezone.now() + timedelta(minutes=80)).isoformat())


def test_an_order_with_a_quote_keeps_its_promise(
    asker: Asker, new_body: Callable[..., Any], quoted: Any, city: City
) -> None:
    City.objects.filter(pk=city.pk).update(promise_minutes=5)
    placed = asker.post("/orders", new_body(quote_id=quoted["id"]))
    assert placed.status_code == 201, placed.content
    assert placed.json()["promised_at"] == quoted["promised_at"]
    told = problem(asker.post("/orders", new_body(quote_id=quoted["id"])), 409, "quote_used")
    assert [one["pointer"] for one in told["errors"]] == ["#/quote_id"]
    assert Order.objects.count() == 1


def test_quotes_that_are_refused(
    asker: Asker, new_body: Callable[..., Any], quoted: Any, boulder_restaurant: Restaurant
) -> None:
    def refused(code: str, status: int = 409, by: Asker = asker, **fields: Any) -> str:
        told = problem(by.post("/orders", new_body(**{"quote_id": quoted["id"]} | fields)), status, code)
        [wrong] = told["errors"]
        assert wrong["pointer"] == "#/quote_id"
        return str(wrong["message"])

    refused("quote_mismatch", restaurant_id=str(boulder_restaurant.pk))
    refused("quote_mismatch", customer_lat=39.75)
    refused("quote_mismatch", customer_lat=None, customer_lng=None)
    refused("invalid", 422, quote_id="3f0c1f9e-6f0e-4b6e-9a53-0a9c5b1d7c11")
    other = Asker(api_keys.issue("Other", Scope.values, cities=None)[1])
    refused("invalid", 422, by=other)
    soon = timezone.now().isoformat()
    assert "promise" in refused("invalid", 422, promised_at=soon)
    assert "promise" in refused("invalid", 422, wanted_at=soon)
    assert not Order.objects.exists()
    assert Quote.objects.get().used_at is None
    Quote.objects.update(expires_at=timezone.now())
    refused("quote_expired")


def test_an_order_that_comes_to_nothing_leaves_the_quote(
    asker: Asker, new_body: Callable[..., Any], quoted: Any
) -> None:
    asker.post("/orders", new_body(external_id="A-1"))
    again = new_body(external_id="A-1", quote_id=quoted["id"])
    problem(asker.post("/orders", again, Idempotency_Key="one"), 409, "external_id_taken")
    problem(asker.post("/orders", again), 409, "external_id_taken")
    assert asker.post("/orders", new_body(external_id="A-2", quote_id=quoted["id"])).status_code == 201


def test_a_quote_that_is_asked_for_twice_is_one(
    asker: Asker, restaurant: Restaurant, driver: Driver, new_body: Callable[..., Any]
) -> None:
    body = {"restaurant_id": str(restaurant.pk), "customer_lat": 39.75, "customer_lng": -104.98}
    first, second = (asker.post("/quotes", body, Idempotency_Key="one") for _ in range(2))
    assert (first.status_code, first.content) == (200, second.content)
    assert Quote.objects.count() == 1


def test_quotes_are_forgotten(quoted: Any) -> None:
    tasks.forget_api_answers()
    assert Quote.objects.count() == 1
    Quote.objects.update(made_at=timezone.now() - timedelta(days=1, minutes=1))
    tasks.forget_api_answers()
    assert not Quote.objects.exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("unheard")
def test_of_many_orders_with_one_quote_one_has_it(
    asker: Asker, new_body: Callable[..., Any], quoted: Any
) -> None:
    answers: list[Any] = []

    def place() -> None:
        try:
            answers.append(Asker(asker.secret).post("/orders", new_body(quote_id=quoted["id"])))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=place, daemon=True) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    assert {answer.json().get("code") for answer in answers} == {None, "quote_used"}
    assert Order.objects.count() == 1
