"""Orders that are wanted later: when a driver is looked for, and that it happens."""

from datetime import datetime, timedelta

from django.utils import timezone

from dispatch.models import Order
from dispatch.models.cities import PROMISE_MINUTES
from dispatch.orders.transitions import SYSTEM, take_step
from dispatch.signals import announced
from dispatch.statuses import OrderStatus


def dispatch_at(order: Order) -> datetime | None:
    """When somebody is to set off: as long before it is wanted as the city promises from an order to the door. None
    where it is wanted as soon as possible.
    """
    if order.wanted_at is None:
        return None
    city = order.city
    return order.wanted_at - timedelta(minutes=city.promise_minutes if city else PROMISE_MINUTES)


def schedule(order: Order) -> None:
    """An order that is not stored yet waits, if it is wanted so late, and is promised for when it is wanted."""
    if order.promised_at is None:
        order.promised_at = order.wanted_at
    begins = dispatch_at(order)
    if begins is not None and begins > timezone.now():
        order.status, order.dispatch_at = OrderStatus.SCHEDULED, begins


def wake() -> int:
    """Orders whose time has come wait for a driver from now on. Returns how many."""
    with announced() as changes:
        due = Order.objects.filter(status=OrderStatus.SCHEDULED, dispatch_at__lte=timezone.now())
        orders = list(due.select_for_update(skip_locked=True, no_key=True).order_by("dispatch_at", "pk"))
        for order in orders:
            take_step(changes, order, OrderStatus.PENDING, actor=SYSTEM)
    return len(orders)
