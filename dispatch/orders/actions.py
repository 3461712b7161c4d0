"""What people and platforms do to the domain: the admin, the dashboard, the API and an app's shift come through here.

Drivers' buttons are in dispatch/orders/buttons.py, what geofences and silence tell is in geofence_actions.py there.
What planning finds is in dispatch/planning/plan_store.py, the visiting orders that dispatchers want are in
visiting_order.py there, and what a driver has handed on is in handing_on.py.

Each action is one transaction, made of the pieces in dispatch/orders/transitions.py: it locks the drivers it concerns
(in id order, before any order, so that two actions never wait for each other), takes the step that
`statuses.TRANSITIONS` allows, appends an OrderEvent, and on commit announces what changed (dispatch/signals.py). Of
two processes that try the same step, one succeeds; the other gets `WrongStatus`.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from functools import partial
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Min
from django.utils import timezone

from dispatch.errors import Conflict, Invalid, NotFound, WrongStatus
from dispatch.etas import prediction_log
from dispatch.models import (
    NO_ETA,
    City,
    Driver,
    FailureReason,
    Item,
    Order,
    OrderEvent,
    Restaurant,
    Skill,
    Stop,
)
from dispatch.models.promises import moved_because
from dispatch.orders import addresses, availability, scheduling
from dispatch.orders.endings import end_stops, fail
from dispatch.orders.transitions import SYSTEM as SYSTEM
from dispatch.orders.transitions import (
    Actor,
    behind_all,
    check_on_shift,
    hear_of,
    lock_drivers,
    lock_order,
    plans_changed,
    take_step,
)
from dispatch.signals import announced
from dispatch.statuses import (
    ACTIVE,
    FINAL,
    HANDED_OVER_OR_NOT,
    IN_THE_BAG,
    PICKUP_UNDONE,
    UNASSIGNED,
    OrderStatus,
    StopKind,
)
from routing.errors import BadPoint
from routing.geo import Point

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
    wanted_at: datetime | None = None,
    bags: int = 1,
    needs: Sequence[str] = (),
    external_id: str | None = None,
    number: str = "",
    items: Sequence[Item] = (),
    kitchen_note: str = "",
    driver_note: str = "",
    door_note: str = "",
    tip: str = "",
    cash_due: str = "",
    actor: Actor = PLATFORM,
) -> Order:
    """A new order (degrees): pending, or scheduled where it is wanted so late that nobody needs to set off yet. Its
    `address_problem` says what is wrong with where it goes, its `trouble` also that the restaurant is closed; it is
    taken all the same, for the food is real.

    `ready_at` is when the kitchen expects to be done, `promised_at` by when the customer has the food (None: as the
    city promises, or when it is wanted). `needs`: codes of skills without which nobody gets it; Invalid for one that
    is not on the list. Conflict: there is one with this `external_id`.
    """
    order = Order(
        restaurant_id=restaurant_id,
        customer_name=customer_name,
        customer_phone=customer_phone,
        customer_address=customer_address,
        customer_lat=customer_lat,
        customer_lng=customer_lng,
        ready_at=ready_at,
        promised_at=promised_at,
        wanted_at=wanted_at,
        bags=bags,
        needs=list(needs),
        external_id=external_id,
        number=number,
        items=list(items),
        kitchen_note=kitchen_note,
        driver_note=driver_note,
        door_note=door_note,
        tip=tip,
        cash_due=cash_due,
    )
    place(order, actor=actor)
    return order


def place(order: Order, *, actor: Actor, ask_roads: bool = True) -> None:
    """Saves a new order, with the first line of its timeline. Without `ask_roads` nobody waits for what the roads say
    of its address: the next round asks them (`addresses.check_pending`).

    Raises Invalid for coordinates that no place has, as where latitude and longitude have changed places, and for a
    need that nobody knows; Conflict where there is an order with its `external_id`.
    """
    _check_needs(order)
    if (order.customer_lat, order.customer_lng) != (None, None):
        try:
            Point.checked(order.customer_lat, order.customer_lng)
        except BadPoint as wrong:
            raise Invalid(wrong.message) from None
    with announced() as changes:
        if order.external_id is not None and Order.objects.filter(external_id=order.external_id).exists():
            raise Conflict("There is an order with this external_id already.")
        scheduling.schedule(order)
        availability.note(order)
        order.save(force_insert=True)
        OrderEvent.objects.create(
            order=order, to_status=order.status, actor=actor.kind, actor_name=actor.name
        )
        changes.orders.add(order.pk)
        changes.outbox = True
    if ask_roads:
        _ask_the_roads_about([order])


def _check_needs(order: Order) -> None:
    """Raises Invalid: with a code that is misspelt nobody would ever be found."""
    if order.needs:
        listed = set(Skill.objects.values_list("code", flat=True))
        if unknown := [code for code in order.needs if code not in listed]:
            raise Invalid(
                f"No skill has the code {unknown[0]!r}; there are {', '.join(sorted(listed)) or 'none'}."
            )


def _ask_the_roads_about(orders: Sequence[Order]) -> None:
    """Once all is committed: an order is in the database, whatever the roads say or whether they are there at all."""
    transaction.on_commit(partial(addresses.check, orders), robust=True)


def _look_at_hours_of(order_ids: Collection[UUID]) -> None:
    transaction.on_commit(partial(availability.check_orders, order_ids), robust=True)


def assign(
    order_id: UUID,
    driver_id: UUID,
    *,
    actor: Actor,
    only_pending: bool = False,
    only_from: UUID | None = None,
) -> None:
    """Gives a pending order to a driver, or moves one that is not picked up yet to another driver.

    `only_pending`, `only_from` (a driver): an order that somebody gave to a driver meanwhile, or that is no longer
    with this one, stays where it is (WrongStatus).
    """
    with announced() as changes:
        order, drivers = lock_order(order_id, driver_id)
        if only_pending and order.status != OrderStatus.PENDING:
            raise WrongStatus("Somebody else was first: the order is no longer waiting for a driver.")
        if only_from is not None and order.driver_id != only_from:
            raise WrongStatus("Somebody else was first: the order is no longer with the driver who had it.")
        driver = drivers[driver_id]
        if order.driver_id == driver_id:
            raise WrongStatus(f"{driver.name} already has this order.")
        check_on_shift(driver)
        if order.restaurant_id is None:
            raise Invalid("The order has no restaurant. Choose one in the admin, then assign the order.")
        if order.customer_point is None:
            raise Invalid(
                "The customer's address has no coordinates. Set them in the admin, then assign the order."
            )
        take_step(changes, order, OrderStatus.ASSIGNED, actor=actor, driver_id=driver_id)
        order.stops.all().delete()
        Stop.objects.bulk_create(
            Stop(driver_id=driver_id, order=order, kind=kind, position=position)
            for position, kind in enumerate((StopKind.PICKUP, StopKind.DROPOFF), start=behind_all(driver))
        )
        plans_changed(changes, drivers.values(), reassigned=True)


def unassign(order_id: UUID, *, actor: Actor, reason: str = "") -> None:
    """Takes an order that is not picked up yet away from its driver."""
    with announced() as changes:
        order, drivers = lock_order(order_id)
        take_step(changes, order, OrderStatus.PENDING, actor=actor, reason=reason, driver_id=None)
        order.stops.all().delete()
        plans_changed(changes, drivers.values(), reassigned=True)


def cancel(order_id: UUID, *, actor: Actor, reason: str = "", dispose: bool = False) -> None:
    """Cancels an order. Once picked up, only a dispatcher can, and says why; then the driver brings the food back to
    the restaurant, or is to `dispose` of it.
    """
    with announced() as changes:
        order, drivers = lock_order(order_id)
        if order.status in IN_THE_BAG:
            if actor.kind != OrderEvent.Actor.DISPATCHER:
                raise WrongStatus("The food is already with the driver: only a dispatcher can cancel now.")
            if not reason.strip():
                raise Invalid("The food is already with the driver: give a reason for cancelling.")
        take_step(changes, order, OrderStatus.CANCELLED, actor=actor, reason=reason)
        driver = next(iter(drivers.values()), None)
        end_stops(order, driver, goes_back=order.status in IN_THE_BAG and not dispose)
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
    stop = order.stops.get(kind=StopKind.PICKUP)
    if stop.driver_id != order.driver_id:
        raise WrongStatus("The order was handed on since: its pickup can’t be undone any more.")
    if not stop.is_undoable_at(timezone.now()):
        minutes = settings.UNDO_PICKUP_S // 60
        raise WrongStatus(f"The pickup was over {minutes} minutes ago: it can’t be undone any more.")
    assert pickup.from_status is not None  # noqa: S101 (only the first event of an order comes from nothing)
    return OrderStatus(pickup.from_status)


def close_for_driver(order_id: UUID, status: str, *, actor: Actor, reason: str) -> None:
    """A dispatcher says for the driver how the handover ended, and why the driver's own button did not.

    A reason of the list says what becomes of the order.
    """
    if status not in HANDED_OVER_OR_NOT:
        raise Invalid(f"A handover ends as one of {', '.join(sorted(HANDED_OVER_OR_NOT))}.")
    if actor.kind != OrderEvent.Actor.DISPATCHER:
        raise WrongStatus("Only a dispatcher can close an order for its driver.")
    if not reason.strip():
        raise Invalid("The driver did not press the button: give a reason.")
    with announced() as changes:
        order, drivers = lock_order(order_id)
        step = OrderStatus(status)
        now = timezone.now()
        if step == OrderStatus.DELIVERED:
            take_step(changes, order, step, actor=actor, reason=reason.strip(), delivered_at=now)
            prediction_log.settle(order, None)
        else:
            listed = FailureReason.objects.filter(name=reason.strip()).first()
            fail(changes, order, next(iter(drivers.values()), None), actor, now, reason.strip(), listed)
        plans_changed(changes, drivers.values(), reassigned=True)


def set_shift(driver_id: UUID, on: bool) -> None:
    """A driver starts or ends the shift. Orders that the driver still has stay with the driver until they are done or
    handed on (dispatch/planning/handing_on.py); each says meanwhile that the shift is over.
    """
    with announced() as changes:
        driver = lock_drivers([driver_id])[driver_id]
        if on and not driver.on_shift:
            driver.heard_every_s = None  # perhaps another phone than last time
        if driver.on_shift != on:
            driver.break_until = None
        driver.on_shift = on
        driver.save(update_fields=["on_shift", "break_until", "heard_every_s"])
        hear_of(driver)
        plans_changed(changes, [driver])


def issue_token(driver_id: UUID) -> str:
    """A new bearer token for a driver's app; the one before stops working. Only its digest is kept."""
    token = Driver.new_token()
    if not Driver.objects.filter(pk=driver_id).update(token_digest=Driver.digest(token)):
        raise NotFound("No such driver.")
    return token


def revoke_token(driver_id: UUID) -> None:
    """The driver's app signs in no more. A socket that is open stays until it closes."""
    if not Driver.objects.filter(pk=driver_id).update(token_digest=None):
        raise NotFound("No such driver.")


# ------------------------------------------------------------------------------------ corrections by hand


def change_restaurant(restaurant: Restaurant) -> None:
    """Saves a restaurant; its new place and radius hold from the next fix on. Where it moved, whoever is to pick up
    there is planned anew, and the orders that wait for a driver have their addresses looked at again.
    """
    waiting: list[Order] = []
    with announced() as changes:
        before = Restaurant.objects.filter(pk=restaurant.pk).first()
        restaurant.save()
        changes.restaurants.add(restaurant.pk)
        drivers = Driver.objects.filter(stops__done_at=None, stops__order__restaurant=restaurant).distinct()
        moved = before is not None and before.point != restaurant.point
        locked = lock_drivers(drivers.values_list("pk", flat=True))
        plans_changed(changes, locked.values(), reassigned=moved)
        if moved:
            pending = restaurant.orders.filter(status__in=UNASSIGNED)
            waiting += pending.select_for_update().order_by("pk")
            pending.update(problem="")
            pending.touch()
            for order in waiting:
                order.problem = ""
                changes.orders.add(order.pk)
        transaction.on_commit(partial(availability.check_at, restaurant.pk), robust=True)
    _ask_the_roads_about(waiting)


#: What staff may edit of a driver.
EDITABLE = ("name", "phone", "city_id", "vehicle", "capacity", "skills")


def change_city(city: City) -> None:
    """Saves a city."""
    with announced() as changes:
        city.save()
        changes.cities.add(city.pk)
        transaction.on_commit(partial(availability.check_at, city.pk), robust=True)


def change_driver(driver: Driver) -> None:
    """Saves what staff say of a driver (EDITABLE), or a new driver."""
    with announced() as changes:
        if driver._state.adding:
            driver.save()
        else:
            before = lock_drivers([driver.pk])[driver.pk]
            edited = {name: getattr(driver, name) for name in EDITABLE}
            Driver.objects.filter(pk=driver.pk).update(**edited)
            # By the city customers hear of the driver's fixes, by the vehicle goes the road that they see.
            other_roads = before.vehicle != driver.vehicle
            if other_roads or before.city_id != driver.city_id:
                plans_changed(changes, [before], reassigned=other_roads)
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
    "wanted_at",
    "bags",
    "needs",
    "number",
    "items",
    "kitchen_note",
    "driver_note",
    "door_note",
    "tip",
    "cash_due",
)
#: What of it plans are made of.
PLANNED = ("customer_lat", "customer_lng", "ready_at", "promised_at", "bags")


def change_order(order: Order, *, actor: Actor = PLATFORM, promise_reason: str = "") -> None:
    """Saves what may be corrected; where plans are made of it, the driver's stops are put in order anew. An address
    that is another one now is looked at anew. `promise_reason`: why the customer is promised another time, if so.
    """
    with announced() as changes:
        current, drivers = lock_order(order.pk)
        if current.status in FINAL:
            raise WrongStatus("The order is over: nothing on it changes any more.")
        if current.status in ACTIVE and order.customer_point is None:
            raise Invalid("A driver has this order: the customer's address needs coordinates.")
        corrected = {name: getattr(order, name) for name in CORRECTABLE}
        if current.restaurant_id is None:
            corrected["restaurant_id"] = order.restaurant_id
        if current.status == OrderStatus.SCHEDULED:
            corrected["dispatch_at"] = scheduling.dispatch_at(order) or timezone.now()
        moved = current.status in UNASSIGNED and current.customer_point != order.customer_point
        if moved:
            corrected["problem"] = order.problem = ""
        if corrected["promised_at"] != current.promised_at:
            moved_because(promise_reason, actor.name or OrderEvent.Actor(actor.kind).label)
        Order.objects.filter(pk=order.pk).update(**corrected)
        changes.orders.add(order.pk)
        if drivers:
            replanned = any(getattr(current, name) != corrected[name] for name in PLANNED)
            plans_changed(changes, drivers.values(), reassigned=replanned)
        if current.status in UNASSIGNED:
            _look_at_hours_of([order.pk])
    if moved:
        _ask_the_roads_about([order])
