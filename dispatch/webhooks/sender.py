"""Sends one message: signed with the endpoint's secret, and with the one before while that counts."""

import logging
from datetime import UTC, datetime
from uuid import UUID

import msgspec
from django.conf import settings
from django.db import connection
from django.utils import timezone
from standardwebhooks import Webhook

from dispatch.errors import Invalid
from dispatch.models import OutboxEntry, WebhookEndpoint
from dispatch.outbox.registry import Answer, Refused, TryLater
from dispatch.webhooks import endpoints
from dispatch.webhooks.posting import Forbidden, Unreachable, post
from dispatch.webhooks.secrets import unseal

logger = logging.getLogger(__name__)

#: The whole of one try (seconds).
TIMEOUT_S = 15.0
#: Who asks us to come back later than so (seconds) is asked all the same.
MOST_AFTER_S = 3600.0
_GONE = 410


def send(entry: OutboxEntry) -> Answer:
    """Raises TryLater, Refused. Whatever is not 2xx is tried again; 410 ends the endpoint."""
    endpoint = _endpoint(entry)
    connection.close()  # ours is back in the pool while we wait
    body = msgspec.json.encode(entry.body)
    try:
        headers = signed(endpoint, entry.message_id, body, timezone.now())
        answered = post(
            endpoint.url,
            body,
            headers,
            timeout_s=TIMEOUT_S,
            private=settings.WEBHOOKS_ALLOW_PRIVATE,
        )
    except (Invalid, Forbidden) as error:
        raise Refused(str(error)) from None
    except Unreachable as error:
        raise TryLater(str(error)) from None
    if 200 <= answered.status < 300:
        return Answer(answered.text, answered.status)
    if answered.status == _GONE:
        endpoints.disable(endpoint.pk, "It answered 410, which means that it is gone.")
        raise Refused(answered.text, code=answered.status)
    raise TryLater(answered.text, code=answered.status, after_s=_after_s(answered.retry_after))


def signed(endpoint: WebhookEndpoint, message_id: UUID, body: bytes, now: datetime) -> dict[str, str]:
    """The headers of one try. Raises Invalid: there is nothing to sign with."""
    sealed = [endpoint.secret_sealed]
    if endpoint.previous_until is not None and now < endpoint.previous_until:
        sealed.append(endpoint.previous_sealed)
    now = now.astimezone(UTC)
    signatures = [Webhook(unseal(one)).sign(str(message_id), now, body.decode()) for one in sealed]
    return {
        "Content-Type": "application/json",
        "User-Agent": "Doorstep",
        "webhook-id": str(message_id),
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


def _endpoint(entry: OutboxEntry) -> WebhookEndpoint:
    found = WebhookEndpoint.objects.select_related("key")
    endpoint = found.filter(pk=entry.receiver.partition(":")[2]).first()
    if endpoint is None:
        raise Refused("The webhook was deleted.")
    if endpoint.disabled_at is not None:
        raise Refused(f"The webhook is disabled. {endpoint.disabled_because}")
    if not endpoint.key.opens:
        raise Refused("Its key has expired, or was revoked.")
    return endpoint


def _after_s(told: str) -> float:
    """`Retry-After` in seconds; who gives a date is asked as others are."""
    return min(float(told), MOST_AFTER_S) if told.isascii() and told.isdigit() else 0.0
