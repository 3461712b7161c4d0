"""What there is to know of an order before its customer is texted."""

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db.models import Q

from dispatch.access import tracking_url
from dispatch.messages import phones, stop_list, texts
from dispatch.messages.rules import Standing
from dispatch.models import Message, MessageKind, MessageState, Order, Stop
from dispatch.statuses import OrderStatus, StopKind

#: A text was handed to a gateway, or perhaps was: the customer counts as told.
TOLD = (MessageState.SENDING, MessageState.SENT, MessageState.UNSURE)


@dataclass(frozen=True, slots=True)
class Customer:
    """An order as it is now, for the rules; and whom to tell what."""

    standing: Standing
    facts: texts.Facts
    phone: str | None


def customer_of(order: Order, now: datetime, *, but_for: Message | None = None) -> Customer:
    """`order` with its restaurant, city and driver. `but_for`: a text that is about to go, so that others alone count
    as told; without one those that wait count too.
    """
    phone = phones.e164(order.customer_phone, settings.PHONE_REGION)
    arrival = _arrival(order)
    standing = Standing(
        status=OrderStatus(order.status),
        for_later=order.dispatch_at is not None and now < order.dispatch_at,
        restaurant=order.restaurant is not None,
        phone=phone is not None,
        stopped=False if phone is None else stop_list.has_stopped(phone),
        told=_told(order, now, but_for),
        promised_at=order.promised_at,
        arrival=arrival,
    )
    facts = texts.Facts(
        number=order.number,
        restaurant=order.restaurant.name if order.restaurant else "",
        city=order.city.name if order.city else "",
        driver=order.driver.name if order.driver else "",
        link=tracking_url(order),
        promised_at=order.promised_at,
        arrival=arrival,
        locale=order.locale,
    )
    return Customer(standing, facts, phone)


def _arrival(order: Order) -> datetime | None:
    """None while nobody can say, or no more than about."""
    if order.eta_minutes is None or order.eta_approximate:
        return None
    dropoff = Stop.objects.filter(order=order, kind=StopKind.DROPOFF, done_at=None)
    return dropoff.values_list("eta", flat=True).first()


def _told(order: Order, now: datetime, but_for: Message | None) -> frozenset[MessageKind]:
    told = Q(state__in=TOLD)
    if but_for is None:
        told |= Q(state=MessageState.WAITING, expires_at__gt=now)
    messages = Message.objects.filter(told, order=order)
    if but_for is not None:
        messages = messages.exclude(pk=but_for.pk)
    return frozenset(
        MessageKind(kind)
        for kind, promised_at in messages.values_list("kind", "promised_at")
        if kind != MessageKind.LATER or promised_at == order.promised_at
    )
