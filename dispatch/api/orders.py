"""Orders over HTTP."""

import base64
from contextlib import nullcontext
from datetime import UTC, datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.http import parse_etags
from ninja import Router
from ninja.params.functions import Body, Path, Query

from dispatch.api import order_answers, problems
from dispatch.api.admission import Key, actor, caller, check_parameters
from dispatch.api.described import IDEMPOTENT, IF_MATCH, IF_NONE_MATCH, answers, parameters
from dispatch.api.idempotency import once
from dispatch.api.order_bodies import Amendment, Cancelling, NewOrder, OrderFilter, Orders, Ready
from dispatch.api.order_bodies import Order as OrderTold
from dispatch.api.places import named_restaurant
from dispatch.api.problems import Problem, invalid
from dispatch.errors import Conflict, NotFound, WrongStatus
from dispatch.models import ApiKey, Order, Scope
from dispatch.orders import actions
from dispatch.orders.transitions import lock_order
from dispatch.planning import quotes
from dispatch.statuses import IN_THE_BAG, OrderStatus

router = Router(tags=["Orders"])

#: Before an id that is the platform's own.
EXTERNAL = "external:"
_ID = Path(
    ...,
    description=f"Our id, or “{EXTERNAL}” and yours (its `external_id`, percent-encoded).",
    example=f"{EXTERNAL}A-1001",
)
_NO_REASON = Cancelling(reason="")
_READY_NOW = Ready(ready_at=None)


@router.post(
    "",
    auth=Key(Scope.ORDERS_WRITE),
    operation_id="placeOrder",
    summary="Place an order",
    response=answers(201, OrderTold, 409, 413, 415, 422),
    openapi_extra=parameters(IDEMPOTENT),
)
@once
def place(request: HttpRequest, body: NewOrder) -> HttpResponse:
    """It is taken whatever is wrong with its address, for the food is real: `problem` says what somebody should mend.
    Whether a road leads there is found out within seconds, and told with a later answer.
    """
    key = caller(request).key
    restaurant = named_restaurant(request, body.restaurant_id)
    order = Order(restaurant=restaurant, source=key.source, **body.details())
    try:
        with transaction.atomic() if body.quote_id else nullcontext():
            if body.quote_id:
                order.promised_at = _quoted(body.quote_id, order, key)
            event = actions.place(order, actor=actor(request), ask_roads=False)
    except Conflict:
        raise problems.taken() from None
    return order_answers.placed(order, event)


def _quoted(quote_id: UUID, order: Order, key: ApiKey) -> datetime:
    """What a quote promises of this order."""
    try:
        return quotes.redeem(quote_id, order, key)
    except NotFound as error:
        raise invalid({"pointer": "#/quote_id", "message": error.message}) from None


@router.get(
    "",
    auth=Key(Scope.ORDERS_READ),
    operation_id="listOrders",
    summary="List orders",
    response=answers(200, Orders, 422),
)
def listed(request: HttpRequest, wanted: OrderFilter = Query(...)) -> HttpResponse:  # noqa: B008
    """The newest first, a page at a time."""
    check_parameters(request, OrderFilter)
    asking = caller(request)
    found = _filtered(asking.orders().select_related(*order_answers.ROWS), wanted, asking.key.source)
    orders = list(found.order_by("-created_at", "id")[: wanted.limit + 1])
    shown = orders[: wanted.limit]
    return order_answers.page(shown, _cursor(shown[-1]) if len(orders) > len(shown) else None)


@router.get(
    "/{order_id}",
    auth=Key(Scope.ORDERS_READ),
    operation_id="readOrder",
    summary="Read an order",
    response=answers(200, OrderTold, 404),
    openapi_extra=parameters(IF_NONE_MATCH),
)
def read(request: HttpRequest, order_id: str = _ID) -> HttpResponse:
    order = _named(request, caller(request).orders().select_related(*order_answers.ROWS), order_id)
    tag = order_answers.etag(order)
    if tag in parse_etags(request.headers.get("If-None-Match", "")):
        return HttpResponse(status=304, headers={"ETag": tag})
    return order_answers.answer(order)


@router.patch(
    "/{order_id}",
    auth=Key(Scope.ORDERS_WRITE),
    operation_id="amendOrder",
    summary="Amend an order",
    response=answers(200, OrderTold, 404, 409, 412, 413, 415, 422),
    openapi_extra=parameters(IF_MATCH),
)
def amend(request: HttpRequest, body: Amendment, order_id: str = _ID) -> HttpResponse:
    """Until it is over. Where plans are made of what changes, the driver's stops are put in order anew."""
    orders, changes = caller(request).orders(), body.changes()
    with transaction.atomic():
        order = _locked(request, orders, order_id)
        if order.status == OrderStatus.SCHEDULED and changes.get("wanted_at", order.wanted_at) is None:
            message = "The order waits until it is wanted: give it another time, or cancel it."
            raise invalid({"pointer": "#/wanted_at", "message": message})
        for name, value in changes.items():
            setattr(order, name, value)
        actions.change_order(order, actor=actor(request), promise_reason=body.promise_reason)
    return order_answers.answer(order_answers.by_id(orders, order.pk))


@router.put(
    "/{order_id}/ready",
    auth=Key(Scope.ORDERS_WRITE),
    operation_id="setReady",
    summary="Say when the food is ready",
    response=answers(200, OrderTold, 404, 409, 412, 413, 415, 422),
    openapi_extra=parameters(IF_MATCH),
)
def set_ready(request: HttpRequest, body: Ready = Body(_READY_NOW), order_id: str = _ID) -> HttpResponse:  # noqa: B008
    """Or will be; until it is picked up. The driver's stops are put in order anew."""
    orders = caller(request).orders()
    with transaction.atomic():
        order = _locked(request, orders, order_id)
        if order.status in IN_THE_BAG:
            raise WrongStatus("The food is with the driver already.")
        order.ready_at = body.ready_at or timezone.now()
        actions.change_order(order, actor=actor(request))
    return order_answers.answer(order_answers.by_id(orders, order.pk))


@router.post(
    "/{order_id}/cancel",
    auth=Key(Scope.ORDERS_WRITE),
    operation_id="cancelOrder",
    summary="Cancel an order",
    response=answers(200, OrderTold, 404, 409, 412, 413, 415, 422),
    openapi_extra=parameters(IDEMPOTENT, IF_MATCH),
)
@once
def cancel(request: HttpRequest, body: Cancelling = Body(_NO_REASON), order_id: str = _ID) -> HttpResponse:  # noqa: B008
    """Until the food is picked up; from then on a dispatcher has to."""
    orders = caller(request).orders()
    with transaction.atomic():
        order = _locked(request, orders, order_id)
        actions.cancel(order.pk, actor=actor(request), reason=body.reason)
    return order_answers.answer(order_answers.by_id(orders, order.pk))


# --------------------------------------------------------------------------------------------- which orders


def _named(request: HttpRequest, orders: QuerySet[Order], order_id: str) -> Order:
    """Raises NotFound."""
    if order_id.startswith(EXTERNAL):
        known = order_id.removeprefix(EXTERNAL)
        order = orders.filter(external_id=known, source=caller(request).key.source).first()
    else:
        try:
            order = orders.filter(pk=UUID(order_id)).first()
        except ValueError:
            order = None
    if order is None:
        raise NotFound("No such order.")
    return order


def _locked(request: HttpRequest, orders: QuerySet[Order], order_id: str) -> Order:
    """The order with its driver, locked as actions lock them, if it is what the asker takes it for (`If-Match`)."""
    order, _ = lock_order(_named(request, orders, order_id).pk)
    known = request.headers.get("If-Match")
    tag = order_answers.etag(order)
    if known is not None and not {"*", tag} & {*parse_etags(known)}:
        raise Problem(
            "version_mismatch",
            "The order has changed since you read it. Read it again.",
            headers={"ETag": tag},
        )
    return order


def _filtered(orders: QuerySet[Order], wanted: OrderFilter, source: str) -> QuerySet[Order]:
    """`source`: of whose orders `external_id` speaks."""
    if wanted.status:
        orders = orders.filter(status__in=wanted.status)
    if wanted.city_id is not None:
        orders = orders.filter(restaurant__city=wanted.city_id)
    if wanted.external_id is not None:
        orders = orders.filter(external_id=wanted.external_id, source=source)
    if wanted.created_since is not None:
        orders = orders.filter(created_at__gte=wanted.created_since)
    if wanted.cursor is not None:
        created_at, last = _place(wanted.cursor)
        orders = orders.filter(created_at__lte=created_at).exclude(Q(created_at=created_at) & Q(pk__lte=last))
    return orders


def _cursor(order: Order) -> str:
    """Behind this order the next page begins."""
    return (
        base64.urlsafe_b64encode(f"{order.created_at.isoformat()} {order.pk}".encode()).decode().rstrip("=")
    )


def _place(cursor: str) -> tuple[datetime, UUID]:
    """Raises Problem."""
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
        created_at, _, last = text.partition(" ")
        return datetime.fromisoformat(created_at).astimezone(UTC), UUID(last)
    except (ValueError, OverflowError):
        message = "This is no cursor of ours: take “next” of the page before."
        raise invalid({"parameter": "cursor", "message": message}) from None
