"""What the page of texts shows."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from dispatch.access import tracking_url
from dispatch.models import Message, MessageState, WhyNot

#: On one page.
MOST = 50


@dataclass(frozen=True, slots=True)
class Line:
    """`before`, `link`, `after`: the text, around its tracking link where it has one."""

    message: Message
    at: str
    before: str
    link: str
    after: str
    became: str


def newest(before: int | None, now: datetime) -> dict[str, Any]:
    """`lines`, and `next`: the id before which the next page begins."""
    messages = Message.objects.select_related("order__restaurant__city")
    if before is not None:
        messages = messages.filter(pk__lt=before)
    shown = list(messages[: MOST + 1])
    return {
        "lines": [_line(message, now) for message in shown[:MOST]],
        "next": shown[MOST - 1].pk if len(shown) > MOST else None,
    }


def _line(message: Message, now: datetime) -> Line:
    before, place, after = message.text.partition("{link}")
    at = message.order.locale.time_from(now, message.sent_at or message.made_at)
    link = tracking_url(message.order) if place else ""
    return Line(message, at, before, link, after, became(message, now))


def became(message: Message, now: datetime) -> str:
    """What became of it, as a sentence."""
    match message.state:
        case MessageState.WAITING if message.expires_at <= now:
            return WhyNot.TOO_LATE.label
        case MessageState.WAITING if message.due_at > now:
            return f"Quiet hours: it waits until {message.order.locale.time_from(now, message.due_at)}."
        case MessageState.NOT_SENT:
            return WhyNot(message.why_not).label
        case _:
            return f"{MessageState(message.state).label}."
