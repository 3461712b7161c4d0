import json
import re
from datetime import UTC, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, Permission
from django.contrib.messages import get_messages
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from django.utils.timezone import localtime

from dispatch import access, signals
from dispatch.models import (
    Alert,
    AlertKind,
    City,
    DeliveryArea,
    Driver,
    Order,
    OrderEvent,
    Restaurant,
    Shift,
    User,
)
from dispatch.orders import actions, buttons
from dispatch.statuses import OrderStatus
from tests.dispatch import story
from tests.dispatch.place_forms import NO_HOURS, rows
from tracking.models import LocationHistory

pytestmark = pytest.mark.django_db

DENVER = ZoneInfo("America/Denver")
ORDERS = reverse("admin:dispatch_order_changelist")
DRIVERS = reverse("admin:dispatch_driver_changelist")
RESTAURANTS = reverse("admin:dispatch_restaurant_changelist")


def signed_in(*groups: str, superuser: bool = False) -> Client:
    user = User.objects.create_user("dana", is_staff=True, is_superuser=superuser)
    user.groups.add(*Group.objects.filter(name__in=groups))
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def staff() -> Client:
    return signed_in("staff", "dispatcher")


@pytest.fixture
def announced() -> list[tuple[str, dict]]:
    """What the domain announces during a test."""
    heard: list[tuple[str, dict]] = []
    names = {
        signals.fleet_changed: "fleet",
        signals.restaurant_changed: "restaurant",
        signals.assignment_changed: "assignment",
    }

    def hear(signal, **facts):
        heard.append((names[signal], {key: value for key, value in facts.items() if key != "sender"}))

    for signal in names:
        signal.connect(hear)
    yield heard
    for signal in names:
        signal.disconnect(hear)


def page(model: str, obj: object) -> str:
    return reverse(f"admin:dispatch_{model}_change", args=[obj.pk])


def said(response) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


def chosen(action: str, *objects: object, **more: str) -> dict[str, object]:
    return {"action": action, "_selected_action": [str(obj.pk) for obj in objects], **more}


# --------------------------------------------------------------------------------------------------- groups


def test_groups_have_their_permissions(transactional_db):
    dispatcher = User.objects.create_user("dis", is_staff=True)
    dispatcher.groups.add(Group.objects.get(name="dispatcher"))
    staff = User.objects.create_user("sta", is_staff=True)
    staff.groups.add(Group.objects.get(name="staff"))

    assert access.may_dispatch(dispatcher)
    assert not access.may_dispatch(staff)
    assert dispatcher.get_all_permissions() == {
        "dispatch.dispatch_orders",
        "dispatch.change_order",
        *(
            f"dispatch.view_{name}"
            for name in (
                "alert",
                "city",
                "conflict",
                "deliveryarea",
                "driver",
                "etaprediction",
                "etaspread",
                "failurereason",
                "handovertime",
                "kitchentime",
                "message",
                "messagesettings",
                "messagetext",
                "openingexception",
                "openinghours",
                "order",
                "orderevent",
                "outboxentry",
                "platformrestaurant",
                "promise",
                "restaurant",
                "skill",
                "shift",
                "speedfactor",
                "stop",
                "stoppednumber",
            )
        ),
        "tracking.view_locationhistory",
    }
    assert staff.has_perms(["dispatch.add_order", "dispatch.change_order", "dispatch.change_restaurant"])
    assert staff.has_perms(["dispatch.change_failurereason", "dispatch.delete_skill"])
    assert staff.has_perms(["dispatch.add_shift", "dispatch.delete_shift"])
    assert staff.has_perms(["dispatch.change_messagetext", "dispatch.change_messagesettings"])
    assert not staff.has_perm("dispatch.change_stoppednumber")
    assert not staff.has_perm("dispatch.change_alert")
    assert not staff.has_perm("dispatch.change_orderevent")
    assert not staff.has_perm("tracking.change_locationhistory")


def test_a_dispatcher_cannot_change_restaurants(restaurant):
    client = signed_in("dispatcher")
    assert client.get(page("restaurant", restaurant)).status_code == 200
    assert client.post(page("restaurant", restaurant), {"name": "X"}).status_code == 403
    assert client.get(reverse("admin:dispatch_restaurant_add")).status_code == 403


# -------------------------------------------------------------------------------------------------- drivers


@pytest.fixture
def issuer(staff) -> Client:
    """One of the staff who may issue tokens."""
    User.objects.get(username="dana").user_permissions.add(Permission.objects.get(codename="issue_tokens"))
    return staff


def test_a_new_token_is_shown_once_and_replaces_the_old_one(issuer, driver):
    old = actions.issue_token(driver.pk)
    response = issuer.post(DRIVERS, chosen("issue_new_token", driver))
    assert response.status_code == 200
    assert "no-store" in response["Cache-Control"]
    (token,) = re.findall(r"<code>([\w-]{32})</code>", response.content.decode())
    claims = [access.Claim(token), access.Claim(old)]
    assert access.drivers_by_claim(claims) == {claims[0]: driver}
    assert token not in issuer.get(page("driver", driver)).content.decode()
    assert [str(entry) for entry in LogEntry.objects.all()] == [f"Changed “{driver}” — Issued a new token."]


def test_with_a_token_comes_what_to_enter_in_apps_that_exist(issuer, driver, settings):
    settings.PUBLIC_URL = "https://food.example"
    page_ = issuer.post(DRIVERS, chosen("issue_new_token", driver)).content.decode()
    (token,) = re.findall(r"<code>([\w-]{32})</code>", page_)
    base = "https://food.example/api/v1/positions"
    assert f"<code>{base}/traccar</code>" in page_
    assert f"<code>{base}/owntracks</code>" in page_
    assert f"<code>{base}/osmand?id={token}&amp;lat={{0}}&amp;lon={{1}}&amp;timestamp={{2}}&amp;" in page_


def test_staff_begin_and_end_shifts(staff, new_driver):
    driver = new_driver(on_shift=False, status="offline")
    for action, on_shift in (("begin_shift", True), ("end_shift", False)):
        staff.post(DRIVERS, chosen(action, driver))
        driver.refresh_from_db()
        assert driver.on_shift is on_shift


@pytest.mark.parametrize("role", ["dispatcher", "staff"])
def test_new_tokens_need_a_permission_of_their_own(driver, role):
    """Who has a driver's token can press “delivered” as that driver."""
    actions.issue_token(driver.pk)
    before = Driver.objects.get().token_digest
    signed_in(role).post(DRIVERS, chosen("issue_new_token", driver))
    assert Driver.objects.get().token_digest == before


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("skills")
def test_drivers_are_saved_with_an_announcement_and_without_their_status(staff, driver, announced):
    response = staff.post(
        page("driver", driver),
        {
            "name": "Nadia Voss",
            "phone": "",
            "city": str(driver.city_id),
            "vehicle": "bicycle",
            "capacity": "9",
            "skills": ["hot_bag"],
            "status": "offline",
        },
    )
    assert response.status_code == 302
    driver.refresh_from_db()
    assert (driver.name, driver.vehicle, driver.bags) == ("Nadia Voss", "bicycle", 9)
    assert driver.skills == ["hot_bag"]
    assert driver.status == "idle"
    assert announced[0] == ("fleet", {"orders": frozenset(), "drivers": frozenset({driver.pk})})
    assert announced[1:] == [("assignment", {"driver": driver.pk})]  # another vehicle goes another way
    del announced[1:]

    staff.post(
        reverse("admin:dispatch_driver_add"),
        {"name": "New Hand", "phone": "", "city": "", "vehicle": "scooter", "capacity": ""},
    )
    new = Driver.objects.get(name="New Hand")
    assert (new.status, new.on_shift, new.capacity, new.bags) == ("offline", False, None, 4)
    assert announced[1:] == [("fleet", {"orders": frozenset(), "drivers": frozenset({new.pk})})]


@pytest.mark.usefixtures("skills")
def test_skills_are_ticked_by_their_names(staff, driver, restaurant):
    form = staff.get(page("driver", driver)).content.decode()
    assert 'value="hot_bag"' in form
    assert "Bags at 60 °C" in form
    add, fields = reverse("admin:dispatch_order_add"), entered(restaurant)
    assert staff.post(add, fields | {"needs": ["hot_bag"]}).status_code == 302
    order = Order.objects.get()
    assert order.needs == ["hot_bag"]
    assert 'value="hot_bag" checked' in re.sub(
        " id=[^ >]*", "", staff.get(page("order", order)).content.decode()
    )
    response = staff.post(add, fields | {"needs": ["wings"]})
    assert list(response.context["adminform"].form.errors) == ["needs"]


def test_a_shift_can_be_ended(staff, driver):
    response = staff.post(DRIVERS, chosen("end_shift", driver))
    assert said(response) == ["1 now off shift."]
    driver.refresh_from_db()
    assert (driver.on_shift, driver.status) == (False, "offline")
    assert [str(entry) for entry in LogEntry.objects.all()] == [f"Changed “{driver}” — Ended the shift."]


def test_only_a_driver_without_a_past_can_be_deleted(staff, new_driver, order):
    veteran, tracked, unused = new_driver(), new_driver(), new_driver(fix_at=None)
    Driver.objects.filter(pk=veteran.pk).update(fix_at=None)
    actions.assign(order.pk, veteran.pk, actor=actions.SYSTEM)
    for driver, status in ((veteran, 403), (tracked, 403), (unused, 302)):
        url = reverse("admin:dispatch_driver_delete", args=[driver.pk])
        assert staff.post(url, {"post": "yes"}).status_code == status
    assert set(Driver.objects.all()) == {veteran, tracked}
    assert "delete_selected" not in staff.get(DRIVERS).content.decode()


# ---------------------------------------------------------------------------------------------- restaurants


@pytest.mark.django_db(transaction=True)
def test_restaurants_are_saved_with_an_announcement(staff, restaurant, announced):
    fields = {"name": "Moved", "address": "1 New Street", "city": str(restaurant.city_id)}
    place = {"lat": "39.75", "lng": "-104.99", "geofence_radius": "150"}
    assert staff.post(page("restaurant", restaurant), fields | place | NO_HOURS).status_code == 302
    restaurant.refresh_from_db()
    assert (restaurant.name, restaurant.point, restaurant.geofence_radius) == ("Moved", (39.75, -104.99), 150)
    assert announced == [("restaurant", {"restaurant": restaurant.pk})]


@pytest.mark.parametrize(
    ("name", "value"),
    [("lat", "91"), ("lng", "nan"), ("lat", ""), ("geofence_radius", "19"), ("geofence_radius", "5001")],
)
def test_an_impossible_place_is_refused(staff, restaurant, name, value):
    fields = {
        "name": "R",
        "address": "",
        "city": "",
        "lat": "39.75",
        "lng": "-104.99",
        "geofence_radius": "150",
    }
    response = staff.post(page("restaurant", restaurant), fields | NO_HOURS | {name: value})
    assert response.status_code == 200
    assert list(response.context["adminform"].form.errors) == [name]


def test_the_restaurant_page_has_a_map_and_no_inline_script(staff, restaurant):
    html = staff.get(page("restaurant", restaurant)).content.decode()
    assert 'type="module"' in html
    assert f'"radius": {restaurant.geofence_radius}' in html
    assert not re.search(r"<script(?![^>]*\b(src|type=\"application/json\"))", html)
    assert " style=" not in html


# --------------------------------------------------------------------------------- hours, pauses, extra minutes

HOURS = {"weekday": "4", "opens": "17:00", "closes": "02:00"}


def place_form(place: City | Restaurant, **fields: str) -> dict[str, str]:
    """Of a restaurant or a city as it is, with these fields changed."""
    names = {"name", "lat", "lng"} | (
        {"time_zone", "clock", "units", "show_driver_from", "assignment", "promise_minutes"}
        | {f"{kind}_alert_minutes" for kind in AlertKind}
        if isinstance(place, City)
        else {"address", "geofence_radius"}
    )
    form = {name: str(getattr(place, name)) for name in names}
    if isinstance(place, Restaurant):
        form["city"] = str(place.city_id)
    return form | NO_HOURS | fields


@pytest.mark.django_db(transaction=True)
def test_staff_enter_hours_and_holidays_and_orders_say_so_at_once(staff, city, restaurant, new_order):
    order = new_order()
    today = timezone.now().astimezone(city.locale.zone).date()
    holiday = {"date": str(today), "name": "Thanksgiving"}
    for place, words in ((restaurant, "The restaurant is closed"), (city, "The city is closed")):
        form = place_form(place) | rows("openingexception_set", holiday)
        kind = "city" if place is city else "restaurant"
        response = staff.post(page(kind, place), form)
        assert response.status_code == 302, response.context["errors"]
        order.refresh_from_db()
        assert order.trouble_words(timezone.now()).startswith(words)
        place.openingexception_set.all().delete()
    staff.post(page("restaurant", restaurant), place_form(restaurant) | rows("openinghours_set", HOURS))
    assert str(restaurant.openinghours_set.get()) == "Friday 17:00–02:00"


def test_half_an_exception_is_none(staff, restaurant):
    half = {"date": "2026-12-24", "opens": "17:00"}
    response = staff.post(
        page("restaurant", restaurant), place_form(restaurant) | rows("openingexception_set", half)
    )
    assert response.status_code == 200
    assert "Give both times" in response.content.decode()


def test_staff_switch_a_pause_on_by_the_clocks_of_the_city(staff, city, restaurant):
    City.objects.update(time_zone="America/Denver")
    until = {"paused_until_0": "2046-12-01", "paused_until_1": "18:30"}
    for kind, place in (("restaurant", restaurant), ("city", city)):
        response = staff.post(page(kind, place), place_form(place, **until))
        assert response.status_code == 302, response.context["errors"]
        place.refresh_from_db()
        assert place.paused_until == datetime(2046, 12, 2, 1, 30, tzinfo=UTC)
        assert place.paused_since <= timezone.now()
        html = staff.get(reverse(f"admin:dispatch_{kind}_changelist")).content.decode()
        assert "paused until Sat, Dec 1, 6:30 PM" in html


def test_extra_minutes_end_by_themselves(staff, city):
    response = staff.post(page("city", city), place_form(city, extra_minutes="15"))
    assert list(response.context["adminform"].form.errors) == ["extra_until"]
    until = {"extra_minutes": "15", "extra_until_0": "2046-12-01", "extra_until_1": "18:30"}
    assert staff.post(page("city", city), place_form(city, **until)).status_code == 302
    city.refresh_from_db()
    assert (city.extra_minutes, city.extra_since <= timezone.now()) == (15, True)
    assert "+15 min until" in staff.get(reverse("admin:dispatch_city_changelist")).content.decode()
    assert staff.post(page("city", city), place_form(city, extra_minutes="0")).status_code == 302
    city.refresh_from_db()
    assert (city.extra_minutes, city.extra_since, city.extra_until) == (0, None, None)


def area_form(city: City, geometry: str) -> dict[str, str]:
    return place_form(city) | rows("delivery_area", {"area": geometry})


#: Ends between the restaurant and the door of an order.
SQUARE = (
    '{"type": "Polygon", "coordinates": '
    "[[[-105.1,39.6],[-104.975,39.6],[-104.975,39.9],[-105.1,39.9],[-105.1,39.6]]]}"
)
BERLIN = '{"type": "Polygon", "coordinates": [[[52.4,13.2],[52.6,13.2],[52.6,13.6],[52.4,13.6],[52.4,13.2]]]}'


@pytest.mark.django_db(transaction=True)
def test_staff_enter_the_area_that_a_city_delivers_to(staff, city, new_order):
    order = new_order()
    assert staff.post(page("city", city), area_form(city, SQUARE)).status_code == 302
    assert city.delivery_area.area == json.loads(SQUARE)
    order.refresh_from_db()
    assert order.address_problem == "customer_outside"
    html = staff.get(page("city", city)).content.decode()
    assert 'id="area-map-data"' in html
    assert "39.6" in html
    assert not re.search(r"<script(?![^>]*\b(src|type=\"application/json\"))", html)


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("not JSON", "Enter a valid JSON."),
        ("[" * 100_000, "The JSON is nested too deeply."),
        ('{"type": "Point", "coordinates": [1, 2]}', "of type Polygon or MultiPolygon"),
        (SQUARE.replace(",[-105.1,39.6]]", "]"), "An outline ends where it begins"),
        (SQUARE.replace("[-105.1,39.6]", "[39.6,-105.1]"), "has its latitude first"),
        # Both are in range, either way.
        (BERLIN, "This is very far from Denver"),
    ],
)
def test_an_area_that_is_none_is_refused_in_words(staff, city, typed, words):
    response = staff.post(page("city", city), area_form(city, typed))
    assert response.status_code == 200
    assert words in response.content.decode()
    assert not DeliveryArea.objects.exists()


def test_a_new_city_with_everything(staff):
    city = City(name="Golden", lat=39.75, lng=-105.2)
    form = area_form(city, SQUARE) | rows("openinghours_set", HOURS)
    response = staff.post(reverse("admin:dispatch_city_add"), form)
    assert response.status_code == 302, response.context["errors"]
    made = City.objects.get(name="Golden")
    assert (made.delivery_area.area, made.openinghours_set.count()) == (json.loads(SQUARE), 1)


# --------------------------------------------------------------------------------------------------- orders


@pytest.mark.django_db(transaction=True)
def test_an_order_entered_by_hand_begins_its_timeline(staff, restaurant, announced):
    fields = {
        "restaurant": str(restaurant.pk),
        "customer_name": "Ada",
        "customer_phone": "",
        "customer_address": "1 Test Street",
        "customer_lat": "39.76",
        "customer_lng": "-104.98",
        "ready_at_0": "",
        "ready_at_1": "",
        "bags": "1",
    }
    response = staff.post(reverse("admin:dispatch_order_add"), fields)
    assert response.status_code == 302, response.context["errors"]
    order = Order.objects.get()
    assert (order.status, len(order.tracking_token)) == ("pending", 32)
    event = order.events.get()
    assert (event.from_status, event.to_status, event.actor, event.actor_name) == (
        None,
        "pending",
        "dispatcher",
        "dana",
    )
    assert announced == [("fleet", {"orders": frozenset({order.pk}), "drivers": frozenset()})]


def entered(restaurant: Restaurant, **times: str) -> dict[str, str]:
    fields = {"restaurant": str(restaurant.pk), "customer_name": "Ada", "bags": "3"}
    for name, text in times.items():
        fields[f"{name}_0"], _, fields[f"{name}_1"] = text.partition(" ")
    return fields


@pytest.mark.parametrize(
    ("zone", "typed", "stored"),
    [
        ("America/Denver", "2026-07-01 18:30", datetime(2026, 7, 2, 0, 30, tzinfo=UTC)),
        ("America/Denver", "2026-12-01 18:30", datetime(2026, 12, 2, 1, 30, tzinfo=UTC)),
        ("America/New_York", "2026-12-01 18:30", datetime(2026, 12, 1, 23, 30, tzinfo=UTC)),
    ],
)
def test_a_time_that_staff_type_is_that_of_the_restaurant(staff, restaurant, zone, typed, stored):
    City.objects.update(time_zone=zone)
    City.objects.create(name="Phoenix", lat=33.4, lng=-112.1, time_zone="America/Phoenix")
    form = entered(restaurant, ready_at=typed, promised_at=typed.replace("18:30", "19:00"))
    response = staff.post(reverse("admin:dispatch_order_add"), form)
    assert response.status_code == 302, response.context["errors"]
    order = Order.objects.get()
    assert (order.ready_at, order.promised_at, order.bags) == (stored, stored + timedelta(minutes=30), 3)
    html = staff.get(page("order", order)).content.decode()
    assert 'value="18:30:00"' in html
    assert f"By the clocks of {zone}." in html
    there = localtime(order.created_at, ZoneInfo(zone))
    for clock, time in (("12h", f"{there:%-I:%M:%S %p}"), ("24h", f"{there:%H:%M:%S}")):
        City.objects.update(clock=clock)
        placed = f"{there:%Y-%m-%d} {time} {there:%Z}"
        assert placed in staff.get(page("order", order)).content.decode()
        assert placed in staff.get(reverse("admin:dispatch_order_changelist")).content.decode()


@pytest.mark.parametrize("typed", ["2026-03-08 02:30", "2026-11-01 01:30"])
def test_a_time_that_is_none_or_two_when_the_clocks_change_is_asked_for_again(staff, restaurant, typed):
    response = staff.post(reverse("admin:dispatch_order_add"), entered(restaurant, ready_at=typed))
    assert response.status_code == 200
    assert list(response.context["adminform"].form.errors) == ["ready_at"]


def test_what_nobody_changes_stays_to_the_microsecond(staff, order):
    before = Order.objects.get()
    assert before.promised_at.microsecond
    staff.post(page("order", order), corrected(order, customer_name="Grace"))
    after = Order.objects.get()
    assert (after.customer_name, after.promised_at) == ("Grace", before.promised_at)


def test_items_are_entered_one_a_line(staff, restaurant):
    details = {
        "number": "A-17",
        "items": "2 × Pad Thai\r\nTea",
        "door_note": "4th floor",
        "cash_due": "$12",
        "age_check": "21",
    }
    response = staff.post(reverse("admin:dispatch_order_add"), entered(restaurant) | details)
    assert response.status_code == 302, response.context["errors"]
    order = Order.objects.get()
    assert (order.number, order.door_note, order.cash_due) == ("A-17", "4th floor", "$12")
    assert order.age_check == 21
    assert order.items == [{"count": 2, "text": "Pad Thai"}, {"count": 1, "text": "Tea"}]
    assert "2 × Pad Thai\n1 × Tea" in staff.get(page("order", order)).content.decode()
    no_door = {"customer_lat": "", "customer_lng": ""}
    staff.post(page("order", order), corrected(order, items="3 Tea", **no_door))
    order.refresh_from_db()
    assert order.items == [{"count": 3, "text": "Tea"}]
    too_many = staff.post(page("order", order), corrected(order, items="Tea\n" * 201, **no_door))
    assert list(too_many.context["adminform"].form.errors) == ["items"]


def test_half_a_place_is_refused(staff, restaurant):
    fields = entered(restaurant) | {"customer_lat": "39.76", "customer_lng": ""}
    response = staff.post(reverse("admin:dispatch_order_add"), fields)
    assert response.status_code == 200
    assert "Give both coordinates" in response.content.decode()
    assert not Order.objects.exists()


def corrected(order: Order, **fields: str) -> dict[str, str]:
    now = {
        "customer_name": order.customer_name,
        "customer_phone": order.customer_phone,
        "customer_address": order.customer_address,
        "customer_lat": str(order.customer_lat),
        "customer_lng": str(order.customer_lng),
        "ready_at_0": "",
        "ready_at_1": "",
        "promised_at_0": f"{localtime(order.promise, DENVER):%Y-%m-%d}",
        "promised_at_1": f"{localtime(order.promise, DENVER):%H:%M:%S}",
        "bags": str(order.bags),
    }
    inlines = {
        f"{name}-{count}_FORMS": "0"
        for name in ("events", "promises", "messages", "stops")
        for count in ("TOTAL", "INITIAL")
    }
    return now | inlines | fields


@pytest.mark.django_db(transaction=True)
def test_a_door_that_moves_is_announced_and_planned_anew(staff, order, driver, announced):
    actions.assign(order.pk, driver.pk, actor=actions.SYSTEM)
    version = Order.objects.get().version
    announced.clear()
    tampered = {"status": "delivered", "driver": "", "restaurant": str(UUID(int=1))}
    response = staff.post(page("order", order), corrected(order, customer_lat="39.7601") | tampered)
    assert response.status_code == 302
    after = Order.objects.get()
    assert (after.customer_lat, after.status, after.driver, after.restaurant) == (
        39.7601,
        "assigned",
        driver,
        order.restaurant,
    )
    assert after.version > version
    assert ("assignment", {"driver": driver.pk}) in announced
    assert ("fleet", {"orders": frozenset({order.pk}), "drivers": frozenset({driver.pk})}) in announced

    announced.clear()
    staff.post(page("order", order), corrected(after, customer_name="Grace"))
    assert Order.objects.get().customer_name == "Grace"
    assert [name for name, _ in announced] == ["fleet"]


def test_a_driver_under_way_keeps_an_address_to_drive_to(staff, order, driver):
    actions.assign(order.pk, driver.pk, actor=actions.SYSTEM)
    response = staff.post(page("order", order), corrected(order, customer_lat="", customer_lng=""))
    assert said(response) == ["A driver has this order: the customer's address needs coordinates."]
    assert Order.objects.get().customer_point == order.customer_point


def test_an_order_that_is_over_is_read_only(staff, order):
    actions.cancel(order.pk, actor=actions.SYSTEM)
    assert staff.get(page("order", order)).status_code == 200
    assert staff.post(page("order", order), corrected(order, customer_name="Eve")).status_code == 403


def test_orders_are_never_deleted(order):
    client = signed_in(superuser=True)
    assert (
        client.post(reverse("admin:dispatch_order_delete", args=[order.pk]), {"post": "yes"}).status_code
        == 403
    )
    client.post(ORDERS, chosen("delete_selected", order, post="yes"))
    assert Order.objects.get() == order


def test_the_order_page_shows_its_timeline_and_link(staff, order, driver):
    actions.assign(order.pk, driver.pk, actor=actions.dispatcher("dana"))
    html = staff.get(page("order", order)).content.decode()
    assert f'href="/track/?t={order.tracking_token}"' in html
    assert html.count(driver.name) >= 3  # the order, the event, the stops
    moment = order.events.last().happened_at.astimezone(ZoneInfo("America/Denver"))
    assert f"{moment:%Y-%m-%d %-I:%M:%S %p %Z}" in html
    assert 'name="driver"' not in html
    assert 'name="status"' not in html


def test_assigning_asks_for_a_driver_and_names_what_is_refused(staff, new_order, driver, new_driver):
    off_shift = new_driver(on_shift=False, status="offline")
    waiting, over = new_order(), new_order()
    actions.cancel(over.pk, actor=actions.SYSTEM)

    asked = staff.post(ORDERS, chosen("assign", waiting, over))
    html = asked.content.decode()
    assert driver.name in html
    assert off_shift.name not in html
    assert set(re.findall(r'name="_selected_action" value="([^"]+)"', html)) == {
        str(waiting.pk),
        str(over.pk),
    }
    assert Order.objects.get(pk=waiting.pk).status == "pending"

    done = staff.post(ORDERS, chosen("assign", waiting, over, confirmed="yes", driver=str(driver.pk)))
    assert done.status_code == 302
    assert sorted(said(done)) == [
        "1 assigned.",
        f"{over}: The order is cancelled; it cannot become assigned.",
    ]
    waiting.refresh_from_db()
    assert (waiting.status, waiting.driver) == ("assigned", driver)
    event = waiting.events.last()
    assert (event.actor, event.actor_name) == ("dispatcher", "dana")


def test_assigning_without_a_driver_asks_again(staff, order):
    response = staff.post(ORDERS, chosen("assign", order, confirmed="yes", driver=""))
    assert response.status_code == 200
    assert "This field is required" in response.content.decode()


def test_assigning_from_the_orders_own_page(staff, order, driver):
    response = staff.post(
        page("order", order), {"CHANGE_FORM-action": "assign", "_selected_action": str(order.pk)}
    )
    assert driver.name in response.content.decode()


def test_unassigning(staff, new_order, driver):
    given, waiting = new_order(), new_order()
    actions.assign(given.pk, driver.pk, actor=actions.SYSTEM)
    response = staff.post(ORDERS, chosen("unassign", given, waiting))
    assert sorted(said(response)) == [
        "1 unassigned.",
        f"{waiting}: The order is unassigned; it cannot become unassigned.",
    ]
    assert set(Order.objects.values_list("status", "driver")) == {("pending", None)}


def test_cancelling_wants_a_reason(staff, order, driver):
    actions.assign(order.pk, driver.pk, actor=actions.SYSTEM)
    buttons.report(driver.pk, order.pk, "picked_up")
    assert "Reason" in staff.post(ORDERS, chosen("cancel", order)).content.decode()
    assert staff.post(ORDERS, chosen("cancel", order, confirmed="yes", reason=" ")).status_code == 200
    response = staff.post(ORDERS, chosen("cancel", order, confirmed="yes", reason="Spilled"))
    assert said(response) == ["1 cancelled."]
    assert Order.objects.get().status == OrderStatus.CANCELLED
    assert OrderEvent.objects.last().reason == "Spilled"


def test_an_automatic_pickup_is_undone(staff, new_order, driver):
    automatic, by_button = new_order(), new_order()
    story.bring_to(by_button, driver, "picked_up")
    story.bring_to(automatic, driver, "driver_at_restaurant")
    story.leave(driver, "pickup", automatic)
    response = staff.post(ORDERS, chosen("undo_pickup", automatic, by_button))
    assert sorted(said(response)) == [
        "1 back at the restaurant.",
        f"{by_button}: The driver pressed “picked up”: only an automatic pickup can be undone.",
    ]
    assert story.status(automatic) == "driver_at_restaurant"


def test_closing_for_the_driver_wants_a_reason(staff, order, driver):
    story.bring_to(order, driver, "driver_nearby")
    assert "Handover" in staff.post(ORDERS, chosen("close", order)).content.decode()
    answer = {"confirmed": "yes", "status": "delivered"}
    assert staff.post(ORDERS, chosen("close", order, **answer, reason=" ")).status_code == 200
    assert said(staff.post(ORDERS, chosen("close", order, **answer, reason="He called"))) == ["1 closed."]
    event = story.last_event(order)
    assert (event.to_status, event.actor_name, event.reason) == ("delivered", "dana", "He called")


def test_staff_who_are_no_dispatchers_cannot_assign(order, driver):
    client = signed_in("staff")
    client.post(ORDERS, chosen("assign", order, confirmed="yes", driver=str(driver.pk)))
    client.post(ORDERS, chosen("cancel", order, confirmed="yes", reason="x"))
    assert Order.objects.get().status == "pending"


# ---------------------------------------------------------------------------------- what is only looked at


def test_events_and_history_are_read_only(order, driver):
    client = signed_in(superuser=True)
    event = order.events.get()
    fix = LocationHistory.objects.create(driver=driver, lat=39.7, lng=-104.9, recorded_at=timezone.now())
    for name, obj in (("dispatch_orderevent", event), ("tracking_locationhistory", fix)):
        assert client.get(reverse(f"admin:{name}_changelist")).status_code == 200
        url = reverse(f"admin:{name}_change", args=[obj.pk])
        assert client.get(url).status_code == 200
        assert client.post(url, {}).status_code == 403
        assert client.post(reverse(f"admin:{name}_delete", args=[obj.pk]), {"post": "yes"}).status_code == 403
        assert client.get(reverse(f"admin:{name}_add")).status_code == 403


@pytest.mark.parametrize(
    "name",
    ["alert", "city", "driver", "order", "orderevent", "restaurant", "shift", "locationhistory"],
)
def test_lists_need_the_same_number_of_queries_however_long(
    name, new_order, new_driver, django_assert_num_queries
):
    client = signed_in(superuser=True)
    app = "tracking" if name == "locationhistory" else "dispatch"
    url = reverse(f"admin:{app}_{name}_changelist")

    def add(number: int) -> None:
        town = City.objects.create(name=f"Town {number}", lat=39.7, lng=-104.9)
        kitchen = Restaurant.objects.create(name=f"Kitchen {number}", city=town, lat=39.7, lng=-104.9)
        driver = new_driver(city=town)
        order = new_order(restaurant_id=kitchen.pk)
        actions.assign(order.pk, driver.pk, actor=actions.SYSTEM)
        moment = timezone.now() - timedelta(seconds=number)
        LocationHistory.objects.create(driver=driver, lat=39.7, lng=-104.9, recorded_at=moment)
        Alert.objects.create(
            kind="silent", city=town, driver=driver, order=order, since=moment, fired_at=moment
        )
        Shift.objects.create(driver=driver, city=town, starts_at=moment, ends_at=timezone.now())

    add(1)
    client.get(url)  # content types and the like are cached from here on
    with CaptureQueriesContext(connection) as few:
        assert client.get(url).status_code == 200
    for number in range(2, 8):
        add(number)
    with django_assert_num_queries(len(few.captured_queries)):
        assert "7 " in client.get(url).content.decode()


def test_a_restaurant_has_an_id_at_each_platform(staff, restaurant):
    fields = {"name": restaurant.name, "city": str(restaurant.city_id), "geofence_radius": "150"}
    place = {"lat": str(restaurant.lat), "lng": str(restaurant.lng)}
    entered = rows("on_platforms", {"platform": "deliverect", "external_id": "606f00aa11555"})
    response = staff.post(page("restaurant", restaurant), fields | place | NO_HOURS | entered)
    assert response.status_code == 302, response.context["errors"]
    assert [str(one) for one in restaurant.on_platforms.all()] == ["Deliverect: 606f00aa11555"]
