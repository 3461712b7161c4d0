"""What an endpoint is told: `type`, `timestamp` and `data`, as Standard Webhooks want it.

Of an order what a platform can't know itself, as it is when the message is made; `version` tells which of two is the
newer. Neither the customer's name, number and address, which the platform told us, nor the tracking link, a secret
that it has from the API: bodies are kept, and pass through servers on their way.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils import timezone

from dispatch.access import shows_driver
from dispatch.models import Driver, Order, OrderEvent, OutboxEvent, left_and_ahead, plans_of
from dispatch.outbox.events import moment
from dispatch.problems import SENTENCES
from dispatch.statuses import ACTIVE, OrderStatus

type Json = dict[str, Any]


def payload(kind: str, happened_at: datetime, data: Mapping[str, Any]) -> Json:
    return {"type": kind, "timestamp": moment(happened_at), "data": dict(data)}


def of_a_test() -> Json:
    """To try an endpoint with."""
    return payload("webhook.test", timezone.now(), {"says": "If you can verify its signature, all is well."})


def of_event(event: OutboxEvent) -> Json | None:
    """None: what it tells of is gone."""
    if event.order is not None:
        told: Json = {"order": _order(event.order)}
        if event.order_event is not None:
            told["step"] = _step(event.order_event)
        return payload(event.kind, event.happened_at, told | event.data)
    if event.driver is not None:
        return payload(event.kind, event.happened_at, {"driver": _driver(event.driver)} | event.data)
    return None


def _order(order: Order) -> Json:
    trouble = order.trouble
    return {
        "id": str(order.pk),
        "external_id": order.external_id,
        "number": order.number,
        "version": order.version,
        "status": order.status,
        "restaurant_id": order.restaurant_id and str(order.restaurant_id),
        "city_id": order.city_id and str(order.city_id),
        "eta": _eta(order),
        "promised_at": moment(order.promised_at),
        "wanted_at": moment(order.wanted_at),
        "driver": _courier(order),
        "problem": trouble and {"code": trouble.value, "message": SENTENCES[trouble]},
        "created_at": moment(order.created_at),
        "delivered_at": moment(order.delivered_at),
        "ended_at": moment(order.ended_at),
    }


def _eta(order: Order) -> Json | None:
    if order.status not in ACTIVE or order.eta_minutes is None:
        return None
    return {
        "minutes": order.eta_minutes,
        "low": order.eta_low,
        "high": order.eta_high,
        "approximate": order.eta_approximate,
    }


def _courier(order: Order) -> Json | None:
    """Who comes, while the customer may know."""
    if order.driver is None or order.status not in ACTIVE - {OrderStatus.ASSIGNED}:
        return None  # which spares most a look at the driver's plan
    ahead = left_and_ahead(plans_of([order.driver.pk], roads=False)[order.driver.pk])[1]
    return {"name": order.driver.name} if shows_driver(order, ahead) else None


def _step(step: OrderEvent) -> Json:
    return {
        "from": step.from_status,
        "to": step.to_status,
        "happened_at": moment(step.happened_at),
        "by": step.actor,
        "reason": step.reason,
    }


def _driver(driver: Driver) -> Json:
    return {
        "id": str(driver.pk),
        "name": driver.name,
        "city_id": driver.city_id and str(driver.city_id),
        "vehicle": driver.vehicle,
    }
