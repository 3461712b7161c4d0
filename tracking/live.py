"""What one web process runs beside its sockets: the batches of the pipeline, the fan-out, heartbeats, healing.

One `Live` per event loop, started by the first socket, closed by the server's shutdown (delivery/asgi.py).
"""

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Callable, Coroutine
from typing import Any, Protocol
from weakref import WeakKeyDictionary

import psycopg
from django.conf import settings
from redis.exceptions import RedisError

from tracking import healing, writes
from tracking.fanout import Fanout
from tracking.history import HistoryWriter
from tracking.messages import Heartbeat, encode
from tracking.pipeline import Pipeline, Record, Session
from tracking.positions import Positions

logger = logging.getLogger(__name__)

HEARTBEAT_S = 10.0
HEAL_S = 5.0
#: Fixes are gathered for so long before they go to Redis together: a fraction of what the network takes.
GATHER_S = 0.002
#: History, driver rows and acks: one commit at most this often.
COMMIT_S = 0.25
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
        self.sockets: set[Socket] = set()
        #: Group name → sockets of this process in it, for healing.
        self.members: defaultdict[str, set[Any]] = defaultdict(set)
        self._history = HistoryWriter()
        self._has_record = asyncio.Event()
        self._jobs: list[asyncio.Task[None]] = []
        self._writing: set[Session] = set()
        self._write_tasks: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        loops: list[Callable[[], Coroutine[Any, Any, None]]] = [
            self._send_on,
            self._commit,
            self._listen,
            self._tick,
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
        while True:
            await self._has_fixes.wait()
            await asyncio.sleep(GATHER_S)
            self._has_fixes.clear()
            self._has_record.set()
            for session in self.pipeline.asking - self._writing:
                self._carry_out(session)
            self.pipeline.asking.clear()
            moved, self.pipeline.moved = self.pipeline.moved, {}
            for city, positions in moved.items():
                try:
                    await self.positions.store(city, positions.values())
                except RedisError as away:
                    # Lost on purpose: the next fixes are newer. What must be kept takes the other way.
                    logger.warning("Redis is away, live positions are not shown: %s", type(away).__name__)
                    await asyncio.sleep(_RETRY_S)

    def _carry_out(self, session: Session) -> None:
        async def run() -> None:
            try:
                await writes.carry_out(session)
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
        try:
            await self._history.write(record.kept, record.latest)
        except (psycopg.OperationalError, psycopg.InterfaceError, OSError) as away:
            logger.warning("PostgreSQL is away, fixes wait unacknowledged: %s", type(away).__name__)
            self.pipeline.record = record.before(self.pipeline.record)
            self._has_record.set()
            await asyncio.sleep(_RETRY_S)
            return
        except psycopg.Error:
            # A bug: the same rows would be refused for ever, and every later one with them.
            logger.exception("PostgreSQL refuses a batch of %d fixes, which are given up", len(record.kept))
            return
        for session, seq in record.seqs.items():
            session.durable_seq = seq
            session.send_ack()

    # ------------------------------------------------------------------------------------- fixes coming in

    async def _listen(self) -> None:
        while True:
            try:
                async for city, batch in self.positions.news():
                    self.fanout.publish(city, batch)
            except RedisError as away:
                logger.warning(
                    "Redis is away, positions of other processes are missed: %s", type(away).__name__
                )
            await asyncio.sleep(_RETRY_S)

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(settings.DISPATCHER_TICK_MS / 1000)
            self.fanout.tick()

    # ------------------------------------------------------------------------------------- for all sockets

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_S)
            frame = encode(Heartbeat(now=now_ms()))
            for socket in self.sockets:
                socket.say(frame)

    async def _heal(self) -> None:
        await healing.keep_healing(self.members, every_s=HEAL_S)


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
