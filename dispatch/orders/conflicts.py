"""A press that comes late, against what people did meanwhile: kept with both sides, and settled once by a dispatcher.

`settle` is an action like those of dispatch/orders/actions.py; presses come here from dispatch/orders/buttons.py.
"""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.utils import timezone

from dispatch.errors import NotFound, WrongStatus
from dispatch.models import Conflict, Driver, FailureReason, Order, OrderEvent, Stop
from dispatch.models.conflicts import Outcome
from dispatch.models.failure_reasons import LeadsTo
from dispatch.orders.endings import add_return
from dispatch.orders.transitions import Actor, behind_all, lock_order, plans_changed, take_step
from dispatch.signals import Changes, announced
from dispatch.statuses import ACTIVE, AS_THE_DRIVER_SAYS, FINAL, IN_THE_BAG, OrderStatus, StopKind

#: A press that takes so long (seconds) to come was made without a network: the driver could not know what people did.
LATE_S = 30.0


def against(order: Order, driver_id: UUID, step: OrderStatus, pressed_at: datetime) -> OrderEvent | None:
    """What people did to a locked order that a driver's press contradicts, who could not know of it; None where there
    is no such thing: the order was never the driver's, the driver said so before, or both say the same.
    """
    events = list(order.events.order_by("id"))
    own = [n for n, event in enumerate(events) if event.driver_id == driver_id and event.to_status in ACTIVE]
    if not own or _agree(order, driver_id, step):
        return None
    if any(_is_own(event, driver_id) and event.to_status == step for event in events):
        return None
    contrary = events[-1] if order.driver_id == driver_id else next(iter(events[own[-1] + 1 :]), None)
    if contrary is None or _is_own(contrary, driver_id):
        return None
    could_know = pressed_at >= contrary.happened_at and timezone.now() - pressed_at < timedelta(
        seconds=LATE_S
    )
    return None if could_know else contrary


def _is_own(event: OrderEvent, driver_id: UUID) -> bool:
    return event.actor == OrderEvent.Actor.DRIVER and event.driver_id == driver_id


def _agree(order: Order, driver_id: UUID, step: OrderStatus) -> bool:
    """Whether the press tells nothing but what is known."""
    if order.driver_id != driver_id:
        return False
    said = {OrderStatus.PICKED_UP: {OrderStatus.DELIVERED}, OrderStatus.FAILED: {OrderStatus.CANCELLED}}
    return order.status == step or order.status in said.get(step, set())


def note(
    changes: Changes,
    order: Order,
    driver_id: UUID,
    step: OrderStatus,
    pressed_at: datetime,
    contrary: OrderEvent,
    reason: str | None,
) -> None:
    """Stores the conflict, once however often the press comes."""
    conflict, _ = Conflict.objects.get_or_create(
        order=order,
        driver_id=driver_id,
        says=step,
        pressed_at=pressed_at,
        defaults={"against": contrary, "reason": reason or ""},
    )
    changes.conflicts.add(conflict.pk)


def settle(conflict_id: UUID, outcome: Outcome, *, actor: Actor) -> None:
    """A dispatcher decides who is right. Where it is the driver, the order becomes what the driver said.

    Raises WrongStatus for what is settled already, and where the order went on in a way that the press doesn't fit.
    """
    with announced() as changes:
        conflict = Conflict.objects.filter(pk=conflict_id).first()
        if conflict is None:
            raise NotFound("No such conflict.")
        order, drivers = lock_order(conflict.order_id, conflict.driver_id)
        conflict.refresh_from_db(from_queryset=Conflict.objects.select_for_update(no_key=True))
        if conflict.outcome is not None:
            raise WrongStatus(f"{conflict.settled_by or 'Somebody'} has settled it already.")
        if outcome == Outcome.DRIVER:
            _make_it_so(changes, order, drivers[conflict.driver_id], conflict, actor)
            plans_changed(changes, drivers.values(), reassigned=True)
        Conflict.objects.filter(pk=conflict.pk).update(
            outcome=outcome, settled_at=timezone.now(), settled_by=actor.name
        )
        changes.conflicts.add(conflict.pk)


def _make_it_so(changes: Changes, order: Order, driver: Driver, conflict: Conflict, actor: Actor) -> None:
    step, before = OrderStatus(conflict.says), OrderStatus(order.status)
    if step == OrderStatus.PICKED_UP and before in FINAL:
        if before != OrderStatus.DELIVERED:
            add_return(order, driver)
        return
    if step == OrderStatus.PICKED_UP and before in IN_THE_BAG:
        raise WrongStatus("Another driver has picked it up by now: it can only stay as it is.")
    listed = FailureReason.objects.filter(code=conflict.reason).first()
    leads_to = listed.leads_to if listed else LeadsTo.END
    on_board = order.events.filter(driver=driver, to_status__in=IN_THE_BAG).exists()
    if step == OrderStatus.FAILED and leads_to == LeadsTo.PENDING and not on_board:
        return  # another driver is to fetch it, as is so already
    order.stops.filter(done_at=None).delete()
    fields: dict[str, Any] = {"driver_id": driver.pk, "delivered_at": None}
    if step == OrderStatus.DELIVERED:
        fields["delivered_at"] = conflict.pressed_at
    take_step(
        changes,
        order,
        step,
        actor=actor,
        happened_at=conflict.pressed_at,
        reason=f"As {driver.name} said without a network.",
        allowed=AS_THE_DRIVER_SAYS,
        **fields,
    )
    if step == OrderStatus.PICKED_UP:
        order.stops.all().delete()
        Stop.objects.create(
            driver=driver, order=order, kind=StopKind.PICKUP, position=0, done_at=conflict.pressed_at
        )
        Stop.objects.create(driver=driver, order=order, kind=StopKind.DROPOFF, position=behind_all(driver))
    if step == OrderStatus.FAILED and on_board and leads_to != LeadsTo.END:
        add_return(order, driver)
