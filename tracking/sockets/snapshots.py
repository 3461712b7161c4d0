"""The queries behind every view: for a snapshot of one, or for the changes of many at once. Synchronous."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.utils import timezone

from dispatch import access
from dispatch.models import (
    Alert,
    City,
    Conflict,
    Driver,
    FailureReason,
    Order,
    Restaurant,
    Stop,
    left_and_ahead,
    next_stops,
    plans_of,
    visitable,
)
from dispatch.statuses import IN_THE_BAG, DriverStatus, OrderStatus, StopKind
from routing.geo import distance_m
from tracking.ingest.geofences import Fence
from tracking.protocol import frames, groups
from tracking.protocol.frames import CustomerView
from tracking.protocol.messages import Frame, Plan, Reasons, encode

#: Restaurants so near each other (metres) share a door, as in a food hall. Customers do not share theirs.
ONE_DOOR_M = {StopKind.PICKUP: 60.0, StopKind.DROPOFF: 0.0, StopKind.RETURN: 60.0}

#: An Item's key and version, and its frame as it is sent.
type EncodedItem = tuple[str | None, int, str]


@dataclass(frozen=True)
class Item:
    """The state of something with its key and version: an older one of the same key says nothing new. Without a
    key it is an event, which stands for itself.
    """

    key: str | None
    v: int
    frame: Frame

    def encoded(self) -> EncodedItem:
        return self.key, self.v, encode(self.frame)


type Plans = Mapping[UUID, Sequence[Stop]]


def plans_behind(orders: Iterable[Order] = (), drivers: Iterable[Driver] = ()) -> Plans:
    """The open stops of these drivers and of those who have these orders, by driver id. To be read after them: a
    version may be older than what it stands for, never newer.
    """
    carriers = {order.driver_id for order in orders if order.driver_id is not None}
    return plans_of(carriers | {driver.pk for driver in drivers})


def customer_views(orders: Iterable[Order], plans: Plans) -> dict[UUID, CustomerView]:
    """What the customer of each of these orders may know; by order id."""
    orders = list(orders)
    doors = access.doors_lately({order.driver_id for order in orders if order.driver_id is not None})
    return {
        order.pk: frames.customer_view(order, plans[order.driver_id], doors[order.driver_id])
        if order.driver_id
        else frames.customer_view(order, [])
        for order in orders
    }


def customer_views_by_token(tokens: Iterable[str]) -> dict[str, CustomerView]:
    """What whoever has one of these tracking links may know; by token."""
    orders = access.orders_by_token(tokens)
    views = customer_views(orders.values(), plans_behind(orders.values()))
    return {token: views[order.pk] for token, order in orders.items()}


@dataclass(frozen=True)
class DriverView:
    """What a driver's own socket needs: the plan to show, and the fences of the next stops."""

    city: str
    plan: Plan
    offline: bool
    fences: tuple[Fence, ...]
    #: Stop id → time of the arrival (ms).
    arrivals: dict[UUID, int]
    #: What the driver may say of an order that fails.
    reasons: Reasons
    #: Of the token that signs in.
    token_digest: str | None


def driver_items(drivers: Iterable[Driver], plans: Plans) -> list[Item]:
    items = []
    for driver in drivers:
        # The plan first: whoever ends the shift leaves the dashboard, unless there are stops left.
        items.append(Item(f"plan:{driver.pk}", driver.version, frames.plan(driver, plans[driver.pk])))
        items.append(Item(f"driver:{driver.pk}", driver.version, frames.driver_state(driver)))
    return items


def order_items(orders: Iterable[Order]) -> list[Item]:
    orders, now = list(orders), timezone.now()
    left: defaultdict[UUID, list[Stop]] = defaultdict(list)
    in_the_bag = [order.pk for order in orders if order.status in IN_THE_BAG]
    if in_the_bag:
        for stop in Stop.objects.filter(order__in=in_the_bag, left_at__isnull=False):
            left[stop.order_id].append(stop)
    return [
        Item(f"order:{order.pk}", order.version, frames.order_state(order, now, left[order.pk]))
        for order in orders
    ]


def restaurant_items(restaurants: Iterable[Restaurant]) -> list[Item]:
    # A restaurant has no version: it changes rarely, by hand, and its latest state is simply sent.
    now = timezone.now()
    return [Item(f"restaurant:{r.pk}", 0, frames.restaurant_state(r, now)) for r in restaurants]


def city_items(cities: Iterable[City]) -> list[Item]:
    return [Item(f"city:{city.pk}", 0, frames.city_state(city, timezone.now())) for city in cities]


#: What a conflict's frame needs of others.
SIDES = ("order__restaurant", "driver", "against__driver")


def conflict_items(conflicts: Iterable[Conflict]) -> list[Item]:
    return [Item(conflict_key(one.pk), one.version, frames.conflict_state(one)) for one in conflicts]


def conflict_key(conflict_id: UUID) -> str:
    return f"conflict:{conflict_id}"


def alert_items(alerts: Iterable[Alert]) -> list[Item]:
    return [Item(f"alert:{alert.pk}", alert.version, frames.alert_state(alert)) for alert in alerts]


def city_keys() -> list[str]:
    """Of all cities, and of those drivers and orders that have none."""
    return [groups.NO_CITY, *(groups.city_key(pk) for pk in City.objects.values_list("pk", flat=True))]


def troubles_key(driver_id: str) -> str:
    """Of what is turned away of a driver's fixes."""
    return f"fixes:{driver_id}"


def driver_views(drivers: Iterable[Driver], plans: Plans) -> dict[UUID, DriverView]:
    """By driver id."""
    reasons = frames.reasons(FailureReason.objects.filter(active=True))
    return {driver.pk: _driver_view(driver, plans[driver.pk], reasons) for driver in drivers}


def driver_views_by_id(driver_ids: Collection[UUID]) -> dict[UUID, DriverView]:
    drivers = list(Driver.objects.filter(pk__in=driver_ids))
    return driver_views(drivers, plans_behind(drivers=drivers))


def _driver_view(driver: Driver, stops: Sequence[Stop], reasons: Reasons) -> DriverView:
    left, ahead = left_and_ahead(stops)
    in_turn = next_stops(ahead)
    coming = [stop for stop in visitable((*left, *ahead)) if stop.point is not None]
    return DriverView(
        city=groups.city_key(driver.city_id),
        plan=frames.plan(driver, stops, for_driver=True),
        reasons=reasons,
        token_digest=driver.token_digest,
        offline=driver.status == DriverStatus.OFFLINE,
        fences=tuple(_fence(stop, later=not (stop in left or _at_one_of(stop, in_turn))) for stop in coming),
        arrivals={
            stop.pk: frames.milliseconds(stop.arrived_at) or 0
            for stop in coming
            if stop.arrived_at is not None and stop.left_at is None
        },
    )


def _at_one_of(stop: Stop, stops: Iterable[Stop]) -> bool:
    """Whether who arrives at one of these stops arrives at this one as well."""
    here = stop.point
    return any(
        stop.kind == other.kind
        and here is not None
        and (there := other.point) is not None
        and distance_m(here, there) <= ONE_DOOR_M[StopKind(stop.kind)]
        for other in stops
    )


def _fence(stop: Stop, *, later: bool) -> Fence:
    point = stop.point
    assert point is not None  # noqa: S101 (filtered by the caller)
    is_door = stop.kind == StopKind.DROPOFF
    return Fence(
        stop_id=stop.pk,
        kind=StopKind(stop.kind),
        center=point,
        radius_m=settings.CUSTOMER_GEOFENCE_M if is_door else stop.order.kitchen.geofence_radius,
        waiting=stop.order.status == OrderStatus.ASSIGNED and not later,
        left=stop.left_at is not None,
        later=later,
    )
