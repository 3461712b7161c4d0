"""What of the fixes must not be lost, committed about once a second; acks follow the commit."""

import asyncio
import logging
from dataclasses import dataclass, field
from uuid import UUID

import psycopg

from tracking import metrics
from tracking.ingest.fix_filter import Fix
from tracking.ingest.history import HistoryWriter, Kept, Numbered
from tracking.ingest.session import Session

logger = logging.getLogger(__name__)

#: History, driver rows and acks: one commit at most this often.
COMMIT_S = 0.8
_RETRY_S = 1.0


@dataclass(slots=True)
class Record:
    """What waits for the next commit: fixes for the history, and of each session its newest live fix and the highest
    number that was considered.
    """

    kept: list[Kept] = field(default_factory=list)
    latest: dict[Session, Fix] = field(default_factory=dict)
    seqs: dict[Session, int] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.kept or self.latest or self.seqs)

    def positions(self) -> dict[UUID, Fix]:
        """Driver id → newest live fix."""
        oldest_first = sorted(self.latest.items(), key=lambda item: item[1].ts)
        return {session.driver_id: fix for session, fix in oldest_first}

    def safe_seqs(self) -> dict[Session, int]:
        """How far the fixes of each session are taken care of once this is committed."""
        return {session: session.safe_seq(seq) for session, seq in self.seqs.items()}

    def before(self, newer: "Record") -> "Record":
        """This record, which could not be written, together with what came after it."""
        return Record(self.kept + newer.kept, self.latest | newer.latest, self.seqs | newer.seqs)


class Recorder:
    """`most_waiting`: so many fixes wait while PostgreSQL is away; beyond it they are left to the drivers' apps."""

    def __init__(self, history: HistoryWriter, most_waiting: int) -> None:
        self._history = history
        self._most_waiting = most_waiting
        self.record = Record()
        self._filled = asyncio.Event()

    def keep(self, session: Session, fix: Fix) -> None:
        """For the history."""
        self.record.kept.append(Kept(session.driver_id, fix))
        self._filled.set()

    def locate(self, session: Session, fix: Fix) -> None:
        """For the driver's row."""
        self.record.latest[session] = fix
        self._filled.set()

    def considered(self, session: Session) -> None:
        """The numbered fixes of a session so far are to be acknowledged with the next commit."""
        if session.numbering.highest >= 0:
            self.record.seqs[session] = session.numbering.highest
            self._filled.set()

    def take(self) -> Record:
        """What waits; nothing does any more."""
        record, self.record = self.record, Record()
        return record

    @property
    def waiting(self) -> int:
        """How many fixes wait for the history."""
        return len(self.record.kept)

    async def run(self) -> None:
        while True:
            await self._filled.wait()
            self._filled.clear()
            await (asyncio.sleep(COMMIT_S) if await self._commit() else asyncio.sleep(_RETRY_S))

    async def close(self) -> None:
        """A last commit."""
        if self.record:
            await self._commit()
        await self._history.close()

    async def _commit(self) -> bool:
        """Writes what waits and acknowledges it; False where PostgreSQL is away."""
        record = self.take()
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
            self.record = record.before(self.record)
            self._drop_what_is_too_much()
            self._filled.set()
            return False
        except psycopg.Error:
            # A bug: the same rows would be refused for ever, and every later one with them.
            logger.exception("PostgreSQL refuses a batch of %d fixes, which are given up", len(record.kept))
            return True
        for session, seq in safe_seqs.items():
            session.numbering.send_ack(seq)
        return True

    def _drop_what_is_too_much(self) -> None:
        """An outage of hours must not fill the memory: the drivers' apps, which have no ack, keep their fixes."""
        if self.waiting <= self._most_waiting:
            return
        logger.error("PostgreSQL is away for too long: %d fixes are left to the drivers' apps", self.waiting)
        for session in self.take().seqs:
            session.overload()
