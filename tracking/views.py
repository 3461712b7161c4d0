"""The customer's tracking page. It shows the truth before its socket opens, and without JavaScript."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe
from msgspec import Struct

from dispatch import access
from dispatch.errors import NotFound
from dispatch.locales import Locale
from dispatch.maps import LatLng, MapConfig, map_config
from dispatch.models import Order
from dispatch.statuses import FINAL, IN_THE_BAG, OrderStatus
from tracking.protocol.messages import CustomerFrame, CustomerStatus, Eta
from tracking.sockets import snapshots

#: The line of steps, each with the status that reaches it, its words and its icon.
STEPS = [
    (OrderStatus.ASSIGNED, "Confirmed", "receipt"),
    (OrderStatus.TO_RESTAURANT, "To restaurant", "scooter"),
    (OrderStatus.DRIVER_AT_RESTAURANT, "At restaurant", "shop"),
    (OrderStatus.PICKED_UP, "Picked up", "bag"),
    (OrderStatus.DRIVER_NEARBY, "Nearby", "nearby"),
    (OrderStatus.DELIVERED, "Delivered", "home"),
]

#: What is said of the arrival while there is no ETA.
NO_ETA = {
    OrderStatus.SCHEDULED: "A driver is looked for shortly before.",
    OrderStatus.PENDING: "The arrival time shows up here once a driver takes the order.",
    OrderStatus.ASSIGNED: "The arrival time is being worked out.",
    OrderStatus.TO_RESTAURANT: "The arrival time is being worked out.",
    OrderStatus.DRIVER_AT_RESTAURANT: "The arrival time is being worked out.",
    OrderStatus.PICKED_UP: "The arrival time is being worked out.",
    OrderStatus.DRIVER_NEARBY: "",
    OrderStatus.DELIVERED: "",
    OrderStatus.CANCELLED: "Nothing is on its way. If this is news to you, ask the restaurant.",
    OrderStatus.FAILED: "If you have waited at the door, the restaurant can tell you more.",
}


class Place(LatLng, frozen=True):
    name: str


class TrackPage(Struct, rename="camel", frozen=True):
    """What the page's JavaScript is told as it is loaded; times in ms since the epoch.

    `frames`: a snapshot, as the socket sends it. `no_eta`: what is known of the arrival while there is no ETA.
    `restaurant`: None where nobody has chosen one yet. `home`: None where the address has no coordinates.
    """

    socket: str
    now: float
    frames: list[CustomerFrame]
    locale: Locale
    steps: list[OrderStatus]
    in_the_bag: list[OrderStatus]
    final: list[OrderStatus]
    no_eta: dict[OrderStatus, str]
    stale_after_ms: int
    delivered_at: float | None
    restaurant: Place | None
    home: LatLng | None
    map: MapConfig


@require_safe
@cache_control(no_store=True)
def track(request: HttpRequest) -> HttpResponse:
    """`?t=<tracking token>`; 404 for a link that does not exist, or no longer."""
    try:
        order = access.order_by_token(request.GET.get("t", ""))
    except NotFound:
        response = render(request, "track_gone.html", status=404)
    else:
        response = render(request, "track.html", _context(order))
    # The address is the secret.
    response["Referrer-Policy"] = "no-referrer"
    response["X-Robots-Tag"] = "noindex, nofollow"
    return response


def _context(order: Order) -> dict[str, Any]:
    frames = snapshots.customer_views([order], snapshots.plans_behind([order]))[order.pk].frames
    status = next(frame for frame in frames if isinstance(frame, CustomerStatus))
    eta = next((frame for frame in frames if isinstance(frame, Eta)), None)
    now = timezone.now()
    arrival = order.delivered_at
    if arrival is None and eta is not None and eta.minutes:
        arrival = now + timedelta(minutes=eta.minutes)
    return {
        "order": order,
        "status": status,
        "eta": eta,
        "arrival": order.locale.time(arrival) if arrival else "",
        "no_eta": NO_ETA[OrderStatus(order.status)],
        "steps": _steps(OrderStatus(order.status)),
        "page": msgspec.to_builtins(_page(order, frames, now)),
    }


def _page(order: Order, frames: Sequence[CustomerFrame], now: datetime) -> TrackPage:
    restaurant, door = order.restaurant, order.customer_point
    return TrackPage(
        socket=f"/ws?role=customer&token={order.tracking_token}",
        now=now.timestamp() * 1000,
        frames=list(frames),
        locale=order.locale,
        steps=[step for step, _, _ in STEPS],
        in_the_bag=sorted(IN_THE_BAG),
        final=sorted(FINAL),
        no_eta=NO_ETA,
        stale_after_ms=settings.DRIVER_STALE_AFTER_S * 1000,
        delivered_at=order.delivered_at.timestamp() * 1000 if order.delivered_at else None,
        restaurant=None if restaurant is None else Place(restaurant.lat, restaurant.lng, restaurant.name),
        home=None if door is None else LatLng(door.lat, door.lng),
        map=map_config(),
    )


def _steps(status: OrderStatus) -> list[dict[str, Any]]:
    """Each step with its state: "done", "current" or "ahead"."""
    order = [step for step, _, _ in STEPS]
    reached = order.index(status) if status in order else 0
    return [
        {
            "words": words,
            "icon": icon,
            "state": "done"
            if n < reached or status == OrderStatus.DELIVERED
            else "current"
            if n == reached
            else "ahead",
        }
        for n, (_, words, icon) in enumerate(STEPS)
    ]
