"""Who may no longer look at the fleet leaves within seconds: signed out or expired, deactivated, without the
permission, or with another password since.
"""

import asyncio
import logging
from typing import Protocol

from django.db import InterfaceError, OperationalError

from dispatch import access
from tracking.database import in_thread

logger = logging.getLogger(__name__)


class Onlooker(Protocol):
    """A dispatcher's socket."""

    session_key: str

    def show_out(self) -> None: ...


class RightToLook:
    """Of all dispatchers of this process at once: two queries, however many they are."""

    def __init__(self) -> None:
        self._onlookers: set[Onlooker] = set()

    def hold(self, onlooker: Onlooker) -> None:
        self._onlookers.add(onlooker)

    def let_go(self, onlooker: Onlooker) -> None:
        self._onlookers.discard(onlooker)

    async def keep_checking(self, every_s: float) -> None:
        while True:
            await asyncio.sleep(every_s)
            try:
                await self.check()
            except (OperationalError, InterfaceError):
                # An outage is no reason to leave the dispatchers blind.
                logger.warning("PostgreSQL is away; who may still look at the fleet is not known")

    async def check(self) -> None:
        asked = list(self._onlookers)
        if not asked:
            return
        may = await in_thread(access.dispatching)({onlooker.session_key for onlooker in asked})
        for onlooker in asked:
            if onlooker.session_key not in may:
                onlooker.show_out()
