"""Arrivals as others were told of them last: which have moved since, and which are late."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from dispatch.models import ArrivalTold, Order
from dispatch.outbox.events import Told, moment, record
from dispatch.outbox.registry import is_wanted

ETA_CHANGED = "order.eta_changed"
LATE = "order.late"
#: An arrival that moves by less stays as it was told.
MOVES = timedelta(minutes=2)
#: So long after the promise it is late, which is told once of each promise.
LATE_BY = timedelta(minutes=10)


def predict(arrivals: Sequence[tuple[Order, datetime]]) -> bool:
    """In the transaction that stores these predictions, before their orders say so. Whether anybody is to be told."""
    wanted = {kind for kind in (ETA_CHANGED, LATE) if is_wanted(kind)}
    if not wanted or not arrivals:
        return False
    told = ArrivalTold.objects.in_bulk([order.pk for order, _ in arrivals])
    moved: dict[UUID, Told] = {}
    late: dict[UUID, Told] = {}
    for order, arrives_at in arrivals:
        row = told.setdefault(order.pk, ArrivalTold(order=order))
        at = {"at": moment(arrives_at)}
        known = None if order.eta_minutes is None else row.arrives_at
        if ETA_CHANGED in wanted and has_moved(known, arrives_at):
            moved[order.pk] = {"arrival": at | {"before": moment(known)}}
            row.arrives_at = arrives_at
        if LATE in wanted and row.late_for != order.promised_at and is_late(order.promised_at, arrives_at):
            late[order.pk] = {"arrival": at | {"promised_at": moment(order.promised_at)}}
            row.late_for = order.promised_at
    ArrivalTold.objects.bulk_create(
        [told[order_id] for order_id in moved | late],
        update_conflicts=True,
        unique_fields=["order"],
        update_fields=["arrives_at", "late_for"],
    )
    record(ETA_CHANGED, moved)
    record(LATE, late)
    return bool(moved or late)


def has_moved(told: datetime | None, arrives_at: datetime) -> bool:
    """`told`: None where none was told yet."""
    return told is None or abs(arrives_at - told) >= MOVES


def is_late(promised_at: datetime | None, arrives_at: datetime) -> bool:
    return promised_at is not None and arrives_at - promised_at >= LATE_BY


def forget() -> None:
    """What was told of orders that are over."""
    ArrivalTold.objects.filter(order__ended_at__isnull=False).delete()
