from collections.abc import Callable, Iterator

import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings

from dispatch import api_keys, tasks
from dispatch.models import (
    ApiKey,
    OutboxEntry,
    OutboxEvent,
    OutboxReceiver,
    Scope,
    WebhookEndpoint,
    WebhookEvent,
)
from dispatch.outbox.delivery import senders
from dispatch.webhooks import endpoints
from tests.dispatch.webhooks.receiver import Receiver, receiving
from tests.waiting import PATIENCE_S


@pytest.fixture
def receiver(settings: Settings, transactional_db: None) -> Iterator[Receiver]:
    """On this machine, where webhooks may lead as long as the test lasts."""
    settings.WEBHOOKS_ALLOW_PRIVATE = True
    with receiving() as receiver:
        yield receiver
    assert senders.wait(PATIENCE_S)


@pytest.fixture
def key(transactional_db: None) -> ApiKey:
    key, _ = api_keys.issue("Shop", Scope.values, cities=None)
    return key


@pytest.fixture
def hook(key: ApiKey, receiver: Receiver) -> tuple[WebhookEndpoint, str]:
    """An endpoint that hears everything, and its secret."""
    return endpoints.create(key, receiver.url, WebhookEvent.values)


@pytest.fixture
def work(transactional_db: None) -> Iterator[Callable[[], None]]:
    """One round of the job, until all is sent that can be."""

    def work() -> None:
        tasks.send_outbox()
        assert senders.wait(PATIENCE_S)

    yield work
    assert senders.wait(PATIENCE_S)


def time_comes() -> None:
    """For whatever waits for its next try."""
    now = timezone.now()
    OutboxEntry.objects.filter(state="waiting").update(due_at=now)
    OutboxReceiver.objects.update(wait_until=None)


def nothing_yet() -> None:
    """As if nothing had happened so far."""
    OutboxEvent.objects.all().delete()
