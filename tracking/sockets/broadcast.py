"""From what changed to the groups that should hear of it. The only caller of `group_send`.

Every web process hears everything and tells those of its sockets whom it concerns
(tracking/sockets/subscriptions.py): a socket costs no subscription. A message is a hint that may get lost: it carries
full states with versions, never differences, and tracking/sockets/reconciliation.py repairs what did not arrive.
"""

import logging
from collections.abc import Collection, Iterable, Sequence
from typing import Any
from uuid import UUID

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from redis.exceptions import RedisError

from dispatch.models import Driver, Order, OrderEvent, Restaurant
from tracking.protocol import frames, groups
from tracking.protocol.frames import CustomerView
from tracking.protocol.messages import encode
from tracking.sockets import snapshots
from tracking.sockets.snapshots import Item

logger = logging.getLogger(__name__)

Message = dict[str, Any]


def fleet(order_ids: Collection[UUID], driver_ids: Collection[UUID]) -> None:
    """Tells customers, drivers and dispatchers of these orders and drivers as they now are."""
    send(fleet_messages(order_ids, driver_ids))


def geofences(event_ids: Sequence[int]) -> None:
    """Tells dispatchers which order a geofence moved along, and why."""
    events = OrderEvent.objects.filter(pk__in=event_ids)
    send([_to_dispatchers(Item(f"event:{event.pk}", 1, frames.geofence_event(event)) for event in events)])


def restaurant(restaurant_id: UUID) -> None:
    found = Restaurant.objects.filter(pk=restaurant_id)
    send([_to_dispatchers(snapshots.restaurant_items(found))])


def fleet_messages(order_ids: Collection[UUID], driver_ids: Collection[UUID]) -> list[tuple[str, Message]]:
    """The messages that tell of these orders and drivers, reloaded: (group, message) each."""
    orders = list(Order.objects.filter(pk__in=order_ids).select_related("restaurant__city", "driver"))
    drivers = list(Driver.objects.filter(pk__in=driver_ids))
    plans = snapshots.plans_behind(orders, drivers)
    views = snapshots.customer_views(orders, plans)
    driver_views = snapshots.driver_views(drivers, plans)
    return [
        *((groups.order(order.tracking_token), customer_message(views[order.pk])) for order in orders),
        *((groups.driver(driver.pk), {"type": "driver", "v": driver.version}) for driver in drivers),
        _to_dispatchers([*snapshots.order_items(orders), *snapshots.driver_items(drivers, driver_views)]),
    ]


def customer_message(view: CustomerView) -> Message:
    return {
        "v": view.v,
        "driver": view.driver_id,
        "city": groups.city_key(view.driver_city_id),
        "frames": [[type(f).__name__, frames.without_version(f), encode(f)] for f in view.frames],
    }


def _to_dispatchers(items: Iterable[Item]) -> tuple[str, Message]:
    return groups.DISPATCHERS, {"items": [[item.key, item.v, encode(item.frame)] for item in items]}


def send(messages: Sequence[tuple[str, Message]]) -> None:
    """From synchronous code: an action's thread, a view, a Celery task."""
    try:
        async_to_sync(send_async)(messages)
    except RedisError as away:
        logger.warning("Redis is away, sockets hear of a change when they heal: %s", type(away).__name__)


async def send_async(messages: Sequence[tuple[str, Message]]) -> None:
    """Raises redis.RedisError."""
    await get_channel_layer().group_send(groups.PROCESSES, {"type": "told", "messages": messages})


async def subscribe() -> str:
    """The channel on which this process hears what any process sends from now on. Raises redis.RedisError."""
    layer = get_channel_layer()
    channel: str = await layer.new_channel()
    await layer.group_add(groups.PROCESSES, channel)
    return channel


async def receive(channel: str) -> list[tuple[str, Message]]:
    """The next (group, message) pairs; waits for them. A connection that breaks mends itself."""
    told: dict[str, Any] = await get_channel_layer().receive(channel)
    return [(group, message) for group, message in told["messages"]]
