"""The questions that sockets ask of the database when they open: many at once are answered by one query each.

After a restart of the server everybody comes back in the same second.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping

from dispatch import access
from dispatch.models import Driver
from tracking.database import in_thread
from tracking.ingest import history
from tracking.sockets import snapshots
from tracking.sockets.fleet_snapshots import FleetSnapshots

#: The most that one query is asked for.
BATCH = 200
#: After each answer, unless a whole batch waits. A query has work of its own, as much as some twenty rows: without a
#: rest, those who come at some hundred a second are answered by fours, at twice the CPU of the database's threads.
REST_S = 0.1


async def rest() -> None:
    await asyncio.sleep(REST_S)


class DataLoader[Key, Found]:
    """Who asks alone is answered at once. Calls made while earlier ones are answered, or in the rest after that, are
    answered together.

    `load` gets the keys and returns what it found by key. What it raises is raised to everyone who asked.
    """

    def __init__(
        self,
        load: Callable[[list[Key]], Mapping[Key, Found]],
        rest: Callable[[], Awaitable[None]] = rest,
    ) -> None:
        self._load = in_thread(load)
        self._rest = rest
        self._waiting: dict[Key, asyncio.Future[Found | None]] = {}
        self._answering: asyncio.Task[None] | None = None

    async def __call__(self, key: Key) -> Found | None:
        """What there is for `key`; None: nothing."""
        if key not in self._waiting:
            self._waiting[key] = asyncio.get_running_loop().create_future()
        if self._answering is None:
            self._answering = asyncio.create_task(self._answer())
        # Shielded: one who stops waiting must not take the answer away from others who asked the same.
        return await asyncio.shield(self._waiting[key])

    async def _answer(self) -> None:
        try:
            while self._waiting:
                keys = list(self._waiting)[:BATCH]
                asked = {key: self._waiting.pop(key) for key in keys}
                try:
                    found = await self._load(keys)
                except Exception as error:  # noqa: BLE001 (it is theirs who asked)
                    for future in asked.values():
                        future.set_exception(error)
                        future.exception()  # nobody may be waiting any more
                else:
                    for key, future in asked.items():
                        future.set_result(found.get(key))
                if len(self._waiting) < BATCH:
                    await self._rest()
        finally:
            self._answering = None


class Loaders:
    """Every question that a socket asks; one object per event loop."""

    def __init__(self) -> None:
        self.driver = DataLoader(_drivers)
        self.claimed = DataLoader(access.drivers_by_claim)
        self.plan = DataLoader(snapshots.driver_views_by_id)
        self.order_id = DataLoader(access.order_ids_by_token)
        self.customer = DataLoader(snapshots.customer_views_by_token)
        self.dispatcher = DataLoader(FleetSnapshots().load)


def _drivers(claims: Collection[access.Claim]) -> dict[access.Claim, Driver]:
    found = access.drivers_by_claim(claims)
    # A socket that ended with its process could not do this itself.
    history.keep_last_fixes((driver.pk for driver in found.values()), todays=True)
    return found
