"""Endpoints: made, changed, tried, disabled when they are dead for days."""

import logging
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Now

from dispatch.errors import Conflict, Invalid, NotFound
from dispatch.models import (
    ApiKey,
    OutboxEntry,
    OutboxReceiver,
    Scope,
    WebhookEndpoint,
    WebhookEvent,
    receiver_of,
)
from dispatch.models.webhooks import validate_events
from dispatch.outbox import entries
from dispatch.webhooks.addresses import check_url
from dispatch.webhooks.payloads import of_a_test
from dispatch.webhooks.secrets import new_secret, seal

logger = logging.getLogger(__name__)

MOST_OF_A_KEY = 20
#: Both secrets sign for so long after a new one is issued.
BOTH_SIGN = timedelta(hours=24)
#: Who has taken nothing for so long is told nothing any more.
DEAD_AFTER = timedelta(days=3)


def create(key: ApiKey, url: str, events: Sequence[str]) -> tuple[WebhookEndpoint, str]:
    """A new endpoint, and its secret, which is shown this once. Raises Invalid, Conflict."""
    secret = new_secret()
    with transaction.atomic():
        ApiKey.objects.select_for_update(no_key=True).get(pk=key.pk)
        check(key, url, events)
        endpoint = WebhookEndpoint.objects.create(
            key=key, url=url, events=list(events), secret_sealed=seal(secret)
        )
    return endpoint, secret


def check(key: ApiKey, url: str, events: Sequence[str], of: WebhookEndpoint | None = None) -> None:
    """Raises Invalid for an address that may not be asked, and for events that the key may not know of; Conflict for
    an address that the key has already, and for one more than it may have. `of`: whose these are to be, if not new.
    """
    check_url(url, private=settings.WEBHOOKS_ALLOW_PRIVATE)
    try:
        validate_events(list(events))
    except ValidationError as wrong:
        raise Invalid(str(wrong.message)) from None
    needed = {Scope.DRIVERS_WRITE if event == WebhookEvent.SHIFT else Scope.ORDERS_READ for event in events}
    if lacking := sorted(needed - set(key.scopes)):
        raise Invalid(f"To hear of that the key needs the scope {' and '.join(lacking)}.")
    others = key.webhooks.exclude(pk=of.pk) if of else key.webhooks.all()
    if others.filter(url=url).exists():
        raise Conflict("The key has a webhook with this address already.")
    if len(others) >= MOST_OF_A_KEY:
        raise Conflict(f"A key has up to {MOST_OF_A_KEY} webhooks: delete one first.")


def change(endpoint: WebhookEndpoint, *, url: str, events: Sequence[str]) -> None:
    """Raises Invalid, Conflict."""
    check(endpoint.key, url, events, endpoint)
    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(url=url, events=list(events))


def issue_secret(endpoint_id: UUID) -> str:
    """A new one, shown this once; the one before signs as well for a day. Raises NotFound."""
    secret = new_secret()
    found = WebhookEndpoint.objects.filter(pk=endpoint_id).update(
        previous_sealed=F("secret_sealed"), previous_until=Now() + BOTH_SIGN, secret_sealed=seal(secret)
    )
    if not found:
        raise NotFound("No such webhook.")
    return secret


def disable(endpoint_id: UUID, because: str) -> None:
    """It is told nothing from now on."""
    if WebhookEndpoint.objects.filter(pk=endpoint_id, disabled_at=None).update(
        disabled_at=Now(), disabled_because=because
    ):
        logger.warning("webhook %s is disabled: %s", endpoint_id, because)


def enable(endpoint_id: UUID) -> None:
    """From now on it is told what happens; what it missed staff may send again."""
    with transaction.atomic():
        WebhookEndpoint.objects.filter(pk=endpoint_id).update(disabled_at=None, disabled_because="")
        OutboxReceiver.objects.filter(pk=receiver_of(endpoint_id)).update(
            failures=0, failing_since=None, failed_at=None, wait_until=None
        )


def delete(endpoint_id: UUID) -> None:
    """What still waited for it is dropped. Raises NotFound."""
    with transaction.atomic():
        if not WebhookEndpoint.objects.filter(pk=endpoint_id).delete()[0]:
            raise NotFound("No such webhook.")
        entries.drop(receiver_of(endpoint_id), "The webhook was deleted.")


def send_test(endpoint: WebhookEndpoint) -> OutboxEntry:
    """A message that tells of nothing, sent as any other."""
    told = of_a_test()
    [entry] = entries.write(
        [OutboxEntry(kind="webhook", event=told["type"], receiver=endpoint.receiver, body=told)]
    )
    return entry


def deliveries(endpoint_id: UUID) -> QuerySet[OutboxEntry]:
    """What it was told, or is to be, the newest first."""
    return OutboxEntry.objects.filter(receiver=receiver_of(endpoint_id)).order_by("-pk")


def disable_dead() -> None:
    """Those that have failed for DEAD_AFTER, and answered no try in between."""
    dead = OutboxReceiver.objects.filter(
        name__startswith=receiver_of(""), failed_at__gte=F("failing_since") + DEAD_AFTER
    )
    for receiver in dead:
        because = f"It has taken nothing since {receiver.failing_since:%Y-%m-%d %H:%M} UTC."
        disable(UUID(receiver.name.partition(":")[2]), because)
