"""What people and platforms do to the domain: a button, the admin, the dashboard, the API all come through here.

What geofences and silence tell is in dispatch/orders/geofence_actions.py, what planning finds in
dispatch/planning/plan_store.py; the visiting orders that dispatchers want are in visiting_order.py there, and what a
driver has handed on in handing_on.py.

Each action is one transaction, made of the pieces in dispatch/orders/transitions.py: it locks the drivers it concerns
(in id order, before any order, so that two actions never wait for each other), takes the step that
`statuses.TRANSITIONS` allows, appends an OrderEvent, and on commit announces what changed (dispatch/signals.py). Of
two processes that try the same step, one succeeds; the other gets `WrongStatus`.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Max, Min
from django.utils import timezone

from dispatch.errors import Conflict, Invalid, NotFound, NotYours, WrongStatus
from dispatch.etas import prediction_log
from dispatch.models import NO_ETA, City, Driver, FailureReason, Item, Order, OrderEvent, Restaurant, Stop
from dispatch.models.failure_reasons import LeadsTo
from dispatch.orders import addresses, availability, scheduling
from dispatch.orders.transitions import (
    SYSTEM,
    Actor,
    behind_all,
    hear_of,
    lock_drivers,
    lock_order,
    plans_changed,
    take_step,
)
from dispatch.signals import Changes, announced
from dispatch.statuses import (
    ACTIVE,
    BEFORE_PICKUP,
    DELIVERED_AFTER_ALL,
    DRIVER_BUTTONS,
    FINAL,
    HANDED_ON,
    HANDED_OVER_OR_NOT,
    IN_THE_BAG,
    PICKUP_UNDONE,
    TRANSITIONS,
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
    city promises, or when it is wanted). Conflict: there is one with this `external_id`.
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


def place(order: Order, *, actor: Actor) -> None:
    """Saves a new order, with the first line of its timeline.

    Raises Invalid for coordinates that no place has, as where latitude and longitude have changed places, and
    Conflict where there is an order with its `external_id`.
    """
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
    _ask_the_roads_about([order])


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
        _end_stops(order, drivers, bring_back=order.status in IN_THE_BAG and not dispose)
        plans_changed(changes, drivers.values(), reassigned=True)


def _end_stops(order: Order, drivers: Mapping[UUID, Driver], *, bring_back: bool) -> None:
    """Nobody visits the open stops of an order that is over; food on board is brought back instead. Food that was not
    handed over yet stays with the driver who has it, and who is no longer at work.
    """
    if bring_back and not _has_yet_to_take_over(order):
        (driver,) = drivers.values()
        _add_return(order, driver, order.stops.get(kind=StopKind.DROPOFF).position)
    order.stops.filter(done_at=None).exclude(kind=StopKind.RETURN).delete()


def _has_yet_to_take_over(order: Order) -> bool:
    """Whether the food is still with another driver than the one who is to bring it."""
    return order.status in IN_THE_BAG and order.stops.filter(kind=StopKind.TRANSFER, done_at=None).exists()


def _add_return(order: Order, driver: Driver, position: int) -> None:
    """The driver has the food of an order that is over, and gets a stop for it at the restaurant."""
    Stop.objects.create(driver=driver, order=order, kind=StopKind.RETURN, position=position)


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
            take_step(changes, order, step, actor=actor, reason=reason.strip(), **_ending(step, now))
            prediction_log.settle(order, None)
        else:
            listed = FailureReason.objects.filter(name=reason.strip()).first()
            _fail(changes, order, drivers, actor, now, reason.strip(), listed)
        plans_changed(changes, drivers.values(), reassigned=True)


# ------------------------------------------------------------------------------------------ drivers' buttons


def report(
    driver_id: UUID,
    order_id: UUID,
    status: str,
    *,
    happened_at: datetime | None = None,
    reason: str | None = None,
) -> None:
    """A driver's button: picked up, delivered, or could not be; pressed at `happened_at`, or just now.

    `reason`: the code of one of the list, of what could not be done. Before the pickup there must be one.

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
        if happened_at and _report_late(changes, order, driver, step, happened_at):
            return
        actor = Actor(OrderEvent.Actor.DRIVER, driver.name)
        pressed_at = max(happened_at, _last_step_at(order)) if happened_at else timezone.now()
        if step == OrderStatus.FAILED:
            listed = _listed_reason(reason)
            if listed is None and order.status in BEFORE_PICKUP:
                raise Invalid("Before the pickup, say why it failed: send a `reason` of the list.")
            _fail(changes, order, drivers, actor, pressed_at, listed.name if listed else "", listed)
            plans_changed(changes, [driver], reassigned=True)
            return
        if step == OrderStatus.DELIVERED and order.status in BEFORE_PICKUP:
            _infer_pickup(changes, order, pressed_at)
        takes_over = step == OrderStatus.PICKED_UP and _has_yet_to_take_over(order)
        take_step(
            changes,
            order,
            step,
            actor=actor,
            happened_at=pressed_at,
            done_at=pressed_at,
            reason="Taken over." if takes_over else "",
            allowed=HANDED_ON if takes_over else TRANSITIONS,
            **_ending(step, pressed_at),
        )
        if step == OrderStatus.DELIVERED:
            prediction_log.settle(order, pressed_at)
        plans_changed(changes, [driver], reassigned=True)


def _listed_reason(code: str | None) -> FailureReason | None:
    """Invalid: there is none of this code."""
    if code is None:
        return None
    listed = FailureReason.objects.filter(code=code).first()
    if listed is None:
        codes = FailureReason.objects.filter(active=True).values_list("code", flat=True)
        raise Invalid(f"There is no such reason; send one of {', '.join(codes)}.")
    return listed


def _fail(
    changes: Changes,
    order: Order,
    drivers: Mapping[UUID, Driver],
    actor: Actor,
    at: datetime,
    words: str,
    listed: FailureReason | None,
) -> None:
    """The order could not be picked up or handed over; what becomes of it, the reason of the list says."""
    leads_to = listed.leads_to if listed else LeadsTo.END
    on_board = order.status in IN_THE_BAG
    if leads_to == LeadsTo.PENDING and not on_board:
        take_step(
            changes, order, OrderStatus.PENDING, actor=actor, happened_at=at, reason=words, driver_id=None
        )
        order.stops.all().delete()
        return
    take_step(changes, order, OrderStatus.FAILED, actor=actor, happened_at=at, done_at=at, reason=words)
    _end_stops(order, drivers, bring_back=on_board and leads_to != LeadsTo.END)


def _report_late(
    changes: Changes, order: Order, driver: Driver, step: OrderStatus, pressed_at: datetime
) -> bool:
    """A press that was made before a dispatcher cancelled the order, and came after. Whether it was one.

    What was delivered by then is delivered; what was picked up by then is brought back.
    """
    if order.status != OrderStatus.CANCELLED:
        return False
    cancelled = order.events.filter(to_status=OrderStatus.CANCELLED).last()
    if cancelled is None or pressed_at >= cancelled.happened_at:
        return False
    on_the_way_back = order.stops.filter(kind=StopKind.RETURN)
    if step == OrderStatus.DELIVERED:
        before = order.events.exclude(pk=cancelled.pk).aggregate(Max("happened_at"))["happened_at__max"]
        delivered_at = max(pressed_at, before)
        take_step(
            changes,
            order,
            step,
            actor=Actor(OrderEvent.Actor.DRIVER, driver.name),
            happened_at=delivered_at,
            reason="Pressed without a network, before it was cancelled.",
            allowed=DELIVERED_AFTER_ALL,
            delivered_at=delivered_at,
        )
        on_the_way_back.delete()
    elif (
        step == OrderStatus.PICKED_UP
        and cancelled.from_status in BEFORE_PICKUP
        and not on_the_way_back.exists()
    ):
        _add_return(order, driver, behind_all(driver))
    plans_changed(changes, [driver], reassigned=True)
    return True


def bring_back(driver_id: UUID, order_id: UUID, *, happened_at: datetime | None = None) -> None:
    """A driver's button: the food is at the restaurant again."""
    with announced() as changes:
        order, drivers = lock_order(order_id)
        stop = order.stops.filter(driver_id=driver_id, kind=StopKind.RETURN, done_at=None).first()
        if stop is None:
            raise NotYours("You have nothing of this order to bring back.")
        Stop.objects.filter(pk=stop.pk).update(done_at=happened_at or timezone.now())
        plans_changed(changes, [drivers[driver_id]], reassigned=True)


def acknowledge(driver_id: UUID, stop_ids: Collection[UUID], *, happened_at: datetime | None = None) -> None:
    """The driver says to have seen these stops; what is no longer the driver's is passed over."""
    with announced() as changes:
        driver = lock_drivers([driver_id])[driver_id]
        unseen = Stop.objects.filter(driver=driver, pk__in=stop_ids, seen_at=None, done_at=None)
        if unseen.update(seen_at=happened_at or timezone.now()):
            plans_changed(changes, [driver])


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
    """A driver starts or ends the shift. Orders that the driver still has stay with the driver until they are done or
    handed on (dispatch/planning/handing_on.py); each says meanwhile that the shift is over.
    """
    with announced() as changes:
        driver = lock_drivers([driver_id])[driver_id]
        if on and not driver.on_shift:
            driver.heard_every_s = None  # perhaps another phone than last time
        driver.on_shift = on
        driver.save(update_fields=["on_shift", "heard_every_s"])
        hear_of(driver)
        plans_changed(changes, [driver])


def issue_token(driver_id: UUID) -> str:
    """A new bearer token for a driver's app; the one before stops working. Only its digest is kept."""
    token = Driver.new_token()
    if not Driver.objects.filter(pk=driver_id).update(token_digest=Driver.digest(token)):
        raise NotFound("No such driver.")
    return token


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


def change_city(city: City) -> None:
    """Saves a city."""
    with announced() as changes:
        city.save()
        changes.cities.add(city.pk)
        transaction.on_commit(partial(availability.check_at, city.pk), robust=True)


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
    "wanted_at",
    "bags",
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


def change_order(order: Order) -> None:
    """Saves what may be corrected; where plans are made of it, the driver's stops are put in order anew. An address
    that is another one now is looked at anew.
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
        Order.objects.filter(pk=order.pk).update(**corrected)
        changes.orders.add(order.pk)
        if drivers:
            replanned = any(getattr(current, name) != corrected[name] for name in PLANNED)
            plans_changed(changes, drivers.values(), reassigned=replanned)
        if current.status in UNASSIGNED:
            _look_at_hours_of([order.pk])
    if moved:
        _ask_the_roads_about([order])
