"""The best order in which one driver visits several stops. Pure: travel times in, an order out."""

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import inf, isinf
from random import Random
from typing import Literal

from routing.errors import BadRequest, UnreachableStops

# Orders with one stop left have two states (open, done), with two stops three: so many states in all are
# searched completely, which is 10 dropoffs or 6 orders to pick up and deliver, in some 20 ms.
EXACT_STATES = 1024
ROUNDS = 60  # of taking some orders out of a longer plan and putting them back better
SHAKEN_ORDERS = 3

type Matrix = list[list[float]]
type Order = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Stop:
    """A pickup or dropoff of `load` bags. A dropoff whose pickup is not among the stops is in the bag already."""

    order: Hashable
    kind: Literal["pickup", "dropoff"]
    load: int = 1


@dataclass(frozen=True, slots=True)
class Plan:
    """`order[k]` is the index of the stop visited k-th; `duration_s` the driving time through all of them."""

    order: Order
    duration_s: float


def best_order(
    seconds: Sequence[Sequence[float | None]],
    stops: Sequence[Stop],
    *,
    capacity: int | None = None,
    first: int | None = None,
) -> Plan:
    """The order of stops with the least driving time, each pickup before its dropoff.

    `seconds[i][j]`: travel time between places, where place 0 is the driver and place k + 1 is `stops[k]`; None
    where no road leads there. `capacity`: bags on board at most; what is in the bag counts from the start, and a
    driver who has too many drops off before picking up more. `first`: the stop already being driven to, which
    stays first. The same input gives the same answer.

    Exact up to 10 stops and for longer plans with few orders; beyond that insertion and local search.
    UnreachableStops: no order can be driven. BadRequest: the input contradicts itself.
    """
    problem = _Problem(seconds, stops, capacity, first)
    if not stops:
        return Plan((), 0.0)
    order = _exact(problem) if problem.states <= EXACT_STATES else _searched(problem)
    if order is None or isinf(duration := problem.duration(order)):
        raise UnreachableStops(problem.cut_off())
    return Plan(order, duration)


class _Problem:
    """The input, checked, in the form that both searches read: place 0 is the driver, stop k is place k + 1."""

    def __init__(
        self,
        seconds: Sequence[Sequence[float | None]],
        stops: Sequence[Stop],
        capacity: int | None,
        first: int | None,
    ) -> None:
        self.count = len(stops)
        if len(seconds) != self.count + 1 or any(len(row) != self.count + 1 for row in seconds):
            raise BadRequest(f"{self.count} stops need {self.count + 1} rows and columns of travel times.")
        if max(Counter((stop.order, stop.kind) for stop in stops).values(), default=0) > 1:
            raise BadRequest("An order has one pickup and one dropoff.")
        self.seconds: Matrix = [[inf if cell is None else cell for cell in row] for row in seconds]

        pickups = {stop.order: k for k, stop in enumerate(stops) if stop.kind == "pickup"}
        dropoffs = {stop.order: k for k, stop in enumerate(stops) if stop.kind == "dropoff"}
        #: The pickup that comes before a dropoff.
        self.before = [pickups.get(s.order) if s.kind == "dropoff" else None for s in stops]
        self.first = first
        if first is not None and not (0 <= first < self.count and self.before[first] is None):
            raise BadRequest("The first stop must be one of the stops, and no dropoff before its pickup.")

        self.change = [stop.load if stop.kind == "pickup" else -stop.load for stop in stops]
        self.on_board = sum(stops[k].load for order, k in dropoffs.items() if order not in pickups)
        self.capacity = capacity
        if capacity is not None and any(stop.load > capacity for stop in stops if stop.kind == "pickup"):
            raise BadRequest(f"An order alone is more than the {capacity} bags that fit.")
        #: Stops of one order, which are put into a plan and taken out of it together.
        self.orders = [
            tuple(k for k in (pickups.get(order), dropoffs.get(order)) if k is not None)
            for order in dict.fromkeys(stop.order for stop in stops)
        ]
        self.states = 1
        for members in self.orders:
            self.states *= len(members) + 1

    def fits(self, load: int, stop: int) -> bool:
        """Whether the driver with `load` bags on board may take what waits at `stop`."""
        change = self.change[stop]
        return self.capacity is None or change <= 0 or load + change <= self.capacity

    def allows(self, order: Sequence[int]) -> bool:
        """Whether precedence, capacity and the first stop hold; `order` may leave out whole orders."""
        if self.first is not None and order and order[0] != self.first:
            return False
        seen, load = set(), self.on_board
        for stop in order:
            if (pickup := self.before[stop]) is not None and pickup not in seen:
                return False
            if not self.fits(load, stop):
                return False
            load += self.change[stop]
            seen.add(stop)
        return True

    def duration(self, order: Iterable[int]) -> float:
        return sum(self.seconds[a][b] for a, b in pairwise((0, *(stop + 1 for stop in order))))

    def cut_off(self) -> Order:
        """The stops to which no road leads from anywhere."""
        columns = list(zip(*self.seconds, strict=True))[1:]
        return tuple(
            k for k, column in enumerate(columns) if all(isinf(t) for at, t in enumerate(column) if at != k + 1)
        )


def _exact(problem: _Problem) -> Order | None:
    """Held and Karp's dynamic programme over the sets of stops visited, which precedence and capacity keep few."""
    seconds, before, everything = problem.seconds, problem.before, (1 << problem.count) - 1
    needs = [0 if pickup is None else 1 << pickup for pickup in before]
    starts = range(problem.count) if problem.first is None else (problem.first,)
    # By the set visited: its last stop → (duration, the stop before the last)
    layer: dict[int, dict[int, tuple[float, int]]] = {
        1 << k: {k: (seconds[0][k + 1], -1)} for k in starts if not needs[k] and problem.fits(problem.on_board, k)
    }
    layers = [layer]
    for _ in range(problem.count - 1):
        following: dict[int, dict[int, tuple[float, int]]] = {}
        for visited, ends in layer.items():
            load = problem.on_board + sum(problem.change[k] for k in range(problem.count) if visited >> k & 1)
            for k in range(problem.count):
                if visited >> k & 1 or needs[k] & ~visited or not problem.fits(load, k):
                    continue
                duration, last = min((so_far + seconds[end + 1][k + 1], end) for end, (so_far, _) in ends.items())
                following.setdefault(visited | 1 << k, {})[k] = (duration, last)
        layer = following
        layers.append(layer)
    if everything not in layer:
        return None
    last = min(layer[everything], key=lambda end: (layer[everything][end][0], end))
    order, visited = [], everything
    for layer in reversed(layers):
        order.append(last)
        visited, last = visited & ~(1 << last), layer[visited][last][1]
    return tuple(reversed(order))


def _searched(problem: _Problem) -> Order | None:
    """Cheapest insertion, then ruin and recreate: some orders at a time are taken out and put back better."""
    # A number instead of infinity keeps differences between two impossible plans comparable.
    farthest = sum(max((t for t in row if not isinf(t)), default=0) for row in problem.seconds) + 1
    seconds = [[farthest if isinf(cell) else cell for cell in row] for row in problem.seconds]
    kept = [] if problem.first is None else [problem.first]
    movable = [group for members in problem.orders if (group := tuple(k for k in members if k not in kept))]

    best = _recreated(problem, seconds, kept, movable)
    if best is None:
        return None
    random = Random(0)  # noqa: S311 - the same input gives the same answer
    shortest = _length(seconds, best)
    for _ in range(ROUNDS):
        out = random.sample(movable, min(SHAKEN_ORDERS, len(movable)))
        gone = {k for group in out for k in group}
        tried = _recreated(problem, seconds, [k for k in best if k not in gone], out)
        if tried is not None and (length := _length(seconds, tried)) < shortest - 1e-9:
            best, shortest = tried, length
    return tuple(best)


def _length(seconds: Matrix, order: Sequence[int]) -> float:
    return sum(seconds[a][b] for a, b in pairwise((0, *(stop + 1 for stop in order))))


def _recreated(
    problem: _Problem, seconds: Matrix, order: list[int], groups: Sequence[tuple[int, ...]]
) -> list[int] | None:
    for group in groups:
        inserted = _inserted(problem, seconds, order, group)
        if inserted is None:
            return None
        order = inserted
    return order


def _inserted(problem: _Problem, seconds: Matrix, order: list[int], group: tuple[int, ...]) -> list[int] | None:
    """`order` with the stops of one order put in where they add least; None where capacity leaves no place."""
    earliest = 0 if problem.first is None else 1
    best, cheapest = None, inf
    for at in range(earliest, len(order) + 1):
        head = order[:at] + [group[0]] + order[at:]
        for later in range(at + 1, len(head) + 1) if len(group) == 2 else (None,):
            tried = head if later is None else head[:later] + [group[1]] + head[later:]
            length = _length(seconds, tried)
            if length < cheapest and problem.allows(tried):
                best, cheapest = tried, length
    return best
