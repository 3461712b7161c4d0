"""Carries out what fixes asked of the domain: a driver's writes in order, until each one is done.

PostgreSQL may be away or take no writes: the write waits, and with it the acks. A step that the domain refuses (the
order was cancelled meanwhile) is over. One that can never be stored is told to the driver before an ack passes it.
The actions themselves make sure that of two processes only one fires a transition.
"""

import asyncio
import logging
from collections.abc import Callable
from functools import partial

from django.db.utils import Error

from dispatch.errors import DispatchError
from tracking.database import in_thread, refusal, refuses_data
from tracking.ingest.session import Session

logger = logging.getLogger(__name__)

_RETRY_S = (0.2, 0.5, 1.0, 2.0, 5.0)


class DomainWriter:
    """`done` is called after each write, with its session. `most_waiting`: so many writes wait; beyond it they are
    left to the drivers' apps, with the fixes that asked for them.
    """

    def __init__(self, done: Callable[[Session], None], most_waiting: int) -> None:
        self._done = done
        self._most_waiting = most_waiting
        self.waiting = 0
        self.asking: set[Session] = set()
        self._asked = asyncio.Event()
        self._carrying_out: dict[Session, asyncio.Task[None]] = {}

    def ask(self, session: Session, seq: int | None, write: Callable[[], object]) -> None:
        """A write that the fix `seq` asked for; None: no ack has to wait for it."""
        session.writes.append((seq, write))
        self.waiting += 1
        self.asking.add(session)
        self._asked.set()
        if self.waiting > self._most_waiting:
            self._leave_to_apps()

    def _leave_to_apps(self) -> None:
        logger.error(
            "PostgreSQL takes no writes for too long: %d geofence events are left to the drivers' apps",
            self.waiting,
        )
        for task in self._carrying_out.values():
            task.cancel()
        for session in self.asking | self._carrying_out.keys():
            session.writes.clear()
            session.abandon()
        self.asking.clear()
        self.waiting = 0

    async def run(self) -> None:
        while True:
            await self._asked.wait()
            self._asked.clear()
            for session in self.asking - self._carrying_out.keys():
                task = asyncio.create_task(self._carry_out(session))
                self._carrying_out[session] = task
                task.add_done_callback(partial(self._is_done, session))
            self.asking.clear()

    def _is_done(self, session: Session, _: asyncio.Task[None]) -> None:
        del self._carrying_out[session]
        if session.writes:  # asked for while it ended
            self.asking.add(session)
            self._asked.set()

    async def close(self) -> None:
        """Gives up what waits: it is not acknowledged, so that the drivers' apps have it still."""
        tasks = list(self._carrying_out.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _carry_out(self, session: Session) -> None:
        """Empties `session.writes`; one of these runs per session."""
        attempt = 0
        while session.writes:
            seq, write = session.writes[0]
            try:
                await in_thread(write)()
            except DispatchError as error:
                logger.info("a geofence event of driver %s was refused: %s", session.driver_id, error.message)
            except Error as error:
                if not refuses_data(error):
                    logger.warning(
                        "a geofence event of driver %s waits for PostgreSQL: %s",
                        session.driver_id,
                        refusal(error),
                    )
                    await asyncio.sleep(_RETRY_S[min(attempt, len(_RETRY_S) - 1)])
                    attempt += 1
                    continue
                logger.error(
                    "PostgreSQL refuses a geofence event of driver %s, which is given up: %s",
                    session.driver_id,
                    refusal(error),
                )
                session.refuse(1, seq)
            except Exception:
                # A bug: trying again would fail again, and hold this driver's acks for good.
                logger.exception("a geofence event of driver %s failed and is given up", session.driver_id)
                session.refuse(1, seq)
            attempt = 0
            session.writes.popleft()
            self.waiting -= 1
            self._done(session)
