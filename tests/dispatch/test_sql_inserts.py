"""An INSERT from psql, with the required columns only, makes a complete row: the defaults stand in the database."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection

from dispatch.models import Driver, Order, Restaurant


def insert(statement: str, *values: Any) -> dict[str, Any]:
    """The row that an INSERT … RETURNING * made."""
    with connection.cursor() as cursor:
        cursor.execute(statement + " RETURNING *", values)
        (row,) = cursor.fetchall()
        return dict(zip((column.name for column in cursor.description), row, strict=True))


def is_now(moment: datetime) -> bool:
    return abs(datetime.now(UTC) - moment) < timedelta(seconds=30)


@pytest.mark.usefixtures("db")
def test_a_city() -> None:
    row = insert("INSERT INTO cities (name, lat, lng) VALUES ('Boulder', 40.0, -105.3)")
    assert UUID(str(row["id"])).version == 4
    assert (row["time_zone"], row["show_driver_from"]) == ("America/Denver", "to_restaurant")


@pytest.mark.usefixtures("db")
def test_a_restaurant() -> None:
    row = insert("INSERT INTO restaurants (name, lat, lng) VALUES ('Tacos', 39.7, -105.0)")
    assert UUID(str(row["id"])).version == 4
    assert (row["geofence_radius"], row["address"], row["city_id"]) == (200, "", None)
    assert is_now(row["created_at"])


@pytest.mark.usefixtures("db")
def test_a_driver() -> None:
    row = insert("INSERT INTO drivers (name) VALUES ('Ada')")
    assert UUID(str(row["id"])).version == 4
    assert (row["status"], row["on_shift"], row["phone"], row["version"]) == ("offline", False, "", 1)
    assert (row["current_lat"], row["current_lng"], row["fix_at"], row["last_seen_at"]) == (None,) * 4
    assert (row["token_digest"], row["simulated"]) == (None, False)
    assert (row["vehicle"], row["capacity"], row["break_until"]) == ("car", None, None)
    assert Driver.objects.get(pk=row["id"]).skills == []
    assert is_now(row["created_at"])
    assert is_now(row["updated_at"])


def test_an_order(restaurant: Restaurant) -> None:
    row = insert("INSERT INTO orders (restaurant_id) VALUES (%s)", restaurant.pk)
    assert UUID(str(row["id"])).version == 4
    assert re.fullmatch(r"[0-9a-f]{32}", row["tracking_token"])
    assert (row["status"], row["version"], row["driver_id"]) == ("pending", 1, None)
    assert (row["eta_minutes"], row["problem"], row["delivered_at"]) == (None, "", None)
    assert is_now(row["created_at"])
    assert is_now(row["updated_at"])


def test_every_order_of_one_statement_gets_its_own_token(restaurant: Restaurant) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO orders (restaurant_id) SELECT %s FROM generate_series(1, 500) RETURNING tracking_token",
            [restaurant.pk],
        )
        assert len({token for (token,) in cursor.fetchall()}) == 500


def test_such_an_order_can_be_read_by_the_orm(restaurant: Restaurant) -> None:
    row = insert("INSERT INTO orders (restaurant_id) VALUES (%s)", restaurant.pk)
    order = Order.objects.get(pk=row["id"])
    assert (order.customer_name, order.customer_point, order.needs) == ("", None, [])


def test_an_event(order: Order) -> None:
    row = insert(
        "INSERT INTO order_events (order_id, to_status, actor) VALUES (%s, 'pending', 'platform')", order.pk
    )
    assert (row["from_status"], row["evidence"], row["reason"], row["actor_name"]) == (None, None, "", "")
    assert is_now(row["happened_at"])
    assert is_now(row["created_at"])


def test_a_stop(order: Order, driver: Driver) -> None:
    row = insert(
        "INSERT INTO stops (order_id, driver_id, kind, position) VALUES (%s, %s, 'pickup', 1)",
        order.pk,
        driver.pk,
    )
    assert UUID(str(row["id"])).version == 4
    assert (row["eta"], row["leg"], row["arrived_at"], row["left_at"], row["done_at"]) == (None,) * 5


def test_a_fix_goes_into_todays_partition(driver: Driver) -> None:
    row = insert("INSERT INTO location_history (driver_id, lat, lng) VALUES (%s, 39.7, -105.0)", driver.pk)
    assert is_now(row["recorded_at"])
    assert is_now(row["received_at"])
    assert row["id"] > 0
    with connection.cursor() as cursor:
        cursor.execute("SELECT tableoid::regclass::text FROM location_history WHERE id = %s", [row["id"]])
        assert cursor.fetchone() == (f"location_history_{row['recorded_at'].astimezone(UTC):%Y%m%d}",)
