"""From what happens to an order to texts that its customer is to get: a row for each, also of those that are not
sent, with the reason. Runs in the outbox's transaction.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.conf import settings as configured
from django.utils import timezone

from dispatch.messages import gateways, rules, sender
from dispatch.messages.city_settings import rules_of, settings_of
from dispatch.messages.gateway_urls import GatewayUrl
from dispatch.messages.rules import News, Send
from dispatch.messages.standing import customer_of
from dispatch.models import (
    LinkFrom,
    Message,
    MessageKind,
    MessageSettings,
    MessageState,
    Order,
    OrderEvent,
    OutboxEntry,
    OutboxEvent,
    Stop,
    WhyNot,
)
from dispatch.outbox import registry
from dispatch.outbox.arrivals import ETA_CHANGED, LATE, LATE_BY
from dispatch.statuses import OrderStatus, StopKind

#: Of the outbox's entries.
KIND = "text"
#: Events that tell of arrivals as they are expected: whether the customer hears of it, the rules say.
ARRIVALS = frozenset({LATE, ETA_CHANGED})


def connect() -> None:
    registry.register_consumer("texts", consume, wants=_wants)
    registry.register_sender(KIND, sender.send)


def _wants(kind: str) -> bool:
    return kind in ARRIVALS and bool(configured.NOTIFY_URLS)  # steps are told of anyhow


def consume(event: OutboxEvent) -> Iterator[OutboxEntry]:
    order = event.order
    if order is None or not configured.NOTIFY_URLS:
        return
    if event.kind in ARRIVALS and not _seems_late(event, order):
        return  # as most are: without a question to the database
    settings = settings_of(order.city_id)
    gateway = gateways.named(settings.gateway)
    for news in _news(event, settings):
        message = _message(event, order, settings, news, timezone.now())
        if gateway is not None and message is not None and message.state == MessageState.WAITING:
            yield _entry(event, message, gateway)


def _seems_late(event: OutboxEvent, order: Order) -> bool:
    """By the minutes that the order tells; the rules know it to the second."""
    if order.eta_minutes is None or order.promised_at is None:
        return False
    expected = event.happened_at + timedelta(minutes=order.eta_minutes + 1)
    return expected - order.promised_at >= LATE_BY


def _news(event: OutboxEvent, settings: MessageSettings) -> Iterator[News]:
    if event.kind in ARRIVALS:
        yield News(MessageKind.LATER, event.happened_at, event.happened_at)
    elif (step := event.order_event) is not None:
        for kind in rules.kinds_of(OrderStatus(step.to_status), LinkFrom(settings.link_from)):
            happened_at = _handed_over_at(step) if kind == MessageKind.DELIVERED else step.happened_at
            yield News(kind, happened_at, step.created_at)


def _handed_over_at(step: OrderEvent) -> datetime:
    """No later than the driver left the door, however late somebody says so."""
    dropoffs = Stop.objects.filter(order=step.order_id, kind=StopKind.DROPOFF, left_at__lt=step.happened_at)
    left_at: datetime | None = dropoffs.values_list("left_at", flat=True).first()
    return left_at or step.happened_at


def _message(
    event: OutboxEvent, order: Order, settings: MessageSettings, news: News, now: datetime
) -> Message | None:
    """A new row; None where one says it already."""
    customer = customer_of(order, now)
    decision = rules.decide(news, customer.standing, rules_of(settings, order.locale, now), now)
    if decision == WhyNot.ALREADY:
        return None
    if news.kind == MessageKind.LATER and decision == WhyNot.MOVED_ON:
        return None  # as most predictions are
    message = Message(
        order=order,
        city=order.city,
        kind=news.kind,
        event=event.pk,
        promised_at=order.promised_at if news.kind == MessageKind.LATER else None,
        due_at=now,
        expires_at=news.recorded_at + rules.KINDS[news.kind].fresh_for,
    )
    if isinstance(decision, Send):
        message.due_at = decision.due_at
    else:
        message.state, message.why_not = MessageState.NOT_SENT, decision
        if _is_said(message):
            return None
    message.save(force_insert=True)
    return message


def _is_said(message: Message) -> bool:
    """Of a link that is owed at each step, say: that there is no phone number is said once."""
    same = Message.objects.filter(order=message.order, kind=message.kind, promised_at=message.promised_at)
    return same.filter(state=MessageState.NOT_SENT, why_not=message.why_not).exists()


def _entry(event: OutboxEvent, message: Message, gateway: GatewayUrl) -> OutboxEntry:
    return OutboxEntry(
        kind=KIND,
        event=event.kind,
        receiver=f"{KIND}:{gateway.name}",
        lane=str(message.order_id),
        order=message.order,
        body={"message": message.pk},
        due_at=message.due_at,
        expires_at=message.expires_at,
    )
