"""What one web process runs beside its sockets: the batches of the pipeline, the fan-out, heartbeats, healing.

One `Live` per event loop, started by the first socket, closed by the server's shutdown (delivery/asgi.py).
"""

import asyncio
import logging
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, Protocol
from weakref import WeakKeyDictionary

import psycopg
from django.conf import settings
from redis.exceptions import RedisError

from tracking import metrics
from tracking.ingest import domain_writes
from tracking.ingest.cadence import Cadence
from tracking.ingest.history import HistoryWriter, Numbered
from tracking.ingest.pipeline import Pipeline, Record, Session
from tracking.ingest.positions import Positions
from tracking.protocol import groups
from tracking.protocol.messages import Heartbeat, encode
from tracking.sockets import broadcast, reconciliation
from tracking.sockets.fanout import Fanout
from tracking.sockets.loaders import Lookups
from tracking.sockets.subscriptions import Audience

logger = logging.getLogger(__name__)

HEARTBEAT_S = 10.0
HEAL_S = 4.0
#: History, driver rows and acks: one commit at most this often.
COMMIT_S = 0.8
REPORT_S = 2.0
_RETRY_S = 1.0


class Socket(Protocol):
    """A signed-in socket of this process, of any role."""

    def say(self, frame: str) -> None: ...


def now_ms() -> int:
    return time.time_ns() // 1_000_000


class Live:
    def __init__(self) -> None:
        self._has_fixes = asyncio.Event()
        self.pipeline = Pipeline.from_settings(wake=self._has_fixes.set)
        self.positions = Positions()
        self.fanout = Fanout()
        self.audience = Audience()
        self.lookups = Lookups()
        self.sockets: set[Socket] = set()
        #: What other processes announce is heard from now on: a snapshot may be read.
        self.listening = asyncio.Event()
        self._history = HistoryWriter()
        self._has_record = asyncio.Event()
        self._heal_now = asyncio.Event()
        self._jobs: list[asyncio.Task[None]] = []
        self._writing: set[Session] = set()
        self._write_tasks: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        loops: list[Callable[[], Coroutine[Any, Any, None]]] = [
            self._send_on,
            self._commit,
            self._listen_to_fixes,
            self._listen_to_news,
            self._tick,
            self._report,
            self._beat,
            self._heal,
        ]
        self._jobs = [asyncio.create_task(_keep(loop)) for loop in loops]

    async def close(self) -> None:
        """Stops everything, after a last commit."""
        for job in [*self._jobs, *self._write_tasks]:
            job.cancel()
        await asyncio.gather(*self._jobs, *self._write_tasks, return_exceptions=True)
        if self.pipeline.record:
            await self._commit_once()
        await self._history.close()
        await self.positions.close()

    # ------------------------------------------------------------------------------------- fixes going out

    async def _send_on(self) -> None:
        """Live positions to Redis, in batches that form while the one before is on its way."""
        cadence = Cadence()
        while True:
            await self._has_fixes.wait()
            await asyncio.sleep(0)  # what has come in the same moment
            self._has_fixes.clear()
            self._has_record.set()
            for session in self.pipeline.asking - self._writing:
                self._carry_out(session)
            self.pipeline.asking.clear()
            moved, self.pipeline.moved = self.pipeline.moved, {}
            if not moved:
                continue
            stored_at = time.monotonic()
            pause = cadence.pause(sum(map(len, moved.values())), stored_at)
            try:
                with metrics.PUBLISH_SECONDS.time():
                    await self.positions.store(moved)
            except RedisError as away:
                # Lost on purpose: the next fixes are newer. What must be kept takes the other way.
                logger.warning("Redis is away, live positions are not shown: %s", type(away).__name__)
                await asyncio.sleep(_RETRY_S)
            await asyncio.sleep(stored_at + pause - time.monotonic())

    def _carry_out(self, session: Session) -> None:
        async def run() -> None:
            try:
                await domain_writes.carry_out(session, self.pipeline.settled)
            finally:
                self._writing.discard(session)

        self._writing.add(session)
        task = asyncio.create_task(run())
        self._write_tasks.add(task)
        task.add_done_callback(self._write_tasks.discard)

    async def _commit(self) -> None:
        while True:
            await self._has_record.wait()
            self._has_record.clear()
            await self._commit_once()
            await asyncio.sleep(COMMIT_S)

    async def _commit_once(self) -> None:
        record, self.pipeline.record = self.pipeline.record, Record()
        safe_seqs = record.safe_seqs()
        numbered = {
            session.driver_id: Numbered(session.name, seq)
            for session, seq in safe_seqs.items()
            if session.name is not None and seq >= 0
        }
        try:
            with metrics.COMMIT_SECONDS.time():
                await self._history.write(record.kept, record.positions(), numbered)
        except (psycopg.OperationalError, psycopg.InterfaceError, OSError) as away:
            logger.warning("PostgreSQL is away, fixes wait unacknowledged: %s", type(away).__name__)
            self.pipeline.record = record.before(self.pipeline.record)
            self._drop_what_is_too_much()
            self._has_record.set()
            await asyncio.sleep(_RETRY_S)
            return
        except psycopg.Error:
            # A bug: the same rows would be refused for ever, and every later one with them.
            logger.exception("PostgreSQL refuses a batch of %d fixes, which are given up", len(record.kept))
            return
        for session, seq in safe_seqs.items():
            session.send_ack(seq)

    def _drop_what_is_too_much(self) -> None:
        """An outage of hours must not fill the memory: the drivers' apps, which have no ack, keep their fixes."""
        record = self.pipeline.record
        if len(record.kept) <= settings.FIXES_WAITING_MAX:
            return
        logger.error(
            "PostgreSQL is away for too long: %d fixes are left to the drivers' apps", len(record.kept)
        )
        self.pipeline.record = Record()
        for session in record.seqs:
            session.overload()

    # -------------------------------------------------------------------------------------- news coming in

    async def _listen_to_fixes(self) -> None:
        while True:
            try:
                async for city, batch in self.positions.news():
                    self.fanout.publish(city, batch)
            except RedisError as away:
                logger.warning(
                    "Redis is away, positions of other processes are missed: %s", type(away).__name__
                )
            await asyncio.sleep(_RETRY_S)
            self._heal_now.set()

    async def _listen_to_news(self) -> None:
        """What actions of any process announced, to the sockets that it concerns."""
        while True:
            try:
                channel = await broadcast.subscribe()
            except RedisError as away:
                logger.warning("Redis is away, no socket is let in: %s", type(away).__name__)
                await asyncio.sleep(_RETRY_S)
                continue
            self.listening.set()
            while True:
                for group, message in await broadcast.receive(channel):
                    self.audience.tell(group, message)

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(settings.DISPATCHER_TICK_MS / 1000)
            self.fanout.tick()

    async def _report(self) -> None:
        """Figures to Prometheus, and to the dispatchers what was turned away."""
        while True:
            await asyncio.sleep(REPORT_S)
            verdicts, self.pipeline.verdicts = self.pipeline.verdicts, Counter()
            metrics.report(verdicts, sockets=len(self.sockets), waiting=len(self.pipeline.record.kept))
            troubled, self.pipeline.troubled = self.pipeline.troubled, set()
            if troubled:
                try:
                    await self._tell_troubles(troubled)
                except RedisError as away:
                    logger.warning("Redis is away, what was turned away is not told: %s", type(away).__name__)

    async def _tell_troubles(self, sessions: Iterable[Session]) -> None:
        items = []
        by_city: defaultdict[str, dict[str, str]] = defaultdict(dict)
        for session in sessions:
            trouble = session.trouble()
            by_city[session.city][session.key] = frame = encode(trouble)
            items.append([f"fixes:{session.key}", trouble.v, frame])
        for city, frames in by_city.items():
            await self.positions.store_troubles(city, frames)
        await broadcast.send_async([(groups.DISPATCHERS, {"items": items})])

    # ------------------------------------------------------------------------------------- for all sockets

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_S)
            frame = encode(Heartbeat(now=now_ms()))
            for socket in self.sockets:
                socket.say(frame)

    async def _heal(self) -> None:
        await reconciliation.keep_healing(self.audience, HEAL_S, self._heal_now)


async def _keep(loop: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Runs a loop for good: a bug in one turn of it must not freeze every map of this process."""
    while True:
        try:
            await loop()
        except Exception:
            logger.exception("%s failed and begins again", loop.__name__)
        await asyncio.sleep(_RETRY_S)


_of_loop: WeakKeyDictionary[asyncio.AbstractEventLoop, Live] = WeakKeyDictionary()


def live() -> Live:
    """The one of the running event loop."""
    loop = asyncio.get_running_loop()
    if loop not in _of_loop:
        _of_loop[loop] = Live()
        _of_loop[loop].start()
    return _of_loop[loop]


async def close() -> None:
    """Ends the running loop's `Live`, if there is one."""
    running = _of_loop.pop(asyncio.get_running_loop(), None)
    if running is not None:
        await running.close()
