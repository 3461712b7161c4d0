"""Repairs what the channel layer lost. PostgreSQL is the truth; every few seconds each process compares.

One query each finds the orders, drivers and alerts that changed lately; whoever among the local sockets knows an
older version is given the new state. A restart of Redis, a dropped message or a subscription that came too late heals
by itself.
"""

import asyncio
import logging
from collections.abc import Collection
from contextlib import suppress
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from django.db import InterfaceError, OperationalError, connection
from redis.exceptions import RedisError

from dispatch.models import Alert, Conflict, Driver, Order
from tracking.database import in_thread
from tracking.protocol import groups
from tracking.sockets import broadcast, snapshots
from tracking.sockets.subscriptions import Subscriptions

logger = logging.getLogger(__name__)

#: Looks back this much farther than the last look: a transaction's rows show up when it commits.
OVERLAP = timedelta(seconds=15)


async def keep_reconciling(subscriptions: Subscriptions, every_s: float, now: asyncio.Event) -> None:
    """Reconciles every so many seconds, and at once when `now` is set."""
    since: datetime | None = None
    while True:
        with suppress(TimeoutError):
            await asyncio.wait_for(now.wait(), every_s)
        now.clear()
        try:
            since = await reconcile(subscriptions, since)
        except (OperationalError, InterfaceError):
            logger.warning("PostgreSQL is away; reconciliation waits for it")
            await asyncio.sleep(every_s)
        except RedisError as away:
            logger.warning("Redis is away, cities are joined once it is back: %s", type(away).__name__)
            await asyncio.sleep(every_s)


async def reconcile(subscriptions: Subscriptions, since: datetime | None) -> datetime | None:
    """Brings the sockets of this process up to date with what changed since the last look. Returns when it looked;
    None while nobody is here: whoever comes is sent a snapshot.
    Raises redis.RedisError where a new city can't be joined.
    """
    if not subscriptions:
        return None
    changed = await in_thread(_changed)(since)
    lagging = [
        {
            row.pk
            for row in rows
            if any(m.lacks(row.key, row.v) for group in row.groups for m in subscriptions.of(group))
        }
        for rows in (changed.orders, changed.drivers, changed.conflicts, changed.alerts)
    ]
    if any(lagging):
        for group, message in await in_thread(_messages)(*lagging):
            for member in list(subscriptions.of(group)):
                await member.dispatch(message)
    # Last, as this alone asks Redis: what PostgreSQL knows is shown while Redis is away.
    for member in list(subscriptions.of(groups.city(None))):
        await member.dispatch({"type": "cities.found", "cities": changed.cities})
    return changed.looked_at


class Row(NamedTuple):
    """An order, driver, conflict or alert that changed, and the groups that should have heard of it."""

    pk: UUID
    v: int
    key: str
    groups: tuple[str, ...]


def _messages(
    orders: Collection[UUID], drivers: Collection[UUID], conflicts: Collection[UUID], alerts: Collection[UUID]
) -> list[tuple[str, broadcast.Message]]:
    fleet = broadcast.fleet_messages(orders, drivers) if orders or drivers else []
    return [
        *fleet,
        *(broadcast.conflict_messages(conflicts) if conflicts else []),
        *(broadcast.alert_messages(alerts) if alerts else []),
    ]


class _Changed(NamedTuple):
    """What changed since the last look, when that was (by the database's clock), and all cities."""

    looked_at: datetime
    orders: list[Row]
    drivers: list[Row]
    conflicts: list[Row]
    alerts: list[Row]
    cities: list[str]


def _changed(since: datetime | None) -> _Changed:
    # By the database's clock, which wrote `updated_at`: this machine's may be another one.
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        (looked_at,) = cursor.fetchone()
    horizon = (since or looked_at) - OVERLAP
    orders = Order.objects.filter(updated_at__gte=horizon).values_list(
        "pk", "version", "tracking_token", "restaurant__city_id"
    )
    conflicts = Conflict.objects.filter(updated_at__gte=horizon).values_list(
        "pk", "version", "order__restaurant__city_id"
    )
    drivers = Driver.objects.filter(updated_at__gte=horizon).values_list("pk", "version", "city_id")
    alerts = Alert.objects.filter(updated_at__gte=horizon).values_list("pk", "version", "city_id")
    return _Changed(
        looked_at,
        [
            Row(pk, v, f"order:{pk}", (groups.order(token), groups.city(city)))
            for pk, v, token, city in orders
        ],
        [Row(pk, v, f"driver:{pk}", (groups.driver(pk), groups.city(city))) for pk, v, city in drivers],
        [Row(pk, v, snapshots.conflict_key(pk), (groups.city(city),)) for pk, v, city in conflicts],
        [Row(pk, v, f"alert:{pk}", (groups.city(city),)) for pk, v, city in alerts],
        snapshots.city_keys(),
    )
