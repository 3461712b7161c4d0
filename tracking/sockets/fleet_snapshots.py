"""What a dispatcher is sent at sign-in: everything but positions. Synchronous."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.expressions import RawSQL

from dispatch.models import Alert, City, Conflict, Driver, Order, Restaurant, Stop
from dispatch.statuses import FINAL, OrderStatus
from tracking.protocol.groups import city_key
from tracking.protocol.messages import OrderState
from tracking.sockets.snapshots import (
    SIDES,
    EncodedItem,
    Plans,
    alert_items,
    city_items,
    city_keys,
    conflict_items,
    driver_items,
    order_items,
    restaurant_items,
)

#: An order's version, or a driver's with the numbers and versions of the orders that make the plan.
type Versions = tuple[object, ...]


@dataclass(frozen=True)
class DispatcherSnapshot:
    cities: list[str]
    #: The city of each driver at work; the ids as positions have them.
    drivers: dict[bytes, str]
    items: list[EncodedItem]


class Made(NamedTuple):
    """What is sent of a driver or an order, and the versions that it was made of; None where it will not last."""

    of: Versions | None
    items: list[EncodedItem]


class FleetSnapshots:
    """Each is read when it is asked for, but only what has changed since the one before is worked out again. For one
    thread at a time.
    """

    def __init__(self) -> None:
        self._drivers: dict[UUID, Made] = {}
        self._orders: dict[UUID, Made] = {}
        #: The rows of cities and restaurants, and what is sent of them.
        self._places: list[Any] = []
        self._place_items: list[EncodedItem] = []
        #: The open alerts with their versions, and what is sent of them.
        self._alerts = Made((), [])

    def load(self, keys: Collection[None]) -> dict[None, DispatcherSnapshot]:
        """For a DataLoader: there is one snapshot for all who ask."""
        # These have no versions, and are few. As all that follows: what stands for something is read before it, and
        # may be older, never newer.
        places = [
            *City.objects.order_by("pk").values_list(),
            *Restaurant.objects.order_by("pk").values_list(),
        ]
        if places != self._places:
            self._drivers, self._orders, self._places = {}, {}, places
            # Of a city without any switch on there is nothing to tell.
            switched = [city for city in City.objects.all() if city.paused_since or city.extra_minutes]
            items = [*restaurant_items(Restaurant.objects.all()), *city_items(switched)]
            self._place_items = [item.encoded() for item in items]
        at_work = {pk: (v, city_id) for pk, v, city_id in _at_work().values_list("pk", "version", "city_id")}
        drivers, orders = _versions({pk: v for pk, (v, _) in at_work.items()})
        # Without those who are gone.
        self._drivers = {pk: made for pk, made in self._drivers.items() if made.of == drivers.get(pk, ())}
        self._orders = {pk: made for pk, made in self._orders.items() if made.of == orders.get(pk, ())}
        rows = _rows(drivers.keys() - self._drivers.keys(), orders.keys() - self._orders.keys())
        for driver in rows.drivers:
            items = driver_items([driver], rows.plans)
            self._drivers[driver.pk] = Made(drivers[driver.pk], [item.encoded() for item in items])
        for order, item in zip(rows.orders, order_items(rows.orders), strict=True):
            # That a pickup can be undone ends by itself.
            ends = isinstance(item.frame, OrderState) and item.frame.auto_pickup_at is not None
            self._orders[order.pk] = Made(None if ends else orders[order.pk], [item.encoded()])
        unsettled = Conflict.objects.filter(outcome=None).select_related(*SIDES).order_by("told_at")
        self._alerts = _alerts(self._alerts)
        snapshot = DispatcherSnapshot(
            city_keys(),
            {str(pk).encode(): city_key(city_id) for pk, (_, city_id) in at_work.items()},
            [
                *self._place_items,
                # But what was deleted meanwhile.
                *(item for pk in drivers if pk in self._drivers for item in self._drivers[pk].items),
                *(item for pk in orders if pk in self._orders for item in self._orders[pk].items),
                *(item.encoded() for item in conflict_items(unsettled)),
                *self._alerts.items,
            ],
        )
        return dict.fromkeys(keys, snapshot)


def _at_work() -> QuerySet[Driver]:
    """The drivers on shift, and those off it who have stops left."""
    unmade = Stop.objects.filter(driver=OuterRef("pk"), done_at__isnull=True)
    return Driver.objects.filter(Q(on_shift=True) | Exists(unmade))


def _versions(drivers: Mapping[UUID, int]) -> tuple[Mapping[UUID, Versions], Mapping[UUID, Versions]]:
    """Of what is shown: of these drivers, by their own versions; and of orders under way."""
    unfinished = Order.objects.filter(status__in=sorted(set(OrderStatus) - FINAL)).order_by("created_at")
    orders: dict[UUID, Versions] = {}
    of_driver: defaultdict[UUID | None, list[tuple[UUID, int]]] = defaultdict(list)
    for pk, v, driver_id in unfinished.values_list("pk", "version", "driver_id"):
        orders[pk] = (v,)
        of_driver[driver_id].append((pk, v))
    return {pk: (v, *of_driver.get(pk, ())) for pk, v in drivers.items()}, orders


def _alerts(before: Made) -> Made:
    """The open ones; worked out again, all of them, where one has changed: they are few."""
    alerts = Alert.objects.filter(ended_at=None).order_by("fired_at", "pk")
    versions = tuple(alerts.values_list("pk", "version"))
    if versions == before.of:
        return before
    return Made(versions, [item.encoded() for item in alert_items(alerts)])


class _Rows(NamedTuple):
    drivers: list[Driver]
    plans: Plans
    orders: list[Order]


def _rows(driver_ids: Collection[UUID], order_ids: Collection[UUID]) -> _Rows:
    """These drivers, with the stops of their plans, and these orders.

    Each row is made once and shared: with joins thousands of stops came with an order and a restaurant each, which
    took twice the time.
    """
    drivers = list(Driver.objects.filter(pk__in=_any_of(driver_ids)))
    stops = list(Stop.objects.filter(driver__in=_any_of(driver_ids), done_at=None).select_related("meets"))
    orders = Order.objects.filter(pk__in=_any_of(order_ids)).in_bulk()
    others = Order.objects.filter(pk__in=_any_of({stop.order_id for stop in stops} - orders.keys())).in_bulk()
    restaurants = Restaurant.objects.select_related("city").in_bulk()
    carriers = {driver.pk: driver for driver in drivers}
    elsewhere = {order.driver_id for order in orders.values() if order.driver_id} - carriers.keys()
    carriers |= Driver.objects.filter(pk__in=_any_of(elsewhere)).in_bulk()
    for order in (*orders.values(), *others.values()):
        order.restaurant = restaurants.get(order.restaurant_id)
    for order in orders.values():
        order.driver = carriers.get(order.driver_id) if order.driver_id else None
    plans: dict[UUID, list[Stop]] = {driver_id: [] for driver_id in driver_ids}
    for stop in stops:
        order_of_it = orders.get(stop.order_id) or others.get(stop.order_id)
        if order_of_it is not None:  # or it was deleted meanwhile, its stops with it
            stop.order = order_of_it
            plans[stop.driver_id].append(stop)
    return _Rows(drivers, plans, list(orders.values()))


def _any_of(ids: Collection[UUID]) -> RawSQL:
    """For `__in`: as one parameter. With one for each id, ten thousand take longer than the rows that they name."""
    return RawSQL("SELECT unnest(%s::uuid[])", [list(ids)])
