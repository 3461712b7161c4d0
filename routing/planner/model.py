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


class Row(Protocol):
    """Seconds from one place, by the place they lead to."""

    def __getitem__(self, to: int, /) -> float: ...


class Travel(Protocol):
    """`travel[a][b]`: seconds from place a to place b, `math.inf` where no road leads there."""

    def __getitem__(self, place: int, /) -> Row: ...


@dataclass(frozen=True, slots=True)
class Order:
    """`pickup_s`, `dropoff_s`: how long a driver stands there. `ready_at`: when the food is or will be ready."""

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


@dataclass(frozen=True, slots=True)
class Stop:
    """A pickup or dropoff in a driver's plan. `pinned`: it stays at its place in the sequence.

    `told`: the driver knows of it; taking the order away again has to be worth `Settings.reassign_gain_s`.
    """

    order: Id
    kind: Kind
    pinned: bool = False
    told: bool = True


@dataclass(frozen=True, slots=True)
class Driver:
    """`stops`: what the driver has to do yet, in order; a dropoff without its pickup is food in the bag.

    `under_way`: driving to the first stop. `arrived_at`: standing at it since then. `free_at`: leaves `place` then
    at the earliest (the past counts as now). `off_at`: picks up nothing later than this.
    """

    id: Id
    place: int | None
    stops: tuple[Stop, ...] = ()
    under_way: bool = False
    arrived_at: float | None = None
    free_at: float = -inf
    off_at: float = inf
    capacity: int = 10
    city: Id = None


@dataclass(frozen=True, slots=True)
class Situation:
    """All that is known `now`. Orders that are in no driver's stops are pending.

    BadRequest where stops and orders contradict each other: a stop of an unknown order, one stop twice, a pickup
    without a later dropoff.
    """

    now: float
    orders: Sequence[Order]
    drivers: Sequence[Driver]
    travel: Travel

    def with_driver(self, driver: Driver) -> "Situation":
        """The same, but for this driver."""
        return replace(self, drivers=[driver if one.id == driver.id else one for one in self.drivers])

    def __post_init__(self) -> None:
        known = {order.id for order in self.orders}
        if len(known) < len(self.orders) or len({driver.id for driver in self.drivers}) < len(self.drivers):
            raise BadRequest("Each order and each driver is named once.")
        seen: set[tuple[Id, Kind]] = set()
        for driver in self.drivers:
            _check(driver.stops, known, seen)


def _check(stops: Sequence[Stop], known: set[Id], seen: set[tuple[Id, Kind]]) -> None:
    """Adds this driver's stops to those `seen`; an order's two stops belong to one driver."""
    before = set(seen)
    for stop in stops:
        if stop.order not in known:
            raise BadRequest(f"A driver has a stop of order {stop.order}, which is not among the orders.")
        if (
            (stop.order, stop.kind) in seen
            or (stop.order, "dropoff") in seen
            or (stop.order, "pickup") in before
        ):
            raise BadRequest(f"The stops of order {stop.order} are doubled or in the wrong order.")
        seen.add((stop.order, stop.kind))
    picked = {stop.order for stop in stops if stop.kind == "pickup"}
    if picked - {stop.order for stop in stops if stop.kind == "dropoff"}:
        raise BadRequest("A pickup has no dropoff after it.")


@dataclass(frozen=True, slots=True)
class Visit:
    """One stop with its times; all None where it cannot be reached (`Trip.problems` says why)."""

    stop: Stop
    arrives_at: float | None
    handed_at: float | None
    leaves_at: float | None


@dataclass(frozen=True, slots=True)
class Trip:
    """A driver's stops in the best order. `cost`: the objective of what can be reached, in seconds.

    `leave_at`: when the driver has to set off for the first stop; before that the food would not be ready.
    `fullest`: the most bags on board after a pickup, more than the driver can carry only where a person wants it so.
    """

    driver: Id
    visits: tuple[Visit, ...] = ()
    cost: float = 0.0
    driving_s: float = 0.0
    leave_at: float | None = None
    problems: Mapping[Id, Problem] = field(default_factory=dict)
    fullest: int = 0

    @property
    def stops(self) -> tuple[Stop, ...]:
        return tuple(visit.stop for visit in self.visits)

    def delivered(self, order: Id) -> float | None:
        """When `order` is handed over at the door."""
        times = {visit.stop.order: visit.handed_at for visit in self.visits if visit.stop.kind == "dropoff"}
        return times.get(order)


@dataclass(frozen=True, slots=True)
class Proposal:
    """What it means when this driver takes the order; `problem` names why it cannot be, then the rest is 0.

    `added_s`: more work for the driver. `late_s`: how late the order becomes itself. `delays_s`: by how much more
    than now the orders that the driver has already become late. `cost`: what the objective adds, by which
    proposals are ranked; a driver of another city and taking the order from a driver who knows of it cost extra.
    """

    driver: Id
    problem: Problem | None = None
    cost: float = inf
    added_s: float = 0.0
    late_s: float = 0.0
    delays_s: Mapping[Id, float] = field(default_factory=dict)
    trip: Trip | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """Every driver's trip, and by name what could not be planned. `rounds`: of improvement that were made."""

    trips: Mapping[Id, Trip]
    unassigned: Mapping[Id, Problem]
    drivers_out: Mapping[Id, Problem]
    cost: float
    rounds: int
