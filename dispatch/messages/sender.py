"""Hands one text to its gateway, for the outbox. At most once: its row says so before it goes, and whose row says so
is never sent again, whoever died meanwhile.
"""

import logging
from datetime import datetime

from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from dispatch.messages import gateways, rules, texts
from dispatch.messages.city_settings import rules_of, settings_of
from dispatch.messages.outcomes import GatewayFailed, GatewayUnsure
from dispatch.messages.phones import ending
from dispatch.messages.rules import News, Send
from dispatch.messages.segments import measure
from dispatch.messages.standing import customer_of
from dispatch.messages.wording import wording
from dispatch.models import Message, MessageKind, MessageState, Order, OutboxEntry, WhyNot
from dispatch.outbox.registry import Answer, Pointless, Refused, TryLater

logger = logging.getLogger(__name__)


def send(entry: OutboxEntry) -> Answer:
    """Raises TryLater: the gateway did not take it; Refused: nobody knows whether it did; Pointless: the customer is
    not to be told, or is later.
    """
    message = Message.objects.get(pk=entry.body["message"])
    if message.state == MessageState.SENDING:
        _end(message, MessageState.UNSURE)
    if message.state == MessageState.UNSURE:
        raise Refused("It may have arrived: whoever sent it was gone before the gateway answered.")
    if message.state != MessageState.WAITING:
        raise Pointless(f"{message.get_state_display()} before.")
    return _decide_and_send(entry, message, timezone.now())


def _decide_and_send(entry: OutboxEntry, message: Message, now: datetime) -> Answer:
    order = Order.objects.select_related("restaurant__city", "driver").get(pk=message.order_id)
    settings = settings_of(order.city_id)
    customer = customer_of(order, now, but_for=message)
    decision = rules.decide(_news(message), customer.standing, rules_of(settings, order.locale, now), now)
    gateway = gateways.named(settings.gateway)
    if not isinstance(decision, Send):
        raise _withheld(message, decision)
    if decision.due_at > now:
        raise _waits_until(decision.due_at, entry)
    assert customer.phone is not None  # noqa: S101 (the rules want one,
    assert gateway is not None  # noqa: S101         and a gateway)
    kind = MessageKind(message.kind)
    language, text = wording(kind, order.city_id, order.customer_language, settings.language)
    told = texts.values(customer.facts)
    whole = texts.fill(text, told)
    message.language, message.gateway = language, gateway.name
    message.phone_ending = ending(customer.phone)
    message.text = texts.fill(text, {**told, "link": "{link}"})
    message.segments = measure(whole).segments
    message.sent_at = now
    if not _claim(message):
        raise _withheld(message, WhyNot.ALREADY)
    connection.close()  # nobody waits for a gateway with one
    try:
        gateways.send(gateway, customer.phone, whole)
    except GatewayUnsure as error:
        _end(message, MessageState.UNSURE)
        raise Refused(str(error)) from None
    except GatewayFailed as error:
        _give_back(message)
        raise TryLater(str(error)) from None
    _end(message, MessageState.SENT)
    logger.info("order %s: %s texted by gateway %s", order.pk, message.kind, gateway.name)
    return Answer("The gateway took it.")


def _news(message: Message) -> News:
    """That it was no old news was found when it was heard of."""
    recorded_at = message.expires_at - rules.KINDS[MessageKind(message.kind)].fresh_for
    return News(MessageKind(message.kind), recorded_at, recorded_at)


def _claim(message: Message) -> bool:
    """Whether it is this one that tells the customer. The database lets no other one be it (`messages_told_once`)."""
    try:
        with transaction.atomic():
            won = Message.objects.filter(pk=message.pk, state=MessageState.WAITING).update(
                state=MessageState.SENDING,
                language=message.language,
                gateway=message.gateway,
                phone_ending=message.phone_ending,
                text=message.text,
                segments=message.segments,
                sent_at=message.sent_at,
            )
    except IntegrityError:
        return False
    return bool(won)


def _end(message: Message, state: MessageState) -> None:
    # Who took long for it may find it ended as one that perhaps was sent, and knows better.
    under_way = Message.objects.filter(pk=message.pk, state__in=[MessageState.SENDING, MessageState.UNSURE])
    under_way.update(state=state)
    message.state = state


def _give_back(message: Message) -> None:
    """It was not taken, and counts for no budget."""
    taken = Message.objects.filter(pk=message.pk, state=MessageState.SENDING)
    taken.update(state=MessageState.WAITING, sent_at=None, segments=0, text="")


def _withheld(message: Message, why: WhyNot) -> Pointless:
    Message.objects.filter(pk=message.pk, state=MessageState.WAITING).update(
        state=MessageState.NOT_SENT, why_not=why
    )
    logger.info("order %s: %s is not texted: %s", message.order_id, message.kind, why)
    return Pointless(why.label)


def _waits_until(due_at: datetime, entry: OutboxEntry) -> Pointless:
    """Quiet hours began while the gateway was away: another entry takes its turn after them. Tried later, it would
    hold up the whole gateway.
    """
    OutboxEntry.objects.create(
        kind=entry.kind,
        event=entry.event,
        receiver=entry.receiver,
        lane=entry.lane,
        order_id=entry.order_id,
        body=entry.body,
        due_at=due_at,
        expires_at=entry.expires_at,
    )
    return Pointless("It is sent after the quiet hours, by another entry.")
