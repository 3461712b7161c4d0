"""Every ETA that was made, and how far it was off in the end: what ETAs are judged by, and learn from."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F, Func, Value

from dispatch.clock import database_now
from dispatch.models import EtaPrediction, Order, Stop
from dispatch.statuses import StopKind
from routing.eta import EDGES_S, Miss

#: Predictions are alike between these horizons (minutes ahead).
HORIZONS_MIN = [edge_s / 60 for edge_s in EDGES_S]
#: Of millions of predictions so many are in memory.
_AT_ONCE = 2_000


def settle(order: Order, handed_over_at: datetime | None) -> None:
    """The order is delivered: what was predicted of it was so far off. The arrival counts, where one was seen.

    `handed_over_at`: by the driver's button; None where only a dispatcher's word says that it is delivered.
    """
    dropoff = Stop.objects.filter(order=order, kind=StopKind.DROPOFF).first()
    arrived_at = dropoff.arrived_at if dropoff is not None and dropoff.arrived_at else handed_over_at
    if arrived_at is None:
        return
    off = Func(Value(arrived_at) - F("arrives_at"), template="extract(epoch FROM %(expressions)s)")
    EtaPrediction.objects.filter(order=order).update(error_s=off)


def forget_old() -> int:
    """Deletes predictions that are older than ETA_PREDICTIONS_DAYS; returns how many."""
    before = database_now() - timedelta(days=settings.ETA_PREDICTIONS_DAYS)
    return EtaPrediction.objects.filter(made_at__lt=before).delete()[0]


@dataclass(frozen=True)
class Accuracy:
    """How good the predictions of a group were (seconds; late is positive).

    `bias_s`: the median error; `median_s`, `p80_s`: of its size.
    """

    city: str
    hour: int | None
    horizon: str | None
    predictions: int
    orders: int
    bias_s: float
    median_s: float
    p80_s: float


_REPORT = """
SELECT coalesce(c.name, ''), {hour}, {horizon},
    count(*), count(DISTINCT p.order_id),
    percentile_cont(0.5) WITHIN GROUP (ORDER BY p.error_s),
    percentile_cont(0.5) WITHIN GROUP (ORDER BY abs(p.error_s)),
    percentile_cont(0.8) WITHIN GROUP (ORDER BY abs(p.error_s))
FROM eta_predictions p
JOIN orders o ON o.id = p.order_id
JOIN restaurants r ON r.id = o.restaurant_id
LEFT JOIN cities c ON c.id = r.city_id
WHERE p.error_s IS NOT NULL AND p.made_at >= %(since)s AND (p.approximate = %(approximate)s)
GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
"""
_HORIZON = "width_bucket(extract(epoch FROM p.arrives_at - p.made_at)::float8 / 60, %(edges)s::float8[])"
_LOCAL_HOUR = "extract(hour FROM p.made_at AT TIME ZONE coalesce(c.time_zone, 'UTC'))::int"


def report(
    since: datetime, *, by_horizon: bool = True, by_hour: bool = False, approximate: bool = False
) -> Iterator[Accuracy]:
    """By city, horizon and hour of the day by the city's clocks (as asked for), of predictions made since then.

    `approximate`: of those along straight lines, or of a silent driver, instead of the others.
    """
    query = _REPORT.format(
        hour=_LOCAL_HOUR if by_hour else "NULL::int", horizon=_HORIZON if by_horizon else "NULL::int"
    )
    values: dict[str, Any] = {"edges": HORIZONS_MIN, "since": since, "approximate": approximate}
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        for city, hour, bucket, *figures in cursor.fetchall():
            yield Accuracy(city, hour, None if bucket is None else _horizon(bucket), *figures)


_MISSES = """
SELECT DISTINCT ON (p.order_id, bucket) r.city_id, extract(epoch FROM p.arrives_at - p.made_at)::float8,
    p.error_s, {horizon} AS bucket
FROM eta_predictions p
JOIN orders o ON o.id = p.order_id
JOIN restaurants r ON r.id = o.restaurant_id
WHERE p.error_s IS NOT NULL AND p.learned AND NOT p.approximate AND p.made_at >= %(since)s
    AND r.city_id IS NOT NULL
ORDER BY p.order_id, bucket, p.id
"""


def misses(since: datetime) -> Iterator[Miss[UUID]]:
    """What ranges are learned from: each order's first prediction of a horizon, by city (id).

    A few at a time, by a cursor on the server; in one transaction, which PgBouncer gives one session.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        query = f"DECLARE misses NO SCROLL CURSOR FOR {_MISSES.format(horizon=_HORIZON)}"
        cursor.execute(query, {"edges": HORIZONS_MIN, "since": since})
        while True:
            cursor.execute("FETCH %s FROM misses", [_AT_ONCE])
            for city_id, horizon_s, error_s, _ in cursor.fetchall():
                yield Miss(city_id, horizon_s, error_s)
            if not cursor.rowcount:
                break
        cursor.execute("CLOSE misses")


def _horizon(bucket: int) -> str:
    """ "10–15 min", as `width_bucket` numbers them."""
    if bucket == 0:
        return f"under {HORIZONS_MIN[0]:g} min"
    if bucket == len(HORIZONS_MIN):
        return f"over {HORIZONS_MIN[-1]:g} min"
    return f"{HORIZONS_MIN[bucket - 1]:g}–{HORIZONS_MIN[bucket]:g} min"
