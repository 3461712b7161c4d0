"""What the database itself holds to be true, whoever writes: CHECKs and uniqueness, tried with plain SQL."""

from typing import Any
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, transaction

from dispatch.models import City, Driver, Order, Restaurant

NAN, INFINITY = float("nan"), float("inf")


def insert(table: str, **columns: Any) -> Any:
    """A row by plain SQL with these columns alone; its id."""
    with connection.cursor() as cursor:
        values = ", ".join(["%s"] * len(columns))
        cursor.execute(
            f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({values}) RETURNING id",  # noqa: S608
            list(columns.values()),
        )
        return cursor.fetchone()[0]


def update(table: str, row: Any, **columns: Any) -> None:
    with connection.cursor() as cursor:
        assignments = ", ".join(f"{name} = %s" for name in columns)
        cursor.execute(f"UPDATE {table} SET {assignments} WHERE id = %s", [*columns.values(), row])  # noqa: S608


# ----------------------------------------------------------------------------------------------- coordinates

COORDINATES = [
    ("cities", "lat", "lng", "cities_position_on_globe"),
    ("restaurants", "lat", "lng", "restaurants_position_on_globe"),
    ("drivers", "current_lat", "current_lng", "drivers_position_on_globe"),
    ("orders", "customer_lat", "customer_lng", "orders_customer_on_globe"),
]
NOWHERE = [
    (90.0001, 0.0),
    (-90.0001, 0.0),
    (0.0, 180.0001),
    (0.0, -180.0001),
    (NAN, 0.0),
    (0.0, NAN),
    (INFINITY, 0.0),
    (0.0, -INFINITY),
    (None, 0.0),
    (0.0, None),
]


@pytest.fixture
def rows(city: City, restaurant: Restaurant, driver: Driver, order: Order) -> dict[str, Any]:
    return {"cities": city.pk, "restaurants": restaurant.pk, "drivers": driver.pk, "orders": order.pk}


@pytest.mark.parametrize(("table", "lat", "lng", "constraint"), COORDINATES)
def test_nothing_is_nowhere(rows: dict[str, Any], table: str, lat: str, lng: str, constraint: str) -> None:
    for values in NOWHERE:
        with (
            pytest.raises(IntegrityError, match=rf"{constraint}|null value in column \"(lat|lng)\""),
            transaction.atomic(),
        ):
            update(table, rows[table], **dict(zip((lat, lng), values, strict=True)))


@pytest.mark.parametrize(("table", "lat", "lng", "constraint"), COORDINATES)
def test_the_whole_globe_may_be_used(
    rows: dict[str, Any], table: str, lat: str, lng: str, constraint: str
) -> None:
    for values in [(90.0, 180.0), (-90.0, -180.0), (0.0, 0.0), (39.7, -105.0)]:
        update(table, rows[table], **dict(zip((lat, lng), values, strict=True)))


@pytest.mark.parametrize(("table", "lat", "lng", "constraint"), COORDINATES[2:])
def test_drivers_and_customers_may_have_no_position(
    rows: dict[str, Any], table: str, lat: str, lng: str, constraint: str
) -> None:
    update(table, rows[table], **{lat: None, lng: None})


def test_no_fix_is_nowhere(driver: Driver) -> None:
    for lat, lng in NOWHERE:
        with (
            pytest.raises(IntegrityError, match=r"on_globe|null value in column \"(lat|lng)\""),
            transaction.atomic(),
        ):
            insert("location_history", driver_id=driver.pk, lat=lat, lng=lng)


# --------------------------------------------------------------------------------------------- other columns


@pytest.mark.parametrize("radius", [-1, 0, 19, 5001])
def test_a_geofence_that_is_no_use(restaurant: Restaurant, radius: int) -> None:
    with pytest.raises(IntegrityError, match="restaurants_geofence_radius_range"):
        update("restaurants", restaurant.pk, geofence_radius=radius)


@pytest.mark.parametrize("radius", [20, 5000])
def test_the_smallest_and_the_largest_geofence(restaurant: Restaurant, radius: int) -> None:
    update("restaurants", restaurant.pk, geofence_radius=radius)


@pytest.mark.parametrize(
    ("table", "column", "value", "constraint"),
    [
        ("orders", "status", "lost", "orders_status_known"),
        ("orders", "status", "", "orders_status_known"),
        ("drivers", "status", "busy", "drivers_status_known"),
        ("cities", "show_driver_from", "assigned", "cities_show_driver_from_known"),
        ("orders", "eta_minutes", -1, "orders_eta_minutes_positive"),
    ],
)
def test_a_value_that_nobody_knows(
    rows: dict[str, Any], table: str, column: str, value: object, constraint: str
) -> None:
    with pytest.raises(IntegrityError, match=constraint):
        update(table, rows[table], **{column: value})


@pytest.mark.parametrize("status", ["pending", "cancelled", "failed"])
def test_what_is_not_delivered_has_no_time_of_delivery(order: Order, status: str) -> None:
    with pytest.raises(IntegrityError, match="orders_delivered_at_when_delivered"):
        ended = None if status == "pending" else "2027-01-01"
        update("orders", order.pk, status=status, delivered_at="2027-01-01", ended_at=ended)


def test_what_is_not_over_has_none(order: Order) -> None:
    with pytest.raises(IntegrityError, match="orders_ended_at_when_over"):
        update("orders", order.pk, ended_at="2027-01-01")


def test_a_delivered_order(order: Order) -> None:
    update("orders", order.pk, status="delivered", delivered_at="2027-01-01", ended_at="2027-01-01")


@pytest.mark.parametrize(
    "status", ["assigned", "to_restaurant", "driver_at_restaurant", "picked_up", "driver_nearby"]
)
def test_nobody_delivers_an_order_without_a_driver(order: Order, driver: Driver, status: str) -> None:
    with pytest.raises(IntegrityError, match="orders_active_has_driver"), transaction.atomic():
        update("orders", order.pk, status=status)
    update("orders", order.pk, status="picked_up", driver_id=driver.pk)
    with pytest.raises(IntegrityError, match="orders_active_has_driver"):
        update("orders", order.pk, driver_id=None)


# ------------------------------------------------------------------------------------------------- drivers


def test_a_driver_goes_by_what_we_know(driver: Driver) -> None:
    with pytest.raises(IntegrityError, match="drivers_vehicle_known"):
        update("drivers", driver.pk, vehicle="zeppelin")


@pytest.mark.parametrize("bags", [0, -1, 101])
def test_a_driver_carries_something(driver: Driver, bags: int) -> None:
    with pytest.raises(IntegrityError, match="drivers_capacity_range"):
        update("drivers", driver.pk, capacity=bags)


@pytest.mark.parametrize(("table", "column"), [("drivers", "skills"), ("orders", "needs")])
def test_skills_are_a_list_whoever_writes_them(rows: dict[str, Any], table: str, column: str) -> None:
    update(table, rows[table], **{column: '["alcohol"]'})
    with pytest.raises(IntegrityError, match=f"{table}_{column}_list"):
        update(table, rows[table], **{column: '{"alcohol": true}'})


@pytest.mark.parametrize(
    ("vehicle", "capacity", "bags"),
    [("car", None, 6), ("scooter", None, 4), ("bicycle", None, 3), ("foot", None, 2), ("foot", 7, 7)],
)
def test_a_driver_carries_what_the_vehicle_takes_or_what_staff_say(
    db: None, vehicle: str, capacity: int | None, bags: int
) -> None:
    row = insert("drivers", name="Ada", vehicle=vehicle, capacity=capacity)
    assert Driver.objects.get(pk=row).bags == bags


# --------------------------------------------------------------------------------------------------- stops


def test_a_stop_is_a_pickup_or_a_dropoff(order: Order, driver: Driver) -> None:
    with pytest.raises(IntegrityError, match="stops_kind_known"):
        insert("stops", order_id=order.pk, driver_id=driver.pk, kind="lunch", position=1)


def test_an_order_is_picked_up_once(order: Order, driver: Driver) -> None:
    insert("stops", order_id=order.pk, driver_id=driver.pk, kind="pickup", position=1)
    insert("stops", order_id=order.pk, driver_id=driver.pk, kind="dropoff", position=2)
    with pytest.raises(IntegrityError, match="stops_one_of_a_kind_per_order"):
        insert("stops", order_id=order.pk, driver_id=driver.pk, kind="pickup", position=3)


@pytest.mark.parametrize(
    ("arrived_at", "left_at", "possible"),
    [
        (None, None, True),
        ("2027-01-01 12:00Z", None, True),
        ("2027-01-01 12:00Z", "2027-01-01 12:00Z", True),
        ("2027-01-01 12:00Z", "2027-01-01 11:59Z", False),
        (None, "2027-01-01 12:00Z", False),
    ],
)
def test_who_leaves_was_there_before(
    order: Order, driver: Driver, arrived_at: str | None, left_at: str | None, possible: bool
) -> None:
    stop = insert("stops", order_id=order.pk, driver_id=driver.pk, kind="pickup", position=1)
    if possible:
        update("stops", stop, arrived_at=arrived_at, left_at=left_at)
    else:
        with pytest.raises(IntegrityError, match="stops_left_after_arrival"):
            update("stops", stop, arrived_at=arrived_at, left_at=left_at)


# ---------------------------------------------------------------------------------------------- unique, kept


def test_a_tracking_link_leads_to_one_order(order: Order, restaurant: Restaurant) -> None:
    with pytest.raises(IntegrityError, match="tracking_token"):
        insert("orders", restaurant_id=restaurant.pk, tracking_token=order.tracking_token)


def test_a_bearer_token_is_one_drivers(new_driver: Any) -> None:
    new_driver(token_digest="d")
    with pytest.raises(IntegrityError, match="token_digest"):
        insert("drivers", name="Another", token_digest="d")


def test_cities_have_different_names(city: City) -> None:
    with pytest.raises(IntegrityError, match="name"):
        insert("cities", name=city.name, lat=0, lng=0)


@pytest.mark.parametrize("column", ["restaurant_id", "driver_id"])
def test_an_order_refers_to_what_there_is(order: Order, column: str) -> None:
    update("orders", order.pk, **{column: uuid4()})
    with pytest.raises(IntegrityError, match="foreign key"):
        connection.check_constraints()
