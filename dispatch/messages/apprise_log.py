"""What Apprise says of a text goes to no log: numbers, texts and the gateway's secrets stand in it. Who sends one
reads there how it went.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_listening: ContextVar[list[str] | None] = ContextVar("_listening", default=None)


class Overhear(logging.Filter):
    """Of Apprise’s logger (LOGGING in delivery/settings.py): lets nothing pass to any handler, whoever adds one."""

    def filter(self, record: logging.LogRecord) -> bool:
        if (lines := _listening.get()) is not None:
            lines.append(record.getMessage())
        return False


@contextmanager
def overheard() -> Iterator[list[str]]:
    """What it says in here."""
    lines: list[str] = []
    token = _listening.set(lines)
    try:
        yield lines
    finally:
        _listening.reset(token)
