"""Repairs what the channel layer lost. PostgreSQL is the truth; every few seconds each process compares.

One query finds the orders and drivers that changed lately; whoever among the local sockets knows an older version is
given the new state. A restart of Redis, a dropped message or a subscription that came too late heals by itself.
"""

import asyncio
import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from channels.db import database_sync_to_async
from django.db import InterfaceError, OperationalError
from django.utils import timezone

from dispatch.models import Driver, Order
from tracking import broadcast, groups

logger = logging.getLogger(__name__)

#: Looks back this much farther than the last look: a transaction's rows show up when it commits.
OVERLAP = timedelta(seconds=15)


async def keep_healing(members: Mapping[str, set[Any]], every_s: float) -> None:
    since = timezone.now()
    while True:
        await asyncio.sleep(every_s)
        now = timezone.now()
        try:
            await heal(members, since - OVERLAP)
        except (OperationalError, InterfaceError):
            logger.warning("PostgreSQL is away; healing waits for it")
            continue
        since = now


async def heal(members: Mapping[str, set[Any]], since: datetime) -> None:
    """Brings the local sockets in `members` (group name → sockets) up to date with what changed after `since`."""
    if not members:
        return
    orders, drivers = await database_sync_to_async(_changed)(since)
    lagging = [
        {
            row.pk
            for row in rows
            if any(not m.knows(row.key, row.v) for g in row.groups for m in members.get(g, ()))
        }
        for rows in (orders, drivers)
    ]
    if not any(lagging):
        return
    for group, message in await database_sync_to_async(broadcast.fleet_messages)(*lagging):
        for member in list(members.get(group, ())):
            await member.dispatch(message)


class Row(NamedTuple):
    """An order or driver that changed, and the groups that should have heard of it."""

    pk: UUID
    v: int
    key: str
    groups: tuple[str, str]


def _changed(since: datetime) -> tuple[list[Row], list[Row]]:
    """The orders and the drivers that changed after `since`."""
    orders = Order.objects.filter(updated_at__gte=since).values_list(
        "pk", "version", "tracking_token", "restaurant__city_id"
    )
    drivers = Driver.objects.filter(updated_at__gte=since).values_list("pk", "version", "city_id")
    return (
        [
            Row(pk, v, f"order:{pk}", (groups.order(token), groups.city(city)))
            for pk, v, token, city in orders
        ],
        [Row(pk, v, f"driver:{pk}", (groups.driver(pk), groups.city(city))) for pk, v, city in drivers],
    )
