"""Repairs what the channel layer lost. PostgreSQL is the truth; every few seconds each process compares.

One query finds the orders and drivers that changed lately; whoever among the local sockets knows an older version is
given the new state. A restart of Redis, a dropped message or a subscription that came too late heals by itself.
"""

import asyncio
import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

from channels.db import database_sync_to_async
from django.db import InterfaceError, OperationalError
from django.utils import timezone

from dispatch.models import Driver, Order
from tracking import broadcast, groups

logger = logging.getLogger(__name__)

#: Looks back this much farther than the last look: a transaction's rows show up when it commits.
OVERLAP = timedelta(seconds=15)


class Member(Protocol):
    """A socket in a group."""

    def knows(self, key: str, v: int) -> bool:
        """Whether version `v` of `key` (or a newer one) has arrived here."""

    async def dispatch(self, message: dict[str, Any]) -> None: ...


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
    changed = await database_sync_to_async(_changed)(since)
    orders = {pk for groups_of, key, v, pk, is_order in changed if is_order and _lags(members, groups_of, key, v)}
    drivers = {pk for groups_of, key, v, pk, is_order in changed if not is_order and _lags(members, groups_of, key, v)}
    if not orders and not drivers:
        return
    for group, message in await database_sync_to_async(broadcast.fleet_messages)(orders, drivers):
        for member in list(members.get(group, ())):
            await member.dispatch(message)


def _changed(since: datetime) -> list[tuple[tuple[str, ...], str, int, UUID, bool]]:
    """Groups that hear of it, key, version and id of each order and driver that changed after `since`."""
    orders = Order.objects.filter(updated_at__gte=since).values_list(
        "pk", "version", "tracking_token", "restaurant__city_id"
    )
    drivers = Driver.objects.filter(updated_at__gte=since).values_list("pk", "version", "city_id")
    return [
        ((groups.order(token), groups.city(city)), f"order:{pk}", v, pk, True) for pk, v, token, city in orders
    ] + [((groups.driver(pk), groups.city(city)), f"driver:{pk}", v, pk, False) for pk, v, city in drivers]


def _lags(members: Mapping[str, set[Any]], group_names: tuple[str, ...], key: str, v: int) -> bool:
    return any(not member.knows(key, v) for name in group_names for member in members.get(name, ()))
