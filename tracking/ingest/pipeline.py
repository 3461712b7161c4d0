"""A fix's way. `Pipeline.ingest` is the whole of it, top to bottom; nothing in it waits.

What it collects goes out in batches (tracking/sockets/live.py): live positions to Redis within milliseconds, history
and driver rows to PostgreSQL at most a second later, acks after that commit.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from uuid import UUID

from django.conf import settings

from dispatch.orders import geofence_actions
from tracking.ingest import fix_filter, geofences
from tracking.ingest.fix_filter import DUPLICATE, Fix, Limits, Track, Verdict
from tracking.ingest.geofences import Event, Fence, Rules, Visit
from tracking.ingest.history import Kept
from tracking.protocol.messages import FixTrouble, FleetPosition, Location

_ACTIONS = {
    Event.SET_OUT: geofence_actions.set_out,
    Event.ARRIVED: geofence_actions.arrive,
    Event.PASSED: geofence_actions.pass_by,
    Event.LEFT: geofence_actions.leave,
}

#: A number is recognized this far below the highest one of its session.
_WINDOW = 1024
_ALL_SEEN = (1 << _WINDOW) - 1


@dataclass(slots=True, eq=False)
class Session:
    """A driver's socket, as the pipeline knows it."""

    driver_id: UUID
    city: str
    acknowledge: Callable[[int], None]
    #: The run of the app whose numbering goes on over reconnects; None: this socket's own.
    name: str | None = None
    #: The highest number that was considered, and that the app was told of.
    seq: int = -1
    acked_seq: int = -1
    #: Of the numbers up to `seq` those that came: bit 0 is `seq` itself, bit 1 the one before.
    seen: int = 0
    #: The app may go back to fixes that an earlier socket took, and that the fences must see again.
    goes_back: bool = False
    #: The domain took the driver for silent: the next fix says otherwise.
    offline: bool = False
    track: Track = field(default_factory=Track)
    fences: tuple[Fence, ...] = ()
    visits: dict[UUID, Visit] = field(default_factory=dict)
    #: Writes to the domain that fixes asked for, in order (tracking/ingest/domain_writes.py), each with the seq of
    #: its fix, which is not acknowledged before the write is done; None where no ack has to wait.
    writes: deque[tuple[int | None, Callable[[], object]]] = field(default_factory=deque)
    since_kept: int = 0
    #: The last fix that was worth keeping but not its turn: the last one of a session is kept.
    unkept: Fix | None = None
    #: What was turned away, by name; since when, and the last name and when (ms).
    rejected: Counter[str] = field(default_factory=Counter)
    rejected_since: int = 0
    rejected_last: tuple[str, int] = "", 0
    #: Called when its fixes can't be kept any longer: the app must keep them.
    overload: Callable[[], None] = lambda: None
    key: str = field(init=False)

    def __post_init__(self) -> None:
        self.key = str(self.driver_id)

    def goes_on(self, safe_seq: int) -> None:
        """The app's numbering goes on where an earlier socket left it."""
        self.seq = self.acked_seq = safe_seq
        self.seen = _ALL_SEEN
        self.goes_back = True

    def is_new(self, seq: int) -> bool:
        """Whether this number comes for the first time; one far below the highest counts as known."""
        ahead = seq - self.seq
        if ahead > 0:
            self.seen = ((self.seen << ahead) | 1) & _ALL_SEEN if ahead < _WINDOW else 1
            self.seq = seq
            return True
        bit = 1 << -ahead
        if -ahead >= _WINDOW or self.seen & bit:
            return False
        self.seen |= bit
        return True

    def set_fences(self, fences: Iterable[Fence], arrivals: dict[UUID, int]) -> None:
        """The driver's next stops; `arrivals`: stop id → time of the arrival (ms) that is in the database."""
        self.fences = tuple(fences)
        self.visits = {
            fence.stop_id: self._visit(fence.stop_id, arrivals.get(fence.stop_id)) for fence in self.fences
        }

    def _visit(self, stop_id: UUID, arrived_at: int | None) -> Visit:
        """What this process saw of a stop, or what another one did: the driver may have come from there."""
        visit = self.visits.get(stop_id, Visit())
        if visit.arrived_at is None and arrived_at is not None and arrived_at > (visit.passed_at or 0):
            return Visit(arrived_at=arrived_at)
        return visit

    def safe_seq(self, seq: int) -> int:
        """The part of what is considered up to `seq` whose writes to the domain are done as well."""
        held = next((waiting for waiting, _ in self.writes if waiting is not None), None)
        return seq if held is None else min(seq, held - 1)

    def trouble(self) -> FixTrouble:
        """What a dispatcher should know of fixes that were turned away."""
        last, at = self.rejected_last
        return FixTrouble(self.driver_id, at, self.rejected_since, last, dict(self.rejected))

    def send_ack(self, safe_seq: int) -> None:
        """Acknowledges what survives a crash: committed, and with all that it changed in the domain."""
        if safe_seq > self.acked_seq:
            self.acked_seq = safe_seq
            self.acknowledge(safe_seq)


@dataclass(slots=True)
class Record:
    """What waits for the next commit."""

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


class Pipeline:
    """Takes in the fixes of this process's drivers. `wake` is called when something waits to be sent on."""

    def __init__(self, limits: Limits, rules: Rules, *, keep_every: int, wake: Callable[[], None]) -> None:
        self.limits = limits
        self.rules = rules
        self.keep_every = keep_every
        self.wake = wake
        #: Verdict → how many since the last report; those of good fixes under "good".
        self.verdicts: Counter[str] = Counter()
        #: City → driver → newest position, to be stored and published.
        self.moved: dict[str, dict[str, FleetPosition]] = {}
        self.record = Record()
        #: Sessions whose `writes` have something new.
        self.asking: set[Session] = set()
        #: Sessions of which something was turned away since the dispatchers were last told.
        self.troubled: set[Session] = set()

    @classmethod
    def from_settings(cls, wake: Callable[[], None]) -> "Pipeline":
        limits = Limits(
            future_s=settings.FIX_FUTURE_S,
            stale_s=settings.FIX_STALE_S,
            max_speed_mps=settings.FIX_MAX_SPEED_MPS,
            max_accuracy_m=settings.FIX_MAX_ACCURACY_M,
            jump_confirmations=settings.FIX_JUMP_CONFIRMATIONS,
            parked_jump_s=settings.FIX_PARKED_JUMP_S,
        )
        rules = Rules(
            confirming_fixes=settings.GEOFENCE_CONFIRMING_FIXES,
            dwell_s=settings.GEOFENCE_DWELL_S,
            exit_margin_m=settings.GEOFENCE_EXIT_MARGIN_M,
            exit_s=settings.GEOFENCE_EXIT_S,
            min_visit_s=settings.GEOFENCE_MIN_VISIT_S,
        )
        return cls(limits, rules, keep_every=settings.LOCATION_HISTORY_EVERY, wake=wake)

    def ingest(self, session: Session, location: Location, now: int) -> Verdict:
        """One fix that arrived at `now` (ms since the epoch), from its frame to everything that follows from it."""
        if self._came_before(session, location.seq):
            self.verdicts["duplicate"] += 1
            return DUPLICATE
        fix = fix_filter.fix_from(location, now, session.track, self.limits)
        if session.goes_back:
            self._go_back(session, fix)
        before = session.track.sure or session.track.last
        verdict = fix_filter.judge(session.track, fix, now, self.limits)
        if verdict.name:
            self.reject(session, verdict.name, now)
        else:
            self.verdicts["good"] += 1
        if verdict.live:
            self._show(session, fix, now)
        moved_something = verdict.fences and self._observe(session, before, fix, location.seq)
        if verdict.history:
            self._keep(session, fix, always=moved_something)
        self.wake()
        return verdict

    def reject(self, session: Session, name: str, now: int) -> None:
        """The dispatchers hear why a driver's marker does not move."""
        self.verdicts[name] += 1
        session.rejected[name] += 1
        session.rejected_since = session.rejected_since or now
        session.rejected_last = name, now
        self.troubled.add(session)

    def settled(self, session: Session) -> None:
        """A write to the domain is done: the fix behind it is acknowledged with the next commit."""
        if session.seq >= 0:
            self.record.seqs[session] = session.seq
            self.wake()

    def end(self, session: Session) -> None:
        """The driver's socket is gone: keeps the last fix of the session."""
        if session.unkept is not None:
            self.record.kept.append(Kept(session.driver_id, session.unkept))
            session.unkept = None
            self.wake()

    def _came_before(self, session: Session, seq: int | None) -> bool:
        """By its number. Such a fix is acknowledged anew: the ack before may have been lost."""
        if seq is None:
            return False
        came_before = not session.is_new(seq)
        if came_before:
            session.acked_seq = min(session.acked_seq, seq - 1)
            self.wake()
        self.record.seqs[session] = session.seq
        return came_before

    def _go_back(self, session: Session, fix: Fix) -> None:
        """What the earlier socket made of fixes that it did not acknowledge may be lost with its process."""
        session.goes_back = False
        if session.track.last is not None and fix.ts <= session.track.last.ts:
            # Neither map nor driver's row goes back all the same: both keep what is newer.
            session.track = Track()

    def _show(self, session: Session, fix: Fix, now: int) -> None:
        """Live position, and with it the broadcast; the driver's row follows with the next commit."""
        self.moved.setdefault(session.city, {})[session.key] = FleetPosition(
            session.key,
            round(fix.lat, 6),
            round(fix.lng, 6),
            # A device whose clock runs ahead must not hide its own next fixes from the map.
            min(fix.ts, now),
            fix.speed,
            fix.heading,
        )
        self.record.latest[session] = fix
        if session.offline:
            session.offline = False
            self._ask(session, None, partial(geofence_actions.heard_of, session.driver_id))

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
