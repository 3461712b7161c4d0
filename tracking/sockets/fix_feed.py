"""The fixes of the cities that somebody of this process watches, as every process publishes them."""

import asyncio
import logging
from collections.abc import Callable

from redis.exceptions import RedisError

from tracking.ingest.positions import Batch, FixSubscription, Positions

logger = logging.getLogger(__name__)

_RETRY_S = 1.0


class FixFeed:
    """`publish` gets each batch and its city. `back` is called when Redis was away and is back."""

    def __init__(
        self,
        positions: Positions,
        publish: Callable[[str, Batch], None],
        back: Callable[[], None],
    ) -> None:
        self._positions = positions
        self._publish = publish
        self._back = back
        self._wanted: set[str] = set()
        self._changed = asyncio.Event()
        #: The cities that Redis was asked for.
        self.heard: frozenset[str] = frozenset()

    def want(self, city: str) -> None:
        self._wanted.add(city)
        self._changed.set()

    def let_go(self, city: str) -> None:
        self._wanted.discard(city)
        self._changed.set()

    async def run(self) -> None:
        """No connection is held while nobody watches anything."""
        while True:
            while not self._wanted:
                await self._changed.wait()
                self._changed.clear()
            subscription = self._positions.subscribe()
            try:
                await self._follow(subscription)
            except RedisError as away:
                logger.warning(
                    "Redis is away, positions of other processes are missed: %s", type(away).__name__
                )
                await asyncio.sleep(_RETRY_S)
                self._back()
            finally:
                self.heard = frozenset()
                await subscription.close()

    async def _follow(self, subscription: FixSubscription) -> None:
        """Hears what is wanted, as that changes, until nothing is."""
        receiving: asyncio.Task[None] | None = None
        try:
            while self._wanted:
                wanted = frozenset(self._wanted)  # which may change while Redis is being asked
                if new := wanted - self.heard:
                    await subscription.add(new)
                if old := self.heard - wanted:
                    await subscription.remove(old)
                self.heard = wanted
                receiving = receiving or asyncio.create_task(self._receive(subscription))
                changed = asyncio.create_task(self._changed.wait())
                await asyncio.wait([receiving, changed], return_when=asyncio.FIRST_COMPLETED)
                changed.cancel()
                if receiving.done():
                    receiving.result()
                self._changed.clear()
        finally:
            if receiving is not None:
                receiving.cancel()
                # Its connection is closed next: nobody may be reading from it then.
                await asyncio.gather(receiving, return_exceptions=True)

    async def _receive(self, subscription: FixSubscription) -> None:
        while True:
            city, batch = await subscription.receive()
            if batch is None:
                # Whoever wanted it has read the last positions before: what came in between is among these.
                batch = await self._positions.of_city(city)
            self._publish(city, batch)
