"""What the filter and the fences make of a phone's fixes at one place."""

from dataclasses import dataclass

from dispatch.statuses import StopKind
from tests.tracking.ingest.drives import STOP, T0
from tests.tracking.ingest.recorded.phones import Phone
from tests.tracking.ingest.recorded.places import RADIUS_M, Place
from tracking.ingest.fix_filter import Limits, Track, fix_from, judge
from tracking.ingest.geofences import Fence, FenceEvent, Rules
from tracking.ingest.next_stops import NextStops

LIMITS, RULES = Limits(), Rules()


@dataclass(frozen=True)
class Outcome:
    """Seconds of the drive at which the fence saw each event, in their order."""

    events: list[tuple[FenceEvent, float]]

    @property
    def arrived_at(self) -> float | None:
        return next((second for event, second in self.events if event == FenceEvent.ARRIVED), None)

    @property
    def left_at(self) -> float | None:
        """An order would have been picked up."""
        return next((second for event, second in self.events if event == FenceEvent.LEFT), None)

    @property
    def taken_back(self) -> bool:
        return self.left_at is None and any(event == FenceEvent.PASSED for event, _ in self.events)


def outcome(place: Place, phone: Phone, *, radius_m: float = RADIUS_M, rules: Rules = RULES) -> Outcome:
    next_stops, track = NextStops(), Track()
    next_stops.replace([Fence(STOP, StopKind.PICKUP, place.point, radius_m)], {})
    events: list[tuple[FenceEvent, float]] = []
    for location in phone.sends(place.drive):
        assert location.ts is not None
        now = location.ts + 200
        fix = fix_from(location, now, track, LIMITS)
        before = track.sure or track.last
        if judge(track, fix, now, LIMITS).fences:
            seen = next_stops.observe(before, fix, rules)
            events += [(one.event, (fix.ts - T0) / 1000) for one in seen]
    return Outcome(events)
