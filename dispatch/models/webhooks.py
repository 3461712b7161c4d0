"""Who is told of what by webhook (dispatch/webhooks/)."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.db.models.functions import UUID4, Now

from dispatch.models.api_keys import ApiKey
from dispatch.models.columns import is_list


class WebhookEvent(models.TextChoices):
    """What may be told: an order's beginning and each step, when it arrives, and shifts."""

    CREATED = "order.created", "order placed"
    PENDING = "order.pending", "order waits for a driver"
    ASSIGNED = "order.assigned", "driver assigned"
    TO_RESTAURANT = "order.to_restaurant", "driver on the way to the restaurant"
    AT_RESTAURANT = "order.driver_at_restaurant", "driver at the restaurant"
    PICKED_UP = "order.picked_up", "picked up"
    NEARBY = "order.driver_nearby", "driver nearby"
    DELIVERED = "order.delivered", "delivered"
    CANCELLED = "order.cancelled", "cancelled"
    FAILED = "order.failed", "not handed over"
    ETA_CHANGED = "order.eta_changed", "arrival moved by two minutes or more"
    LATE = "order.late", "expected ten minutes or more after the promise"
    SHIFT = "driver.shift", "driver’s shift began or ended"


def validate_events(events: Any) -> None:
    """Raises ValidationError for what is no list of events, each once."""
    if not isinstance(events, list) or not events:
        raise ValidationError("An endpoint hears of one kind of event or more.")
    if unknown := [event for event in events if event not in WebhookEvent.values]:
        raise ValidationError(
            f"There is no event “{unknown[0]}”; there are {', '.join(WebhookEvent.values)}."
        )
    if len(set(events)) < len(events):
        raise ValidationError("Name each event once.")


class WebhookEndpoint(models.Model):
    """An address that is told of events in the cities of its key. Its secret is kept sealed: we sign with it."""

    id = models.UUIDField(primary_key=True, db_default=UUID4(), editable=False)
    # Without an index of its own: the constraint begins with it.
    key = models.ForeignKey(ApiKey, on_delete=models.CASCADE, related_name="webhooks", db_index=False)
    url = models.TextField("address", help_text="Where we POST to: https://…")
    events = models.JSONField(validators=[validate_events])
    secret_sealed = models.TextField(editable=False)
    previous_sealed = models.TextField(blank=True, db_default="", editable=False)
    previous_until = models.DateTimeField(
        null=True, editable=False, help_text="Until then the secret before signs as well."
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    disabled_at = models.DateTimeField(null=True, editable=False)
    disabled_because = models.TextField(blank=True, db_default="", editable=False)

    class Meta:
        db_table = "webhook_endpoints"
        verbose_name = "webhook"
        ordering = ["-created_at", "id"]
        constraints = [
            models.UniqueConstraint(
                name="webhook_endpoints_once",
                fields=["key", "url"],
                violation_error_message="The key has this address already.",
            ),
            is_list("webhook_endpoints_events_list", "events"),
            models.CheckConstraint(
                name="webhook_endpoints_disabled_because",
                condition=Q(disabled_at__isnull=True, disabled_because="")
                | (Q(disabled_at__isnull=False) & ~Q(disabled_because="")),
            ),
        ]

    def __str__(self) -> str:
        return self.url

    @property
    def receiver(self) -> str:
        """As the outbox knows it."""
        return receiver_of(self.pk)


def receiver_of(endpoint_id: Any) -> str:
    return f"webhook:{endpoint_id}"
