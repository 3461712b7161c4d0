"""Years of a business in an empty database: rows as they look afterwards, made by PostgreSQL itself."""

from datetime import timedelta
from typing import Any

from django.db import connection, transaction

from delivery.devtools.stack.progress import step
from routing.roads.cities import DENVER
from tracking.ingest import partitions

CITIES, RESTAURANTS, DRIVERS, COURIERS = 10, 1_000, 10_000, 1_000
#: Delivered orders lie so far back, fixes and predictions not quite.
ORDERS_DAYS, FIXES_DAYS, PREDICTIONS_DAYS = 56, 30, 14
PREDICTIONS_PER_ORDER = 5
#: Of an order's stops the roads have not been asked of the drive to so many yet, as after a day.
UNASKED = 1_000

_PLACES = """
INSERT INTO cities (name, lat, lng) SELECT 'City ' || c, %(lat)s, %(lng)s FROM generate_series(1, %(cities)s) c;
CREATE TEMP TABLE c ON COMMIT DROP AS SELECT id, row_number() OVER () - 1 AS n FROM cities;
INSERT INTO restaurants (name, address, city_id, lat, lng)
    SELECT 'Kitchen ' || r, r || ' Market St', c.id, %(lat)s + random() * 0.01, %(lng)s + random() * 0.01
    FROM generate_series(1, %(restaurants)s) r JOIN c ON c.n = r %% %(cities)s;
INSERT INTO drivers (name, phone, city_id, status, on_shift, last_seen_at, fix_at, current_lat, current_lng)
    SELECT 'Driver ' || d, '+1303' || lpad(d::text, 7, '0'), c.id, 'idle', true, now(), now(),
        %(lat)s + random() * 0.01, %(lng)s + random() * 0.01
    FROM generate_series(1, %(drivers)s) d JOIN c ON c.n = d %% %(cities)s;
CREATE TEMP TABLE d ON COMMIT DROP AS SELECT id, city_id, row_number() OVER (ORDER BY phone) - 1 AS n FROM drivers;
CREATE TEMP TABLE r ON COMMIT DROP AS
    SELECT id, city_id, row_number() OVER (PARTITION BY city_id ORDER BY id) - 1 AS n FROM restaurants;
"""
_ORDERS = """
CREATE TEMP TABLE o ON COMMIT DROP AS
    SELECT gen_random_uuid() AS id, i, d.id AS driver, r.id AS restaurant,
        now() - %(period)s + (i / %(couriers)s) * (%(period)s / (%(orders)s / %(couriers)s + 1)) AS at
    FROM generate_series(0, %(orders)s - 1) i
    JOIN d ON d.n = i %% %(couriers)s
    JOIN r ON r.city_id = d.city_id AND r.n = i * 7919::bigint %% (%(restaurants)s / %(cities)s);
INSERT INTO orders (id, customer_name, customer_phone, customer_address, customer_lat, customer_lng, restaurant_id,
    driver_id, status, created_at, delivered_at, ended_at, updated_at)
    SELECT id, (ARRAY['Anna', 'Ben', 'Carla', 'Dan', 'Eva', 'Finn', 'Gina', 'Hans', 'Ida', 'Jon'])[1 + i %% 10]
            || ' Family' || i %% 9973,
        '+1720' || lpad(i::text, 7, '0'), i %% 9999 || ' Street' || i %% 97,
        %(lat)s + random() * 0.01, %(lng)s + random() * 0.01, restaurant, driver, 'delivered', at,
        at + interval '990 s', at + interval '990 s', at + interval '990 s'
    FROM o;
INSERT INTO stops (driver_id, order_id, kind, position, eta, arrived_at, done_at, routed_s, leg)
    SELECT driver, id, kind, 1, at + come, at + come, at + go,
        CASE WHEN i >= %(unasked)s THEN 400 + random() * 200 END,
        (SELECT json_agg(json_build_array(-105 + k * 0.0001, 39.7 + k * 0.0001)) FROM generate_series(1, 20) k)
    FROM o, (VALUES ('pickup', interval '300 s', interval '420 s'), ('dropoff', '900 s', '990 s')) v (kind, come, go);
INSERT INTO order_events (order_id, driver_id, from_status, to_status, actor, happened_at, created_at)
    SELECT id, CASE WHEN before IS NOT NULL THEN driver END, before, later, 'driver', at + happened, at + happened
    FROM o, (VALUES (NULL, 'pending', interval '0 s'), ('pending', 'assigned', '10 s'),
        ('assigned', 'picked_up', '420 s'), ('picked_up', 'delivered', '990 s')) v (before, later, happened)
    ORDER BY o.i, happened;
INSERT INTO eta_predictions (order_id, made_at, arrives_at, approximate, learned, error_s)
    SELECT id, at + k * interval '150 s', at + interval '900 s', false, true, random() * 300 - 100
    FROM o, generate_series(1, %(predictions)s) k WHERE at > now() - %(predicted)s;
"""
_UNDER_WAY = """
CREATE TEMP TABLE u ON COMMIT DROP AS
    SELECT gen_random_uuid() AS id, d.n, d.id AS driver, r.id AS restaurant
    FROM d JOIN r ON r.city_id = d.city_id AND r.n = d.n %% (%(restaurants)s / %(cities)s) WHERE d.n < %(under_way)s;
INSERT INTO orders (id, customer_name, customer_phone, customer_address, customer_lat, customer_lng, restaurant_id,
    driver_id, status, created_at)
    SELECT id, 'Open ' || n, '', n || ' Street', %(lat)s + random() * 0.01, %(lng)s + random() * 0.01, restaurant,
        driver, 'assigned', now() FROM u;
INSERT INTO stops (driver_id, order_id, kind, position)
    SELECT driver, id, kind, position FROM u, (VALUES ('pickup', 1), ('dropoff', 2)) v (kind, position);
"""
_FIXES = """
INSERT INTO location_history (driver_id, lat, lng, speed, recorded_at, received_at)
    SELECT d.id, %(lat)s, %(lng)s, 5, at, at
    FROM generate_series(0, %(fixes)s / %(couriers)s - 1) k
    CROSS JOIN LATERAL (SELECT now() - k * (%(fixed)s / (%(fixes)s / %(couriers)s)) AS at) t
    JOIN d ON d.n < %(couriers)s;
"""


def fill(orders: int, fixes: int, under_way: int) -> None:
    """So many delivered orders with all that they leave behind, fixes, and orders that their drivers have now (one
    each). For a superuser: nothing is checked that is right by how it is made.
    """
    partitions.make_partitions(partitions.today() - timedelta(days=FIXES_DAYS), FIXES_DAYS + 1)
    values: dict[str, Any] = {
        "lat": DENVER.center.lat,
        "lng": DENVER.center.lng,
        "cities": CITIES,
        "restaurants": RESTAURANTS,
        "drivers": DRIVERS,
        "couriers": COURIERS,
        "orders": orders,
        "fixes": fixes,
        "under_way": under_way,
        "unasked": UNASKED,
        "predictions": PREDICTIONS_PER_ORDER,
        "period": timedelta(days=ORDERS_DAYS),
        "fixed": timedelta(days=FIXES_DAYS),
        "predicted": timedelta(days=PREDICTIONS_DAYS),
    }
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        for name, statements in (
            ("cities, restaurants, drivers", _PLACES),
            (f"{orders:,} orders", _ORDERS),
            (f"{under_way:,} orders under way", _UNDER_WAY),
            (f"{fixes:,} fixes", _FIXES),
        ):
            with step(name):
                cursor.execute(statements, values)
    with step("vacuum"), connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
