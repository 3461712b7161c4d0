"""Live positions in Redis, and the only place that knows its keys.

`doorstep:positions:<city>` is a hash of driver id → time of the fix (13 digits of ms) + JSON of a FleetPosition.
What was accepted is published on `doorstep:fixes:<city>`, one a line: the driver's id, a tab and the JSON, so that a
process decodes only what somebody there looks at.
`doorstep:troubles:<city>` is a hash of driver id → JSON of a FixTrouble.
"""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any, NamedTuple

import msgspec
from django.conf import settings
from redis.asyncio import Redis
from redis.exceptions import NoScriptError

from tracking.protocol.messages import FleetPosition

_POSITIONS = "doorstep:positions:"
_FIXES = "doorstep:fixes:"
_TROUBLES = "doorstep:troubles:"
_TS_DIGITS = 13
#: Troubles of a city where nobody has any for so long are forgotten.
_TROUBLES_KEPT = timedelta(hours=2)

# A newer position replaces an older one, never the other way round, whichever process comes first.
_STORE = """
local args = {}
for i = 1, #ARGV, 3 do args[#args + 1] = ARGV[i] end
local known = redis.call('HMGET', KEYS[1], unpack(args))
local set, news = {}, {}
for i = 1, #args do
  local ts, json = ARGV[3 * i - 1], ARGV[3 * i]
  if not known[i] or string.sub(known[i], 1, 13) < ts then
    set[#set + 1] = args[i]
    set[#set + 1] = ts .. json
    news[#news + 1] = args[i] .. '\\t' .. json
  end
end
local heard_by = 0
if #news > 0 then
  redis.call('HSET', KEYS[1], unpack(set))
  heard_by = redis.call('PUBLISH', KEYS[2], table.concat(news, '\\n'))
end
return {#news, heard_by}
"""
#: Lua's `unpack` takes some 8,000 values.
_AT_ONCE = 1000

_encode = msgspec.json.Encoder().encode
decode = msgspec.json.Decoder(FleetPosition).decode


class Stored(NamedTuple):
    """How many positions were newer than what was known, and how many processes heard of them (in the city where they
    were the most).
    """

    newer: int
    heard_by: int


class Positions:
    """The live positions of all drivers; one object per event loop."""

    def __init__(self, url: str | None = None) -> None:
        self._redis: Redis = Redis.from_url(
            url or settings.REDIS_URL, socket_timeout=5, health_check_interval=15
        )
        self._url = url or settings.REDIS_URL
        self._store: Any = self._redis.register_script(_STORE)

    async def store(self, moved: Mapping[str, Mapping[Any, FleetPosition]]) -> Stored:
        """Keeps and publishes those (city → driver → position) that are newer than what is known.

        Raises redis.RedisError while Redis is away.
        """
        while True:
            batch = self._redis.pipeline(transaction=False)
            for city, by_driver in moved.items():
                args: list[str | bytes] = []
                for position in by_driver.values():
                    args += (position.driver_id, f"{position.ts:0{_TS_DIGITS}d}", _encode(position))
                for n in range(0, len(args), 3 * _AT_ONCE):
                    part = args[n : n + 3 * _AT_ONCE]
                    batch.evalsha(self._store.sha, 2, _POSITIONS + city, _FIXES + city, *part)
            try:
                stored = await batch.execute()
            except NoScriptError:  # a Redis that has just begun
                await self._redis.script_load(_STORE)
            else:
                newer, heard_by = zip(*stored, strict=True) if stored else ((), (0,))
                return Stored(sum(newer), max(heard_by))

    async def store_troubles(self, city: str, troubles: Mapping[str, str]) -> None:
        """Keeps these (driver id → JSON of a FixTrouble) for dispatchers who come later."""
        async with self._redis.pipeline(transaction=False) as batch:
            batch.hset(_TROUBLES + city, items=[part for item in troubles.items() for part in item])
            batch.expire(_TROUBLES + city, _TROUBLES_KEPT)
            await batch.execute()

    async def troubles_of(self, city: str) -> list[str]:
        stored: Any = await self._redis.hvals(_TROUBLES + city)
        return [value.decode() for value in stored]

    async def of_city(self, city: str) -> list[FleetPosition]:
        stored: Any = await self._redis.hgetall(_POSITIONS + city)
        return [decode(value[_TS_DIGITS:]) for value in stored.values()]

    async def of_driver(self, city: str, driver_id: str) -> FleetPosition | None:
        value: Any = await self._redis.hget(_POSITIONS + city, driver_id)
        return None if value is None else decode(value[_TS_DIGITS:])

    def subscribe(self) -> "FixSubscription":
        return FixSubscription(self._url)

    async def close(self) -> None:
        await self._redis.aclose()


class FixSubscription:
    """The accepted fixes of some cities, from every process; lost while the connection is away.

    Everything raises redis.RedisError when the connection breaks.
    """

    def __init__(self, url: str) -> None:
        self._redis: Redis = Redis.from_url(url)
        self._pubsub = self._redis.pubsub(ignore_subscribe_messages=True)

    async def add(self, cities: Iterable[str]) -> None:
        await self._pubsub.subscribe(*(_FIXES + city for city in cities))

    async def remove(self, cities: Iterable[str]) -> None:
        await self._pubsub.unsubscribe(*(_FIXES + city for city in cities))

    async def receive(self) -> tuple[str, list[tuple[str, bytes]]] | None:
        """The next batch: its city, and of each driver the id and the JSON of a FleetPosition. Waits for it; None
        where Redis only confirmed a subscription.
        """
        message = await self._pubsub.get_message(timeout=None)
        if message is None:
            return None
        city = message["channel"].decode().removeprefix(_FIXES)
        lines = message["data"].split(b"\n")
        return city, [(id.decode(), json) for id, _, json in (line.partition(b"\t") for line in lines)]

    async def close(self) -> None:
        await self._pubsub.aclose()
        await self._redis.aclose()
