"""Events that no trigger writes: recorded by the actions that cause them, in their transactions."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from dispatch.models import OutboxEvent

#: What is told beside the order itself; as JSON takes it.
type Told = dict[str, Any]


def record(kind: str, orders: Mapping[UUID, Told]) -> None:
    """An event of this kind for each of these orders, by id."""
    OutboxEvent.objects.bulk_create(
        OutboxEvent(kind=kind, order_id=order_id, data=told) for order_id, told in orders.items()
    )


def moment(at: datetime | None) -> str | None:
    """As bodies have it."""
    return None if at is None else at.astimezone(UTC).isoformat().replace("+00:00", "Z")
