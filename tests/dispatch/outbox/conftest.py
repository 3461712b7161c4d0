"""A receiver of the test's own, with the real outbox before it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from threading import Event, Lock
from typing import Any

import pytest

from dispatch import tasks
from dispatch.models import OutboxEntry, OutboxEvent, OutboxReceiver
from dispatch.outbox import registry
from dispatch.outbox.delivery import senders
from dispatch.outbox.registry import Answer
from tests.waiting import PATIENCE_S


@dataclass
class Gateway:
    """Takes all that is sent, unless `answers` has an error for a receiver; it hangs for those that `hangs` names."""

    receivers: list[str] = field(default_factory=lambda: ["first"])
    due_at: datetime | None = None
    expires_at: datetime | None = None
    got: list[OutboxEntry] = field(default_factory=list)
    tried: list[OutboxEntry] = field(default_factory=list)
    answers: dict[str, Callable[[], Exception]] = field(default_factory=dict)
    hangs: set[str] = field(default_factory=set)
    under_way: dict[str, int] = field(default_factory=dict)
    most_under_way: dict[str, int] = field(default_factory=dict)
    hung_up: Event = field(default_factory=Event)
    _lock: Lock = field(default_factory=Lock)

    def consume(self, event: OutboxEvent) -> list[OutboxEntry]:
        times = {"expires_at": self.expires_at} | ({"due_at": self.due_at} if self.due_at else {})
        return [
            OutboxEntry(
                kind="test",
                event=event.kind,
                receiver=receiver,
                lane=str(event.order_id),
                order=event.order,
                body={"step": event.order_event and event.order_event.to_status},
                **times,
            )
            for receiver in self.receivers
            if event.order is not None
        ]

    def send(self, entry: OutboxEntry) -> Answer:
        self._count(entry.receiver, 1)
        try:
            with self._lock:
                self.tried.append(entry)
            if entry.receiver in self.hangs:
                assert self.hung_up.wait(PATIENCE_S)
            if entry.receiver in self.answers:
                raise self.answers[entry.receiver]()
            with self._lock:
                self.got.append(entry)
            return Answer("taken", 200)
        finally:
            self._count(entry.receiver, -1)

    def events(self, receiver: str = "first") -> list[str]:
        return [entry.event for entry in self.got if entry.receiver == receiver]

    def _count(self, receiver: str, by: int) -> None:
        with self._lock:
            now = self.under_way[receiver] = self.under_way.get(receiver, 0) + by
            self.most_under_way[receiver] = max(now, self.most_under_way.get(receiver, 0))


@pytest.fixture
def alone(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No consumer and no sender but those that the test registers; its threads end with it."""
    monkeypatch.setattr(registry, "_consumers", {})
    monkeypatch.setattr(registry, "_senders", {})
    yield
    assert senders.wait(PATIENCE_S)


@pytest.fixture
def gateway(alone: None) -> Iterator[Gateway]:
    gateway = Gateway()
    registry.register_consumer("test", gateway.consume, wants=lambda _: True)
    registry.register_sender("test", gateway.send)
    yield gateway
    gateway.hung_up.set()


@pytest.fixture
def work(transactional_db: None) -> Callable[[], None]:
    """One round of the job, until all is sent that can be."""

    def work() -> None:
        tasks.send_outbox()
        assert senders.wait(PATIENCE_S)

    return work


def entry(**fields: Any) -> OutboxEntry:
    """One that waits for the receiver “first”, unless said otherwise."""
    made = OutboxEntry.objects.create(
        **{"kind": "test", "event": "order.created", "receiver": "first", "body": {}} | fields
    )
    OutboxReceiver.objects.get_or_create(name=made.receiver)
    made.refresh_from_db()
    return made
