"""Live positions in Redis, and the only place that knows its keys. Each begins with `doorstep:<instance name>:`.

`positions:<city>` is a hash of driver id → time of the fix (13 digits of ms) + JSON of a FleetPosition.
What was accepted is published on `fixes:<city>`, one a line: the driver's id, a tab and the JSON, so that a
process decodes only what somebody there looks at.
`troubles:<city>` is a hash of driver id → JSON of a FixTrouble.
"""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from hashlib import sha1
from itertools import batched
from typing import Any, NamedTuple

import msgspec
from django.conf import settings
from redis.exceptions import NoScriptError

from tracking import redis_servers
from tracking.protocol.messages import FleetPosition

_TS_DIGITS = 13
#: Troubles of a city where nobody has any for so long are forgotten.
_TROUBLES_KEPT = timedelta(hours=2)

# A newer position replaces an older one, never the other way round, whichever process comes first. A city has two
# keys and one argument, in which a position is a line: driver, time and JSON, with tabs between them. As arguments of
# their own they would cost the client more than all the rest.
_STORE = """
local newer, heard_by = 0, 0
for city = 1, #ARGV do
  local ids, times, jsons = {}, {}, {}
  for id, ts, json in string.gmatch(ARGV[city], '([^\\t]+)\\t(%d+)\\t([^\\n]+)\\n') do
    ids[#ids + 1], times[#times + 1], jsons[#jsons + 1] = id, ts, json
  end
  local known = redis.call('HMGET', KEYS[2 * city - 1], unpack(ids))
  local set, news = {}, {}
  for i = 1, #ids do
    if not known[i] or string.sub(known[i], 1, 13) < times[i] then
      set[#set + 1] = ids[i]
      set[#set + 1] = times[i] .. jsons[i]
      news[#news + 1] = ids[i] .. '\\t' .. jsons[i]
    end
  end
  if #news > 0 then
    redis.call('HSET', KEYS[2 * city - 1], unpack(set))
    newer = newer + #news
    heard_by = math.max(heard_by, redis.call('PUBLISH', KEYS[2 * city], table.concat(news, '\\n')))
  end
end
return {newer, heard_by}
"""
#: Lua's `unpack` takes some 8,000 values.
_AT_ONCE = 1000

#: What was accepted together: a driver's id → the JSON of a FleetPosition, both as Redis has them.
type Batch = dict[bytes, bytes]

_encode = msgspec.json.Encoder().encode
decode = msgspec.json.Decoder(FleetPosition).decode


class Stored(NamedTuple):
    """How many positions were newer than what was known, and how many processes heard of them (in the city where they
    were the most).
    """

    newer: int
    heard_by: int


class _Keys:
    """The beginnings of the keys and channels, which end with the city."""

    def __init__(self) -> None:
        self.positions = f"{settings.REDIS_PREFIX}positions:"
        self.fixes = f"{settings.REDIS_PREFIX}fixes:"
        self.troubles = f"{settings.REDIS_PREFIX}troubles:"


class Positions:
    """The live positions of all drivers; one object per event loop."""

    def __init__(self, url: str | None = None) -> None:
        self._keys = _Keys()
        self._url = url or settings.POSITIONS_REDIS_URL
        self._redis = redis_servers.connect(self._url, socket_timeout=5, health_check_interval=15)
        self._sha = sha1(_STORE.encode(), usedforsecurity=False).hexdigest()

    async def store(self, moved: Mapping[str, Mapping[Any, FleetPosition]]) -> Stored:
        """Keeps and publishes those (city → driver → position) that are newer than what is known.

        Raises redis.RedisError while Redis is away.
        """
        keys: list[str] = []
        lines: list[bytes] = []
        for city, by_driver in moved.items():
            for positions in batched(by_driver.values(), _AT_ONCE, strict=False):
                keys += (self._keys.positions + city, self._keys.fixes + city)
                lines.append(b"".join(map(_line, positions)))
        try:
            stored: Any = await self._redis.evalsha(self._sha, len(keys), *keys, *lines)
        except NoScriptError:  # a Redis that has just begun
            stored = await self._redis.eval(_STORE, len(keys), *keys, *lines)
        return Stored(*stored)

    async def store_troubles(self, city: str, troubles: Mapping[str, str]) -> None:
        """Keeps these (driver id → JSON of a FixTrouble) for dispatchers who come later."""
        async with self._redis.pipeline(transaction=False) as batch:
            batch.hset(self._keys.troubles + city, items=[part for item in troubles.items() for part in item])
            batch.expire(self._keys.troubles + city, _TROUBLES_KEPT)
            await batch.execute()

    async def troubles_of(self, city: str) -> dict[str, str]:
        """Driver id → JSON of a FixTrouble."""
        stored: Any = await self._redis.hgetall(self._keys.troubles + city)
        return {driver.decode(): frame.decode() for driver, frame in stored.items()}

    async def of_city(self, city: str) -> Batch:
        stored: Any = await self._redis.hgetall(self._keys.positions + city)
        return {driver_id: value[_TS_DIGITS:] for driver_id, value in stored.items()}

    async def of_driver(self, city: str, driver_id: str) -> FleetPosition | None:
        value: Any = await self._redis.hget(self._keys.positions + city, driver_id)
        return None if value is None else decode(value[_TS_DIGITS:])

    async def forget(self, city: str, driver_id: str) -> None:
        """The driver is of another city from now on."""
        async with self._redis.pipeline(transaction=False) as batch:
            batch.hdel(self._keys.positions + city, driver_id)
            batch.hdel(self._keys.troubles + city, driver_id)
            await batch.execute()

    def subscribe(self) -> "FixSubscription":
        return FixSubscription(self._url)

    async def close(self) -> None:
        await redis_servers.close(self._redis)


def _line(position: FleetPosition) -> bytes:
    return b"%b\t%0*d\t%b\n" % (position.driver_id.encode(), _TS_DIGITS, position.ts, _encode(position))


class FixSubscription:
    """The accepted fixes of some cities, from every process; lost while the connection is away.

    Everything raises redis.RedisError when the connection breaks.
    """

    def __init__(self, url: str) -> None:
        self._keys = _Keys()
        # By the older protocol: of the newer one's pushes redis-py makes a line for its debug log, each time.
        self._redis = redis_servers.connect(url, protocol=2)
        self._pubsub = self._redis.pubsub()

    async def add(self, cities: Iterable[str]) -> None:
        await self._pubsub.subscribe(*(self._keys.fixes + city for city in cities))

    async def remove(self, cities: Iterable[str]) -> None:
        await self._pubsub.unsubscribe(*(self._keys.fixes + city for city in cities))

    async def receive(self) -> tuple[str, Batch | None]:
        """The next batch, and its city. Waits for it. None for the batch: from now on the city is heard."""
        while True:
            message = await self._pubsub.get_message(timeout=None)
            if message is None or message["type"] not in ("subscribe", "message"):
                continue
            city = message["channel"].decode().removeprefix(self._keys.fixes)
            if message["type"] == "subscribe":
                return city, None
            return city, dict(line.split(b"\t", 1) for line in message["data"].split(b"\n"))

    async def close(self) -> None:
        await self._pubsub.aclose()
        await redis_servers.close(self._redis)
