"""From what changed to the groups that should hear of it. The only caller of `group_send`.

A channel message is a hint that may get lost: it carries full states with versions, never differences, and
tracking/healing.py repairs what did not arrive.
"""

import logging
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import Any
from uuid import UUID

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from redis.exceptions import RedisError

from dispatch.models import Driver, Order, OrderEvent, Restaurant
from tracking import frames, groups, snapshots
from tracking.frames import CustomerView
from tracking.messages import encode
from tracking.snapshots import Item

logger = logging.getLogger(__name__)

Message = dict[str, Any]


def fleet(order_ids: Collection[UUID], driver_ids: Collection[UUID]) -> None:
    """Tells customers, drivers and dispatchers of these orders and drivers as they now are."""
    send(fleet_messages(order_ids, driver_ids))


def geofences(event_ids: Sequence[int]) -> None:
    """Tells dispatchers which order a geofence moved along, and why."""
    events = OrderEvent.objects.filter(pk__in=event_ids).select_related("order__restaurant")
    send(
        _to_dispatchers(
            (event.order.restaurant.city_id, Item(f"event:{event.pk}", 1, frames.geofence_event(event)))
            for event in events
        )
    )


def restaurant(restaurant_id: UUID) -> None:
    found = Restaurant.objects.filter(pk=restaurant_id)
    send(_to_dispatchers((r.city_id, item) for r in found for item in snapshots.restaurant_items([r])))


def fleet_messages(order_ids: Collection[UUID], driver_ids: Collection[UUID]) -> list[tuple[str, Message]]:
    """The group messages that tell of these orders and drivers, reloaded."""
    orders = list(Order.objects.filter(pk__in=order_ids).select_related("restaurant__city", "driver"))
    drivers = list(Driver.objects.filter(pk__in=driver_ids))
    views = snapshots.customer_views(orders)
    messages = [(groups.order(order.tracking_token), customer_changed(views[order.pk])) for order in orders]
    messages += [
        (groups.driver(driver.pk), {"type": "driver.changed", "v": driver.version}) for driver in drivers
    ]
    cities = {driver.pk: driver.city_id for driver in drivers}
    items = [(order.restaurant.city_id, item) for order in orders for item in snapshots.order_items([order])]
    items += [(cities[item.frame.driver_id], item) for item in snapshots.driver_items(drivers)]  # type: ignore[attr-defined]
    return messages + _to_dispatchers(items)


def customer_changed(view: CustomerView) -> Message:
    return {
        "type": "customer.changed",
        "v": view.v,
        "driver": view.driver_id,
        "city": groups.city_key(view.driver_city_id),
        "frames": [[type(f).__name__, frames.without_version(f), encode(f)] for f in view.frames],
    }


def _to_dispatchers(items: Iterable[tuple[UUID | None, Item]]) -> list[tuple[str, Message]]:
    by_city: defaultdict[str, list[list[Any]]] = defaultdict(list)
    for city_id, item in items:
        by_city[groups.city(city_id)].append([item.key, item.v, encode(item.frame)])
    return [(group, {"type": "fleet.changed", "items": found}) for group, found in by_city.items()]


def send(messages: Sequence[tuple[str, Message]]) -> None:
    """From synchronous code: an action's thread, a view, a Celery task."""
    if not messages:
        return
    try:
        async_to_sync(_send)(messages)
    except RedisError as away:
        logger.warning("Redis is away, sockets hear of a change when they heal: %s", type(away).__name__)


async def _send(messages: Sequence[tuple[str, Message]]) -> None:
    layer = get_channel_layer()
    for group, message in messages:
        await layer.group_send(group, message)
