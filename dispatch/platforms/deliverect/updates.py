"""What Deliverect is told of each step of an order that came from it.

An update names a status where there is one for the step, the driver by name, the customer's tracking page and the
arrival. Neither the driver's number nor place: whoever may see them has that page.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils import timezone

from dispatch.models import Order, OrderEvent, OutboxEntry, OutboxEvent
from dispatch.outbox.arrivals import ETA_CHANGED
from dispatch.platforms.deliverect import jobs
from dispatch.platforms.deliverect.answers import Json, moment
from dispatch.statuses import BEFORE_PICKUP, OrderStatus

KIND = "deliverect"
_PREFIX = "order."
UPDATE, CANCEL = "/fulfillment/generic/events", "/fulfillment/cancel"

#: Their numbers of the steps that their documentation lists for updates.
STATUS: Mapping[OrderStatus, int] = {
    OrderStatus.TO_RESTAURANT: 83,
    OrderStatus.DRIVER_AT_RESTAURANT: 85,
    OrderStatus.PICKED_UP: 87,
    OrderStatus.DRIVER_NEARBY: 89,
    OrderStatus.DELIVERED: 90,
}
#: Without one: who has it now.
_TOLD = {*STATUS, OrderStatus.ASSIGNED}
_CALLED_OFF = {OrderStatus.CANCELLED, OrderStatus.FAILED}


def wants(kind: str) -> bool:
    return bool(settings.DELIVERECT_CLIENT_ID) and (
        kind == ETA_CHANGED or _status(kind) in _TOLD | _CALLED_OFF
    )


def consume(event: OutboxEvent) -> list[OutboxEntry]:
    order = event.order
    ids = jobs.ids_of(order.external_id) if order is not None else None
    if order is None or ids is None or not wants(event.kind):
        return []
    body = _body(event, order, *ids)
    if body is None:
        return []
    entry = OutboxEntry(
        kind=KIND, event=event.kind, receiver=KIND, lane=str(order.pk), order=order, body=body
    )
    return [entry]


def _status(kind: str) -> str:
    return kind.removeprefix(_PREFIX)


def _body(event: OutboxEvent, order: Order, job_id: str, order_id: str) -> Json | None:
    """`path`, and what is posted there; None where they know already."""
    step = event.order_event
    if _status(event.kind) in _CALLED_OFF:
        if step is None or (step.actor == OrderEvent.Actor.PLATFORM and step.actor_name == "Deliverect"):
            return None
        return {"path": CANCEL, "told": _called_off(step, job_id)}
    return {"path": UPDATE, "told": _update(event, order, job_id, order_id)}


def _update(event: OutboxEvent, order: Order, job_id: str, order_id: str) -> Json:
    told: Json = {
        "deliveryJobId": job_id,
        "trackingUrl": f"{settings.PUBLIC_URL}{reverse('tracking:track')}?t={order.tracking_token}",
    }
    if order.driver is not None:
        told["courier"] = {"name": order.driver.name}
    location: dict[str, Any] = {"orderId": order_id}
    if event.order_event is not None and (number := STATUS.get(OrderStatus(event.order_event.to_status))):
        location["status"] = number
    if order.delivered_at is not None:
        location["deliveryTimeETA"] = moment(order.delivered_at)
    elif order.eta_minutes is not None:
        location["deliveryTimeETA"] = moment(timezone.now() + timedelta(minutes=order.eta_minutes))
    told["locations"] = [location]
    return told


def _called_off(step: OrderEvent, job_id: str) -> Json:
    """Of their reasons the one that comes nearest; ours is told beside it."""
    if step.to_status == OrderStatus.CANCELLED:
        tag = "COURIER_NO_LONGER_AVAILABLE"
    elif step.from_status in BEFORE_PICKUP:
        tag = "FOOD_ITEMS_ARE_NOT_READY"
    else:
        tag = "CUSTOMER_UNRESPONSIVE"
    return {
        "deliveryJobId": job_id,
        "reasonTag": tag,
        "deliveryFeeCharged": 0,
        "extraDescription": step.reason or OrderStatus(step.to_status).label,
    }
