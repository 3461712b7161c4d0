"""All that a driver has goes to others, in one gesture: the shift is over, the driver fell ill, the car broke down.

Actions like those of dispatch/orders/actions.py. Who could take what says dispatch/planning/succession.py.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from dispatch.errors import Conflict, Invalid, NotFound, WrongStatus
from dispatch.models import NO_ETA, Driver, Order, Stop, left_and_ahead, number
from dispatch.orders.transitions import (
    Actor,
    behind_all,
    check_on_shift,
    lock_drivers,
    plans_changed,
    take_step,
)
from dispatch.planning.visiting_order import Wish
from dispatch.signals import Changes, announced
from dispatch.statuses import (
    ACTIVE,
    FINAL,
    HANDED_ON,
    IN_THE_BAG,
    OrderStatus,
    StopKind,
)


@dataclass(frozen=True)
class Move:
    """An order, and the driver who takes it."""

    order: UUID
    driver: UUID


def hand_on(driver_id: UUID, moves: Sequence[Move], *, end_shift: bool = False, actor: Actor) -> None:
    """Gives these orders of a driver to others, who do them in the order in which the driver would have. Food that
    the driver has already is taken over where the driver is.

    Nothing is done (WrongStatus) where one of them is no longer with the driver, and nothing (Invalid) where one goes
    to somebody who is off shift.
    """
    with announced() as changes:
        drivers = lock_drivers({driver_id, *(move.driver for move in moves)})
        holder = drivers[driver_id]
        orders = _lock_orders(move.order for move in moves)
        ahead = left_and_ahead(Stop.objects.plans_of([driver_id]))[1]
        for move in moves:
            taker, order = drivers[move.driver], orders[move.order]
            if order.driver_id != driver_id or order.status not in ACTIVE:
                raise WrongStatus(f"An order is no longer with {holder.name}. Look at them again.")
            if taker == holder:
                raise Invalid(f"{holder.name} is to hand the order on: choose another driver.")
            check_on_shift(taker)
        taken: defaultdict[UUID, set[UUID]] = defaultdict(set)
        for move in moves:
            _change_driver(changes, orders[move.order], drivers[move.driver], actor, f"From {holder.name}.")
            taken[move.driver].add(move.order)
        for taker_id, order_ids in taken.items():
            _continue_plan(drivers[taker_id], [stop for stop in ahead if stop.order_id in order_ids], holder)
        if end_shift:
            holder.on_shift = False
            holder.save(update_fields=["on_shift"])
        plans_changed(changes, drivers.values(), reassigned=True)


def _continue_plan(taker: Driver, stops: Sequence[Stop], holder: Driver) -> None:
    """The stops of a driver (the holder) become those of another one, behind all that is to be done already. They are
    new ones: old stops would bring the geofences' memory of an old visit.
    """
    meeting = {stop.order_id: stop.meets for stop in stops if stop.kind == StopKind.TRANSFER}
    meeting |= {
        stop.order_id: holder
        for stop in stops
        if stop.order.status in IN_THE_BAG and stop.order_id not in meeting
    }
    new = [
        *((order_id, StopKind.TRANSFER, whom) for order_id, whom in meeting.items()),
        *((stop.order_id, stop.kind, None) for stop in stops if stop.kind != StopKind.TRANSFER),
    ]
    first = behind_all(taker)
    Stop.objects.filter(pk__in=[stop.pk for stop in stops]).delete()
    # Nor is it known any longer from whom the driver had the food.
    Stop.objects.filter(order__in=meeting, kind=StopKind.TRANSFER).delete()
    Stop.objects.bulk_create(
        Stop(driver=taker, order_id=order_id, kind=kind, meets=whom, position=position)
        for position, (order_id, kind, whom) in enumerate(new, start=first)
    )


def hand_back(driver_id: UUID, wishes: Sequence[Wish], *, on_shift: bool | None = None, actor: Actor) -> None:
    """Undoes `hand_on`: the driver's plan is again what these wishes say, with what came after behind it. Orders that
    are over stay over.

    Nothing is done where somebody has picked up, or taken over, one of the orders meanwhile (WrongStatus).
    """
    with announced() as changes:
        ids = {wish.order for wish in wishes}
        takers = Order.objects.filter(pk__in=ids, driver__isnull=False).values_list("driver_id", flat=True)
        drivers = lock_drivers({driver_id, *takers})
        holder = drivers[driver_id]
        back = [order for order in _lock_orders(ids).values() if order.status not in FINAL]
        for order in back:
            if order.driver_id is not None and order.driver_id not in drivers:
                raise Conflict("An order went to another driver this very moment. Try again.")
        away = [order for order in back if order.driver_id != driver_id]
        for order in away:
            _take_back(changes, order, holder, actor)
        left, ahead = left_and_ahead(Stop.objects.plans_of([driver_id]))
        rank = {(wish.order, wish.kind): n for n, wish in enumerate(wishes)}
        pinned = {(wish.order, wish.kind) for wish in wishes if wish.pinned}
        ahead.sort(key=lambda stop: rank.get((stop.order_id, StopKind(stop.kind)), len(rank)))
        for stop in ahead:
            stop.pinned |= (stop.order_id, stop.kind) in pinned
        number(left, ahead)
        Stop.objects.bulk_update(ahead, ["position", "pinned"])
        if on_shift is not None:
            holder.on_shift = on_shift
            holder.save(update_fields=["on_shift"])
        plans_changed(changes, drivers.values(), reassigned=True)


def _take_back(changes: Changes, order: Order, holder: Driver, actor: Actor) -> None:
    """Gives an order that another driver has, or nobody, to the one who had it before. Food that nobody has taken
    over yet is where it was.
    """
    transfer = order.stops.filter(kind=StopKind.TRANSFER, done_at=None).select_related("meets").first()
    if order.status in IN_THE_BAG and transfer is None:
        name = order.customer_name or "a customer"
        raise WrongStatus(f"The food for {name} is with its new driver already: it can’t be undone any more.")
    _change_driver(changes, order, holder, actor, "Handed back.")
    order.stops.filter(done_at=None).delete()
    stops = [Stop(driver=holder, order=order, kind=StopKind.DROPOFF, position=0)]
    if transfer is None:
        stops.append(Stop(driver=holder, order=order, kind=StopKind.PICKUP, position=0))
    elif transfer.meets != holder:
        stops.append(
            Stop(driver=holder, order=order, kind=StopKind.TRANSFER, meets=transfer.meets, position=0)
        )
    Stop.objects.bulk_create(stops)


def _change_driver(changes: Changes, order: Order, to: Driver, actor: Actor, reason: str) -> None:
    fields: dict[str, Any] = {"driver_id": to.pk}
    if order.status in IN_THE_BAG:
        take_step(
            changes,
            order,
            OrderStatus.PICKED_UP,
            actor=actor,
            reason=reason,
            allowed=HANDED_ON,
            **fields,
            **NO_ETA,
        )
    else:
        take_step(changes, order, OrderStatus.ASSIGNED, actor=actor, reason=reason, **fields)


def _lock_orders(ids: Iterable[UUID]) -> dict[UUID, Order]:
    """Raises NotFound."""
    wanted = set(ids)
    orders = Order.objects.select_for_update(no_key=True).filter(pk__in=wanted).order_by("pk").in_bulk()
    if len(orders) != len(wanted):
        raise NotFound("No such order.")
    return orders
