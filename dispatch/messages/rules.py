"""Whether a customer is texted, and why not: a table of kinds and one function. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from dispatch.messages.quiet_hours import QuietHours
from dispatch.messages.texts import lateness
from dispatch.models import LinkFrom, MessageKind, WhyNot
from dispatch.outbox.arrivals import LATE_BY
from dispatch.statuses import ACTIVE, FINAL, OrderStatus

#: Doorstep heard of it so much later than it happened: a replayed fix, or a press that had no network. Then it is
#: history, and nobody is texted as if it were news.
OLD_NEWS_AFTER = timedelta(minutes=3)


@dataclass(frozen=True, slots=True)
class Kind:
    """`holds_in`: the statuses in which the text is still true; `fresh_for`: how long after the event it is news;
    `can_wait`: nobody is woken by it in quiet hours.
    """

    holds_in: frozenset[OrderStatus]
    fresh_for: timedelta
    can_wait: bool = False


KINDS: Mapping[MessageKind, Kind] = {
    MessageKind.LINK: Kind(frozenset(OrderStatus) - FINAL, timedelta(hours=24)),
    MessageKind.NEARBY: Kind(frozenset({OrderStatus.DRIVER_NEARBY}), timedelta(minutes=5), can_wait=True),
    MessageKind.LATER: Kind(ACTIVE - {OrderStatus.DRIVER_NEARBY}, timedelta(minutes=10), can_wait=True),
    MessageKind.DELIVERED: Kind(frozenset({OrderStatus.DELIVERED}), timedelta(minutes=15), can_wait=True),
    MessageKind.CANCELLED: Kind(frozenset({OrderStatus.CANCELLED}), timedelta(hours=12)),
    MessageKind.FAILED: Kind(frozenset({OrderStatus.FAILED}), timedelta(hours=1)),
}
_BY_STATUS: Mapping[OrderStatus, MessageKind] = {
    OrderStatus.DRIVER_NEARBY: MessageKind.NEARBY,
    OrderStatus.DELIVERED: MessageKind.DELIVERED,
    OrderStatus.CANCELLED: MessageKind.CANCELLED,
    OrderStatus.FAILED: MessageKind.FAILED,
}


@dataclass(frozen=True, slots=True)
class News:
    """An event of an order that a text would tell of."""

    kind: MessageKind
    happened_at: datetime
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class Standing:
    """An order as it is now. `for_later`: nobody looks for a driver yet; `restaurant`, `phone`: it has one, the phone
    one that takes texts; `stopped`: None where nobody can say; `told`: the kinds that were sent or perhaps sent, of
    LATER those of the present promise; `arrival`: None where none is known or it is only approximate.
    """

    status: OrderStatus
    for_later: bool
    restaurant: bool
    phone: bool
    stopped: bool | None
    told: frozenset[MessageKind]
    promised_at: datetime | None = None
    arrival: datetime | None = None


@dataclass(frozen=True, slots=True)
class City:
    """`gateway`: it has one; `segments_left` of the day's budget; None: there is none."""

    gateway: bool = True
    quiet: QuietHours | None = None
    segments_left: int | None = None


@dataclass(frozen=True, slots=True)
class Send:
    """Not before `due_at`, and not after `expires_at`."""

    due_at: datetime
    expires_at: datetime


def kinds_of(status: OrderStatus, link_from: LinkFrom) -> list[MessageKind]:
    """Of what a customer hears when an order takes this status. The link is owed from a status on, until it is sent:
    an order may begin with any (SQL), and a phone number may be put right later.
    """
    kinds = [_BY_STATUS[status]] if status in _BY_STATUS else []
    if status in ACTIVE or (status not in FINAL and link_from == LinkFrom.PLACED):
        kinds.insert(0, MessageKind.LINK)
    return kinds


def decide(news: News, order: Standing, city: City, now: datetime) -> Send | WhyNot:
    """The whole decision, the first reason that holds. It is taken when the event is heard of, and again when the
    text is about to go.
    """
    kind = KINDS[news.kind]
    expires_at = news.recorded_at + kind.fresh_for
    if news.recorded_at - news.happened_at > OLD_NEWS_AFTER:
        return WhyNot.OLD_NEWS
    if news.kind in order.told:
        return WhyNot.ALREADY
    if order.status not in kind.holds_in or (news.kind == MessageKind.LATER and not is_later(order)):
        return WhyNot.MOVED_ON
    if not order.restaurant:
        return WhyNot.NO_RESTAURANT
    if not order.phone:
        return WhyNot.NO_PHONE
    if order.stopped is None:
        return WhyNot.STOP_LIST
    if order.stopped:
        return WhyNot.STOPPED
    if not city.gateway:
        return WhyNot.NO_GATEWAY
    if now >= expires_at:
        return WhyNot.TOO_LATE
    quiet_until = city.quiet.until(now) if city.quiet and (kind.can_wait or order.for_later) else None
    if quiet_until is not None and quiet_until >= expires_at:
        return WhyNot.QUIET
    if news.kind != MessageKind.LINK and city.segments_left is not None and city.segments_left <= 0:
        return WhyNot.BUDGET
    return Send(quiet_until or now, expires_at)


def is_later(order: Standing) -> bool:
    return lateness(order.promised_at, order.arrival) >= LATE_BY
