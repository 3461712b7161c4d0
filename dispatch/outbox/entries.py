"""What staff and time do to entries."""

from collections.abc import Sequence
from datetime import timedelta

from django.db.models.functions import Now

from dispatch.clock import database_now
from dispatch.errors import Conflict
from dispatch.metrics import OUTBOX_SENDS
from dispatch.models import OutboxEntry, OutboxReceiver, OutboxState

_ANEW = {
    "state": OutboxState.WAITING,
    "due_at": Now(),
    "expires_at": None,
    "tries": 0,
    "tried_since": None,
    "ended_at": None,
}
#: Rows in one statement.
_BATCH = 5000


def write(entries: Sequence[OutboxEntry]) -> list[OutboxEntry]:
    """New ones, in this order, in the caller's transaction."""
    receivers = [OutboxReceiver(name=name) for name in {entry.receiver for entry in entries}]
    OutboxReceiver.objects.bulk_create(receivers, ignore_conflicts=True)
    return OutboxEntry.objects.bulk_create(entries)


def resend(entry_id: int) -> None:
    """Once more, as if it had never been tried, under the same id. Conflict: it waits to be sent as it is."""
    ended = OutboxEntry.objects.filter(pk=entry_id).exclude(state=OutboxState.WAITING)
    if not ended.update(**_ANEW):
        raise Conflict("It has not been sent yet, and is tried without you.")


def drop_expired() -> None:
    """What would come too late is not sent any more."""
    expired = OutboxEntry.objects.filter(state=OutboxState.WAITING, expires_at__lte=Now(), lease=None)
    for kind in expired.values_list("kind", flat=True).distinct().order_by("kind"):
        dropped = expired.filter(kind=kind).update(state=OutboxState.DROPPED, ended_at=Now())
        OUTBOX_SENDS.labels(kind, "dropped").inc(dropped)


def drop(receiver: str, why: str) -> None:
    """Nothing is sent there any more."""
    waiting = OutboxEntry.objects.filter(receiver=receiver, state=OutboxState.WAITING, lease=None)
    waiting.update(state=OutboxState.DROPPED, ended_at=Now(), answer=why)
    OutboxReceiver.objects.filter(pk=receiver).delete()


def forget(days: int) -> None:
    """Deletes what ended so long ago."""
    old = OutboxEntry.objects.filter(ended_at__lt=database_now() - timedelta(days=days))
    while old.filter(pk__in=old.order_by("ended_at").values("pk")[:_BATCH]).delete()[0]:
        pass
