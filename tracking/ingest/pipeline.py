"""A fix's way. `Pipeline.ingest` is the whole of it, top to bottom; nothing in it waits.

What comes of it leaves in batches: live positions to Redis within milliseconds (publisher.py), history and drivers'
rows to PostgreSQL at most a second later, and acks after that commit (recorder.py), steps of orders at once
(domain_writer.py).
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from django.conf import settings

from dispatch.orders import geofence_actions
from tracking.ingest import fix_filter
from tracking.ingest.domain_writer import DomainWriter
from tracking.ingest.fix_filter import DUPLICATE, Fix, Limits, Track, Verdict
from tracking.ingest.geofences import FenceEvent, Rules
from tracking.ingest.publisher import Publisher
from tracking.ingest.recorder import Recorder
from tracking.ingest.session import Session
from tracking.ingest.verdicts import GOOD, Verdicts
from tracking.protocol.messages import FleetPosition, Location

_ACTIONS = {
    FenceEvent.SET_OUT: geofence_actions.set_out,
    FenceEvent.ARRIVED: geofence_actions.arrive,
    FenceEvent.PASSED: geofence_actions.pass_by,
    FenceEvent.LEFT: geofence_actions.leave,
}


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Takes in the fixes of this process's drivers. `keep_every`: every how many fixes one goes into the history."""

    publisher: Publisher
    recorder: Recorder
    domain: DomainWriter
    verdicts: Verdicts
    limits: Limits
    rules: Rules
    keep_every: int

    @classmethod
    def from_settings(
        cls, publisher: Publisher, recorder: Recorder, domain: DomainWriter, verdicts: Verdicts
    ) -> "Pipeline":
        limits = Limits(
            future_s=settings.FIX_FUTURE_S,
            stale_s=settings.FIX_STALE_S,
            oldest_s=settings.LOCATION_HISTORY_DAYS * 86_400,
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
        return cls(publisher, recorder, domain, verdicts, limits, rules, settings.LOCATION_HISTORY_EVERY)

    def ingest(self, session: Session, location: Location, now: int) -> Verdict:
        """One fix that arrived at `now` (ms since the epoch), from its frame to everything that follows from it."""
        if session.goes_back and _is_of_another_run(session, location):
            session.numbering.begin_again()
        if self._came_before(session, location.seq):
            self.verdicts.count("duplicate")  # nobody is troubled by it
            return DUPLICATE
        if location.battery is not None and location.battery >= 0:
            session.battery = round(location.battery)
        if location.background is not None:
            session.background = location.background
        fix = fix_filter.fix_from(location, now, session.track, self.limits)
        if session.goes_back:
            self._go_back(session, fix)
        before = session.track.sure or session.track.last
        verdict = fix_filter.judge(session.track, fix, now, self.limits)
        if verdict.name:
            self.verdicts.turn_away(session, verdict.name, now)
        self._is_there(session)  # first: who is planned by this very fix is not silent
        if verdict.live:
            self._publish(session, fix, now)
        else:
            self.recorder.heard(session)
        moved_something = verdict.fences and self._observe(session, before, fix, location.seq)
        keep = verdict.history and session.sampling.keeps(fix, self.keep_every, always=moved_something)
        name = verdict.name or GOOD
        if verdict.live or keep:
            self.recorder.store(session, fix, location.seq, name, live=verdict.live, keep=keep)
        else:
            self.verdicts.count(name)
        return verdict

    def heard(self, session: Session) -> None:
        """Something came that has no position: the driver is there."""
        self._is_there(session)
        self.recorder.heard(session)

    def move(self, session: Session, city: str, now: int) -> None:
        """The driver works in another city from `now` on (ms): dispatchers and customers there see where at once."""
        self.publisher.forget(session.city, session.key)
        session.city = city
        if (last := session.track.last) is not None:
            self.publisher.put(city, _position(session, last, now))

    def pass_over(self, session: Session, seq: int | None) -> None:
        """A fix that can't be read, and whose app is told so: acks go past its number."""
        self._came_before(session, seq)

    def end(self, session: Session) -> None:
        """The driver's socket is gone: keeps the last fix of the session."""
        if (fix := session.sampling.last()) is not None:
            self.recorder.keep(session, fix)

    def _came_before(self, session: Session, seq: int | None) -> bool:
        """By its number."""
        if seq is None:
            return False
        came_before = not session.numbering.is_new(seq)
        if came_before:
            session.numbering.ask_again(seq)
        self.recorder.considered(session)
        return came_before

    def _is_there(self, session: Session) -> None:
        if session.offline:
            session.offline = False
            self.domain.ask(session, None, partial(geofence_actions.heard_of, session.driver_id))

    def _go_back(self, session: Session, fix: Fix) -> None:
        """What the earlier socket made of fixes that it did not acknowledge may be lost with its process."""
        session.goes_back = False
        if session.track.last is not None and fix.ts <= session.track.last.ts:
            # Neither map nor driver's row goes back all the same: both keep what is newer.
            session.track = Track()

    def _publish(self, session: Session, fix: Fix, now: int) -> None:
        """Live position, and with it the broadcast."""
        self.publisher.put(session.city, _position(session, fix, now))
        if session.unplaced:
            session.unplaced = False
            write = partial(geofence_actions.placed, session.driver_id, fix.lat, fix.lng, _time_of(fix))
            self.domain.ask(session, None, write)

    def _observe(self, session: Session, before: Fix | None, fix: Fix, seq: int | None) -> bool:
        """Geofences of the driver's next stops. True when one of them has something to say."""
        seen = session.next_stops.observe(before, fix, self.rules)
        for event, stop_ids, evidence in seen:
            write = partial(
                _ACTIONS[event],
                session.driver_id,
                stop_ids,
                happened_at=_time_of(fix),
                evidence=evidence,
            )
            self.domain.ask(session, seq, write)
        return bool(seen)


def _is_of_another_run(session: Session, location: Location) -> bool:
    """Whether an app that begins with a number from before tells something new: installed anew, it has only the name
    of its session still, and numbers from 0 on.
    """
    last, seq = session.track.last, location.seq
    known = seq is not None and seq <= session.numbering.highest
    return known and last is not None and location.ts is not None and location.ts > last.ts + 1000


def _position(session: Session, fix: Fix, now: int) -> FleetPosition:
    return FleetPosition(
        session.key,
        round(fix.lat, 6),
        round(fix.lng, 6),
        # A device whose clock runs ahead must not hide its own next fixes from the map.
        min(fix.ts, now),
        fix.speed,
        fix.heading,
        session.battery,
        session.background,
    )


def _time_of(fix: Fix) -> datetime:
    return datetime.fromtimestamp(fix.ts / 1000, UTC)
