"""What tests of texts have in common."""

from collections.abc import Callable
from datetime import timedelta

from dispatch.models import Message, MessageKind, Order

type Make = Callable[..., Order]
type Steps = Callable[..., None]
type Work = Callable[[], None]

MINUTE = timedelta(minutes=1)
LINK, NEARBY, DELIVERED = MessageKind.LINK, MessageKind.NEARBY, MessageKind.DELIVERED


def became(order: Order) -> list[tuple[str, str, str]]:
    """Of each text to its customer: kind, state, and why it was not sent."""
    return list(Message.objects.filter(order=order).order_by("id").values_list("kind", "state", "why_not"))
