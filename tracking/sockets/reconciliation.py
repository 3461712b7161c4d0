"""Repairs what the channel layer lost. PostgreSQL is the truth; every few seconds each process compares.

One query finds the orders and drivers that changed lately; whoever among the local sockets knows an older version is
given the new state. A restart of Redis, a dropped message or a subscription that came too late heals by itself.
"""

import asyncio
import logging
from contextlib import suppress
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from django.db import InterfaceError, OperationalError
from django.utils import timezone

from dispatch.models import Driver, Order
from tracking.database import in_thread
from tracking.protocol import groups
from tracking.sockets import broadcast
from tracking.sockets.subscriptions import Audience

logger = logging.getLogger(__name__)

#: Looks back this much farther than the last look: a transaction's rows show up when it commits.
OVERLAP = timedelta(seconds=15)


async def keep_healing(audience: Audience, every_s: float, now: asyncio.Event) -> None:
    """Heals every so many seconds, and at once when `now` is set."""
    since = timezone.now()
    while True:
        with suppress(TimeoutError):
            await asyncio.wait_for(now.wait(), every_s)
        now.clear()
        looked_at = timezone.now()
        try:
            await heal(audience, since - OVERLAP)
        except (OperationalError, InterfaceError):
            logger.warning("PostgreSQL is away; healing waits for it")
            await asyncio.sleep(every_s)
            continue
        since = looked_at


async def heal(audience: Audience, since: datetime) -> None:
    """Brings the sockets of this process up to date with what changed after `since`."""
    if not audience:
        return
    orders, drivers = await in_thread(_changed)(since)
    lagging = [
        {
            row.pk
            for row in rows
            if any(not m.knows(row.key, row.v) for group in row.groups for m in audience.of(group))
        }
        for rows in (orders, drivers)
    ]
    if not any(lagging):
        return
    for group, message in await in_thread(broadcast.fleet_messages)(*lagging):
        audience.tell(group, message)


class Row(NamedTuple):
    """An order or driver that changed, and the groups that should have heard of it."""

    pk: UUID
    v: int
    key: str
    groups: tuple[str, str]


def _changed(since: datetime) -> tuple[list[Row], list[Row]]:
    """The orders and the drivers that changed after `since`."""
    orders = Order.objects.filter(updated_at__gte=since).values_list("pk", "version", "tracking_token")
    drivers = Driver.objects.filter(updated_at__gte=since).values_list("pk", "version")
    return (
        [Row(pk, v, f"order:{pk}", (groups.order(token), groups.DISPATCHERS)) for pk, v, token in orders],
        [Row(pk, v, f"driver:{pk}", (groups.driver(pk), groups.DISPATCHERS)) for pk, v in drivers],
    )
