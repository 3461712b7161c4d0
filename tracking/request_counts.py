"""How often each key of the HTTP API asks, counted in Redis for all processes (dispatch/api/limits.py)."""

import logging
import time
from contextlib import ExitStack
from functools import cache

import redis
from django.conf import settings

from dispatch.api import limits
from tracking.redis_servers import connected

logger = logging.getLogger(__name__)

#: Nobody waits longer (seconds) for a count, and for so long nobody asks a Redis that did not answer.
PATIENCE_S = 0.25
LET_GO_S = 5.0

_clients = ExitStack()
_asked_again_at = 0.0


def connect() -> None:
    limits.count_with(count)


def count(name: str, seconds: int) -> int | None:
    """Counts one more, and says how many of that name there were; after so many seconds they are forgotten. None:
    Redis is away.
    """
    global _asked_again_at
    if time.monotonic() < _asked_again_at:
        return None
    key = f"{settings.REDIS_PREFIX}api:{name}"
    try:
        with _client(settings.REDIS_URL).pipeline(transaction=False) as pipeline:
            pipeline.incr(key)
            pipeline.expire(key, seconds)
            counted, _ = pipeline.execute()
    except redis.RedisError as error:
        _asked_again_at = time.monotonic() + LET_GO_S
        logger.warning("Redis is away: requests of the API are not counted (%s)", type(error).__name__)
        return None
    return int(counted)


@cache
def _client(url: str) -> redis.Redis:
    """For as long as the process lives; its threads share it."""
    return _clients.enter_context(
        connected(url, socket_timeout=PATIENCE_S, socket_connect_timeout=PATIENCE_S)
    )
