"""Who is told of an event: the endpoints that hear of its kind, of keys that open something and reach its city."""

from uuid import UUID

from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from dispatch.models import ApiKeyCity, OutboxEntry, OutboxEvent, WebhookEndpoint, WebhookEvent
from dispatch.webhooks.payloads import of_event

KIND = "webhook"


def consume(event: OutboxEvent) -> list[OutboxEntry]:
    if event.kind not in WebhookEvent.values:
        return []
    about = event.order or event.driver
    if about is None or not (endpoints := list(_listening(event.kind).filter(_reaches(about.city_id)))):
        return []
    told = of_event(event)
    return [
        OutboxEntry(
            kind=KIND,
            event=event.kind,
            receiver=endpoint.receiver,
            lane=str(about.pk),
            order=event.order,
            body=told,
        )
        for endpoint in endpoints
    ]


def wants(kind: str) -> bool:
    return kind in WebhookEvent.values and _listening(kind).exists()


def _listening(kind: str) -> QuerySet[WebhookEndpoint]:
    valid = Q(key__revoked_at=None) & (Q(key__expires_at=None) | Q(key__expires_at__gt=Now()))
    return WebhookEndpoint.objects.filter(valid, events__contains=[kind], disabled_at=None)


def _reaches(city_id: UUID | None) -> Q:
    return Q(key__all_cities=True) | Q(key__in=ApiKeyCity.objects.filter(city=city_id).values("key"))
