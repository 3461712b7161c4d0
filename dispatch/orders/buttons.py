"""Drivers' buttons: picked up, delivered, could not be, brought back, seen.

Actions like those of dispatch/orders/actions.py. A press counts from when it was made, however late it comes; where
people have decided otherwise meanwhile, it is a conflict (dispatch/orders/conflicts.py).
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Max
from django.utils import timezone

from dispatch.errors import InConflict, Invalid, NotYours
from dispatch.etas import prediction_log
from dispatch.models import Driver, FailureReason, Order, OrderEvent, Stop
from dispatch.orders import conflicts
from dispatch.orders.endings import add_return, fail, has_yet_to_take_over
from dispatch.orders.transitions import SYSTEM, Actor, lock_drivers, lock_order, plans_changed, take_step
from dispatch.signals import Changes, announced
from dispatch.statuses import (
    BEFORE_PICKUP,
    DELIVERED_AFTER_ALL,
    DRIVER_BUTTONS,
    FINAL,
    HANDED_ON,
    TRANSITIONS,
    OrderStatus,
    StopKind,
)


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
        driver = drivers[driver_id] if order.driver_id == driver_id else None
        if driver is not None and happened_at and _report_late(changes, order, driver, step, happened_at):
            return
        contrary = None
        if happened_at and (driver is None or order.status in FINAL):
            contrary = conflicts.against(order, driver_id, step, happened_at)
        if contrary is not None and happened_at:
            conflicts.note(changes, order, driver_id, step, happened_at, contrary, reason)
        elif driver is None:
            raise NotYours("This order is not with you.")
        else:
            _press(changes, order, driver, step, happened_at, reason)
    if contrary is not None:
        # Behind the commit: what the driver said is kept.
        raise InConflict("The order was changed meanwhile. A dispatcher hears what you say, and decides.")


def _press(
    changes: Changes,
    order: Order,
    driver: Driver,
    step: OrderStatus,
    happened_at: datetime | None,
    reason: str | None,
) -> None:
    """On a locked order of a locked driver."""
    actor = Actor(OrderEvent.Actor.DRIVER, driver.name)
    pressed_at = max(happened_at, _last_step_at(order)) if happened_at else timezone.now()
    if step == OrderStatus.FAILED:
        listed = _listed_reason(reason)
        if listed is None and order.status in BEFORE_PICKUP:
            raise Invalid("Before the pickup, say why it failed: send a `reason` of the list.")
        fail(changes, order, driver, actor, pressed_at, listed.name if listed else "", listed)
    else:
        if step == OrderStatus.DELIVERED and order.status in BEFORE_PICKUP:
            _infer_pickup(changes, order, pressed_at)
        takes_over = step == OrderStatus.PICKED_UP and has_yet_to_take_over(order)
        ending: dict[str, Any] = {"delivered_at": pressed_at} if step == OrderStatus.DELIVERED else {}
        take_step(
            changes,
            order,
            step,
            actor=actor,
            happened_at=pressed_at,
            done_at=pressed_at,
            reason="Taken over." if takes_over else "",
            allowed=HANDED_ON if takes_over else TRANSITIONS,
            **ending,
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
        order.stops.filter(kind=StopKind.RETURN).delete()
    elif step == OrderStatus.PICKED_UP and cancelled.from_status in BEFORE_PICKUP:
        add_return(order, driver)
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
