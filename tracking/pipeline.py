"""A fix's way. `Pipeline.ingest` is the whole of it, top to bottom; nothing in it waits.

What it collects goes out in batches (tracking/live.py): live positions to Redis within milliseconds, history and
driver rows to PostgreSQL at most a second later, acks after that commit.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from uuid import UUID

from django.conf import settings

from dispatch import actions
from tracking import fixes, geofences
from tracking.fixes import Fix, Limits, Track, Verdict
from tracking.geofences import Event, Fence, Rules, Visit
from tracking.history import Kept
from tracking.messages import FleetPosition, Location

_ACTIONS = {
    Event.SET_OUT: actions.set_out,
    Event.ARRIVED: actions.arrive,
    Event.LEFT: actions.leave,
}


@dataclass(slots=True, eq=False)
class Session:
    """A driver's socket, as the pipeline knows it."""

    driver_id: UUID
    city: str
    acknowledge: Callable[[int], None]
    #: The domain took the driver for silent: the next fix says otherwise.
    offline: bool = False
    track: Track = field(default_factory=Track)
    fences: tuple[Fence, ...] = ()
    visits: dict[UUID, Visit] = field(default_factory=dict)
    #: Writes to the domain that fixes asked for, in order (tracking/writes.py), each with the seq of its fix,
    #: which is not acknowledged before the write is done; None where no ack has to wait.
    writes: deque[tuple[int | None, Callable[[], object]]] = field(default_factory=deque)
    since_kept: int = 0
    #: The last fix that was worth keeping but not its turn: the last one of a session is kept.
    unkept: Fix | None = None
    seq: int = -1
    durable_seq: int = -1
    acked_seq: int = -1

    def set_fences(self, fences: Iterable[Fence], arrivals: dict[UUID, int]) -> None:
        """The driver's next stops; `arrivals`: stop id → time of the arrival (ms) that is in the database."""
        self.fences = tuple(fences)
        self.visits = {
            fence.stop_id: self.visits.get(fence.stop_id) or Visit(arrived_at=arrivals.get(fence.stop_id))
            for fence in self.fences
        }

    def send_ack(self) -> None:
        """Acknowledges what survives a crash: committed, and with all that it changed in the domain."""
        held = next((seq for seq, _ in self.writes if seq is not None), None)
        seq = self.durable_seq if held is None else min(self.durable_seq, held - 1)
        if seq > self.acked_seq:
            self.acked_seq = seq
            self.acknowledge(seq)


@dataclass(slots=True)
class Record:
    """What waits for the next commit."""

    kept: list[Kept] = field(default_factory=list)
    latest: dict[UUID, Fix] = field(default_factory=dict)
    seqs: dict[Session, int] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.kept or self.latest or self.seqs)

    def before(self, newer: "Record") -> "Record":
        """This record, which could not be written, together with what came after it."""
        return Record(self.kept + newer.kept, self.latest | newer.latest, self.seqs | newer.seqs)


class Pipeline:
    """Takes in the fixes of this process's drivers. `wake` is called when something waits to be sent on."""

    def __init__(self, limits: Limits, rules: Rules, *, keep_every: int, wake: Callable[[], None]) -> None:
        self.limits = limits
        self.rules = rules
        self.keep_every = keep_every
        self.wake = wake
        self.rejected: Counter[str] = Counter()
        #: City → driver → newest position, to be stored and published.
        self.moved: dict[str, dict[UUID, FleetPosition]] = {}
        self.record = Record()
        #: Sessions whose `writes` have something new.
        self.asking: set[Session] = set()

    @classmethod
    def from_settings(cls, wake: Callable[[], None]) -> "Pipeline":
        limits = Limits(
            future_s=settings.FIX_FUTURE_S,
            stale_s=settings.FIX_STALE_S,
            max_speed_mps=settings.FIX_MAX_SPEED_MPS,
            max_accuracy_m=settings.FIX_MAX_ACCURACY_M,
        )
        return cls(limits, Rules(), keep_every=settings.LOCATION_HISTORY_EVERY, wake=wake)

    def ingest(self, session: Session, location: Location, now: int) -> Verdict:
        """One fix that arrived at `now` (ms since the epoch), from its frame to everything that follows from it."""
        fix = fixes.fix_from(location, now)
        before = session.track.last
        verdict = fixes.judge(session.track, fix, now, self.limits)
        if verdict.name:
            self.rejected[verdict.name] += 1
        if verdict.live:
            self._show(session, fix, now)
        moved_something = verdict.fences and self._observe(session, before, fix, location.seq)
        if verdict.history:
            self._keep(session, fix, always=moved_something)
        self._hold_ack(session, location.seq)
        self.wake()
        return verdict

    def end(self, session: Session) -> None:
        """The driver's socket is gone: keeps the last fix of the session."""
        if session.unkept is not None:
            self.record.kept.append(Kept(session.driver_id, session.unkept))
            session.unkept = None
            self.wake()

    def _show(self, session: Session, fix: Fix, now: int) -> None:
        """Live position, and with it the broadcast; the driver's row follows with the next commit."""
        self.moved.setdefault(session.city, {})[session.driver_id] = FleetPosition(
            driver_id=str(session.driver_id),
            lat=round(fix.lat, 6),
            lng=round(fix.lng, 6),
            # A device whose clock runs ahead must not hide its own next fixes from the map.
            ts=min(fix.ts, now),
            speed=fix.speed,
            heading=fix.heading,
        )
        self.record.latest[session.driver_id] = fix
        if session.offline:
            session.offline = False
            self._ask(session, None, partial(actions.heard_of, session.driver_id))

    def _observe(self, session: Session, before: Fix | None, fix: Fix, seq: int | None) -> bool:
        """Geofences of the driver's next stops. True when one of them has something to say."""
        fired: dict[Event, list[UUID]] = {}
        evidence = {}
        for fence in session.fences:
            visit = session.visits[fence.stop_id]
            session.visits[fence.stop_id], sighting = geofences.observe(visit, fence, before, fix, self.rules)
            if sighting is not None:
                fired.setdefault(sighting.event, []).append(fence.stop_id)
                evidence[sighting.event] = sighting.evidence
        for event, stop_ids in fired.items():
            write = partial(
                _ACTIONS[event],
                session.driver_id,
                stop_ids,
                happened_at=datetime.fromtimestamp(fix.ts / 1000, UTC),
                evidence=evidence[event],
            )
            self._ask(session, seq, write)
        return bool(fired)

    def _ask(self, session: Session, seq: int | None, write: Callable[[], object]) -> None:
        session.writes.append((seq, write))
        self.asking.add(session)

    def _keep(self, session: Session, fix: Fix, *, always: bool) -> None:
        """Every `keep_every`th fix, the first of a session, and those that changed something."""
        newest = session.unkept is None or session.unkept.ts < fix.ts
        if always or session.since_kept % self.keep_every == 0:
            self.record.kept.append(Kept(session.driver_id, fix))
            if newest:
                session.unkept = None
        elif newest:
            session.unkept = fix
        session.since_kept += 1

    def _hold_ack(self, session: Session, seq: int | None) -> None:
        if seq is not None:
            session.seq = max(session.seq, seq)
            self.record.seqs[session] = session.seq
