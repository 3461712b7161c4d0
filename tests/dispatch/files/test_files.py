"""Restaurants, drivers and orders from files and into files, by command and in the admin."""

import csv
import io
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import Permission
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.test import AsyncClient, Client
from django.urls import reverse

from dispatch.files.csv_text import Unreadable
from dispatch.files.importing import Imported, import_text
from dispatch.files.resources import Drivers, Orders, Resource, Restaurants
from dispatch.models import City, DoorFrom, Driver, Order, OrderEvent, Restaurant
from dispatch.orders import actions
from tests.dispatch.test_admin import said

pytestmark = pytest.mark.django_db

ADA = actions.dispatcher("ada")
ORDER = "restaurant,customer_address,external_id\n"


def imported(resource: Resource, text: str, *, dry_run: bool = False, most: int = 100) -> Imported:
    return import_text(text, resource, most_lines=most, dry_run=dry_run)


def refused(resource: Resource, text: str) -> list[str]:
    with pytest.raises(Unreadable) as raised:
        imported(resource, text)
    return list(raised.value.mistakes)


# ------------------------------------------------------------------------------------------------------ orders


def test_an_order_is_placed_as_any_other(restaurant: Restaurant, skills: None) -> None:
    text = (
        "restaurant;customer_name;customer_phone;customer_address;customer_lat;customer_lng;ready_at;bags;needs;items\r\n"
        "larimer noodles;Zoë;'+13035550142;1701 Wynkoop St;39,7527;-104,9992;2026-11-30 18:30;2;alcohol;"
        '"2 × Pad Thai\r\nRice"\r\n'
    )
    assert imported(Orders(ADA), text) == Imported(1, 0)
    order = Order.objects.get()
    assert (order.restaurant, order.customer_name, order.customer_phone) == (
        restaurant,
        "Zoë",
        "+13035550142",
    )
    assert (order.customer_lat, order.customer_lng, order.bags) == (39.7527, -104.9992, 2)
    assert order.ready_at == datetime(2026, 12, 1, 1, 30, tzinfo=UTC)  # by Denver's clocks
    assert order.items == [{"count": 2, "text": "Pad Thai"}, {"count": 1, "text": "Rice"}]
    assert (order.needs, order.door_from, order.promised_at is None) == (
        ["alcohol"],
        DoorFrom.DISPATCHER,
        False,
    )
    event = OrderEvent.objects.get(order=order)
    assert (event.to_status, event.actor_name) == ("pending", "ada")


def test_times_may_have_a_zone(restaurant: Restaurant) -> None:
    imported(Orders(ADA), "restaurant,customer_address,ready_at\nLarimer Noodles,x,2026-11-30T18:30+01:00\n")
    assert Order.objects.get().ready_at == datetime(2026, 11, 30, 17, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("columns", "cells", "said"),
    [
        ("", "", "Line 3, column restaurant: no restaurant is called “Nobody’s”"),
        ("customer_lat,customer_lng", "abc,1", "column customer_lat: “abc” is no number"),
        ("customer_lat,customer_lng", "39.7,", "column customer_lng: give both coordinates, or none"),
        ("customer_lat,customer_lng", "139.7,1", "column customer_lat: "),
        ("customer_lat,customer_lng", "nan,nan", "column customer_lat: “nan” is no number"),
        ("bags", "0", "column bags: "),
        ("bags", "1.5", "column bags: “1.5” is no whole number"),
        ("needs", "flying", "column needs: no skill has the code “flying”"),
        ("ready_at", "tomorrow", "column ready_at: “tomorrow” is no time such as"),
        ("ready_at", "2026-03-08 02:30", "comes twice or never by the clocks of America/Denver"),
        ("ready_at", "9999-12-31 23:59", "that can’t be the year"),
        ("status", "delivered", "column status: this order is delivered"),
        ("items", "1000 x " + "a" * 300, "column items: "),
    ],
)
def test_each_mistake_is_named_with_line_and_column(
    restaurant: Restaurant, skills: None, columns: str, cells: str, said: str
) -> None:
    comma = "," if columns else ""
    wrong = "Nobody’s" if not columns else "Larimer Noodles"
    text = (
        f"restaurant,customer_address{comma}{columns}\n"
        f"Larimer Noodles,right{comma}{',' * columns.count(',')}\n"
        f"{wrong},wrong{comma}{cells}\n"
    )
    found = refused(Orders(ADA), text)
    assert said in found[0]
    assert found[0].startswith("Line 3")
    assert not Order.objects.exists()


def test_all_mistakes_are_named_at_once(restaurant: Restaurant) -> None:
    found = refused(Orders(ADA), "restaurant,customer_address,bags\nX,a,0\nLarimer Noodles,b,1\nY,c,no\n")
    assert [mistake.partition(":")[0] for mistake in found] == [
        "Line 2, column restaurant",
        "Line 2, column bags",
        "Line 4, column restaurant",
        "Line 4, column bags",
    ]


def test_more_mistakes_than_anybody_reads(restaurant: Restaurant) -> None:
    found = refused(Orders(ADA), "restaurant,customer_address\n" + "X,a\n" * 60)
    assert (len(found), found[-1]) == (51, "And 10 more.")


def test_an_external_id_comes_once(restaurant: Restaurant) -> None:
    assert imported(Orders(ADA), f"{ORDER}Larimer Noodles,x,A-1\n").new == 1
    assert "Line 2" in refused(Orders(ADA), f"{ORDER}Larimer Noodles,x,A-1\n")[0]
    assert "Line 3" in refused(Orders(ADA), f"{ORDER}Larimer Noodles,x,A-2\nLarimer Noodles,x,A-2\n")[0]
    assert Order.objects.count() == 1


def test_two_restaurants_of_a_name(restaurant: Restaurant) -> None:
    boulder = City.objects.create(name="Boulder", lat=40.0, lng=-105.3)
    other = Restaurant.objects.create(name="Larimer Noodles", city=boulder, lat=40.0, lng=-105.3)
    head = "restaurant,city,customer_address\n"
    assert "2 are called" in refused(Orders(ADA), f"{head}Larimer Noodles,,x\n")[0]
    imported(Orders(ADA), f"{head}Larimer Noodles,boulder,x\n{restaurant.pk},,y\n")
    assert {order.restaurant for order in Order.objects.all()} == {restaurant, other}


def test_a_dry_run_leaves_nothing(
    restaurant: Restaurant, django_capture_on_commit_callbacks: Callable[..., object]
) -> None:
    with django_capture_on_commit_callbacks() as callbacks:
        assert imported(Orders(ADA), f"{ORDER}Larimer Noodles,x,A-1\n", dry_run=True) == Imported(1, 0)
    assert (Order.objects.count(), OrderEvent.objects.count(), callbacks) == (0, 0, [])


# -------------------------------------------------------------------------------- restaurants and drivers


def test_restaurants_are_added_and_changed(city: City, restaurant: Restaurant) -> None:
    text = (
        "id,name,city,lat,lng,geofence_radius\n"
        f"{restaurant.pk},Wazee Noodles,Denver,39.75,-104.99,150\n"
        ",Pearl Pizza,,40.0,-105.2,\n"
    )
    assert imported(Restaurants(ADA), text) == Imported(1, 1)
    restaurant.refresh_from_db()
    assert (restaurant.name, restaurant.lat, restaurant.geofence_radius) == ("Wazee Noodles", 39.75, 150)
    added = Restaurant.objects.get(name="Pearl Pizza")
    assert (added.city, added.geofence_radius) == (None, 200)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("nonsense,A,,39,-105", "column id: no restaurant has this id"),
        ("c0ffee00-0000-4000-8000-000000000000,A,,39,-105", "column id: no restaurant has this id"),
        (",,,39,-105", "column name"),
        (",A,Nowhere,39,-105", "column city: no city is called “Nowhere”"),
        (",A,,,-105", "column lat"),
    ],
)
def test_what_is_wrong_with_restaurants(city: City, line: str, said: str) -> None:
    assert said in refused(Restaurants(ADA), f"id,name,city,lat,lng\n{line}\n")[0]
    assert not Restaurant.objects.exists()


def test_who_may_only_add_changes_none(restaurant: Restaurant) -> None:
    resource = Restaurants(ADA, may_change=False)
    found = refused(resource, f"id,name,lat,lng\n{restaurant.pk},New,39,-105\n")
    assert "leave it empty" in found[0]


def test_drivers_are_added_and_changed(driver: Driver, skills: None) -> None:
    Driver.objects.filter(pk=driver.pk).update(token_digest="kept")
    head = "id,name,phone,city,vehicle,capacity,skills"
    text = f"{head}\n{driver.pk},Ana,1,Denver,Bicycle,4,alcohol hot_bag\n,Bo,,,,,\n"
    assert imported(Drivers(ADA), text) == Imported(1, 1)
    driver.refresh_from_db()
    assert (driver.name, driver.vehicle, driver.bags, driver.skills) == (
        "Ana",
        "bicycle",
        4,
        ["alcohol", "hot_bag"],
    )
    assert (driver.token_digest, driver.on_shift) == ("kept", True)
    added = Driver.objects.get(name="Bo")
    assert (added.vehicle, added.on_shift, added.token_digest) == ("car", False, None)


# ------------------------------------------------------------------------------------------------- command


def test_the_command_places_all_or_none(restaurant: Restaurant, tmp_path: Path) -> None:
    file = tmp_path / "orders.csv"
    file.write_text(f"{ORDER}Larimer Noodles,1701 Wynkoop St,A-1\n", encoding="utf-8-sig")
    out = io.StringIO()
    call_command("import_orders", str(file), "--dry-run", stdout=out)
    assert (out.getvalue(), Order.objects.count()) == ("1 orders would be placed.\n", 0)
    call_command("import_orders", str(file), stdout=io.StringIO())
    assert Order.objects.get().external_id == "A-1"
    with pytest.raises(CommandError, match=r"No order was placed\.\nLine 2"):
        call_command("import_orders", str(file))
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("import_orders", str(tmp_path / "none.csv"))


# --------------------------------------------------------------------------------------------------- admin


def upload(client: Client, model: str, text: str) -> object:
    file = SimpleUploadedFile("a.csv", text.encode())
    return client.post(reverse(f"admin:dispatch_{model}_import"), {"file": file})


def test_in_the_admin_a_file_is_tried_and_then_imported(admin_client: Client, restaurant: Restaurant) -> None:
    text = f"{ORDER}Larimer Noodles,1701 Wynkoop St,A-1\n"
    tried = upload(admin_client, "order", text)
    assert "1 new order" in tried.content.decode()
    assert not Order.objects.exists()
    url = reverse("admin:dispatch_order_import")
    done = admin_client.post(url, {"text": text, "confirmed": "Import"}, follow=True)
    assert said(done) == ["Imported: 1 new order."]
    assert OrderEvent.objects.get().actor_name == "admin"
    again = admin_client.post(url, {"text": text, "confirmed": "Import"})
    assert "Line 2" in again.content.decode()


@pytest.mark.parametrize("text", ["", "\x00", "name\n<b>x</b>\n"])
def test_what_is_no_file_of_ours_is_said_to_be_none(admin_client: Client, text: str) -> None:
    answer = upload(admin_client, "driver", f"nome\n{text}" if "<" in text else text)
    assert answer.status_code == 200
    assert "<b>x" not in answer.content.decode()
    assert not Driver.objects.exists()


@pytest.mark.parametrize(
    ("permissions", "may_import", "may_export"),
    [([], 403, 403), (["view_driver"], 403, 200), (["add_driver", "view_driver"], 200, 200)],
)
def test_who_may_add_imports_and_who_may_see_exports(
    client: Client, django_user_model: type, permissions: list[str], may_import: int, may_export: int
) -> None:
    user = django_user_model.objects.create_user("sam", password="x", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client.force_login(user)
    assert client.get(reverse("admin:dispatch_driver_import")).status_code == may_import
    assert exported(user, "driver")[0] == may_export


def exported(user: object, model: str, **filters: str) -> tuple[int, str]:
    async def ask() -> tuple[int, str]:
        client = AsyncClient()
        await client.aforce_login(user)
        answer = await client.get(reverse(f"admin:dispatch_{model}_export"), filters)
        if not answer.streaming:
            return answer.status_code, ""
        return answer.status_code, b"".join([part async for part in answer.streaming_content]).decode()

    return async_to_sync(ask)()


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline="")))


def test_what_is_exported_can_be_imported_again(
    admin_user: object, new_order: Callable[..., Order], skills: None
) -> None:
    evil = '=HYPERLINK("https://evil.example","x")'
    new_order(
        customer_name=evil,
        customer_phone="+13035550142",
        customer_address="-1 Test Street",
        external_id="@A-1",
        items=[{"count": 2, "text": "Pad Thai, “hot”"}],
        needs=["alcohol"],
        ready_at=datetime(2026, 11, 30, 18, 30, tzinfo=UTC),
        door_note="two\nlines",
    )
    before = Order.objects.values().get()
    status, text = exported(admin_user, "order")
    [row] = rows(text)
    assert status == 200
    assert (row["customer_name"], row["customer_phone"]) == (f"'{evil}", "'+13035550142")
    assert (row["status"], row["ready_at"]) == ("pending", "2026-11-30 11:30:00-07:00")
    assert not [cell for name, cell in row.items() if cell[:1] in "=+@" and cell]
    assert before["tracking_token"] not in text
    OrderEvent.objects.all().delete()
    Order.objects.all().delete()
    assert imported(Orders(ADA), text.removeprefix("\ufeff")).new == 1
    after = Order.objects.values().get()
    ours = set(Orders(ADA).columns) & before.keys() - {"status", "created_at", "delivered_at"}
    assert {name: after[name] for name in ours} == {name: before[name] for name in ours}


def test_a_guess_is_not_exported_as_if_it_were_known(
    admin_user: object, new_order: Callable[..., Order]
) -> None:
    new_order()
    Order.objects.update(door_from=DoorFrom.INDEX, door_sure=False)
    [row] = rows(exported(admin_user, "order")[1])
    assert (row["customer_lat"], row["customer_lng"]) == ("", "")


def test_drivers_and_restaurants_come_back_as_they_were(
    admin_user: object, driver: Driver, restaurant: Restaurant
) -> None:
    Driver.objects.update(name="=cmd|' /C calc'!A0", token_digest="secret")
    for resource, model in ((Drivers, "driver"), (Restaurants, "restaurant")):
        text = exported(admin_user, model)[1]
        assert "secret" not in text
        before = list(resource._meta.model.objects.values())
        assert imported(resource(ADA), text.removeprefix("\ufeff")) == Imported(0, 1)
        assert list(resource._meta.model.objects.values()) == before


def test_the_lists_filters_hold(admin_user: object, new_order: Callable[..., Order], driver: Driver) -> None:
    new_order(customer_name="Ada")
    actions.assign(new_order(customer_name="Bob").pk, driver.pk, actor=ADA)
    names = [row["customer_name"] for row in rows(exported(admin_user, "order", status__exact="assigned")[1])]
    assert names == ["Bob"]
    assert exported(admin_user, "order", tracking_token__startswith="a")[0] == 400
