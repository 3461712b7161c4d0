"""Versions are the database's own: whatever clients see of a row counts, whoever changes it."""

from datetime import datetime
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from dispatch.models import Driver, Order, Restaurant


def sql(statement: str, *values: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


def state(row: Order | Driver) -> tuple[int, datetime]:
    row.refresh_from_db()
    return row.version, row.updated_at


def assert_next_version(row: Order | Driver, before: tuple[int, datetime]) -> None:
    version, updated_at = state(row)
    assert version == before[0] + 1
    assert updated_at > before[1]


@pytest.mark.parametrize(
    "change",
    ["eta_minutes = 7", "customer_name = 'Ada'", "problem = 'roads_away'", "bags = 3", "version = 99"],
)
def test_an_update_of_an_order_from_psql_is_its_next_version(order: Order, change: str) -> None:
    before = state(order)
    sql(f"UPDATE orders SET {change} WHERE id = %s", order.pk)  # noqa: S608
    assert_next_version(order, before)


def test_an_update_that_changes_nothing_is_none(order: Order, driver: Driver) -> None:
    before = state(order), state(driver)
    sql("UPDATE orders SET eta_minutes = eta_minutes, customer_name = customer_name")
    sql("UPDATE drivers SET name = name, capacity = capacity")
    driver.save()
    assert (state(order), state(driver)) == before


@pytest.mark.parametrize(
    "change",
    [
        "name = 'Ada'",
        "phone = '+1 303 555 0100'",
        "city_id = NULL",
        "status = 'delivering'",
        "on_shift = NOT on_shift",
        "vehicle = 'bicycle'",
        "capacity = 2",
        "skills = '[\"alcohol\"]'",
        "break_until = now()",
        "simulated = true",
    ],
)
def test_what_clients_see_of_a_driver_beside_the_position(driver: Driver, change: str) -> None:
    before = state(driver)
    sql(f"UPDATE drivers SET {change} WHERE id = %s", driver.pk)  # noqa: S608
    assert_next_version(driver, before)


def test_a_fix_is_no_version_of_a_driver(driver: Driver) -> None:
    before = state(driver)
    sql(
        "UPDATE drivers SET current_lat = 39.7, current_lng = -105.0, fix_at = now(), last_seen_at = now(),"
        " fix_session = 'run', fix_seq = 4"
    )
    Driver.objects.update(current_lat=39.8, last_seen_at=timezone.now())
    assert state(driver) == before


def test_rows_that_are_touched_have_changed(order: Order, driver: Driver) -> None:
    before = state(order), state(driver)
    assert Order.objects.touch() == 1
    assert Driver.objects.filter(pk=driver.pk).touch() == 1
    assert_next_version(order, before[0])
    assert_next_version(driver, before[1])


def test_a_row_read_long_ago_and_saved_takes_no_version_back(order: Order, restaurant: Restaurant) -> None:
    stale = Order.objects.get(pk=order.pk)
    Order.objects.touch()
    before = state(order)
    stale.customer_name = "Ada"
    stale.save()
    assert_next_version(order, before)
