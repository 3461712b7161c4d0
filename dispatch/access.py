"""Who may see what. Consumers and views get at orders and drivers in no other way.

What does not exist and what may not be seen raise the same `NotFound`: a guesser learns nothing from the answer.
"""

import re
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone

from dispatch.errors import NotFound
from dispatch.models import Driver, Order
from dispatch.statuses import FINAL

DISPATCH_PERMISSION = "dispatch.dispatch_orders"

_TRACKING_TOKEN = re.compile(r"[0-9a-f]{32}")


def order_by_token(token: str) -> Order:
    """The order behind a tracking link, until TRACKING_PAGE_AFTER_DELIVERY_S after its end."""
    order = None
    if _TRACKING_TOKEN.fullmatch(token):
        order = (
            Order.objects.select_related("restaurant__city", "driver").filter(tracking_token=token).first()
        )
    if order is None or _link_is_over(order):
        raise NotFound("This tracking link does not exist or is no longer valid.")
    return order


def _link_is_over(order: Order) -> bool:
    shown_for = timedelta(seconds=settings.TRACKING_PAGE_AFTER_DELIVERY_S)
    return order.status in FINAL and timezone.now() - order.updated_at > shown_for


def driver_by_token(token: str, claimed_id: str = "") -> Driver:
    """The driver whose bearer token this is; a `claimed_id` (query string) must be that driver's own."""
    driver = Driver.objects.filter(token_digest=Driver.digest(token)).first() if token else None
    if driver is None or (claimed_id and claimed_id.lower() != str(driver.pk)):
        raise NotFound("Sign-in failed: send this driver's own token.")
    return driver


def may_dispatch(user: Any) -> bool:
    """Whether a signed-in user may work on the dashboard."""
    return bool(user.is_active and user.is_staff and user.has_perm(DISPATCH_PERMISSION))
