"""Live positions in Redis, and the only place that knows its keys.

`doorstep:positions:<city>` is a hash of driver id → time of the fix (13 digits of ms) + JSON of a FleetPosition.
What was accepted is published on `doorstep:fixes:<city>`, the JSON objects one a line, for every web process.
"""

from collections.abc import AsyncIterator, Iterable
from typing import Any

import msgspec
from django.conf import settings
from redis.asyncio import Redis

from tracking.messages import FleetPosition

_KEY = "doorstep:positions:"
_CHANNEL = "doorstep:fixes:"
_TS_DIGITS = 13

# A newer position replaces an older one, never the other way round, whichever process comes first.
_STORE = """
local news = {}
for i = 1, #ARGV, 3 do
  local known = redis.call('HGET', KEYS[1], ARGV[i])
  if not known or string.sub(known, 1, 13) < ARGV[i + 1] then
    redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1] .. ARGV[i + 2])
    news[#news + 1] = ARGV[i + 2]
  end
end
if #news > 0 then
  redis.call('PUBLISH', KEYS[2], table.concat(news, '\\n'))
end
return #news
"""

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(FleetPosition).decode


class Positions:
    """The live positions of all drivers; one object per event loop."""

    def __init__(self, url: str | None = None) -> None:
        self._redis: Redis = Redis.from_url(
            url or settings.REDIS_URL, socket_timeout=5, health_check_interval=15
        )
        self._listening: Redis = Redis.from_url(url or settings.REDIS_URL)
        self._store: Any = self._redis.register_script(_STORE)

    async def store(self, city: str, positions: Iterable[FleetPosition]) -> int:
        """Keeps and publishes those that are newer than what is known; returns how many were.

        Raises redis.RedisError while Redis is away.
        """
        args: list[str | bytes] = []
        for position in positions:
            args += (position.driver_id, f"{position.ts:0{_TS_DIGITS}d}", _encode(position))
        return int(await self._store(keys=[_KEY + city, _CHANNEL + city], args=args))

    async def of_city(self, city: str) -> list[FleetPosition]:
        stored: Any = await self._redis.hgetall(_KEY + city)
        return [_decode(value[_TS_DIGITS:]) for value in stored.values()]

    async def of_driver(self, city: str, driver_id: str) -> FleetPosition | None:
        value: Any = await self._redis.hget(_KEY + city, driver_id)
        return None if value is None else _decode(value[_TS_DIGITS:])

    async def news(self) -> AsyncIterator[tuple[str, list[tuple[FleetPosition, str]]]]:
        """Every accepted batch from every process: the city, and each position with its JSON.

        Ends with redis.RedisError when the connection breaks; what is published meanwhile is lost.
        """
        async with self._listening.pubsub() as pubsub:
            await pubsub.psubscribe(_CHANNEL + "*")
            async for message in pubsub.listen():
                if message["type"] == "pmessage":
                    city = message["channel"].decode().removeprefix(_CHANNEL)
                    lines = message["data"].split(b"\n")
                    yield city, [(_decode(line), line.decode()) for line in lines]

    async def close(self) -> None:
        await self._redis.aclose()
        await self._listening.aclose()
