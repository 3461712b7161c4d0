"""From rows to what an ordering platform is told of orders."""

from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpResponse

from dispatch.access import shows_driver, tracking_url
from dispatch.api.json_answers import json_answer
from dispatch.api.order_bodies import Courier, Eta, Event, Orders, Trouble
from dispatch.api.order_bodies import Order as OrderTold
from dispatch.models import Order, OrderEvent, Stop, left_and_ahead, plans_of
from dispatch.problems import SENTENCES
from dispatch.statuses import ACTIVE, OrderStatus

#: What is told of an order needs of others.
ROWS = ("restaurant__city", "driver")


def answer(order: Order) -> HttpResponse:
    [told] = _told([order])
    return json_answer(told, ETag=etag(order))


def placed(order: Order, event: OrderEvent) -> HttpResponse:
    """Of a new order, as it was stored; `event`: all that there is of its timeline."""
    told = _order(order, [], [event])
    return json_answer(told, 201, ETag=etag(order), Location=address(order.pk))


def page(orders: Sequence[Order], next_page: str | None) -> HttpResponse:
    return json_answer(Orders(orders=_told(orders), next=next_page))


def by_id(orders: QuerySet[Order], order_id: UUID) -> Order:
    return orders.select_related(*ROWS).get(pk=order_id)


def etag(order: Order) -> str:
    return f'"{order.version}"'


def address(order_id: UUID) -> str:
    return f"{settings.PUBLIC_URL}/api/v1/orders/{order_id}"


def _told(orders: Sequence[Order]) -> list[OrderTold]:
    # After the orders: a version may be older than what it stands for, never newer.
    under_way = {order.driver_id for order in orders if order.driver_id and order.status in ACTIVE}
    plans = plans_of(under_way, roads=False) if under_way else {}
    timelines: defaultdict[UUID, list[OrderEvent]] = defaultdict(list)
    for event in OrderEvent.objects.filter(order__in=[order.pk for order in orders]).defer("evidence"):
        timelines[event.order_id].append(event)
    return [
        _order(order, plans.get(order.driver_id, []) if order.driver_id else [], timelines[order.pk])
        for order in orders
    ]


def _order(order: Order, stops: Sequence[Stop], timeline: Sequence[OrderEvent]) -> OrderTold:
    trouble = order.trouble
    driver = order.driver if shows_driver(order, left_and_ahead(stops)[1]) else None
    return OrderTold(
        id=order.pk,
        external_id=order.external_id,
        source=order.source,
        version=order.version,
        status=OrderStatus(order.status),
        restaurant_id=order.restaurant_id,
        city_id=order.city_id,
        tracking_url=tracking_url(order),
        eta=_eta(order),
        promised_at=order.promised_at,
        driver=None if driver is None else Courier(name=driver.name),
        problem=None if trouble is None else Trouble(code=trouble, message=SENTENCES[trouble]),
        customer_name=order.customer_name,
        customer_phone=order.customer_phone,
        customer_language=order.customer_language,
        customer_address=order.customer_address,
        customer_lat=order.customer_lat,
        customer_lng=order.customer_lng,
        ready_at=order.ready_at,
        wanted_at=order.wanted_at,
        bags=order.bags,
        number=order.number,
        items=order.items,
        kitchen_note=order.kitchen_note,
        driver_note=order.driver_note,
        door_note=order.door_note,
        tip=order.tip,
        cash_due=order.cash_due,
        needs=order.needs,
        age_check=order.age_check,
        created_at=order.created_at,
        delivered_at=order.delivered_at,
        ended_at=order.ended_at,
        timeline=[
            Event(
                status=OrderStatus(event.to_status),
                at=event.happened_at,
                by=OrderEvent.Actor(event.actor),
                reason=event.reason,
            )
            for event in timeline
        ],
    )


def _eta(order: Order) -> Eta | None:
    if order.status not in ACTIVE or order.eta_minutes is None:
        return None
    return Eta(
        minutes=order.eta_minutes,
        low=order.eta_low,
        high=order.eta_high,
        approximate=order.eta_approximate,
    )
