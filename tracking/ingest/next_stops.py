"""The geofences of a driver's stops, and what was seen of each so far. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from uuid import UUID

from routing.geo import Point
from tracking.ingest import geofences
from tracking.ingest.fix_filter import Fix
from tracking.ingest.geofences import Fence, FenceEvent, FenceState, Rules
from tracking.ingest.standing import Standing


class Seen(NamedTuple):
    """One event at the stops of one place, with its evidence."""

    event: FenceEvent
    stop_ids: list[UUID]
    evidence: dict[str, Any]


@dataclass(slots=True)
class NextStops:
    """Who drives past has not arrived: what was seen of a stop is remembered from fix to fix."""

    fences: tuple[Fence, ...] = ()
    states: dict[UUID, FenceState] = field(default_factory=dict)
    standing: Standing = field(default_factory=Standing)

    def replace(self, fences: Iterable[Fence], arrivals: Mapping[UUID, int]) -> None:
        """Another plan; `arrivals`: stop id → time of the arrival (ms) that is in the database."""
        self.fences = tuple(fences)
        self.states = {
            fence.stop_id: self._state(fence.stop_id, arrivals.get(fence.stop_id)) for fence in self.fences
        }

    def _state(self, stop_id: UUID, arrived_at: int | None) -> FenceState:
        """What this process saw of a stop, or what another one did: the driver may have come from there."""
        state = self.states.get(stop_id, FenceState())
        if state.left and arrived_at is None:
            # The domain did not take it for a visit, and waits for one.
            return FenceState(set_out=True, passed_at=state.arrived_at)
        if state.arrived_at is None and arrived_at is not None and arrived_at > (state.passed_at or 0):
            return FenceState(arrived_at=arrived_at)
        return state

    def observe(self, before: Fix | None, fix: Fix, rules: Rules) -> Iterable[Seen]:
        """What `fix` says of the stops (`before`: the believed fix ahead of it); nearly always nothing."""
        if not self.fences:
            self.standing.forget()
            return ()
        seen: dict[tuple[FenceEvent, Point], Seen] = {}
        stood_s = self.standing.add(fix)
        for fence in self.fences:
            state = self.states[fence.stop_id]
            self.states[fence.stop_id], sighting = geofences.observe(
                state, fence, before, fix, stood_s, rules
            )
            if sighting is not None:
                one = Seen(sighting.event, [], sighting.evidence)
                seen.setdefault((sighting.event, fence.center), one).stop_ids.append(fence.stop_id)
        return seen.values()
