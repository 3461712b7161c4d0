"""Live positions to Redis, in batches that form while the one before is on its way."""

import asyncio
import logging
import time

from redis.exceptions import RedisError

from tracking import metrics
from tracking.ingest.cadence import Cadence
from tracking.ingest.positions import Positions
from tracking.protocol.messages import FleetPosition

logger = logging.getLogger(__name__)

_RETRY_S = 1.0


class Publisher:
    """Keeps each driver's newest position until the next batch leaves."""

    def __init__(self, positions: Positions) -> None:
        self._positions = positions
        #: City → driver → newest position.
        self.moved: dict[str, dict[str, FleetPosition]] = {}
        self._filled = asyncio.Event()

    def put(self, city: str, position: FleetPosition) -> None:
        self.moved.setdefault(city, {})[position.driver_id] = position
        self._filled.set()

    def forget(self, city: str, driver: str) -> None:
        """What waits of this driver is not for this city any more."""
        waiting = self.moved.get(city, {})
        waiting.pop(driver, None)
        if not waiting:
            self.moved.pop(city, None)

    def take(self) -> dict[str, dict[str, FleetPosition]]:
        """The batch that has formed: city → driver → position. The next one begins."""
        moved, self.moved = self.moved, {}
        return moved

    async def run(self) -> None:
        cadence = Cadence()
        heard_by = 1
        while True:
            await self._filled.wait()
            await asyncio.sleep(0)  # what has come in the same moment
            self._filled.clear()
            moved = self.take()
            stored_at = time.monotonic()
            pause = cadence.pause(sum(map(len, moved.values())), stored_at, heard_by)
            try:
                with metrics.PUBLISH_SECONDS.time():
                    _, heard_by = await self._positions.store(moved)
            except RedisError as away:
                # Lost on purpose: the next fixes are newer. What must be kept takes the other way.
                logger.warning("Redis is away, live positions are not shown: %s", type(away).__name__)
                await asyncio.sleep(_RETRY_S)
            await asyncio.sleep(stored_at + pause - time.monotonic())
