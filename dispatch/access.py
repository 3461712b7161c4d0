"""Who may see what. Consumers and views get at orders and drivers in no other way.

What does not exist and what may not be seen raise the same `NotFound`: a guesser learns nothing from the answer.
"""

import re
from collections.abc import Collection
from datetime import timedelta
from typing import Any, NamedTuple

from django.conf import settings
from django.utils import timezone

from dispatch.errors import NotFound
from dispatch.models import Driver, Order

DISPATCH_PERMISSION = "dispatch.dispatch_orders"

_TRACKING_TOKEN = re.compile(r"[0-9a-f]{32}")


NO_SUCH_LINK = "This tracking link does not exist or is no longer valid."


class Claim(NamedTuple):
    """Who a driver's app says it is: its bearer token and, if it likes, the driver's id."""

    token: str
    driver_id: str = ""


def orders_by_token(tokens: Collection[str]) -> dict[str, Order]:
    """The orders behind these tracking links, until TRACKING_PAGE_AFTER_DELIVERY_S after their end; by token."""
    well_formed = [token for token in tokens if _TRACKING_TOKEN.fullmatch(token)]
    orders = Order.objects.select_related("restaurant__city", "driver").filter(tracking_token__in=well_formed)
    return {order.tracking_token: order for order in orders if not _link_is_over(order)}


def order_by_token(token: str) -> Order:
    order = orders_by_token([token]).get(token)
    if order is None:
        raise NotFound(NO_SUCH_LINK)
    return order


def _link_is_over(order: Order) -> bool:
    shown_for = timedelta(seconds=settings.TRACKING_PAGE_AFTER_DELIVERY_S)
    return order.ended_at is not None and timezone.now() - order.ended_at > shown_for


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


def may_dispatch(user: Any) -> bool:
    """Whether a signed-in user may work on the dashboard."""
    return bool(user.is_active and user.is_staff and user.has_perm(DISPATCH_PERMISSION))
