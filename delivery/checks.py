"""System checks of the servers that Doorstep stands on: `migrate`, `serve`, worker and beat begin with them, and so
does `manage.py check --database default`. A server that is away passes: whoever needs it waits for it.
"""

from contextlib import suppress
from typing import Any

import psycopg
from celery.signals import beat_init, worker_init
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register, run_checks
from django.db import connection
from redis.exceptions import RedisError

from delivery.probes import own_connection
from dispatch.messages import gateways
from tracking.redis_servers import why_unusable

_TIMEOUT_S = 5


@register(Tags.database)
def database_version(**_: Any) -> list[CheckMessage]:
    try:
        with own_connection(_TIMEOUT_S) as own:
            reason = why_too_old(own)
    except psycopg.Error:
        return []  # away
    return [Error(reason, id="doorstep.E001")] if reason else []


@register(Tags.database)
def redis_mode(**_: Any) -> list[CheckMessage]:
    found: list[CheckMessage] = []
    for setting, url in settings.REDIS_SERVERS.items():
        with suppress(RedisError):  # away
            if reason := why_unusable(setting, url, _TIMEOUT_S):
                found.append(Error(reason, id="doorstep.E002"))
    return found


@register(Tags.database)
def message_gateways(**_: Any) -> list[CheckMessage]:
    return [
        Error(f"NOTIFY_URLS, gateway {gateway.name}: {reason}.", id="doorstep.E003")
        for gateway in settings.NOTIFY_URLS.values()
        if (reason := gateways.why_unusable(gateway))
    ]


def why_too_old(own: psycopg.Connection) -> str | None:
    """Why Doorstep can't work with this PostgreSQL, or None."""
    needed = (connection.features.minimum_database_version or (0,))[0]  # Django's
    found = own.info.server_version // 10_000
    if found >= needed:
        return None
    return f"DATABASE_URL names PostgreSQL {found}: Doorstep needs {needed} or newer."


@worker_init.connect
@beat_init.connect
def refuse(**_: Any) -> None:
    """Ends a worker or beat with a line for each server that it can't work with."""
    if found := run_checks(tags=[Tags.database], databases=["default"]):
        raise SystemExit("\n".join(f"doorstep: {message.msg}" for message in found))
