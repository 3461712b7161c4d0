"""Lists of millions in the admin: what is found, and that no page reads all rows for it."""

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest
from django.contrib.messages import get_messages
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from dispatch.admin import order_search
from dispatch.admin.pages import ManyRows, NewestRows
from dispatch.models import Driver, Order, OrderEvent, Restaurant, User
from dispatch.orders import actions
from tests.dispatch.story import assign
from tests.rows_read import rows_read
from tracking import admin
from tracking.ingest.partitions import DAYS_AHEAD
from tracking.models import LocationHistory

pytestmark = pytest.mark.django_db

MANY = 120
COUNTED = 15
SHOWN = FOUND = 5


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("dana"))
    return client


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page counts, and a search looks first among, fewer rows than there are."""
    monkeypatch.setattr(NewestRows, "most", COUNTED)
    monkeypatch.setattr(ManyRows, "list_per_page", SHOWN)
    monkeypatch.setattr(order_search, "NEWEST", COUNTED)
    monkeypatch.setattr(order_search, "HITS", FOUND)
    monkeypatch.setattr(order_search, "MOST_NAMED", 0)


@pytest.fixture
def many_orders(restaurant: Restaurant, driver: Driver) -> list[Order]:
    """The oldest first; each with one event, and a fix of its own."""
    now = timezone.now()
    orders = Order.objects.bulk_create(
        Order(restaurant=restaurant, customer_name=f"Eve No{n}", created_at=now - timedelta(hours=MANY - n))
        for n in range(MANY)
    )
    OrderEvent.objects.bulk_create(
        OrderEvent(order=order, to_status="pending", actor="system", happened_at=order.created_at)
        for order in orders
    )
    with connection.cursor() as cursor:
        # Else what autovacuum happened to see of other tests' rows decides how these are found.
        cursor.execute("ANALYZE orders, order_events")
    return orders


@pytest.fixture
def history(new_driver: Callable[..., Driver]) -> list[Driver]:
    """Drivers with a morning's fixes each, all of one day: a partition more, or less, is read in another way."""
    noon = timezone.now().replace(hour=12)
    drivers = [new_driver(name=f"Driver {name}") for name in ("Ann", "Bob", "Cid")]
    LocationHistory.objects.bulk_create(
        LocationHistory(driver=driver, lat=39.7, lng=-105.0, recorded_at=noon - timedelta(minutes=10 * n))
        for driver in drivers
        for n in range(MANY // 3)
    )
    return drivers


def listed(staff: Client, model: str, **query: str) -> list[object]:
    response = staff.get(reverse(f"admin:{model}_changelist"), query)
    assert response.status_code == 200
    return list(response.context["cl"].result_list)


# ----------------------------------------------------------------------------------------------- what is found


@pytest.mark.parametrize(
    ("search", "found"),
    [
        pytest.param("anna", True, id="a name"),
        pytest.param("SMI ann", True, id="beginnings of words, in any order"),
        pytest.param("mith", False, id="no part within a word"),
        pytest.param("o'neil", True, id="a mark within"),
        pytest.param("rené", True, id="an accent"),
        pytest.param("12b market", True, id="an address"),
        pytest.param("market 13", False, id="not all words"),
        pytest.param("+1 (720) 555-0147", True, id="a phone number, with other gaps"),
        pytest.param("17205550147", True, id="its digits"),
        pytest.param("720 555 0147", True, id="its end, with gaps"),
        pytest.param("0147", True, id="the last four digits"),
        pytest.param("147", False, id="fewer are no phone number"),
        pytest.param("0147 anna", True, id="who it is, and the end of the number"),
        pytest.param("larimer", True, id="the restaurant"),
        pytest.param("rimer nood", True, id="a restaurant by parts of its name"),
        pytest.param("walker", True, id="the driver"),
        pytest.param("walker tacos", False, id="another restaurant"),
        pytest.param("c0ffee00-0000-4000-8000-000000000001", True, id="the number"),
        pytest.param("C0FFEE00", True, id="its first eight digits, as the list shows them"),
        pytest.param("c0ffee01", False, id="another number"),
        pytest.param("&|!:*'\\ --", False, id="nothing but marks"),
        pytest.param("!anna", True, id="marks are no operators"),
        pytest.param("ä" * 5000, False, id="a word without end"),
        pytest.param("0" * 5000, False, id="a number without end"),
        pytest.param("anna " * 500, True, id="words without end"),
        pytest.param("\u2028 ¿ 🍜 \u200b", False, id="marks that are no letters"),
    ],
)
def test_an_order_is_found_by(
    search: str, found: bool, staff: Client, order: Order, new_driver: Callable[..., Driver]
) -> None:
    assign(order, new_driver(name="Johnnie Walker"))
    Order.objects.filter(pk=order.pk).update(
        customer_name="Anna-René O’Hara O'Neil Smith",
        customer_phone="+1 720-555-0147",
        customer_address="12b Market St.",
    )
    pk = UUID("c0ffee00-0000-4000-8000-000000000001")
    other = Order.objects.create(pk=pk, restaurant=order.restaurant)
    wanted = other if search.lower().startswith("c0ffee") else order
    assert (wanted in listed(staff, "dispatch_order", q=search)) is found
    events = listed(staff, "dispatch_orderevent", q=search)
    assert (wanted == other) or (order in {event.order for event in events}) is found


def test_an_order_is_stored_whatever_its_texts(staff: Client, restaurant: Restaurant) -> None:
    """A tsvector ends at a megabyte, and words in it after two kilobytes."""
    long = " ".join(str(n) for n in range(400_000))
    order = Order.objects.create(
        restaurant=restaurant, customer_name="x" * 5000, customer_address=long, customer_phone=long
    )
    assert listed(staff, "dispatch_order", q="100") == [order]


@pytest.mark.usefixtures("few")
def test_who_finds_too_much_is_told_and_shown_the_newest(staff: Client, many_orders: list[Order]) -> None:
    response = staff.get(reverse("admin:dispatch_order_changelist"), {"q": "eve"})
    assert list(response.context["cl"].result_list) == many_orders[: -FOUND - 1 : -1]
    [message] = get_messages(response.wsgi_request)
    assert f"newest {FOUND} orders" in str(message)


@pytest.mark.usefixtures("few")
def test_what_few_orders_have_is_found_however_old(staff: Client, many_orders: list[Order]) -> None:
    assert listed(staff, "dispatch_order", q="no7") == [many_orders[n] for n in (79, 78, 77, 76, 75)]
    assert listed(staff, "dispatch_order", q="no7", status__exact="delivered") == []


@pytest.mark.usefixtures("few")
def test_the_list_says_of_how_many_it_has_the_newest(staff: Client, many_orders: list[Order]) -> None:
    html = staff.get(reverse("admin:dispatch_order_changelist")).content.decode()
    assert f"The newest {COUNTED} of about " in html
    assert "The newest" not in staff.get(reverse("admin:dispatch_restaurant_changelist")).content.decode()


@pytest.mark.parametrize(
    ("search", "found"), [("ann", ["Driver Ann"]), ("driver c", ["Driver Cid"]), ("x", [])]
)
def test_the_history_of_a_driver_is_found(
    search: str, found: list[str], staff: Client, history: list[Driver]
) -> None:
    rows = listed(staff, "tracking_locationhistory", q=search)
    assert sorted({row.driver.name for row in rows}) == found
    assert [row.recorded_at for row in rows] == sorted((row.recorded_at for row in rows), reverse=True)


def test_the_history_of_a_driver_is_found_by_number(staff: Client, history: list[Driver]) -> None:
    rows = listed(staff, "tracking_locationhistory", q=str(history[1].pk))
    assert {row.driver for row in rows} == {history[1]}


# ------------------------------------------------------------------------------------------------ what is read


@pytest.mark.usefixtures("few", "many_orders", "history")
@pytest.mark.parametrize(
    ("model", "table"),
    [
        ("dispatch_order", "orders"),
        ("dispatch_orderevent", "order_events"),
        ("tracking_locationhistory", "location_history"),
    ],
)
def test_a_page_reads_what_it_shows_and_counts(model: str, table: str, staff: Client) -> None:
    with rows_read(table, sorting=False) as rows:
        assert len(listed(staff, model)) == SHOWN
    # Of each day's partition the first row is looked at, to begin with.
    assert rows() <= COUNTED + SHOWN + 2 * DAYS_AHEAD


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("search", ["no7", "no71 eve", "0199", "zzz", "larimer no71"])
def test_a_search_reads_the_newest_and_what_it_finds(
    search: str, staff: Client, many_orders: list[Order]
) -> None:
    Order.objects.filter(pk=many_orders[3].pk).update(customer_phone="+1 720 555 0199")
    with rows_read("orders") as rows:
        listed(staff, "dispatch_order", q=search)
    # The newest, those found (eleven by "no7"), and of these some once more to count and to show them.
    assert rows() <= COUNTED + 11 + 2 * FOUND


def test_a_search_by_driver_reads_that_drivers_history(staff: Client, history: list[Driver]) -> None:
    with rows_read("location_history") as rows:
        found = listed(staff, "tracking_locationhistory", q="ann")
    # To see how far back, to count and to show.
    assert 0 < rows() <= 3 * len(found) + 2


def test_of_several_drivers_the_newest_fixes_are_found(
    staff: Client, history: list[Driver], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admin, "FIXES_EACH", 7)
    found = listed(staff, "tracking_locationhistory", q="driver")
    assert sorted(row.driver.name for row in found) == sorted(driver.name for driver in history * 7)
    monkeypatch.setattr(admin, "FIXES_EACH", MANY)
    assert len(listed(staff, "tracking_locationhistory", q="driver", all="")) == MANY


def test_a_page_of_every_order_can_still_be_acted_on(staff: Client, order: Order, driver: Driver) -> None:
    actions.assign(order.pk, driver.pk, actor=actions.SYSTEM)
    data = {"action": "unassign", "_selected_action": [str(order.pk)]}
    assert staff.post(reverse("admin:dispatch_order_changelist"), data).status_code == 302
    order.refresh_from_db()
    assert order.status == "pending"
