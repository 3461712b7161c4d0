"""Those who come in hundreds: their rows, in plain SQL, since who is there before a test begins is not what it is
about, and how soon they are back.
"""

import secrets
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain
from uuid import uuid4

import psycopg

from delivery.devtools.stack.servers import for_libpq
from dispatch.models import Driver
from dispatch.statuses import BEFORE_PICKUP, OrderStatus
from routing.geo import Point
from tests.faults.cluster import Cluster
from tests.faults.office import DriverRow, OrderRow

_DRIVERS = """
INSERT INTO drivers
    (id, name, city_id, on_shift, status, last_seen_at, token_digest, fix_at, current_lat, current_lng)
SELECT id, 'Driver ' || left(id::text, 8), %s, true, 'idle', now(), digest,
    CASE WHEN lat IS NOT NULL THEN now() END, lat, lng
FROM unnest(%s::uuid[], %s::text[]) AS given (id, digest), (VALUES (%s::float8, %s::float8)) AS place (lat, lng)
"""
_RESTAURANT = """
INSERT INTO restaurants (name, city_id, lat, lng, geofence_radius) VALUES ('Kitchen', %s, %s, %s, %s) RETURNING id
"""
_ORDERS = """
INSERT INTO orders (id, restaurant_id, driver_id, status, tracking_token, customer_lat, customer_lng)
SELECT id, %s, driver_id, %s, token, %s, %s
FROM unnest(%s::uuid[], %s::uuid[], %s::text[]) AS given (id, driver_id, token)
"""
_STOPS = """
INSERT INTO stops (driver_id, order_id, kind, position, done_at)
SELECT driver_id, order_id, kind, position, CASE WHEN kind = 'pickup' AND %s THEN now() END
FROM unnest(%s::uuid[], %s::uuid[]) AS given (driver_id, order_id),
    (VALUES ('pickup', 1), ('dropoff', 2)) AS two (kind, position)
"""
_EVENTS = """
INSERT INTO order_events (order_id, driver_id, from_status, to_status, actor)
SELECT order_id, CASE WHEN nth > 1 THEN driver_id END, way[nth - 1], way[nth], 'system'
FROM unnest(%s::uuid[], %s::uuid[]) AS given (driver_id, order_id),
    (SELECT %s::text[] AS way) AS one, generate_series(1, cardinality(way)) AS nth
ORDER BY nth
"""
_WAYS = {
    OrderStatus.ASSIGNED: [OrderStatus.PENDING, OrderStatus.ASSIGNED],
    OrderStatus.PICKED_UP: [OrderStatus.PENDING, OrderStatus.ASSIGNED, OrderStatus.PICKED_UP],
}

#: Of those who come back, so large a part has its snapshot in the promised time.
READY_PART = 0.95
#: Of PostgreSQL's, those of every process together.
CONNECTIONS = 30


@dataclass(frozen=True)
class RestaurantSpec:
    """A restaurant, and the door that all of its orders go to."""

    at: Point
    door: Point
    radius_m: int


def hire(cluster: Cluster, city: str, count: int, at: Point | None = None) -> list[DriverRow]:
    """New drivers on shift; `at`: where their last fix was, if there was one."""
    rows = [DriverRow(str(uuid4()), Driver.new_token()) for _ in range(count)]
    with _connected(cluster) as connection:
        digests = [Driver.digest(row.token) for row in rows]
        place = [at.lat, at.lng] if at else [None, None]
        connection.execute(_DRIVERS, [city, [row.id for row in rows], digests, *place])
    return rows


def hand_out(
    cluster: Cluster, city: str, kitchen: RestaurantSpec, drivers: list[DriverRow], status: OrderStatus
) -> list[OrderRow]:
    """One new order for each of these drivers; `status`: assigned or picked_up."""
    rows = [OrderRow(str(uuid4()), secrets.token_hex(16)) for _ in drivers]
    orders, owners = [row.id for row in rows], [driver.id for driver in drivers]
    door = kitchen.door
    with _connected(cluster) as connection:
        place = [city, kitchen.at.lat, kitchen.at.lng, kitchen.radius_m]
        (restaurant,) = connection.execute(_RESTAURANT, place).fetchone() or ()
        tokens = [row.token for row in rows]
        connection.execute(_ORDERS, [restaurant, status.value, door.lat, door.lng, orders, owners, tokens])
        connection.execute(_STOPS, [status not in BEFORE_PICKUP, owners, orders])
        way = [step.value for step in _WAYS[status]]
        connection.execute(_EVENTS, [owners, orders, way])
    return rows


def assert_back(what: str, waits: Iterable[tuple[str, float]], counts: list[int], ready_s: float) -> None:
    """READY_PART of those who came back had their snapshot within `ready_s`, over few connections to PostgreSQL.

    `waits`: role and seconds of each; `counts`: how many connections there were meanwhile. Prints the figures.
    """
    by_role: defaultdict[str, list[float]] = defaultdict(list)
    for role, seconds in waits:
        by_role[role].append(seconds)
    waited = sorted(chain.from_iterable(by_role.values()))
    most = waited[round(READY_PART * len(waited)) - 1]
    slowest = {role: round(max(seconds), 2) for role, seconds in by_role.items()}
    print(  # noqa: T201 (the figures)
        f"{what}, {len(waited)} come back: half within {waited[len(waited) // 2]:.2f} s, "
        f"{READY_PART:.0%} within {most:.2f} s, the slowest {slowest}; at most {max(counts)} connections"
    )
    assert most <= ready_s, f"{READY_PART:.0%} have their snapshot after {most:.1f} s only"
    assert max(counts) < CONNECTIONS, f"{max(counts)} connections to PostgreSQL"


def _connected(cluster: Cluster) -> psycopg.Connection:
    return psycopg.connect(for_libpq(cluster.env["DATABASE_URL"]))
