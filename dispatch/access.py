"""Who may see what. Consumers and views get at orders and drivers in no other way.

What does not exist and what may not be seen raise the same `NotFound`: a guesser learns nothing from the answer.
"""

import re
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.models import Session
from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from dispatch.errors import NotFound
from dispatch.models import City, Driver, Order, Stop, User, next_stops
from dispatch.statuses import BEFORE_PICKUP, IN_THE_BAG, OrderStatus, StopKind
from routing.geo import Point

DISPATCH_PERMISSION = "dispatch.dispatch_orders"
#: Who comes from somebody else's door is not shown before being so far away (metres): about two blocks, from where it
#: could have been any of some hundred doors.
HIDES_M = 200.0
#: And for so long after it. Later the driver has been somewhere else.
HIDES_FOR = timedelta(minutes=30)

_TRACKING_TOKEN = re.compile(r"[0-9a-f]{32}")


NO_SUCH_LINK = "This tracking link does not exist or is no longer valid."


class Claim(NamedTuple):
    """Who a driver's app says it is: its bearer token and, if it likes, the driver's id."""

    token: str
    driver_id: str = ""


def tracking_url(order: Order) -> str:
    """The customer's page: a secret, whoever has it may open it."""
    return f"{settings.PUBLIC_URL}{reverse('tracking:track')}?t={order.tracking_token}"


def orders_by_token(tokens: Iterable[str]) -> dict[str, Order]:
    """The orders behind these tracking links, until TRACKING_PAGE_AFTER_DELIVERY_S after their end; by token."""
    orders = _tracked(tokens).select_related("restaurant__city", "driver")
    return {order.tracking_token: order for order in orders}


def order_ids_by_token(tokens: Iterable[str]) -> dict[str, UUID]:
    """Of the same orders no more than their ids."""
    return dict(_tracked(tokens).values_list("tracking_token", "pk"))


def order_by_token(token: str) -> Order:
    order = orders_by_token([token]).get(token)
    if order is None:
        raise NotFound(NO_SUCH_LINK)
    return order


def link_ends_at(order: Order) -> datetime | None:
    """Until when its tracking link opens its page; None: as long as it is not over, and then some."""
    return order.ended_at and order.ended_at + _shown_for()


def _shown_for() -> timedelta:
    return timedelta(seconds=settings.TRACKING_PAGE_AFTER_DELIVERY_S)


def _tracked(tokens: Iterable[str]) -> QuerySet[Order]:
    well_formed = [token for token in tokens if _TRACKING_TOKEN.fullmatch(token)]
    not_over = Q(ended_at=None) | Q(ended_at__gte=timezone.now() - _shown_for())
    return Order.objects.filter(not_over, tracking_token__in=well_formed)


def drivers_by_claim(claims: Collection[Claim]) -> dict[Claim, Driver]:
    """The drivers whose bearer tokens these are; a claimed id must be that driver's own."""
    digests = {claim: Driver.digest(claim.token) for claim in claims if claim.token}
    drivers = {
        driver.token_digest: driver for driver in Driver.objects.filter(token_digest__in=digests.values())
    }
    found = {claim: drivers[digest] for claim, digest in digests.items() if digest in drivers}
    return {
        claim: driver for claim, driver in found.items() if claim.driver_id.lower() in ("", str(driver.pk))
    }


def shows_driver(order: Order, ahead: Sequence[Stop]) -> bool:
    """Whether the customer may know who comes, and where that driver is: on the way, from the city's chosen status on
    until the handover, while the stops that lie ahead of the driver begin with one of this order.
    """
    return _is_on_its_way(order) and any(stop.order_id == order.pk for stop in next_stops(ahead))


def doors_lately(driver_ids: Collection[UUID]) -> dict[UUID, list[tuple[UUID, Point]]]:
    """By driver, at whose doors (order, place) they were in the last HIDES_FOR, whatever came of it. While such a
    driver is within HIDES_M of one, no other customer is shown where.
    """
    lately = timezone.now() - HIDES_FOR
    doors = Stop.objects.filter(driver__in=driver_ids, kind=StopKind.DROPOFF).filter(
        Q(done_at__gte=lately) | Q(done_at=None, left_at__isnull=False)
    )
    found: dict[UUID, list[tuple[UUID, Point]]] = {driver_id: [] for driver_id in driver_ids}
    columns = "driver_id", "order_id", "order__customer_lat", "order__customer_lng"
    for driver_id, order_id, lat, lng in doors.values_list(*columns):
        if lat is not None and lng is not None:
            found[driver_id].append((order_id, Point(lat, lng)))
    return found


def _is_on_its_way(order: Order) -> bool:
    if order.status in IN_THE_BAG:
        return True
    city = order.city
    from_pickup = city is not None and city.show_driver_from == City.ShowDriverFrom.PICKED_UP
    return not from_pickup and order.status in BEFORE_PICKUP - {OrderStatus.ASSIGNED}


def may_dispatch(user: Any) -> bool:
    """Whether a signed-in user may work on the dashboard."""
    return bool(user.is_active and user.is_staff and user.has_perm(DISPATCH_PERMISSION))


def dispatching(session_keys: Collection[str]) -> set[str]:
    """Those of these sessions in which somebody is signed in who may work on the dashboard: neither signed out nor
    expired, and with the password of today.
    """
    going_on = Session.objects.filter(session_key__in=session_keys, expire_date__gt=timezone.now())
    signed_in = {session.session_key: session.get_decoded() for session in going_on}
    may = User.objects.with_perm(DISPATCH_PERMISSION).filter(
        is_staff=True, pk__in={data[SESSION_KEY] for data in signed_in.values() if SESSION_KEY in data}
    )
    users = {str(user.pk): user for user in may}
    return {
        key
        for key, data in signed_in.items()
        if (user := users.get(data.get(SESSION_KEY, "")))
        and _has_password(user, data.get(HASH_SESSION_KEY, ""))
    }


def _has_password(user: User, hashed: str) -> bool:
    """Whether it is the one that the session began with, as Django's sign-in looks at it."""
    todays = [user.get_session_auth_hash(), *user.get_session_auth_fallback_hash()]
    return any(constant_time_compare(hashed, known) for known in todays)
