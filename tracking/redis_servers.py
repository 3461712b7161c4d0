"""Which Redis a URL names: one server, or the one that sentinels call the master.

`redis://`, `rediss://` and `unix://` are as redis-py reads them; beside them there is
`redis+sentinel://[user:password@]host[:port],host[:port],…/master[/database][?sentinel_password=…]`.

`settings.REDIS_SERVERS` has each server once, by the setting that names it.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import batched
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

import redis
import redis.asyncio
from django.core.exceptions import ImproperlyConfigured
from redis.asyncio.retry import Retry as AsyncRetry
from redis.asyncio.sentinel import Sentinel as AsyncSentinel
from redis.asyncio.sentinel import SentinelConnectionPool
from redis.backoff import NoBackoff
from redis.retry import Retry
from redis.sentinel import Sentinel

SCHEME = "redis+sentinel"
_SCHEMES = ("redis", "rediss", "unix", SCHEME)
_PORT = 26379
#: Of one process to Redis, and so long (seconds) one is waited for. Each answer takes a fraction of a millisecond.
_CONNECTIONS, _CONNECTION_S = 8, 5.0
#: When a sentinel does not answer within so many seconds, the next one is asked.
_SENTINEL_S = 1.0
_ONCE, _ASYNC_ONCE = Retry(NoBackoff(), 0), AsyncRetry(NoBackoff(), 0)


@dataclass(frozen=True)
class Sentinels:
    """Where they are, and what they call the master; `login` and `sentinel_login`: username and password, as far as
    there are any, at the master and at the sentinels.
    """

    addresses: list[tuple[str, int]]
    master: str
    database: int
    login: dict[str, str]
    sentinel_login: dict[str, str]

    @property
    def options(self) -> dict[str, Any]:
        """Of redis-py, for connections to the master."""
        return {"db": self.database, **self.login}

    def sentinel_options(self, retry: Retry | AsyncRetry) -> dict[str, Any]:
        """Of redis-py, for connections to the sentinels."""
        patience = {"socket_timeout": _SENTINEL_S, "socket_connect_timeout": _SENTINEL_S, "retry": retry}
        return patience | self.sentinel_login


def sentinels(url: str) -> Sentinels | None:
    """None: the URL names a server. ImproperlyConfigured: it can't be read."""
    parts = urlsplit(url)
    if parts.scheme != SCHEME:
        return None
    login, _, hosts = parts.netloc.rpartition("@")
    username, _, password = map(unquote, login.partition(":"))
    master, _, database = parts.path.strip("/").partition("/")
    query = dict(parse_qsl(parts.query))
    try:
        addresses = [_address(host) for host in hosts.split(",")]
        number = int(database or 0)
    except ValueError as error:
        raise _unreadable(str(error)) from None
    if not master or not all(host for host, _ in addresses):
        raise _unreadable("it names no master or no sentinel")
    if unknown := query.keys() - {"sentinel_username", "sentinel_password"}:
        raise _unreadable(f"it knows no {', '.join(sorted(unknown))}")
    return Sentinels(
        addresses,
        unquote(master),
        number,
        _present(username=username, password=password),
        _present(username=query.get("sentinel_username", ""), password=query.get("sentinel_password", "")),
    )


def several(text: str) -> list[str]:
    """The URLs of a list. Commas stand between sentinels as well, so that one divides only before a scheme."""
    return re.split(r"[\s,]+(?=[a-z+]+://)", text.strip())


def by_setting(default: str, **others: list[str]) -> dict[str, str]:
    """URLs of servers, each once, by the name of the setting it comes from: REDIS_URL where it is the `default`.

    ImproperlyConfigured: one of them can't be read.
    """
    named: dict[str, str] = {}
    for setting, urls in others.items():
        for number, url in enumerate(urls, 1):
            name = setting if len(urls) == 1 else f"{setting} ({number})"
            if url not in named.values():
                named["REDIS_URL" if url == default else name] = url
    for name, url in named.items():
        if urlsplit(url).scheme not in _SCHEMES:
            raise ImproperlyConfigured(
                f"{name} must name a Redis: it begins with {'://, '.join(_SCHEMES)}://."
            )
        try:
            sentinels(url)
        except ImproperlyConfigured as unreadable:
            raise ImproperlyConfigured(f"{name}: {unreadable}") from None
    return named


def connect(url: str, **options: Any) -> redis.asyncio.Redis:
    """A client with a few connections of its own, to be closed by `close`; `options` are redis-py's."""
    # Who comes when all are in use waits for one: redis-py's own pool would refuse them.
    options |= {"max_connections": _CONNECTIONS, "timeout": _CONNECTION_S}
    named = sentinels(url)
    if named is None:
        return redis.asyncio.Redis.from_pool(redis.asyncio.BlockingConnectionPool.from_url(url, **options))
    manager = AsyncSentinel(named.addresses, sentinel_kwargs=named.sentinel_options(_ASYNC_ONCE))
    client: redis.asyncio.Redis = manager.master_for(
        named.master, connection_pool_class=_BlockingSentinelPool, **named.options, **options
    )
    return client


class _BlockingSentinelPool(SentinelConnectionPool, redis.asyncio.BlockingConnectionPool):
    """Sentinels tell where to connect, and whoever finds all connections in use waits."""


async def close(client: redis.asyncio.Redis) -> None:
    await client.aclose()
    if isinstance(client.connection_pool, SentinelConnectionPool):
        await client.connection_pool.sentinel_manager.aclose()


@contextmanager
def connected(url: str, **options: Any) -> Iterator[redis.Redis]:
    """A client for those who wait; `options` are redis-py's."""
    named = sentinels(url)
    if named is None:
        with redis.Redis.from_url(url, **options) as client:
            yield client
        return
    manager = Sentinel(named.addresses, sentinel_kwargs=named.sentinel_options(_ONCE))
    try:
        with manager.master_for(named.master, **named.options, **options) as client:
            yield client
    finally:
        manager.close()


def why_unusable(setting: str, url: str, timeout_s: float) -> str | None:
    """Why Doorstep can't work with what answers there, or None; the setting's name is for the sentence.

    Raises redis.RedisError when nothing answers.
    """
    with connected(url, socket_timeout=timeout_s, protocol=2) as client:
        said = client.execute_command("HELLO")
    about = {name: value.decode() for name, value in batched(said, 2) if isinstance(value, bytes)}
    match about:
        case {b"mode": "cluster"}:
            return (
                f"{setting} names a Redis Cluster, whose nodes share the keys out between them: Doorstep needs one "
                f"Redis, or several behind sentinels ({SCHEME}://host:{_PORT}/master)."
            )
        case {b"mode": "sentinel"}:
            return f"{setting} names a sentinel like a Redis: write {SCHEME}://host:{_PORT}/master."
        case {b"role": "replica"}:
            return f"{setting} names a replica, which takes nothing in: name the master."
    return None


def layer_host(url: str) -> str | dict[str, Any]:
    """As a host of channels_redis."""
    named = sentinels(url)
    if named is None:
        return url
    return {
        "sentinels": named.addresses,
        "master_name": named.master,
        "sentinel_kwargs": named.sentinel_options(_ASYNC_ONCE),
        **named.options,
    }


def celery_broker(url: str) -> tuple[str, dict[str, Any]]:
    """As Celery's broker: URL and transport options."""
    if url.startswith("unix://"):
        path, _, query = url.removeprefix("unix://").partition("?")
        return f"redis+socket://{path}?virtual_host={query.removeprefix('db=') or '0'}", {}
    named = sentinels(url)
    if named is None:
        return url, {}
    login = ":".join(quote(named.login.get(part, ""), safe="") for part in ("username", "password"))
    urls = [f"sentinel://{login}@{host}:{port}/{named.database}" for host, port in named.addresses]
    return ";".join(urls), {"master_name": named.master, "sentinel_kwargs": named.sentinel_options(_ONCE)}


def _address(text: str) -> tuple[str, int]:
    """ValueError: its port is none."""
    parts = urlsplit(f"//{text}")
    return parts.hostname or "", parts.port or _PORT


def _present(**login: str) -> dict[str, str]:
    return {name: value for name, value in login.items() if value}


def _unreadable(reason: str) -> ImproperlyConfigured:
    return ImproperlyConfigured(
        f"sentinels are named otherwise ({reason}): {SCHEME}://user:password@host:{_PORT},host:{_PORT}/master/0"
    )
