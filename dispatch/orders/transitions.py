"""What every action is made of: locks in one order, one guarded step, and what follows from changed stops."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.db.models import Max
from django.utils import timezone

from dispatch.clock import database_now
from dispatch.errors import Conflict, Invalid, NotFound, WrongStatus
from dispatch.models import HEARD_NOW, NO_ETA, Driver, Order, OrderEvent, Stop
from dispatch.signals import Changes
from dispatch.statuses import ACTIVE, CLOSED_BY, FINAL, TRANSITIONS, OrderStatus, StopKind, driver_status


@dataclass(frozen=True)
class Actor:
    """Who or what takes a step, as the order's timeline shows it."""

    kind: OrderEvent.Actor
    name: str = ""


SYSTEM = Actor(OrderEvent.Actor.SYSTEM)

#: Steps after which an earlier prediction says nothing any more.
FORGETS_ETA = FINAL | {OrderStatus.PENDING, OrderStatus.ASSIGNED}


def lock_drivers(ids: Iterable[UUID]) -> dict[UUID, Driver]:
    wanted = set(ids)
    drivers = Driver.objects.select_for_update().filter(pk__in=wanted).order_by("pk").in_bulk()
    if len(drivers) != len(wanted):
        raise NotFound("No such driver.")
    return drivers


def lock_order(order_id: UUID, *more_drivers: UUID) -> tuple[Order, dict[UUID, Driver]]:
    """Locks an order with its driver and `more_drivers`, the drivers first."""
    order = Order.objects.filter(pk=order_id).first()
    if order is None:
        raise NotFound("No such order.")
    drivers = lock_drivers([*more_drivers, *([order.driver_id] if order.driver_id else [])])
    order.refresh_from_db(from_queryset=Order.objects.select_for_update())
    if order.driver_id is not None and order.driver_id not in drivers:
        raise Conflict("The order went to another driver this very moment. Try again.")
    return order, drivers


def take_step(
    changes: Changes,
    order: Order,
    to: OrderStatus,
    *,
    actor: Actor,
    happened_at: datetime | None = None,
    done_at: datetime | None = None,
    reason: str = "",
    evidence: dict[str, Any] | None = None,
    allowed: Mapping[OrderStatus, frozenset[OrderStatus]] = TRANSITIONS,
    **fields: Any,
) -> OrderEvent:
    """One step of an order's life: guarded update, timeline, announcement. Exactly one caller wins it.

    `happened_at`: of the timeline; `done_at`: of the stops that it closes; now where they are not given. `allowed` is
    the table that has the step: TRANSITIONS, or the one of a way back.
    """
    before = OrderStatus(order.status)
    now = timezone.now()
    if to in FORGETS_ETA:
        fields |= NO_ETA
    if to in FINAL:
        fields["ended_at"] = now
    won = Order.objects.filter(pk=order.pk, status=before, status__in=allowed[to]).update(status=to, **fields)
    if not won:
        raise WrongStatus(f"The order is {before.label.lower()}; it cannot become {to.label.lower()}.")
    driver_id = fields.get("driver_id", order.driver_id)
    event = OrderEvent.objects.create(
        order=order,
        driver_id=driver_id or order.driver_id,
        from_status=before,
        to_status=to,
        actor=actor.kind,
        actor_name=actor.name,
        reason=reason,
        evidence=evidence,
        happened_at=happened_at or now,
    )
    for kind, steps in CLOSED_BY.items():
        if to in steps:
            Stop.objects.filter(order=order, kind=kind, done_at=None).update(done_at=done_at or now)
    changes.orders.add(order.pk)
    changes.outbox = True
    return event


def check_on_shift(driver: Driver) -> None:
    """Orders go only to drivers who are on shift. Raises Invalid for one who is off shift."""
    if not driver.on_shift:
        raise Invalid(f"{driver.name} is off shift. Choose a driver who is on shift.")


def behind_all(driver: Driver) -> int:
    """The position behind all that lies ahead of a locked driver."""
    last: int = driver.stops.filter(done_at=None).aggregate(Max("position", default=0))["position__max"]
    return last + 1


def plans_changed(changes: Changes, drivers: Iterable[Driver], *, reassigned: bool = False) -> None:
    """After the stops of these locked drivers changed: their status, and new versions for all who look at them."""
    drivers = list(drivers)
    if not drivers:
        return
    ids = [driver.pk for driver in drivers]
    Driver.objects.filter(pk__in=ids).touch()
    changes.drivers.update(ids)
    refresh_drivers(changes, drivers)
    # A customer's view (is the driver mine now, how many stops before mine) follows from the whole plan.
    active = Order.objects.filter(driver_id__in=ids, status__in=ACTIVE)
    changes.orders.update(active.values_list("pk", flat=True))
    active.touch()
    if reassigned:
        changes.assignments.update(ids)


def refresh_drivers(changes: Changes, drivers: Iterable[Driver]) -> int:
    """Derives the status of locked drivers from shift, silence and stops. Returns how many changed."""
    drivers = list(drivers)
    open_stops = Stop.objects.filter(driver__in=drivers, done_at=None).values_list("driver_id", "kind")
    next_stops: dict[UUID, StopKind] = {}
    for driver_id, kind in open_stops:
        next_stops.setdefault(driver_id, StopKind(kind))
    now = database_now()
    changed = 0
    for driver in drivers:
        status = driver_status(
            on_duty=driver.on_shift and driver.is_there(now), next_stop=next_stops.get(driver.pk)
        )
        if status != driver.status:
            driver.status = status
            Driver.objects.filter(pk=driver.pk).update(status=status)
            changed += 1
            changes.drivers.add(driver.pk)
    return changed


def hear_of(driver: Driver) -> None:
    """Something is heard of a locked driver, now by the database's clock."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE drivers SET {HEARD_NOW} WHERE id = %s RETURNING last_seen_at, heard_every_s",  # noqa: S608
            [driver.pk],
        )
        (driver.last_seen_at, driver.heard_every_s) = cursor.fetchone()


def is_heard(driver: Driver, since: datetime) -> bool:
    return driver.last_seen_at is not None and driver.last_seen_at >= since


def heard_since() -> datetime:
    """A driver of whom we heard after this moment (by the database's clock, as all that is heard) is not silent. Of
    one who is, ETAs are approximate; whether that driver is on duty still says `Driver.is_there`.
    """
    return database_now() - timedelta(seconds=settings.DRIVER_SILENT_AFTER_S)
