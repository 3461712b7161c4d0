"""What a dispatcher is sent at sign-in: everything but positions. Synchronous."""

import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Exists, OuterRef, Q

from dispatch.models import Driver, Order, Restaurant, Stop
from dispatch.statuses import ACTIVE, OrderStatus
from tracking.sockets.snapshots import (
    EncodedItem,
    Item,
    city_keys,
    driver_items,
    order_items,
    restaurant_items,
)

#: So long a frame stands for what has the same version: about as long as thousands take to come back. Not for good,
#: as some of what is shown (that a pickup can be undone) ends by itself, without a new version.
REUSED_S = 10.0


@dataclass(frozen=True)
class DispatcherSnapshot:
    cities: list[str]
    #: The ids of those at work, as positions have them.
    drivers: frozenset[bytes]
    items: list[EncodedItem]


class FleetSnapshots:
    """Each is read when it is asked for, but of those that follow one another only what has changed is worked out
    again. For one thread at a time.
    """

    def __init__(self) -> None:
        #: By the item's key.
        self._known: dict[str | None, EncodedItem] = {}
        self._began = 0.0

    def load(self, keys: Collection[None]) -> dict[None, DispatcherSnapshot]:
        """For a DataLoader: there is one snapshot for all who ask."""
        if time.monotonic() - self._began > REUSED_S:
            self._known, self._began = {}, time.monotonic()
        # The drivers on shift, and those off it who have stops left.
        unmade = Stop.objects.filter(driver=OuterRef("pk"), done_at__isnull=True)
        at_work = Driver.objects.filter(Q(on_shift=True) | Exists(unmade))
        drivers = dict(at_work.values_list("pk", "version"))
        unfinished = Order.objects.filter(status__in=[OrderStatus.PENDING, *ACTIVE]).order_by("created_at")
        orders = dict(unfinished.values_list("pk", "version"))
        changed = _items(
            [pk for pk, v in drivers.items() if not self._knows(f"driver:{pk}", v)],
            [pk for pk, v in orders.items() if not self._knows(f"order:{pk}", v)],
        )
        self._known |= {item.key: item.encoded() for item in changed}
        shown = [key for pk in drivers for key in (f"plan:{pk}", f"driver:{pk}")]
        shown += [f"order:{pk}" for pk in orders]
        snapshot = DispatcherSnapshot(
            city_keys(),
            frozenset(str(pk).encode() for pk in drivers),
            [
                *(item.encoded() for item in restaurant_items(Restaurant.objects.all())),
                *(self._known[key] for key in shown if key in self._known),  # but what was deleted meanwhile
            ],
        )
        return dict.fromkeys(keys, snapshot)

    def _knows(self, key: str, v: int) -> bool:
        return key in self._known and self._known[key][1] == v


def _items(driver_ids: Collection[UUID], order_ids: Collection[UUID]) -> Iterable[Item]:
    """These drivers, with their plans, and these orders.

    Each row is made once and shared: with joins thousands of stops came with an order and a restaurant each, which
    took twice the time. Drivers are read first: a version may be older than what it stands for, never newer.
    """
    drivers = list(Driver.objects.filter(pk__in=driver_ids))
    stops = list(Stop.objects.filter(driver__in=driver_ids, done_at=None))
    orders = {order.pk: order for order in Order.objects.filter(pk__in=order_ids)}
    others = Order.objects.in_bulk({stop.order_id for stop in stops} - orders.keys())
    restaurants = Restaurant.objects.select_related("city").in_bulk()
    for order in (*orders.values(), *others.values()):
        order.restaurant = restaurants[order.restaurant_id]
    plans: dict[UUID, list[Stop]] = {driver_id: [] for driver_id in driver_ids}
    for stop in stops:
        order_of_it = orders.get(stop.order_id) or others.get(stop.order_id)
        if order_of_it is not None:  # or it was deleted meanwhile, its stops with it
            stop.order = order_of_it
            plans[stop.driver_id].append(stop)
    return [*driver_items(drivers, plans), *order_items(orders.values())]
