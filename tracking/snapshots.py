"""The queries behind every view: for a snapshot of one, or for the changes of many at once. Synchronous."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from dispatch.models import City, Driver, Order, Restaurant, Stop
from dispatch.planning import next_stops, plans_of
from dispatch.statuses import ACTIVE, DriverStatus, OrderStatus, StopKind
from tracking import frames, groups
from tracking.frames import CustomerView
from tracking.geofences import Fence
from tracking.messages import Frame, Plan


@dataclass(frozen=True)
class Item:
    """A frame with what it is about and that thing's version: an older one of the same key says nothing new."""

    key: str
    v: int
    frame: Frame


def customer_views(orders: Iterable[Order]) -> dict[UUID, CustomerView]:
    """What the customer of each of these orders may know; by order id."""
    orders = list(orders)
    plans = plans_of({order.driver_id for order in orders if order.driver_id is not None})
    return {
        order.pk: frames.customer_view(order, plans[order.driver_id] if order.driver_id else [])
        for order in orders
    }


def driver_items(drivers: Iterable[Driver]) -> list[Item]:
    drivers = list(drivers)
    plans = plans_of({driver.pk for driver in drivers})
    items = []
    for driver in drivers:
        items.append(Item(f"driver:{driver.pk}", driver.version, frames.driver_state(driver)))
        items.append(Item(f"plan:{driver.pk}", driver.version, frames.plan(driver, plans[driver.pk])))
    return items


def order_items(orders: Iterable[Order]) -> list[Item]:
    return [Item(f"order:{order.pk}", order.version, frames.order_state(order)) for order in orders]


def restaurant_items(restaurants: Iterable[Restaurant]) -> list[Item]:
    # A restaurant has no version: it changes rarely, by hand, and its latest state is simply sent.
    return [Item(f"restaurant:{r.pk}", 0, frames.restaurant_state(r)) for r in restaurants]


def city_keys() -> list[str]:
    """Of all cities, and of those drivers and orders that have none."""
    return [groups.NO_CITY, *(groups.city_key(pk) for pk in City.objects.values_list("pk", flat=True))]


def dispatcher_items() -> list[Item]:
    """Everything that a dispatcher sees, but positions."""
    unfinished = Order.objects.filter(status__in=[OrderStatus.PENDING, *ACTIVE]).select_related("restaurant")
    return [
        *restaurant_items(Restaurant.objects.all()),
        *driver_items(Driver.objects.all()),
        *order_items(unfinished.order_by("created_at")),
    ]


@dataclass(frozen=True)
class DriverView:
    """What a driver's own socket needs: the plan to show, and the fences of the next stops."""

    plan: Plan
    offline: bool
    fences: tuple[Fence, ...]
    #: Stop id → time of the arrival (ms).
    arrivals: dict[UUID, int]


def driver_view(driver_id: UUID, customer_radius_m: float) -> DriverView:
    driver = Driver.objects.get(pk=driver_id)
    stops = plans_of([driver_id])[driver_id]
    coming = [stop for stop in next_stops(stops) if stop.point is not None]
    return DriverView(
        plan=frames.plan(driver, stops),
        offline=driver.status == DriverStatus.OFFLINE,
        fences=tuple(_fence(stop, customer_radius_m) for stop in coming),
        arrivals={
            stop.pk: frames.milliseconds(stop.arrived_at) or 0
            for stop in coming
            if stop.arrived_at is not None
        },
    )


def _fence(stop: Stop, customer_radius_m: float) -> Fence:
    point = stop.point
    assert point is not None  # noqa: S101 (filtered by the caller)
    is_pickup = stop.kind == StopKind.PICKUP
    return Fence(
        stop_id=stop.pk,
        kind=StopKind(stop.kind),
        center=point,
        radius_m=stop.order.restaurant.geofence_radius if is_pickup else customer_radius_m,
        waiting=stop.order.status == OrderStatus.ASSIGNED,
    )
