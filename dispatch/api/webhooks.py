"""Webhooks over HTTP: a key sees to its own."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from ninja import Router
from ninja.params.functions import Query
from pydantic import BaseModel, ConfigDict, Field

from dispatch.api.admission import Key, caller
from dispatch.api.described import IDEMPOTENT, answers, parameters
from dispatch.api.fields import Body
from dispatch.api.idempotency import once
from dispatch.api.json_answers import json_answer
from dispatch.errors import NotFound
from dispatch.models import OutboxEntry, OutboxState, Scope, WebhookEndpoint, WebhookEvent
from dispatch.outbox import entries
from dispatch.webhooks import endpoints
from dispatch.webhooks.addresses import MOST_CHARACTERS

router = Router(tags=["Webhooks"], auth=Key(Scope.WEBHOOKS_WRITE))

_EXAMPLE: dict[str, Any] = {
    "url": "https://shop.example/doorstep",
    "events": ["order.picked_up", "order.delivered"],
}
_Url = Annotated[str, Field(strict=True, min_length=1, max_length=MOST_CHARACTERS)]
_Events = Annotated[list[WebhookEvent], Field(min_length=1, max_length=len(WebhookEvent))]


class NewWebhook(Body):
    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    url: _Url = Field(description="Where we POST to, by HTTPS.")
    events: _Events = Field(description="What it hears of, in the cities of the key.")


class WebhookChange(Body):
    """What it names is changed, all else stays as it is."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"events": ["order.delivered"]}]})

    url: _Url = ""
    events: _Events = []
    enabled: Annotated[bool, Field(strict=True)] = True


class Webhook(BaseModel):
    """A webhook."""

    id: UUID
    url: str
    events: list[WebhookEvent]
    enabled: bool
    disabled_because: str = Field(description="Empty while it is enabled.")
    created_at: datetime


class Made(Webhook):
    """A new webhook."""

    secret: str = Field(description="What its messages are signed with. Shown this once.")


class Webhooks(BaseModel):
    webhooks: list[Webhook]


class Secret(BaseModel):
    """What messages are signed with."""

    secret: str = Field(description="Shown this once.")


class Delivery(BaseModel):
    """One message to a webhook, and how that went."""

    id: UUID = Field(description="As its header webhook-id says.")
    event: str
    order_id: UUID | None
    state: OutboxState
    created_at: datetime
    tries: int
    next_try_at: datetime | None
    answer_status: int | None = Field(description="What was answered last.")
    answer: str = Field(description="Its beginning, or why there was none.")


class Deliveries(BaseModel):
    deliveries: list[Delivery]
    next: str | None = Field(description="`cursor` of the next page; null: this is the last.")


class DeliveryFilter(BaseModel):
    model_config = ConfigDict(frozen=True)

    state: OutboxState | None = None
    cursor: int | None = Field(None, ge=1, lt=2**63, description="`next` of the page before.")
    limit: int = Field(50, ge=1, le=100)


@router.post(
    "",
    operation_id="addWebhook",
    summary="Add a webhook",
    response=answers(201, Made, 400, 409, 413, 415, 422),
)
def add(request: HttpRequest, body: NewWebhook) -> HttpResponse:
    """Its secret is in the answer, and nowhere else. Sent again it is refused (409): the address is there already."""
    endpoint, secret = endpoints.create(caller(request).key, body.url, body.events)
    endpoint.refresh_from_db()
    return json_answer(Made(**_told(endpoint).model_dump(), secret=secret), 201)


@router.get("", operation_id="listWebhooks", summary="List webhooks", response=answers(200, Webhooks))
def listed(request: HttpRequest) -> HttpResponse:
    """Those of the key."""
    return json_answer(Webhooks(webhooks=[_told(one) for one in caller(request).key.webhooks.all()]))


@router.get(
    "/{webhook_id}",
    operation_id="readWebhook",
    summary="Read a webhook",
    response=answers(200, Webhook, 404, 422),
)
def read(request: HttpRequest, webhook_id: UUID) -> HttpResponse:
    return json_answer(_told(_own(request, webhook_id)))


@router.patch(
    "/{webhook_id}",
    operation_id="changeWebhook",
    summary="Change a webhook",
    response=answers(200, Webhook, 400, 404, 409, 413, 415, 422),
)
def change(request: HttpRequest, webhook_id: UUID, body: WebhookChange) -> HttpResponse:
    """One that we have disabled, since it took nothing for days, is enabled so."""
    named: dict[str, Any] = body.model_dump(include=set(body.model_fields_set))
    with transaction.atomic():
        endpoint = _own(request, webhook_id)
        endpoints.change(
            endpoint, url=named.get("url", endpoint.url), events=named.get("events", endpoint.events)
        )
        if "enabled" in named:
            if body.enabled:
                endpoints.enable(endpoint.pk)
            else:
                endpoints.disable(endpoint.pk, "Switched off over the API.")
    return json_answer(_told(_own(request, webhook_id)))


@router.delete(
    "/{webhook_id}",
    operation_id="deleteWebhook",
    summary="Delete a webhook",
    response=answers(204, None, 404, 422),
)
def delete(request: HttpRequest, webhook_id: UUID) -> HttpResponse:
    """What has not been sent yet is not sent any more."""
    endpoints.delete(_own(request, webhook_id).pk)
    return HttpResponse(status=204)


@router.put(
    "/{webhook_id}/secret",
    operation_id="issueWebhookSecret",
    summary="Issue a webhook’s secret",
    response=answers(200, Secret, 404, 422),
)
def issue_secret(request: HttpRequest, webhook_id: UUID) -> HttpResponse:
    """The one before signs for another 24 hours as well: each message has both signatures."""
    return json_answer(Secret(secret=endpoints.issue_secret(_own(request, webhook_id).pk)))


@router.post(
    "/{webhook_id}/test",
    operation_id="testWebhook",
    summary="Send a test",
    response=answers(202, Delivery, 404, 409, 422),
    openapi_extra=parameters(IDEMPOTENT),
)
@once
def send_test(request: HttpRequest, webhook_id: UUID) -> HttpResponse:
    """A message of the type `webhook.test`, sent as any other; look at its delivery for what came of it."""
    return json_answer(_delivery(endpoints.send_test(_own(request, webhook_id))), 202)


@router.get(
    "/{webhook_id}/deliveries",
    operation_id="listDeliveries",
    summary="List deliveries",
    response=answers(200, Deliveries, 404, 422),
)
def deliveries(request: HttpRequest, webhook_id: UUID, wanted: DeliveryFilter = Query(...)) -> HttpResponse:  # noqa: B008
    """The newest first, a page at a time."""
    found = endpoints.deliveries(_own(request, webhook_id).pk)
    if wanted.state is not None:
        found = found.filter(state=wanted.state)
    if wanted.cursor is not None:
        found = found.filter(pk__lt=wanted.cursor)
    rows = list(found[: wanted.limit + 1])
    shown = rows[: wanted.limit]
    more = str(shown[-1].pk) if len(rows) > len(shown) else None
    return json_answer(Deliveries(deliveries=[_delivery(one) for one in shown], next=more))


@router.post(
    "/{webhook_id}/deliveries/{delivery_id}/resend",
    operation_id="resendDelivery",
    summary="Send once more",
    response=answers(202, Delivery, 404, 409, 422),
    openapi_extra=parameters(IDEMPOTENT),
)
@once
def resend(request: HttpRequest, webhook_id: UUID, delivery_id: UUID) -> HttpResponse:
    """Under the same id, whether it was taken or not. What waits to be sent is refused (409)."""
    found = endpoints.deliveries(_own(request, webhook_id).pk).filter(message_id=delivery_id)
    entry = found.first()
    if entry is None:
        raise NotFound("No such delivery.")
    entries.resend(entry.pk)
    return json_answer(_delivery(found.get()), 202)


def _own(request: HttpRequest, webhook_id: UUID) -> WebhookEndpoint:
    """Raises NotFound for what is another key's, too."""
    endpoint = caller(request).key.webhooks.select_related("key").filter(pk=webhook_id).first()
    if endpoint is None:
        raise NotFound("No such webhook.")
    return endpoint


def _told(endpoint: WebhookEndpoint) -> Webhook:
    return Webhook(
        id=endpoint.pk,
        url=endpoint.url,
        events=endpoint.events,
        enabled=endpoint.disabled_at is None,
        disabled_because=endpoint.disabled_because,
        created_at=endpoint.created_at,
    )


def _delivery(entry: OutboxEntry) -> Delivery:
    waits = entry.state == OutboxState.WAITING
    return Delivery(
        id=entry.message_id,
        event=entry.event,
        order_id=entry.order_id,
        state=OutboxState(entry.state),
        created_at=entry.created_at,
        tries=entry.tries,
        next_try_at=entry.due_at if waits else None,
        answer_status=entry.answer_code,
        answer=entry.answer,
    )
