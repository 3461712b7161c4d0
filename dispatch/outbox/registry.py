"""Who makes messages of what happens, who sends which, and how a sender says how it went."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from dispatch.models import OutboxEntry, OutboxEvent

#: So long (seconds) a sender may take.
SEND_S = 20.0


@dataclass(frozen=True)
class Answer:
    """What the receiver said of a message that it took."""

    text: str = ""
    code: int | None = None


class NotSent(Exception):
    """What a sender raises. `code`, `text`: what the receiver said, or what is wrong."""

    def __init__(self, text: str, *, code: int | None = None) -> None:
        super().__init__(text)
        self.answer = Answer(text, code)


class TryLater(NotSent):
    """The receiver is away, or says so. It is tried again, not before `after_s` seconds."""

    def __init__(self, text: str, *, code: int | None = None, after_s: float = 0.0) -> None:
        super().__init__(text, code=code)
        self.after_s = after_s


class Refused(NotSent):
    """It would never be taken: a dead letter at once. Of the receiver's health it says nothing."""


class Pointless(NotSent):
    """There is nothing to tell any more: it is dropped. Of the receiver's health it says nothing."""


type Consume = Callable[[OutboxEvent], Iterable[OutboxEntry]]
type Send = Callable[[OutboxEntry], Answer]
type Wants = Callable[[str], bool]


@dataclass(frozen=True)
class Consumer:
    name: str
    consume: Consume
    wants: Wants


_consumers: dict[str, Consumer] = {}
_senders: dict[str, Send] = {}


def register_consumer(name: str, consume: Consume, *, wants: Wants) -> None:
    """`wants`: whether anybody is told of events of this kind as things are; it may ask the database."""
    _consumers[name] = Consumer(name, consume, wants)


def register_sender(kind: str, send: Send) -> None:
    """Of entries of this kind."""
    _senders[kind] = send


def consumers() -> list[Consumer]:
    return list(_consumers.values())


def sender(kind: str) -> Send:
    """Raises TryLater: nobody here knows such entries, as while an installation is upgraded."""
    try:
        return _senders[kind]
    except KeyError:
        raise TryLater(f"Nothing here sends {kind}.") from None


def kinds() -> list[str]:
    """Of entries that are sent here."""
    return sorted(_senders)


def is_wanted(kind: str) -> bool:
    """Whether an event of this kind is worth being recorded."""
    return any(consumer.wants(kind) for consumer in consumers())
