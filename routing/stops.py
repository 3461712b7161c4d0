"""The best order in which one driver visits several stops. Pure: travel times in, an order out."""

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from math import inf, isinf
from random import Random
from typing import Literal

from routing.errors import BadRequest, UnreachableStops

# An order with one stop left has two states (open, done), with two stops three. So many states in all are
# searched completely: 10 dropoffs, or 6 orders to pick up and deliver, in about 20 ms.
EXACT_STATES = 1024
# Longer plans: rounds of improvement, how many orders each takes out and puts back, and by how much a plan may
# be longer than the best and still be worked on (at first; nothing at the end), the way out of local optima.
# With these, 14 to 16 stops come within 1 % of the optimum on average, in 10 to 30 ms.
ROUNDS = 150
FEWEST_TAKEN_OUT, MOST_TAKEN_OUT = 2, 5
TOLERANCE = 0.1

type Matrix = list[list[float]]
type Group = tuple[int, ...]  # the stops of one order: pickup and dropoff, or one of them


@dataclass(frozen=True, slots=True)
class Stop:
    """A pickup or dropoff of `load` bags. A dropoff whose pickup is not among the stops is in the bag already."""

    order: Hashable
    kind: Literal["pickup", "dropoff"]
    load: int = 1


@dataclass(frozen=True, slots=True)
class Plan:
    """`order[k]` is the index of the stop visited k-th; `duration_s` the driving time through all of them."""

    order: tuple[int, ...]
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

    Exact up to 10 stops; beyond (unless the orders are few) by insertion and local search.
    UnreachableStops: no order can be driven. BadRequest: the input contradicts itself.
    """
    if len(seconds) != len(stops) + 1 or any(len(row) != len(seconds) for row in seconds):
        raise BadRequest(f"{len(stops)} stops need {len(stops) + 1} rows and columns of travel times.")
    if first is not None:
        return _after(first, seconds, stops, capacity)
    problem = _Problem(seconds, stops, capacity)
    order = _exact(problem) if problem.states <= EXACT_STATES else _searched(problem)
    duration = _duration(problem.seconds, order)
    if isinf(duration):
        raise UnreachableStops(problem.cut_off())
    return Plan(tuple(order), duration)


def _after(
    first: int, seconds: Sequence[Sequence[float | None]], stops: Sequence[Stop], capacity: int | None
) -> Plan:
    """The best order of the rest for a driver who has just served `first`: what was to be dropped off
    afterwards is in the bag then.
    """
    if not 0 <= first < len(stops):
        raise BadRequest("The first stop must be one of the stops.")
    if stops[first].kind == "dropoff" and any(
        stop.kind == "pickup" and stop.order == stops[first].order for stop in stops
    ):
        raise BadRequest("The first stop cannot be the dropoff of food that is yet to be picked up.")
    way = seconds[0][first + 1]
    if way is None:
        raise UnreachableStops((first,))
    rest = [k for k in range(len(stops)) if k != first]
    places = [first + 1, *(k + 1 for k in rest)]
    try:
        plan = best_order(
            [[seconds[a][b] for b in places] for a in places], [stops[k] for k in rest], capacity=capacity
        )
    except UnreachableStops as error:
        raise UnreachableStops(tuple(rest[k] for k in error.stops)) from None
    return Plan((first, *(rest[k] for k in plan.order)), way + plan.duration_s)


class _Problem:
    """The input, checked, in the form that both searches read: place 0 is the driver, stop k is place k + 1."""

    def __init__(
        self, seconds: Sequence[Sequence[float | None]], stops: Sequence[Stop], capacity: int | None
    ) -> None:
        pickups = {stop.order: k for k, stop in enumerate(stops) if stop.kind == "pickup"}
        dropoffs = {stop.order: k for k, stop in enumerate(stops) if stop.kind == "dropoff"}
        if len(pickups) + len(dropoffs) < len(stops) or not pickups.keys() <= dropoffs.keys():
            raise BadRequest("An order has one dropoff, and before it one pickup at most.")
        if capacity is not None and any(stops[k].load > capacity for k in pickups.values()):
            raise BadRequest(f"One order alone is more than the {capacity} bags that fit.")

        self.count = len(stops)
        self.seconds: Matrix = [[inf if cell is None else cell for cell in row] for row in seconds]
        self.capacity = inf if capacity is None else capacity
        self.on_board = sum(stops[k].load for order, k in dropoffs.items() if order not in pickups)
        self.change = [stop.load if stop.kind == "pickup" else -stop.load for stop in stops]
        self.pickup_of = [pickups.get(stop.order) if stop.kind == "dropoff" else None for stop in stops]
        self.groups: list[Group] = [
            (pickups[order], dropoff) if order in pickups else (dropoff,)
            for order, dropoff in dropoffs.items()
        ]
        self.states = 1
        for group in self.groups:
            self.states *= len(group) + 1

    def fits(self, load: int, stop: int) -> bool:
        """Whether a driver with `load` bags on board has room for what `stop` hands out."""
        return self.change[stop] <= 0 or load + self.change[stop] <= self.capacity

    def loads(self, order: Iterable[int]) -> list[int]:
        """Bags on board at the start and after each stop."""
        return list(accumulate((self.change[stop] for stop in order), initial=self.on_board))

    def allows(self, order: Sequence[int]) -> bool:
        """Whether each pickup comes before its dropoff, and the bags always fit."""
        at = {stop: position for position, stop in enumerate(order)}
        return all(
            pickup is None or at[pickup] < at[dropoff] for dropoff, pickup in enumerate(self.pickup_of)
        ) and all(map(self.fits, self.loads(order), order))

    def cut_off(self) -> tuple[int, ...]:
        """The stops to which no road leads from anywhere."""
        return tuple(
            k
            for k in range(self.count)
            if all(isinf(row[k + 1]) for place, row in enumerate(self.seconds) if place != k + 1)
        )


def _duration(seconds: Matrix, order: Iterable[int]) -> float:
    return sum((seconds[a][b] for a, b in pairwise((0, *(stop + 1 for stop in order)))), 0.0)


def _exact(problem: _Problem) -> list[int]:
    """Held and Karp's dynamic programme over the sets of stops visited, which precedence and capacity keep few."""
    seconds, stops = problem.seconds, range(problem.count)
    needs = [0 if pickup is None else 1 << pickup for pickup in problem.pickup_of]
    # By the set visited, then by its last stop: the least duration, and the stop before the last.
    layers: list[dict[int, dict[int, tuple[float, int]]]] = [{0: {-1: (0.0, -1)}}]
    for _ in stops:
        following: dict[int, dict[int, tuple[float, int]]] = {}
        for visited, ends in layers[-1].items():
            load = problem.on_board + sum(problem.change[k] for k in stops if visited >> k & 1)
            for k in stops:
                if visited >> k & 1 or needs[k] & ~visited or not problem.fits(load, k):
                    continue
                arrival = min((so_far + seconds[end + 1][k + 1], end) for end, (so_far, _) in ends.items())
                following.setdefault(visited | 1 << k, {})[k] = arrival
        layers.append(following)

    (visited, ends) = next(iter(layers.pop().items()))
    stop = min(ends, key=lambda end: (ends[end][0], end))
    order = []
    while layers:
        order.append(stop)
        before = ends[stop][1]
        visited &= ~(1 << stop)
        ends, stop = layers.pop()[visited], before
    return order[::-1]


def _searched(problem: _Problem) -> list[int]:
    """Cheapest insertion, then ruin and recreate; 2-opt straightens each new best."""
    seconds = _finite(problem.seconds)
    groups = sorted(problem.groups, key=len)  # what is in the bag goes first: it makes room
    order = best = _straightened(problem, seconds, _inserted(problem, seconds, [], groups))
    shortest = _duration(seconds, best)
    random = Random(0)  # always the same: the same input gives the same answer
    for turn in range(ROUNDS):
        out = _taken_out(order, groups, random)
        gone = {stop for group in out for stop in group}
        tried = _inserted(problem, seconds, [stop for stop in order if stop not in gone], out)
        if not problem.allows(tried):
            continue
        duration = _duration(seconds, tried)
        if duration < shortest:
            best = tried = _straightened(problem, seconds, tried)
            shortest = duration = _duration(seconds, tried)
        if duration < shortest * (1 + TOLERANCE * (1 - turn / ROUNDS)):
            order = tried
    return best


def _finite(seconds: Matrix) -> Matrix:
    """With a very long drive instead of none, so that even impossible plans can be compared."""
    longest = 1 + sum(max((cell for cell in row if not isinf(cell)), default=0) for row in seconds)
    return [[longest if isinf(cell) else cell for cell in row] for row in seconds]


def _taken_out(order: list[int], groups: list[Group], random: Random) -> list[Group]:
    """A few orders at random, or those of a few stops in a row."""
    count = min(random.randint(FEWEST_TAKEN_OUT, MOST_TAKEN_OUT), len(groups))
    if random.random() < 0.5:
        return random.sample(groups, count)
    at = random.randrange(len(order))
    stretch = set(order[at : at + count])
    out = [group for group in groups if not stretch.isdisjoint(group)]
    random.shuffle(out)
    return out


def _straightened(problem: _Problem, seconds: Matrix, order: list[int]) -> list[int]:
    """2-opt: stretches turned around as long as that helps."""
    shortest, improved = _duration(seconds, order), True
    while improved:
        improved = False
        for start in range(len(order) - 1):
            for end in range(start + 2, len(order) + 1):
                tried = [*order[:start], *reversed(order[start:end]), *order[end:]]
                duration = _duration(seconds, tried)
                if duration < shortest - 1e-9 and problem.allows(tried):
                    order, shortest, improved = tried, duration, True
    return order


def _inserted(problem: _Problem, seconds: Matrix, order: list[int], groups: Sequence[Group]) -> list[int]:
    """`order` with the stops of these orders put in one by one, each where it adds least.

    A pickup goes only where its bags fit; whether those of the others still do is for the caller to see.
    """
    for group in groups:
        if len(group) == 1:
            detours = _detours(seconds, order, group[0])
            at = min(range(len(detours)), key=detours.__getitem__)
            order = [*order[:at], group[0], *order[at:]]
        else:
            at, later = _best_pair(problem, seconds, order, *group)
            order = [*order[:at], group[0], *order[at:later], group[1], *order[later:]]
    return order


def _detours(seconds: Matrix, order: list[int], stop: int) -> list[float]:
    """By position, the time that going by `stop` adds there."""
    places = [0, *(k + 1 for k in order)]
    leaving = seconds[stop + 1]
    detours = [seconds[a][stop + 1] + leaving[b] - seconds[a][b] for a, b in pairwise(places)]
    return [*detours, seconds[places[-1]][stop + 1]]


def _best_pair(
    problem: _Problem, seconds: Matrix, order: list[int], pickup: int, dropoff: int
) -> tuple[int, int]:
    """Where in `order` a pickup and its dropoff add least, counted as positions in `order` before both."""
    places, loads = [0, *(k + 1 for k in order)], problem.loads(order)
    to_pickup, to_dropoff = _detours(seconds, order, pickup), _detours(seconds, order, dropoff)
    room = problem.capacity - problem.change[pickup]
    straight, leaving = seconds[pickup + 1][dropoff + 1], seconds[dropoff + 1]
    least, best = inf, (len(order), len(order))
    for at, place in enumerate(places):
        if loads[at] > room:
            continue
        together = seconds[place][pickup + 1] + straight
        if at < len(order):
            together += leaving[places[at + 1]] - seconds[place][places[at + 1]]
        if together < least:
            least, best = together, (at, at)
        for later in range(at + 1, len(places)):
            if loads[later] > room:
                break
            if to_pickup[at] + to_dropoff[later] < least:
                least, best = to_pickup[at] + to_dropoff[later], (at, later)
    return best
