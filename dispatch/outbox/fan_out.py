"""From what happened to who is told: takes events out of the queue and puts in the entries that consumers make of
them, both in one transaction.
"""

from collections.abc import Iterator

from django.db import connection, transaction

from dispatch.errors import contained
from dispatch.models import OutboxEntry, OutboxEvent
from dispatch.outbox.entries import write
from dispatch.outbox.registry import consumers

#: Events in one transaction.
BATCH = 200
#: Of a transaction, so that it holds behind PgBouncer: events of one order become entries in the order of their ids.
_ALONE = "SELECT pg_try_advisory_xact_lock(hashtext('doorstep.outbox.fan_out'))"


def fan_out() -> int:
    """What waits longest, unless somebody else is at it. How many events that were; where BATCH, more wait."""
    with transaction.atomic():
        if not _is_alone():
            return 0
        waiting = OutboxEvent.objects.select_related(
            "order__restaurant__city", "order__driver", "order_event", "driver__city"
        )
        events = list(waiting.order_by("pk")[:BATCH])
        made = [entry for event in events for entry in _entries(event)]
        write(made)
        OutboxEvent.objects.filter(pk__in=[event.pk for event in events]).delete()
    return len(events)


def _entries(event: OutboxEvent) -> Iterator[OutboxEntry]:
    for consumer in consumers():
        made: list[OutboxEntry] = []
        with contained(f"nothing is sent by {consumer.name} of {event.kind}, event {event.pk}"):
            made = list(consumer.consume(event))
        yield from made


def _is_alone() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(_ALONE)
        (alone,) = cursor.fetchone()
    return bool(alone)
