"""The customer's page as the server renders it: true, private and strict before any script runs."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from dispatch.models import City, Driver, Order
from dispatch.orders import actions
from dispatch.statuses import FINAL
from routing.problems import Problem

EVENING = datetime(2026, 7, 1, 18, 30, tzinfo=ZoneInfo("America/Denver"))


def page(client: Client, order: Order) -> str:
    order.refresh_from_db()
    response = client.get("/track/", {"t": order.tracking_token})
    assert response.status_code == 200
    return response.content.decode()


def words(html: str) -> str:
    return " ".join(re.sub(r"<script.*?</script>|<[^>]+>", " ", html, flags=re.DOTALL).split())


@pytest.fixture
def under_way(order: Order, driver: Driver) -> Order:
    actions.assign(order.pk, driver.pk, actor=actions.SYSTEM)
    return order


def test_eta_and_arrival_in_the_citys_time(client: Client, under_way: Order) -> None:
    with time_machine.travel(EVENING, tick=False):
        Order.objects.update(eta_minutes=12)
        shown = words(page(client, under_way))
    assert "A driver has your order." in shown
    assert "12 min" in shown
    assert "Arrives around 6:42 PM" in shown


def test_where_clocks_count_to_24_so_does_the_page(client: Client, under_way: Order) -> None:
    City.objects.update(clock="24h")
    with time_machine.travel(EVENING, tick=False):
        Order.objects.update(eta_minutes=12)
        shown = words(page(client, under_way))
    assert "Arrives around 18:42" in shown


def test_an_eta_is_a_range(client: Client, under_way: Order) -> None:
    Order.objects.update(eta_minutes=13, eta_low=12, eta_high=16)
    html = page(client, under_way)
    assert "12–16 min" in words(html)
    assert "<title>12–16 min · " in html


def test_an_approximate_eta_says_so(client: Client, under_way: Order) -> None:
    Order.objects.update(eta_minutes=12, problem=Problem.ROADS_AWAY)
    assert re.search(r'id="eta-about">', page(client, under_way))
    Order.objects.update(problem="")
    assert re.search(r'id="eta-about" hidden>', page(client, under_way))


def test_stops_before_ones_own(client: Client, under_way: Order, new_order: Callable[..., Order]) -> None:
    second = new_order(customer_lat=39.76, customer_lng=-104.97)
    actions.assign(second.pk, under_way.driver_id or Driver.objects.get().pk, actor=actions.SYSTEM)
    Order.objects.update(eta_minutes=20)
    assert "2 stops before yours" in words(page(client, second))
    assert "before yours" not in re.sub(r"<span[^>]*hidden>[^<]*</span>", "", page(client, under_way))


def test_without_a_driver_it_says_what_is_known(client: Client, order: Order) -> None:
    shown = words(page(client, order))
    assert "We have your order and are looking for a driver." in shown
    assert "once a driver takes the order" in shown


@pytest.mark.parametrize(
    ("status", "said", "steps"),
    [
        ("pending", "looking for a driver", ["current"] + ["ahead"] * 5),
        ("to_restaurant", "on the way to the restaurant", ["done", "current"] + ["ahead"] * 4),
        ("picked_up", "Your food is on its way", ["done"] * 3 + ["current"] + ["ahead"] * 2),
        ("delivered", "Handed over at", ["done"] * 6),
        ("cancelled", "Nothing is on its way", None),
        ("failed", "We could not hand over your order", None),
    ],
)
def test_words_and_steps(
    client: Client, order: Order, driver: Driver, status: str, said: str, steps: list[str] | None
) -> None:
    delivered = timezone.now() if status == "delivered" else None
    ended = timezone.now() if status in FINAL else None
    carrier = None if status == "pending" else driver
    Order.objects.update(status=status, driver=carrier, delivered_at=delivered, ended_at=ended)
    html = page(client, order)
    assert said in words(html)
    if steps is not None:
        assert re.findall(r'<li data-state="(\w+)"', html) == steps


def test_a_link_that_is_no_link_or_is_over_gets_the_same_answer(client: Client, order: Order) -> None:
    ended = timezone.now() - timedelta(hours=1)
    Order.objects.update(status="cancelled", ended_at=ended)
    order.refresh_from_db()
    answers = [client.get("/track/", {"t": token}) for token in (order.tracking_token, "0" * 32, "x", "")]
    assert {answer.status_code for answer in [*answers, client.get("/track/")]} == {404}
    assert len({answer.content for answer in answers}) == 1
    assert "This tracking link isn’t valid" in answers[0].content.decode()


def test_the_address_is_a_secret(client: Client, order: Order) -> None:
    order.refresh_from_db()
    for token in (order.tracking_token, "0" * 32):
        response = client.get("/track/", {"t": token})
        assert response["Cache-Control"] == "no-store"
        assert response["Referrer-Policy"] == "no-referrer"
        assert response["X-Robots-Tag"] == "noindex, nofollow"


def test_the_driver_is_not_in_the_page(client: Client, under_way: Order, driver: Driver) -> None:
    Driver.objects.update(name="Secret Name", phone="+1 303 555 0199")
    html = page(client, under_way)
    assert "Secret Name" not in html
    assert "555 0199" not in html
    assert str(driver.pk) not in html
    assert str(driver.current_lat) not in html


def test_nothing_is_inline(client: Client, under_way: Order) -> None:
    response = client.get("/track/", {"t": Order.objects.get().tracking_token})
    html = response.content.decode()
    for script in re.findall(r"<script([^>]*)>", html):
        assert "src=" in script or 'type="application/json"' in script
    assert not re.search(r"<style|\sstyle=|\son\w+=", html)
    assert "unsafe" not in response["Content-Security-Policy"]
    assert not re.search(r'(?:src|href)="(?:https?:)?//', html)
