"""What people and platforms do to the domain: a button, the admin, the dashboard, the API all come through here.

What geofences and silence tell is in dispatch/orders/geofence_actions.py, what planning finds in
dispatch/planning/plan_store.py, and the visiting orders that dispatchers want in visiting_order.py there.

Each action is one transaction, made of the pieces in dispatch/orders/transitions.py: it locks the drivers it concerns
(in id order, before any order, so that two actions never wait for each other), takes the step that
`statuses.TRANSITIONS` allows, appends an OrderEvent, and on commit announces what changed (dispatch/signals.py). Of
two processes that try the same step, one succeeds; the other gets `WrongStatus`.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Max, Min
from django.utils import timezone

from dispatch.clock import database_now
from dispatch.errors import Invalid, NotFound, NotYours, WrongStatus
from dispatch.etas import prediction_log
from dispatch.models import NO_ETA, Driver, Order, OrderEvent, Restaurant, Stop
from dispatch.orders.transitions import (
    Actor,
    lock_drivers,
    lock_order,
    plans_changed,
    refresh_drivers,
    take_step,
)
from dispatch.signals import Changes, announced
from dispatch.statuses import (
    ACTIVE,
    BEFORE_PICKUP,
    DRIVER_BUTTONS,
    FINAL,
    HANDED_OVER_OR_NOT,
    IN_THE_BAG,
    PICKUP_UNDONE,
    OrderStatus,
    StopKind,
)

SYSTEM = Actor(OrderEvent.Actor.SYSTEM)
PLATFORM = Actor(OrderEvent.Actor.PLATFORM)


def dispatcher(name: str) -> Actor:
    return Actor(OrderEvent.Actor.DISPATCHER, name)


# ---------------------------------------------------------------------------------------- orders come and go


def create_order(
    restaurant_id: UUID,
    *,
    customer_name: str,
    customer_address: str,
    customer_lat: float | None,
    customer_lng: float | None,
    customer_phone: str = "",
    ready_at: datetime | None = None,
    promised_at: datetime | None = None,
    bags: int = 1,
    actor: Actor = PLATFORM,
) -> Order:
    """A new pending order (degrees).

    `ready_at` is when the kitchen expects to be done, `promised_at` by when the customer has the food (None: as the
    city promises).
    """
    with announced() as changes:
        order = Order.objects.create(
            restaurant_id=restaurant_id,
            customer_name=customer_name,
            customer_phone=customer_phone,
            customer_address=customer_address,
            customer_lat=customer_lat,
            customer_lng=customer_lng,
            ready_at=ready_at,
            promised_at=promised_at,
            bags=bags,
        )
        record_creation(order, actor, changes)
    return order


def record_creation(order: Order, actor: Actor, changes: Changes) -> None:
    """The first line of the timeline of an order that was just inserted."""
    OrderEvent.objects.create(
        order=order, to_status=OrderStatus.PENDING, actor=actor.kind, actor_name=actor.name
    )
    changes.orders.add(order.pk)


def assign(order_id: UUID, driver_id: UUID, *, actor: Actor, only_pending: bool = False) -> None:
    """Gives a pending order to a driver, or moves one that is not picked up yet to another driver.

    `only_pending`: an order that somebody gave to a driver meanwhile stays there (WrongStatus).
    """
    with announced() as changes:
        order, drivers = lock_order(order_id, driver_id)
        if only_pending and order.status != OrderStatus.PENDING:
            raise WrongStatus("Somebody else was first: the order is no longer waiting for a driver.")
        driver = drivers[driver_id]
        if order.driver_id == driver_id:
            raise WrongStatus(f"{driver.name} already has this order.")
        if not driver.on_shift:
            raise Invalid(f"{driver.name} is off shift. Choose a driver who is on shift.")
        if order.restaurant_id is None:
            raise Invalid("The order has no restaurant. Choose one in the admin, then assign the order.")
        if order.customer_point is None:
            raise Invalid(
                "The customer's address has no coordinates. Set them in the admin, then assign the order."
            )
        take_step(changes, order, OrderStatus.ASSIGNED, actor=actor, driver_id=driver_id)
        order.stops.all().delete()
        last = Stop.objects.filter(driver_id=driver_id, done_at=None).aggregate(Max("position", default=0))
        Stop.objects.bulk_create(
            Stop(driver_id=driver_id, order=order, kind=kind, position=last["position__max"] + rank)
            for rank, kind in enumerate((StopKind.PICKUP, StopKind.DROPOFF), start=1)
        )
        plans_changed(changes, drivers.values(), reassigned=True)


def unassign(order_id: UUID, *, actor: Actor, reason: str = "") -> None:
    """Takes an order that is not picked up yet away from its driver."""
    with announced() as changes:
        order, drivers = lock_order(order_id)
        take_step(changes, order, OrderStatus.PENDING, actor=actor, reason=reason, driver_id=None)
        order.stops.all().delete()
        plans_changed(changes, drivers.values(), reassigned=True)


def cancel(order_id: UUID, *, actor: Actor, reason: str = "") -> None:
    """Cancels an order. Once picked up, only a dispatcher can, and says why."""
    with announced() as changes:
        order, drivers = lock_order(order_id)
        if order.status in IN_THE_BAG:
            if actor.kind != OrderEvent.Actor.DISPATCHER:
                raise WrongStatus("The food is already with the driver: only a dispatcher can cancel now.")
            if not reason.strip():
                raise Invalid("The food is already with the driver: give a reason for cancelling.")
        take_step(changes, order, OrderStatus.CANCELLED, actor=actor, reason=reason)
        order.stops.filter(done_at=None).delete()
        plans_changed(changes, drivers.values(), reassigned=True)


# ------------------------------------------------------------- a dispatcher speaks for a driver who forgot a button


def undo_pickup(order_id: UUID, *, actor: Actor, reason: str = "") -> None:
    """Takes back a pickup that a geofence took for granted: the order is what it was before, its stops are new.

    Only a dispatcher can, and only for UNDO_PICKUP_S. Old stops would bring the geofences' memory of the old visit.
    """
    with announced() as changes:
        order, drivers = lock_order(order_id)
        before = _status_before_automatic_pickup(order, actor)
        (driver,) = drivers.values()
        dropoff = order.stops.get(kind=StopKind.DROPOFF)
        first = driver.stops.filter(done_at=None).aggregate(Min("position"))["position__min"] - 1
        take_step(
            changes,
            order,
            before,
            actor=actor,
            reason=reason.strip() or "The automatic pickup was undone.",
            allowed=PICKUP_UNDONE,
            **NO_ETA,
        )
        order.stops.all().delete()
        Stop.objects.bulk_create(
            Stop(driver=driver, order=order, kind=kind, position=position)
            for kind, position in ((StopKind.PICKUP, first), (StopKind.DROPOFF, dropoff.position))
        )
        plans_changed(changes, [driver], reassigned=True)


def _status_before_automatic_pickup(order: Order, actor: Actor) -> OrderStatus:
    """What a locked order was until a geofence picked it up; WrongStatus where that can't be taken back."""
    if actor.kind != OrderEvent.Actor.DISPATCHER:
        raise WrongStatus("Only a dispatcher can undo a pickup.")
    if order.status not in IN_THE_BAG:
        label = OrderStatus(order.status).label.lower()
        raise WrongStatus(f"The order is {label}: there is no pickup to undo.")
    pickup = order.events.filter(to_status=OrderStatus.PICKED_UP).order_by("id").last()
    if pickup is None or pickup.actor != OrderEvent.Actor.GEOFENCE:
        raise WrongStatus("The driver pressed “picked up”: only an automatic pickup can be undone.")
    if not order.stops.get(kind=StopKind.PICKUP).is_undoable_at(timezone.now()):
        minutes = settings.UNDO_PICKUP_S // 60
        raise WrongStatus(f"The pickup was over {minutes} minutes ago: it can’t be undone any more.")
    assert pickup.from_status is not None  # noqa: S101 (only the first event of an order comes from nothing)
    return OrderStatus(pickup.from_status)


def close_for_driver(order_id: UUID, status: str, *, actor: Actor, reason: str) -> None:
    """A dispatcher says for the driver how the handover ended, and why the driver's own button did not."""
    if status not in HANDED_OVER_OR_NOT:
        raise Invalid(f"A handover ends as one of {', '.join(sorted(HANDED_OVER_OR_NOT))}.")
    if actor.kind != OrderEvent.Actor.DISPATCHER:
        raise WrongStatus("Only a dispatcher can close an order for its driver.")
    if not reason.strip():
        raise Invalid("The driver did not press the button: give a reason.")
    with announced() as changes:
        order, drivers = lock_order(order_id)
        step = OrderStatus(status)
        take_step(changes, order, step, actor=actor, reason=reason.strip(), **_ending(step, timezone.now()))
        if step == OrderStatus.DELIVERED:
            prediction_log.settle(order, None)
        plans_changed(changes, drivers.values(), reassigned=True)


# ------------------------------------------------------------------------------------------ drivers' buttons


def report(driver_id: UUID, order_id: UUID, status: str, *, happened_at: datetime | None = None) -> None:
    """A driver's button: picked up, delivered, or could not be handed over; pressed at `happened_at`, or just now.

    A press may come long after, when there is a network again, and counts from when it was made. A device's clock may
    be anywhere: no step is before the one before it.
    """
    if status not in DRIVER_BUTTONS:
        raise Invalid(f"A driver reports one of {', '.join(sorted(DRIVER_BUTTONS))}.")
    step = OrderStatus(status)
    with announced() as changes:
        order, drivers = lock_order(order_id)
        if order.driver_id != driver_id:
            raise NotYours("This order is not with you.")
        driver = drivers[driver_id]
        actor = Actor(OrderEvent.Actor.DRIVER, driver.name)
        pressed_at = max(happened_at, _last_step_at(order)) if happened_at else timezone.now()
        if step == OrderStatus.DELIVERED and order.status in BEFORE_PICKUP:
            _infer_pickup(changes, order, pressed_at)
        take_step(
            changes,
            order,
            step,
            actor=actor,
            happened_at=pressed_at,
            done_at=pressed_at,
            **_ending(step, pressed_at),
        )
        if step == OrderStatus.DELIVERED:
            prediction_log.settle(order, pressed_at)
        plans_changed(changes, [driver], reassigned=True)


def _infer_pickup(changes: Changes, order: Order, at: datetime) -> None:
    """What is delivered was picked up, though nobody said so: the customer's door may be within the restaurant's
    fence. How long the driver was at the restaurant nobody knows, and nothing is learned of it.
    """
    reason = "Inferred: the driver pressed “delivered” without “picked up”."
    take_step(changes, order, OrderStatus.PICKED_UP, actor=SYSTEM, happened_at=at, done_at=at, reason=reason)
    order.status = OrderStatus.PICKED_UP
    order.stops.filter(kind=StopKind.PICKUP).update(arrived_at=None, left_at=None)


def _last_step_at(order: Order) -> datetime:
    last: datetime = order.events.aggregate(Max("happened_at"))["happened_at__max"] or order.created_at
    return last


def _ending(step: OrderStatus, at: datetime) -> dict[str, Any]:
    return {"delivered_at": at} if step == OrderStatus.DELIVERED else {}


def set_shift(driver_id: UUID, on: bool) -> None:
    """A driver starts or ends the shift. Orders that the driver still has stay with the driver."""
    with announced() as changes:
        driver = lock_drivers([driver_id])[driver_id]
        driver.on_shift = on
        driver.last_seen_at = database_now()
        driver.save(update_fields=["on_shift", "last_seen_at"])
        changes.drivers.add(driver_id)
        refresh_drivers(changes, [driver])


def issue_token(driver_id: UUID) -> str:
    """A new bearer token for a driver's app; the one before stops working. Only its digest is kept."""
    token = Driver.new_token()
    if not Driver.objects.filter(pk=driver_id).update(token_digest=Driver.digest(token)):
        raise NotFound("No such driver.")
    return token


# ------------------------------------------------------------------------------------ corrections by hand


def change_restaurant(restaurant: Restaurant) -> None:
    """Saves a restaurant; its new place and radius hold from the next fix on. Where it moved, whoever is to pick up
    there is planned anew.
    """
    with announced() as changes:
        before = Restaurant.objects.filter(pk=restaurant.pk).first()
        restaurant.save()
        changes.restaurants.add(restaurant.pk)
        drivers = Driver.objects.filter(stops__done_at=None, stops__order__restaurant=restaurant).distinct()
        moved = before is not None and before.point != restaurant.point
        locked = lock_drivers(drivers.values_list("pk", flat=True))
        plans_changed(changes, locked.values(), reassigned=moved)


def change_driver(driver: Driver) -> None:
    """Saves a driver's name, phone, city and capacity, or a new driver."""
    with announced() as changes:
        if driver._state.adding:
            driver.save()
        else:
            before = lock_drivers([driver.pk])[driver.pk]
            Driver.objects.filter(pk=driver.pk).update(
                name=driver.name,
                phone=driver.phone,
                city=driver.city,
                capacity=driver.capacity,
            )
            if before.city_id != driver.city_id:  # by which customers hear of the driver's fixes
                plans_changed(changes, [before])
        changes.drivers.add(driver.pk)


#: What may be corrected on an order by hand.
CORRECTABLE = (
    "customer_name",
    "customer_phone",
    "customer_address",
    "customer_lat",
    "customer_lng",
    "ready_at",
    "promised_at",
    "bags",
)
#: What of it plans are made of.
PLANNED = ("customer_lat", "customer_lng", "ready_at", "promised_at", "bags")


def change_order(order: Order) -> None:
    """Saves what may be corrected; where plans are made of it, the driver's stops are put in order anew."""
    with announced() as changes:
        current, drivers = lock_order(order.pk)
        if current.status in FINAL:
            raise WrongStatus("The order is over: nothing on it changes any more.")
        if current.status in ACTIVE and order.customer_point is None:
            raise Invalid("A driver has this order: the customer's address needs coordinates.")
        corrected = {name: getattr(order, name) for name in CORRECTABLE}
        if current.restaurant_id is None:
            corrected["restaurant_id"] = order.restaurant_id
        Order.objects.filter(pk=order.pk).update(**corrected)
        changes.orders.add(order.pk)
        if drivers:
            replanned = any(getattr(current, name) != corrected[name] for name in PLANNED)
            plans_changed(changes, drivers.values(), reassigned=replanned)
