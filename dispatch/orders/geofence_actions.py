"""What fixes tell of a driver: set out, arrived, passed by, left, silent, heard of again, placed.

Actions like those of dispatch/orders/actions.py, asked for by geofences and the clock.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Q

from dispatch.clock import database_now
from dispatch.models import NO_ETA, Driver, Order, OrderEvent, Stop, left_and_ahead, number, visitable
from dispatch.orders.transitions import (
    Actor,
    hear_of,
    lock_drivers,
    plans_changed,
    refresh_drivers,
    take_step,
)
from dispatch.signals import announced
from dispatch.statuses import ARRIVAL_UNDONE, TRANSITIONS, DriverStatus, OrderStatus, StopKind

GEOFENCE = Actor(OrderEvent.Actor.GEOFENCE)
#: Food may be ready so much (seconds) before the kitchen expects it.
READY_EARLY_S = 300.0


def set_out(
    driver_id: UUID, stop_ids: Sequence[UUID], *, happened_at: datetime, evidence: dict[str, Any]
) -> None:
    """The driver is on the way to these pickups (one restaurant)."""
    _visit(driver_id, stop_ids, {StopKind.PICKUP: OrderStatus.TO_RESTAURANT}, happened_at, evidence)


def arrive(
    driver_id: UUID, stop_ids: Sequence[UUID], *, happened_at: datetime, evidence: dict[str, Any]
) -> None:
    """Confirmed arrival at these stops (one place): at the restaurant, or near the customer.

    Whoever had left a stop and comes back begins another visit there. Where the driver is comes first, whatever was
    planned.
    """
    steps = {StopKind.PICKUP: OrderStatus.DRIVER_AT_RESTAURANT, StopKind.DROPOFF: OrderStatus.DRIVER_NEARBY}
    coming = Q(arrived_at=None) | Q(left_at__lt=happened_at)
    times = {"arrived_at": happened_at, "left_at": None}
    _visit(driver_id, stop_ids, steps, happened_at, evidence, where=coming, times=times)


def pass_by(
    driver_id: UUID, stop_ids: Sequence[UUID], *, happened_at: datetime, evidence: dict[str, Any]
) -> None:
    """The arrival at these stops was only a short stop on the way, after which there is nothing to leave: it is taken
    back. That the driver was near the customer stays said.
    """
    stopped = Q(arrived_at__lte=happened_at, left_at=None)
    _visit(
        driver_id,
        stop_ids,
        {StopKind.PICKUP: OrderStatus.TO_RESTAURANT},
        happened_at,
        evidence,
        among=stopped,
        times={"arrived_at": None},
        allowed=ARRIVAL_UNDONE,
        reason="The driver drove on: the arrival is taken back.",
    )


def leave(
    driver_id: UUID, stop_ids: Sequence[UUID], *, happened_at: datetime, evidence: dict[str, Any]
) -> None:
    """Confirmed exit after a dwell: a pickup whose button was forgotten counts as picked up, by geofence, and food
    that was to be brought back is back.

    A dropoff is not done by it: `left_at` is a question to the driver and an alert to the dispatcher, until one of
    them says how the handover ended or the driver is back. A stop without an arrival before is passed over. Nobody
    leaves with food that is not ready: the driver comes back for it.
    """
    unready = Stop.objects.filter(
        pk__in=stop_ids,
        kind=StopKind.PICKUP,
        order__ready_at__gt=happened_at + timedelta(seconds=READY_EARLY_S),
    )
    if without_food := list(unready.values_list("pk", flat=True)):
        pass_by(driver_id, without_food, happened_at=happened_at, evidence=evidence)
        stop_ids = [pk for pk in stop_ids if pk not in without_food]
    steps = {StopKind.PICKUP: OrderStatus.PICKED_UP}
    arrived = Q(arrived_at__lte=happened_at)
    times = {"left_at": happened_at}
    _visit(
        driver_id, stop_ids, steps, happened_at, evidence, among=arrived, where=Q(left_at=None), times=times
    )


def _visit(
    driver_id: UUID,
    stop_ids: Sequence[UUID],
    steps: dict[StopKind, OrderStatus],
    happened_at: datetime,
    evidence: dict[str, Any],
    *,
    among: Q = Q(),  # noqa: B008 (never changed)
    where: Q = Q(),  # noqa: B008
    times: Mapping[str, datetime | None] | None = None,
    allowed: Mapping[OrderStatus, frozenset[OrderStatus]] = TRANSITIONS,
    reason: str = "",
) -> None:
    """Writes what a geofence saw at the open stops of this driver. A step that was taken before is no error.

    `among`: the stops that it concerns; `where`: those of them whose `times` it changes; `allowed`: the table of
    statuses that has the steps.
    """
    times = times or {}
    replanned = False
    with announced() as changes:
        driver = lock_drivers([driver_id])[driver_id]
        for stop in Stop.objects.plans_of([driver_id]).filter(among, pk__in=stop_ids):
            order = Order.objects.select_for_update(no_key=True).get(pk=stop.order_id)
            if times:
                Stop.objects.filter(where, pk=stop.pk).update(**times)
                replanned |= stop.left_at != times.get("left_at", stop.left_at)
            if stop.kind == StopKind.DROPOFF and times.get("left_at") is not None:
                # Nobody can say when, or whether, the driver comes to this door again.
                Order.objects.filter(pk=order.pk).update(**NO_ETA)
            if stop.kind == StopKind.RETURN and times.get("left_at") is not None:
                Stop.objects.filter(pk=stop.pk).update(done_at=happened_at)
            step = steps.get(StopKind(stop.kind))
            if step is not None and order.status in allowed[step]:
                event = take_step(
                    changes,
                    order,
                    step,
                    actor=GEOFENCE,
                    happened_at=happened_at,
                    reason=reason,
                    evidence=evidence,
                    allowed=allowed,
                )
                changes.geofence_events.append(event.pk)
                replanned = True
        if times:
            _here_first(driver)
        plans_changed(changes, [driver], reassigned=replanned)


def _here_first(driver: Driver) -> None:
    """Puts the stops at which a locked driver is before all that lie ahead."""
    left, ahead = left_and_ahead(Stop.objects.plans_of([driver.pk]))
    here = {stop.pk for stop in visitable(ahead) if stop.arrived_at is not None}
    here_first = sorted(ahead, key=lambda stop: stop.pk not in here)
    if here_first != ahead:
        number(left, here_first)
        Stop.objects.bulk_update(here_first, ["position"])


def heard_of(driver_id: UUID) -> None:
    """A driver who was offline for silence sends fixes again."""
    with announced() as changes:
        driver = lock_drivers([driver_id])[driver_id]
        hear_of(driver)
        refresh_drivers(changes, [driver])


def placed(driver_id: UUID, lat: float, lng: float, fix_at: datetime) -> None:
    """The first position of a driver, by a fix of that time: stops that waited for one are planned. It is stored here
    as well as with its batch (tracking/ingest/history.py), so that the plan finds it.
    """
    with announced() as changes:
        driver = lock_drivers([driver_id])[driver_id]
        if not Stop.objects.filter(driver=driver, done_at=None).exists():
            return
        if driver.point is None:
            driver.current_lat, driver.current_lng, driver.fix_at = lat, lng, fix_at
            driver.save(update_fields=["current_lat", "current_lng", "fix_at"])
        changes.assignments.add(driver_id)


def mark_silent_drivers() -> int:
    """Drivers on shift of whom nothing was heard for DRIVER_OFFLINE_AFTER_S, and for twice as long as their apps
    usually take, go offline. Returns how many.
    """
    now = database_now()
    lately = now - timedelta(seconds=settings.DRIVER_OFFLINE_AFTER_S)
    silent = Driver.objects.exclude(status=DriverStatus.OFFLINE).exclude(last_seen_at__gte=lately)
    gone = [driver.pk for driver in silent if not driver.is_there(now)]
    with announced() as changes:
        drivers = lock_drivers(gone)
        return refresh_drivers(changes, drivers.values())
