"""A fleet at work, put straight into the tables: thousands of drivers and open orders within seconds.

Nobody arrives anywhere: drivers go to and fro in the southern half of their city, and what they are to visit lies in
the northern half, beyond the reach of every geofence. So nothing changes for as long as a test lasts, but ETAs.
"""

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from random import Random
from typing import Any, Protocol
from uuid import UUID, uuid4

from dispatch.models import Driver
from dispatch.statuses import DriverStatus, OrderStatus
from routing.geo import Point, destination
from routing.roads.cities import CITIES

#: In each city.
RESTAURANTS = 40
#: Metres from the city's centre: northwards where drivers begin and where they go to, and eastwards at most.
DRIVERS_NORTH = (-600.0, -250.0)
PLACES_NORTH = (300.0, 700.0)
EAST = 500.0
FENCE_M = 50

_CITIES = """
INSERT INTO cities (id, name, lat, lng, time_zone)
SELECT * FROM unnest(%s::uuid[], %s::text[], %s::float8[], %s::float8[], %s::text[])
"""
_RESTAURANTS = """
INSERT INTO restaurants (id, name, city_id, lat, lng, geofence_radius)
SELECT id, 'Kitchen ' || n, city, lat, lng, %s
FROM unnest(%s::uuid[], %s::uuid[], %s::float8[], %s::float8[]) WITH ORDINALITY AS given (id, city, lat, lng, n)
"""
_DRIVERS = """
INSERT INTO drivers
    (id, name, city_id, token_digest, status, current_lat, current_lng, on_shift, fix_at, last_seen_at)
SELECT id, 'Driver ' || n, city, digest, status, lat, lng, true, now(), now()
FROM unnest(%s::uuid[], %s::uuid[], %s::text[], %s::text[], %s::float8[], %s::float8[])
    WITH ORDINALITY AS given (id, city, digest, status, lat, lng, n)
"""
_ORDERS = """
INSERT INTO orders (id, restaurant_id, driver_id, tracking_token, status, customer_lat, customer_lng, customer_name,
    customer_address)
SELECT id, restaurant, driver, token, status, lat, lng, 'Customer ' || n, n || ' North Street'
FROM unnest(%s::uuid[], %s::uuid[], %s::uuid[], %s::text[], %s::text[], %s::float8[], %s::float8[])
    WITH ORDINALITY AS given (id, restaurant, driver, token, status, lat, lng, n)
"""
_STOPS = """
INSERT INTO stops (driver_id, order_id, kind, position, arrived_at, done_at)
SELECT driver, id, kind, 2 * n + position, done, done
FROM unnest(%(drivers)s::uuid[], %(orders)s::uuid[], %(statuses)s::text[])
        WITH ORDINALITY AS given (driver, id, status, n)
    CROSS JOIN (VALUES ('pickup', 0), ('dropoff', 1)) AS two (kind, position)
    CROSS JOIN LATERAL (SELECT CASE WHEN kind = 'pickup' AND status = 'picked_up' THEN now() END AS done) AS visit
"""
_EVENTS = """
INSERT INTO order_events (order_id, driver_id, from_status, to_status, actor)
SELECT id, CASE WHEN before IS NOT NULL THEN driver END, before, later, 'system'
FROM unnest(%(drivers)s::uuid[], %(orders)s::uuid[], %(statuses)s::text[]) AS given (driver, id, status)
    CROSS JOIN LATERAL (VALUES (1, NULL, 'pending'), (2, 'pending', 'assigned'), (3, 'assigned', status))
        AS steps (nth, before, later)
ORDER BY nth
"""
#: On the way to the restaurant, and from it to the door, in turn.
_AT_WORK = (
    (OrderStatus.TO_RESTAURANT, DriverStatus.TO_RESTAURANT),
    (OrderStatus.PICKED_UP, DriverStatus.DELIVERING),
)


class Cursor(Protocol):
    """Django's, or psycopg's own."""

    def execute(self, query: Any, params: Any = ..., /) -> Any: ...


@dataclass(frozen=True)
class FleetDriver:
    """The token signs the app in. `start`: where the driver is; north of it lie 250 m without a geofence."""

    id: UUID
    city: UUID
    token: str
    start: Point


@dataclass(frozen=True)
class FleetOrder:
    """`tracking_token` opens the customer's page."""

    id: UUID
    driver: FleetDriver
    tracking_token: str


@dataclass(frozen=True)
class Fleet:
    drivers: Sequence[FleetDriver]
    orders: Sequence[FleetOrder]


def fill(cursor: Cursor, drivers: int, orders: int, rng: Random) -> Fleet:
    """Drivers on shift, dealt out to the cities of the default roads, and orders to the drivers: half of them are on
    the way to a restaurant. In a database without these cities; ids and tokens do not follow from `rng`.
    """
    cities = {uuid4(): city for city in CITIES}
    centers = {id_: city.center for id_, city in cities.items()}
    cursor.execute(
        _CITIES,
        [
            list(cities),
            [city.name for city in CITIES],
            [city.center.lat for city in CITIES],
            [city.center.lng for city in CITIES],
            [city.time_zone for city in CITIES],
        ],
    )
    kitchens = {id_: [uuid4() for _ in range(RESTAURANTS)] for id_ in cities}
    owners = [city for city, ids in kitchens.items() for _ in ids]
    places = [_place(centers[city], PLACES_NORTH, rng) for city in owners]
    ids = [id_ for each in kitchens.values() for id_ in each]
    cursor.execute(_RESTAURANTS, [FENCE_M, ids, owners, *_degrees(places)])

    fleet = [
        FleetDriver(uuid4(), city, Driver.new_token(), _place(centers[city], DRIVERS_NORTH, rng))
        for city in islice(_again(list(cities)), drivers)
    ]
    statuses = [_AT_WORK[n % 2][1] if n < orders else DriverStatus.IDLE for n in range(drivers)]
    cursor.execute(
        _DRIVERS,
        [
            [driver.id for driver in fleet],
            [driver.city for driver in fleet],
            [Driver.digest(driver.token) for driver in fleet],
            [status.value for status in statuses],
            *_degrees([driver.start for driver in fleet]),
        ],
    )

    carried = [FleetOrder(uuid4(), driver, secrets.token_hex(16)) for driver in islice(_again(fleet), orders)]
    doors = [_place(centers[order.driver.city], PLACES_NORTH, rng) for order in carried]
    rows: dict[str, Sequence[UUID | str]] = {
        "orders": [order.id for order in carried],
        "drivers": [order.driver.id for order in carried],
        "statuses": [_AT_WORK[n % len(fleet) % 2][0].value for n in range(orders)],
    }
    cursor.execute(
        _ORDERS,
        [
            rows["orders"],
            [rng.choice(kitchens[order.driver.city]) for order in carried],
            rows["drivers"],
            [order.tracking_token for order in carried],
            rows["statuses"],
            *_degrees(doors),
        ],
    )
    cursor.execute(_STOPS, rows)
    cursor.execute(_EVENTS, rows)
    # As autovacuum does within a minute.
    cursor.execute("ANALYZE cities, restaurants, drivers, orders, stops, order_events")
    return Fleet(fleet, carried)


def _again[T](each: Sequence[T]) -> Iterator[T]:
    """All of them, again and again."""
    while each:
        yield from each


def _place(center: Point, north: tuple[float, float], rng: Random) -> Point:
    return destination(destination(center, 0, rng.uniform(*north)), 90, rng.uniform(-EAST, EAST))


def _degrees(points: Sequence[Point]) -> tuple[list[float], list[float]]:
    return [point.lat for point in points], [point.lng for point in points]
