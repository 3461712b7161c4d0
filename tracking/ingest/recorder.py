"""What of the fixes must not be lost, committed about once a second; acks follow the commit."""

import asyncio
import logging
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import UUID

import psycopg

from tracking import metrics
from tracking.database import refusal
from tracking.ingest.fix_filter import Fix
from tracking.ingest.history import HistoryWriter, Kept, Numbered, Refused
from tracking.ingest.session import Session
from tracking.ingest.verdicts import REFUSED

logger = logging.getLogger(__name__)

#: History, driver rows and acks: one commit at most this often.
COMMIT_S = 0.8
_RETRY_S = 1.0


@dataclass(slots=True)
class Record:
    """What waits for the next commit: fixes for the history, and of each session its newest live fix, that others
    came, and the highest number that was considered. `verdicts`: how the fixes of which something is stored were
    judged.
    """

    kept: list[Kept] = field(default_factory=list)
    latest: dict[Session, Kept] = field(default_factory=dict)
    heard: set[Session] = field(default_factory=set)
    seqs: dict[Session, int] = field(default_factory=dict)
    verdicts: Counter[str] = field(default_factory=Counter)

    def __bool__(self) -> bool:
        return bool(self.kept or self.latest or self.heard or self.seqs)

    def positions(self) -> dict[UUID, Fix]:
        """Driver id → newest live fix."""
        oldest_first = sorted(self.latest.values(), key=lambda kept: kept.fix.ts)
        return {kept.session.driver_id: kept.fix for kept in oldest_first}

    def safe_seqs(self) -> dict[Session, int]:
        """How far the fixes of each session are taken care of once this is committed."""
        return {session: session.safe_seq(seq) for session, seq in self.seqs.items()}

    def refused(self, refused: Refused) -> dict[Session, list[Kept]]:
        """Which fixes of which sessions these are, in the order of their numbers."""
        positions = (kept for kept in self.latest.values() if kept.session.driver_id in refused.drivers)
        by_session: defaultdict[Session, list[Kept]] = defaultdict(list)
        for kept in sorted(
            {*refused.kept, *positions}, key=lambda kept: -1 if kept.seq is None else kept.seq
        ):
            by_session[kept.session].append(kept)
        return by_session

    def before(self, newer: "Record") -> "Record":
        """This record, which could not be written, together with what came after it."""
        return Record(
            self.kept + newer.kept,
            self.latest | newer.latest,
            self.heard | newer.heard,
            self.seqs | newer.seqs,
            self.verdicts + newer.verdicts,
        )


class Recorder:
    """`most_waiting`: so many fixes (and sessions) wait while PostgreSQL takes none; beyond it they are left to the
    drivers' apps. `stored` is told after each commit how the fixes of it were judged, those that PostgreSQL refused
    among them as that.
    """

    def __init__(
        self,
        history: HistoryWriter,
        most_waiting: int,
        stored: Callable[[Counter[str]], None] = lambda verdicts: None,
    ) -> None:
        self._history = history
        self._most_waiting = most_waiting
        self._stored = stored
        self.record = Record()
        #: Being written.
        self._leaving: Record | None = None
        self._filled = asyncio.Event()

    def store(
        self, session: Session, fix: Fix, seq: int | None, verdict: str, *, live: bool, keep: bool
    ) -> None:
        """A fix that was judged so: `live` for the driver's row, `keep` for the history."""
        one = Kept(session, fix, seq, verdict)
        if live:
            self.record.latest[session] = one
        if keep:
            self.record.kept.append(one)
        self.record.verdicts[verdict] += 1
        self._fill()

    def heard(self, session: Session) -> None:
        """A fix came that is not live: worth nothing perhaps, but the driver is there."""
        self.record.heard.add(session)
        self._fill()

    def keep(self, session: Session, fix: Fix) -> None:
        """For the history, a fix that was not its turn when it came."""
        self.record.kept.append(Kept(session, fix))
        self._fill()

    def considered(self, session: Session) -> None:
        """The numbered fixes of a session so far are to be acknowledged with the next commit."""
        if session.numbering.highest >= 0:
            self.record.seqs[session] = session.numbering.highest
            self._fill()

    def _fill(self) -> None:
        self._filled.set()
        if self._leaving is not None:  # which may take as long as somebody holds a lock
            self._bound()

    def take(self) -> Record:
        """What waits; nothing does any more."""
        record, self.record = self.record, Record()
        return record

    @property
    def waiting(self) -> int:
        """How many fixes wait for the history."""
        return len(self.record.kept) + (0 if self._leaving is None else len(self._leaving.kept))

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
        """Writes what waits and acknowledges it; False where PostgreSQL is away or takes no writes."""
        record = self._leaving = self.take()
        safe_seqs = record.safe_seqs()
        numbered = {
            session.driver_id: Numbered(session.name, seq, session.numbering.began_again)
            for session, seq in safe_seqs.items()
            if session.name is not None and seq >= 0
        }
        try:
            with metrics.COMMIT_SECONDS.time():
                heard = {session.driver_id for session in record.heard}
                refused = await self._history.write(record.kept, record.positions(), numbered, heard)
        except (psycopg.Error, OSError) as away:
            logger.warning("PostgreSQL takes no fixes, they wait unacknowledged: %s", refusal(away))
            self._put_back(record)
            return False
        except BaseException:
            # A bug, or the process ends: no later ack may pass what has not been written.
            self._put_back(record)
            raise
        self._leaving = None
        self._refuse(record, refused)
        self._stored(record.verdicts)
        for session, seq in safe_seqs.items():
            session.numbering.send_ack(seq)
        return True

    def _put_back(self, record: Record) -> None:
        self._leaving = None
        self.record = record.before(self.record)
        self._filled.set()
        self._bound()

    def _refuse(self, record: Record, refused: Refused) -> None:
        """Tells the drivers of the fixes that can never be stored, which their apps need not keep."""
        for session, fixes in record.refused(refused).items():
            logger.error(
                "PostgreSQL refuses %d fixes of driver %s, which are given up: %s",
                len(fixes),
                session.driver_id,
                ", ".join(sorted(refused.reasons)),
            )
            for one in fixes:
                if one.verdict is not None:
                    record.verdicts[one.verdict] -= 1
                    record.verdicts[REFUSED] += 1
            session.refuse(len(fixes), fixes[-1].seq)

    def _bound(self) -> None:
        """An outage of hours must not fill the memory: the drivers' apps, which have no ack, keep their fixes."""
        if max(self.waiting, len(self.record.latest), len(self.record.seqs)) <= self._most_waiting:
            return
        left = self.take()
        logger.error(
            "PostgreSQL is away for too long: %d fixes are left to the drivers' apps", len(left.kept)
        )
        for session in left.seqs:
            session.abandon()
