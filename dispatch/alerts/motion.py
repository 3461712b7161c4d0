"""How a driver gets on, from round to round: stands, leaves the planned road, comes nearer. Pure.

A plan follows its driver: half a minute after a wrong turn there is a new road from where the driver is
(dispatch/planning/replanning.py). What a driver is off is therefore the road as it was planned first, and who takes
another one is off it only while the stop comes no nearer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from dispatch.planning.replanning import OFF_ROAD_M
from routing.geo import Point, distance_m, distance_to_line_m, from_lnglat

#: Whoever stays within this (metres) stands: fixes of a phone that lies still drift so far between tall houses.
STANDS_WITHIN_M = 60.0
#: Who has come nearer to the stop by this (metres, straight) is on a road that leads there, too.
NEARER_M = 200.0

#: GeoJSON coordinates.
type Line = Sequence[Sequence[float]]


@dataclass(frozen=True, slots=True)
class Sight:
    """A driver with stops ahead, by the last fix. `stop_id`, `stop`: the next one, and where it is. `on_the_way`:
    driving to it, and at none of the stops. `leg`: the road there as it is planned now, where that is needed.
    """

    at: Point
    fix_at: datetime
    on_the_way: bool
    stop_id: UUID
    stop: Point | None
    leg: Line | None = None


@dataclass(frozen=True, slots=True)
class Motion:
    """What is remembered (dispatch/models/alerts.py has it as a row)."""

    place: Point
    stood_since: datetime
    stop_id: UUID
    leg: Line | None = None
    off_since: datetime | None = None
    off_m: float | None = None

    def needs_leg(self, stop_id: UUID) -> bool:
        """Whether the road as it is planned now is needed for the next step, on the way to this stop."""
        return self.stop_id != stop_id or self.leg is None or self.off_since is not None


def follow(before: Motion | None, sight: Sight) -> Motion:
    """What is remembered from now on."""
    stays = before is not None and distance_m(before.place, sight.at) <= STANDS_WITHIN_M
    if before is not None and stays and sight.on_the_way:
        place, stood_since = before.place, before.stood_since
    else:
        place, stood_since = sight.at, sight.fix_at
    if before is None or before.stop_id != sight.stop_id or before.leg is None:
        leg, off_since, off_m = sight.leg, None, None
    else:
        leg, off_since, off_m = before.leg, before.off_since, before.off_m
    if leg is None or sight.stop is None or not sight.on_the_way or _is_on(leg, sight.at):
        return Motion(place, stood_since, sight.stop_id, leg)
    metres = distance_m(sight.at, sight.stop)
    if off_since is None or off_m is None:
        return Motion(place, stood_since, sight.stop_id, leg, sight.fix_at, metres)
    if metres <= off_m - NEARER_M:
        return Motion(place, stood_since, sight.stop_id, sight.leg or leg)
    return Motion(place, stood_since, sight.stop_id, leg, off_since, off_m)


def _is_on(leg: Line, at: Point) -> bool:
    return distance_to_line_m(at, [from_lnglat(place) for place in leg]) <= OFF_ROAD_M
