"""What the planner reads and what it answers.

Times are seconds since any moment that all of them share; durations are seconds. A place is a number: its row and
column in the travel times. `None` for a place means that its coordinates are not known.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf
from typing import Literal, Protocol

from routing.errors import BadRequest
from routing.problems import Problem

type Id = Hashable
type Kind = Literal["pickup", "dropoff"]


class TravelRow(Protocol):
    """Seconds from one place, by the place they lead to."""

    def __getitem__(self, to: int, /) -> float: ...


class Travel(Protocol):
    """`travel[a][b]`: seconds from place a to place b, `math.inf` where no road leads there."""

    def __getitem__(self, place: int, /) -> TravelRow: ...


#: How long a way may take that no road leads, where nobody guesses.
UNKNOWN_WAY_S = 3600.0


@dataclass(frozen=True, slots=True)
class GuessedRow:
    """Of `Guessed`."""

    roads: TravelRow
    guesses: TravelRow | None

    def __getitem__(self, to: int, /) -> float:
        seconds = self.roads[to]
        if seconds < inf:
            return seconds
        return UNKNOWN_WAY_S if self.guesses is None else self.guesses[to]


@dataclass(frozen=True, slots=True)
class Guessed:
    """Travel along roads, and by guess where none leads."""

    roads: Travel
    guesses: Travel | None

    def __getitem__(self, place: int, /) -> GuessedRow:
        return GuessedRow(self.roads[place], None if self.guesses is None else self.guesses[place])


@dataclass(frozen=True, slots=True)
class Shipment:
    """An order. `pickup_s`, `dropoff_s`: how long a driver stands there. `ready_at`: when the food will be ready.
    `needs`: the skills without which nobody can take it.
    """

    id: Id
    restaurant: int | None
    customer: int | None
    placed_at: float
    ready_at: float
    promised_at: float
    bags: int = 1
    city: Id = None
    pickup_s: float = 0.0
    dropoff_s: float = 0.0
    needs: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Visit:
    """A pickup or dropoff that a driver has to make. `pinned`: it stays at its place in the sequence.

    `notified`: the driver knows of it; taking the order away again has to be worth `Settings.reassign_gain_s`.
    """

    shipment: Id
    kind: Kind
    pinned: bool = False
    notified: bool = True


@dataclass(frozen=True, slots=True)
class Break:
    """A break that is planned: it begins from `earliest` to `latest`, between two visits with nothing on board."""

    earliest: float
    latest: float
    duration_s: float

    def __post_init__(self) -> None:
        if self.latest < self.earliest or self.duration_s < 0:
            raise BadRequest("A break ends after it begins, and begins no later than its window ends.")


@dataclass(frozen=True, slots=True)
class Vehicle:
    """A driver. `visits`: what is to be done yet, in order; a dropoff without its pickup is food in the bag.

    `under_way`: driving to the first visit. `arrived_at`: standing at it since then. `free_at`: leaves `place` then
    at the earliest (the past counts as now). `off_at`: picks up nothing later than this. `mode`: whose travel times
    hold (`Instance.travel_by`). `skills`: what orders may need of a driver. `break_until`: on a break that ends then;
    until then the driver takes nothing new and goes nowhere. `breaks`: those to come.
    """

    id: Id
    place: int | None
    visits: tuple[Visit, ...] = ()
    under_way: bool = False
    arrived_at: float | None = None
    free_at: float = -inf
    off_at: float = inf
    capacity: int = 10
    city: Id = None
    mode: Id = None
    skills: frozenset[str] = frozenset()
    break_until: float = -inf
    breaks: tuple[Break, ...] = ()

    def lacks(self, shipment: Shipment) -> bool:
        """Whether the driver misses a skill that the order needs."""
        return not shipment.needs <= self.skills


@dataclass(frozen=True, slots=True)
class Instance:
    """All that is known `now`. Orders that are in no driver's visits are pending. `travel_by`: the travel times of
    modes that have their own; `travel` is everybody else's. `guesses`: how long ways may take that no road leads;
    they put in order what nobody can plan.

    BadRequest where visits and orders contradict each other: a visit of an unknown order, one visit twice, a pickup
    without a later dropoff.
    """

    now: float
    shipments: Sequence[Shipment]
    vehicles: Sequence[Vehicle]
    travel: Travel
    guesses: Travel | None = None
    travel_by: Mapping[Id, Travel] = field(default_factory=dict)

    def travel_of(self, vehicle: Vehicle) -> Travel:
        return self.travel_by.get(vehicle.mode, self.travel)

    def with_vehicle(self, vehicle: Vehicle) -> "Instance":
        """The same, but for this driver."""
        return replace(self, vehicles=[vehicle if one.id == vehicle.id else one for one in self.vehicles])

    def __post_init__(self) -> None:
        known = {shipment.id for shipment in self.shipments}
        if len(known) < len(self.shipments) or len({vehicle.id for vehicle in self.vehicles}) < len(
            self.vehicles
        ):
            raise BadRequest("Each order and each driver is named once.")
        seen: set[tuple[Id, Kind]] = set()
        for vehicle in self.vehicles:
            _check(vehicle.visits, known, seen)


def _check(visits: Sequence[Visit], known: set[Id], seen: set[tuple[Id, Kind]]) -> None:
    """Adds this driver's visits to those `seen`; an order's two visits belong to one driver."""
    before = set(seen)
    for visit in visits:
        if visit.shipment not in known:
            raise BadRequest(f"A driver has a stop of order {visit.shipment}, which is not among the orders.")
        if (
            (visit.shipment, visit.kind) in seen
            or (visit.shipment, "dropoff") in seen
            or (visit.shipment, "pickup") in before
        ):
            raise BadRequest(f"The stops of order {visit.shipment} are doubled or in the wrong order.")
        seen.add((visit.shipment, visit.kind))
    picked = {visit.shipment for visit in visits if visit.kind == "pickup"}
    if picked - {visit.shipment for visit in visits if visit.kind == "dropoff"}:
        raise BadRequest("A pickup has no dropoff after it.")


@dataclass(frozen=True, slots=True)
class ScheduledVisit:
    """One visit with its times; all None where it cannot be reached (`Tour.problems` says why)."""

    visit: Visit
    arrives_at: float | None
    handed_at: float | None
    leaves_at: float | None


@dataclass(frozen=True, slots=True)
class ScheduledBreak:
    """One of `Vehicle.breaks` with its times. It begins later than it may only where what a person decided leaves no
    other way.
    """

    begins_at: float
    ends_at: float


@dataclass(frozen=True, slots=True)
class Tour:
    """A driver's visits in the best order. `cost`: the objective of what can be reached, in seconds.

    `leave_at`: when the driver has to set off for the first visit; before that the food would not be ready.
    `fullest`: the most bags on board after a pickup, more than the driver can carry only where a person wants it so.
    """

    vehicle: Id
    schedule: tuple[ScheduledVisit, ...] = ()
    cost: float = 0.0
    driving_s: float = 0.0
    leave_at: float | None = None
    problems: Mapping[Id, Problem] = field(default_factory=dict)
    fullest: int = 0
    breaks: tuple[ScheduledBreak, ...] = ()

    @property
    def visits(self) -> tuple[Visit, ...]:
        return tuple(scheduled.visit for scheduled in self.schedule)

    def delivered(self, shipment: Id) -> float | None:
        """When `shipment` is handed over at the door."""
        times = {
            scheduled.visit.shipment: scheduled.handed_at
            for scheduled in self.schedule
            if scheduled.visit.kind == "dropoff"
        }
        return times.get(shipment)


@dataclass(frozen=True, slots=True)
class Proposal:
    """What it means when this driver takes the order; `problem` names why it cannot be, then the rest is 0.

    `added_s`: more work for the driver. `late_s`: how late the order becomes itself. `delays_s`: by how much more
    than now the orders that the driver has already become late. `cost`: what the objective adds, by which
    proposals are ranked; a driver of another city and taking the order from a driver who knows of it cost extra.
    """

    vehicle: Id
    problem: Problem | None = None
    cost: float = inf
    added_s: float = 0.0
    late_s: float = 0.0
    delays_s: Mapping[Id, float] = field(default_factory=dict)
    tour: Tour | None = None


@dataclass(frozen=True, slots=True)
class Solution:
    """Every driver's tour, and by name what could not be planned. `rounds`: of improvement that were made."""

    tours: Mapping[Id, Tour]
    unassigned: Mapping[Id, Problem]
    vehicles_out: Mapping[Id, Problem]
    cost: float
    rounds: int
