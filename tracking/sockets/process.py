"""What one web process has beside its sockets. One per event loop, started by the first socket, closed by the
server's shutdown (delivery/asgi.py).
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Coroutine, Iterable
from contextlib import suppress
from typing import Any, Protocol
from weakref import WeakKeyDictionary

from django.conf import settings
from redis.exceptions import RedisError

from tracking import metrics
from tracking.clock import now_ms
from tracking.ingest.domain_writer import DomainWriter
from tracking.ingest.history import HistoryWriter
from tracking.ingest.pipeline import Pipeline
from tracking.ingest.positions import Positions
from tracking.ingest.publisher import Publisher
from tracking.ingest.recorder import Recorder
from tracking.ingest.session import Session
from tracking.ingest.verdicts import REFUSED, Verdicts
from tracking.protocol.messages import Heartbeat, Location, encode
from tracking.sockets import broadcast, reconciliation
from tracking.sockets.fanout import Fanout
from tracking.sockets.fix_feed import FixFeed
from tracking.sockets.loaders import Loaders
from tracking.sockets.right_to_look import RightToLook
from tracking.sockets.snapshots import DriverView, EncodedItem, troubles_key
from tracking.sockets.subscriptions import Subscriptions

logger = logging.getLogger(__name__)

HEARTBEAT_S = 10.0
RECONCILE_S = 4.0
CHECK_RIGHTS_S = 3.0
REPORT_S = 2.0
_RETRY_S = 1.0


class Socket(Protocol):
    """A signed-in socket of this process, of any role."""

    def send_text(self, frame: str) -> None: ...


class Process:
    def __init__(self) -> None:
        self.positions = Positions()
        self.publisher = Publisher(self.positions)
        self.verdicts = Verdicts()
        self.recorder = Recorder(HistoryWriter(), settings.FIXES_WAITING_MAX, self.verdicts.stored)
        self.domain = DomainWriter(self.recorder.considered, settings.FIXES_WAITING_MAX)
        self.pipeline = Pipeline.from_settings(self.publisher, self.recorder, self.domain, self.verdicts)
        self._reconcile_now = asyncio.Event()
        self.fanout = Fanout(lambda city: self.feed.want(city), lambda city: self.feed.let_go(city))
        self.feed = FixFeed(self.positions, self.fanout.publish, back=self._reconcile_now.set)
        self.subscriptions = Subscriptions()
        self.loaders = Loaders()
        self.right_to_look = RightToLook()
        self.sockets: set[Socket] = set()
        self._jobs: list[asyncio.Task[None]] = []

    def start(self) -> None:
        loops: list[Callable[[], Coroutine[Any, Any, None]]] = [
            self.publisher.run,
            self.recorder.run,
            self.domain.run,
            self.feed.run,
            self._tick,
            self._report,
            self._heartbeat,
            self._reconcile,
            self._check_rights,
        ]
        self._jobs = [asyncio.create_task(_for_good(loop)) for loop in loops]

    async def close(self) -> None:
        """Stops everything, after a last commit."""
        for job in self._jobs:
            job.cancel()
        await asyncio.gather(*self._jobs, return_exceptions=True)
        await self.domain.close()
        await self.recorder.close()
        await self.positions.close()

    def ingest(self, session: Session, location: Location, now: int) -> str | None:
        """What became of a fix that arrived at `now` (ms), by name; None: it is good."""
        try:
            return self.pipeline.ingest(session, location, now).name
        except Exception:
            # A bug: it would fail each time that the app sends this fix.
            logger.exception("a fix of driver %s failed and is given up", session.driver_id)
            self.verdicts.reject(session, REFUSED, now)
            return REFUSED

    async def follow(self, session: Session, view: DriverView) -> None:
        """The driver's stops as they are now, and the city in which the driver works."""
        session.offline = view.offline
        session.next_stops.replace(view.fences, view.arrivals)
        if view.city != session.city:
            before = session.city
            self.pipeline.move(session, view.city, now_ms())
            with suppress(RedisError):  # nobody is shown a place in a city that is not the driver's
                await self.positions.forget(before, session.key)

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(settings.DISPATCHER_TICK_MS / 1000)
            self.fanout.tick()

    async def _heartbeat(self) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_S)
            frame = encode(Heartbeat(now=now_ms()))
            for socket in self.sockets:
                socket.send_text(frame)

    async def _reconcile(self) -> None:
        await reconciliation.keep_reconciling(self.subscriptions, RECONCILE_S, self._reconcile_now)

    async def _check_rights(self) -> None:
        await self.right_to_look.keep_checking(CHECK_RIGHTS_S)

    async def _report(self) -> None:
        """Figures to Prometheus, and to the dispatchers what was turned away."""
        while True:
            await asyncio.sleep(REPORT_S)
            counts, troubled = self.verdicts.take()
            metrics.report(counts, sockets=len(self.sockets), waiting=self.recorder.waiting)
            metrics.report_pool()
            if troubled:
                try:
                    await self._send_troubles(troubled)
                except RedisError as away:
                    logger.warning(
                        "Redis is away, what was turned away is not shown: %s", type(away).__name__
                    )

    async def _send_troubles(self, sessions: Iterable[Session]) -> None:
        by_city: defaultdict[str, dict[str, EncodedItem]] = defaultdict(dict)
        for session in sessions:
            trouble = session.rejected.trouble(session.driver_id)
            by_city[session.city][session.key] = (troubles_key(session.key), trouble.v, encode(trouble))
        for city, items in by_city.items():
            await self.positions.store_troubles(city, {driver: item[2] for driver, item in items.items()})
        await broadcast.send_async(
            [broadcast.to_city(city, items.values()) for city, items in by_city.items()]
        )


async def _for_good(loop: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Runs a loop for good: a bug in one turn of it must not freeze every map of this process."""
    while True:
        try:
            await loop()
        except Exception:
            logger.exception("%s failed and begins again", loop.__qualname__)
        await asyncio.sleep(_RETRY_S)


_of_loop: WeakKeyDictionary[asyncio.AbstractEventLoop, Process] = WeakKeyDictionary()


def this_process() -> Process:
    """The one of the running event loop."""
    loop = asyncio.get_running_loop()
    if loop not in _of_loop:
        _of_loop[loop] = Process()
        _of_loop[loop].start()
    return _of_loop[loop]


async def close() -> None:
    """Ends the running loop's, if there is one."""
    running = _of_loop.pop(asyncio.get_running_loop(), None)
    if running is not None:
        await running.close()
