"""From what changed to the groups that should hear of it. The only caller of `group_send`.

One group per tracking token, per driver's app, and per city for dispatchers (tracking/protocol/groups.py). A message
is a hint that may get lost: it carries full states with versions, never differences, and
tracking/sockets/reconciliation.py repairs what did not arrive.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from itertools import groupby
from typing import Any
from uuid import UUID

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from redis.exceptions import RedisError

from dispatch.models import Alert, City, Conflict, Driver, Order, OrderEvent, Restaurant
from tracking.protocol import frames, groups
from tracking.protocol.frames import CustomerView
from tracking.protocol.messages import CustomerFrame, encode
from tracking.sockets import snapshots
from tracking.sockets.snapshots import EncodedItem, Item

logger = logging.getLogger(__name__)

Message = dict[str, Any]


def fleet(order_ids: Collection[UUID], driver_ids: Collection[UUID]) -> None:
    """Sends customers, drivers and dispatchers these orders and drivers as they now are."""
    send(fleet_messages(order_ids, driver_ids))


def geofences(event_ids: Sequence[int]) -> None:
    """Sends dispatchers which order a geofence moved along, and why."""
    events = OrderEvent.objects.filter(pk__in=event_ids).select_related("order__restaurant")
    send(
        _to_dispatchers(
            (event.order.city_id, Item(None, 0, frames.geofence_event(event))) for event in events
        )
    )


def restaurant(restaurant_id: UUID) -> None:
    found = list(Restaurant.objects.filter(pk=restaurant_id))
    items = snapshots.restaurant_items(found)
    send(_to_dispatchers(zip((one.city_id for one in found), items, strict=True)))


def conflicts(conflict_ids: Collection[UUID]) -> None:
    """Sends dispatchers these conflicts, new or settled."""
    send(conflict_messages(conflict_ids))


def conflict_messages(conflict_ids: Collection[UUID]) -> list[tuple[str, Message]]:
    found = list(Conflict.objects.filter(pk__in=conflict_ids).select_related(*snapshots.SIDES))
    items = snapshots.conflict_items(found)
    return _to_dispatchers(zip((one.order.city_id for one in found), items, strict=True))


def alerts(alert_ids: Collection[UUID]) -> None:
    """Sends dispatchers these alerts as they now are."""
    send(alert_messages(alert_ids))


def alert_messages(alert_ids: Collection[UUID]) -> list[tuple[str, Message]]:
    """The messages about these alerts, reloaded."""
    found = list(Alert.objects.filter(pk__in=alert_ids))
    items = snapshots.alert_items(found)
    return _to_dispatchers(zip((one.city_id for one in found), items, strict=True))


def city(city_id: UUID) -> None:
    found = City.objects.filter(pk=city_id)
    send(_to_dispatchers((city_id, item) for item in snapshots.city_items(found)))


def fleet_messages(order_ids: Collection[UUID], driver_ids: Collection[UUID]) -> list[tuple[str, Message]]:
    """The messages about these orders and drivers, reloaded: (group, message) each."""
    orders = list(Order.objects.filter(pk__in=order_ids).select_related("restaurant__city", "driver"))
    drivers = list(Driver.objects.filter(pk__in=driver_ids))
    plans = snapshots.plans_behind(orders, drivers)
    views = snapshots.customer_views(orders, plans)
    of_orders = zip((order.city_id for order in orders), snapshots.order_items(orders), strict=True)
    of_drivers = (
        (driver.city_id, item) for driver in drivers for item in snapshots.driver_items([driver], plans)
    )
    return [
        *((groups.order(order.tracking_token), customer_message(views[order.pk])) for order in orders),
        *((groups.driver(driver.pk), {"type": "plan.changed", "v": driver.version}) for driver in drivers),
        *_to_dispatchers([*of_orders, *of_drivers]),
    ]


def customer_message(view: CustomerView) -> Message:
    return {
        "type": "order.changed",
        "v": view.v,
        "driver": view.driver_id,
        "city": groups.city_key(view.driver_city_id),
        "frames": _by_subject(view.frames),
        "taken_back": _by_subject(view.taken_back),
        "ends_at": view.ends_at,
        "hidden_near": view.hidden_near,
    }


def _by_subject(told: Iterable[CustomerFrame]) -> list[list[Any]]:
    """Subject, what is said of it, and the frames that say so, for each."""
    return [
        [subject, frames.without_version(*those), [encode(frame) for frame in those]]
        for subject, those in ((subject, list(some)) for subject, some in groupby(told, frames.subject))
    ]


def replaced(driver_id: UUID, by: list[Any]) -> list[tuple[str, Message]]:
    """A driver has signed in on another socket; of two the later one, by (ms, a random text), stays."""
    return [(groups.driver(driver_id), {"type": "session.replaced", "by": by})]


def to_city(city_key: str, items: Iterable[EncodedItem]) -> tuple[str, Message]:
    """To the dispatchers of a city."""
    return groups.city(city_key), {"type": "fleet.changed", "items": [list(item) for item in items]}


def _to_dispatchers(items: Iterable[tuple[UUID | None, Item]]) -> list[tuple[str, Message]]:
    by_city: defaultdict[str, list[EncodedItem]] = defaultdict(list)
    for city_id, item in items:
        by_city[groups.city_key(city_id)].append(item.encoded())
    return [to_city(city_key, those) for city_key, those in by_city.items()]


def send(messages: Sequence[tuple[str, Message]]) -> None:
    """From synchronous code: an action's thread, a view, a Celery task."""
    try:
        async_to_sync(send_async)(messages)
    except RedisError as away:
        logger.warning("Redis is away, sockets hear of a change when they heal: %s", type(away).__name__)


async def send_async(messages: Sequence[tuple[str, Message]]) -> None:
    """Raises redis.RedisError."""
    layer = get_channel_layer()
    await asyncio.gather(*(layer.group_send(group, message) for group, message in messages))
