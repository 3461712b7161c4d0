"""What the simulator says when a part of the system is away: one line when it goes, one when it is back."""

import asyncio
import logging
from collections.abc import Callable
from random import Random
from typing import Any

from channels.db import database_sync_to_async
from django.db import InterfaceError, OperationalError
from kombu.exceptions import OperationalError as BrokerError
from redis.exceptions import RedisError

logger = logging.getLogger("delivery.devtools.simulation")


class Outages:
    """Remembers which parts are away, so that two hundred drivers who lose the same server make one line."""

    def __init__(self) -> None:
        self._away: set[str] = set()

    def away(self, part: str, reason: object) -> None:
        if part not in self._away:
            self._away.add(part)
            lines = str(reason).strip().splitlines() or [type(reason).__name__]
            logger.warning("%s is away, trying again until it is back: %s", part, lines[0])

    def back(self, part: str) -> None:
        if part in self._away:
            self._away.remove(part)
            logger.info("%s is back.", part)


def backoff(attempt: int, rng: Random, *, longest: float = 20.0) -> float:
    """Seconds to wait after `attempt` + 1 failures: doubling, capped, jittered so that few come at once."""
    return min(longest, 2.0 ** min(attempt, 10)) * rng.uniform(0.3, 1.0)


class Database:
    """ORM calls from the event loop. A database that is away is waited for."""

    def __init__(self, outages: Outages, rng: Random) -> None:
        self._outages = outages
        self._rng = rng

    async def __call__[T](self, call: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """The result of `call`, run in the database thread; a `call` that was cut off is made again."""
        run = database_sync_to_async(call)
        attempt = 0
        while True:
            try:
                result: T = await run(*args, **kwargs)
            except (OperationalError, InterfaceError) as error:
                self._outages.away("PostgreSQL", error)
                await asyncio.sleep(backoff(attempt, self._rng))
                attempt += 1
            else:
                self._outages.back("PostgreSQL")
                return result


class OneLine(logging.Filter):
    """For the logger `django.dispatch`: what nobody hears because Redis is away is one line a minute.

    The change itself is committed by then; Django would print a traceback for each.
    """

    def __init__(self) -> None:
        super().__init__()
        self._last: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if not record.exc_info or not isinstance(record.exc_info[1], RedisError | BrokerError):
            return True
        line = record.getMessage()
        if record.created - self._last.get(line, 0.0) < 60:
            return False
        self._last[line] = record.created
        record.exc_info = None
        return True
