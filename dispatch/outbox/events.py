"""Events that no trigger writes: recorded by the actions that cause them, in their transactions."""

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from dispatch.models import OutboxEvent


def record(kind: str, of_orders: Iterable[tuple[UUID, Mapping[str, Any]]]) -> None:
    """An event of this kind for each of these orders, by id, with what is to be told beside the order itself."""
    OutboxEvent.objects.bulk_create(
        OutboxEvent(kind=kind, order_id=order_id, data=dict(data)) for order_id, data in of_orders
    )
