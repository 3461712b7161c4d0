"""The situation in the form the searches read, and the rules of timing: one step from stop to stop.

Orders are numbered; stop 2k is the pickup of order k, 2k + 1 its dropoff. Stops of one kind at one place in a row
are one visit: the time at the stop is spent once.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from math import inf
from typing import NamedTuple

from routing.planner.model import Driver, Order, Travel
from routing.planner.settings import Settings

ANYWHERE = -1
TOLERANCE_S = 1e-6  # what sums in different orders may differ by
_state = tuple.__new__  # a State at a third of the price; steps are most of what the planner does


class State(NamedTuple):
    """A driver between two stops. `cost` is the objective so far without the driver's time, which `left` holds."""

    left: float
    place: int
    kind: int
    handed: float
    load: int
    on_board: int
    cost: float


@dataclass(frozen=True, slots=True)
class Shift:
    """What a driver brings, and the rules that hold on the way.

    `start`: where the day goes on. `fixed`: so many stops at the start stay where they are, and nothing is put
    before them. `given`: so many of these are a person's will, or under way: they are no bundling of ours.
    `most_on_board`, `food_wait_s`: the rules of bundling (Settings).
    """

    start: State
    off_at: float = inf
    capacity: float = inf
    most_on_board: float = inf
    food_wait_s: float = inf
    fixed: int = 0
    given: int = 0

    def unbundled(self) -> "Shift":
        """The same without the rules of bundling."""
        return replace(self, most_on_board=inf, food_wait_s=inf)


@dataclass(frozen=True, slots=True, eq=False)
class Route:
    """A way through stops that obeys every rule. `states[k]`: before stop k. `cost`: with the driver's time.

    `insertions`: by order, the best found and the limit below which was looked for it.
    From stop k on, `waits[k]` is the time spent waiting for food, which a delay may eat up, `doors[k]` the dropoffs.
    """

    shift: Shift
    stops: tuple[int, ...]
    states: tuple[State, ...]
    cost: float
    waits: tuple[float, ...]
    doors: tuple[int, ...]
    insertions: "dict[int, tuple[float, Insertion | None]]" = field(default_factory=dict)


class Insertion(NamedTuple):
    """An order put into a route: the stops then, and what they cost more."""

    added: float
    stops: tuple[int, ...]


class Board:
    """Orders whose places are known."""

    def __init__(self, orders: Sequence[Order], travel: Travel, settings: Settings) -> None:
        self.travel = travel
        self.orders = orders
        self.objective = settings.objective
        self.of_door = settings.objective.of_door
        self.terms = [(order.bags, order.placed_at, order.ready_at, order.promised_at) for order in orders]
        self.work = settings.objective.work
        self.place: list[int] = []
        self.before: list[float] = []
        self.after: list[float] = []
        self.ready: list[float] = []
        for order in orders:
            assert order.customer is not None  # noqa: S101 (callers leave out orders without coordinates)
            # Of food that is in the bag nobody needs to know where it came from.
            self.place += (order.customer if order.restaurant is None else order.restaurant, order.customer)
            for service in (order.pickup_s, order.dropoff_s):
                self.before.append(service * settings.handover)
                self.after.append(service * (1 - settings.handover))
            self.ready += (order.ready_at, -inf)

    def start(self, driver: Driver, now: float, load: int, on_board: int, first: int | None) -> State:
        """`load`: bags that the driver carries, of `on_board` orders. `first`: the first stop, if there is one."""
        assert driver.place is not None  # noqa: S101 (callers leave out drivers without a position)
        free = max(now, driver.free_at)
        place, kind, handed = driver.place, ANYWHERE, free
        if first is not None and driver.arrived_at is not None:
            free = now
            place, kind = self.place[first], first & 1
            handed = max(now, driver.arrived_at + self.before[first])
        return State(free, place, kind, handed, load, on_board, 0.0)

    def step(self, shift: Shift, state: State, stop: int) -> State | None:
        """The state after `stop`; None where a rule forbids going there."""
        left, place, kind, handed, load, on_board, cost = state
        to, kind_of_stop = self.place[stop], stop & 1
        if to == place and kind == kind_of_stop:
            free = handed
        else:
            free = left + self.travel[place][to] + self.before[stop]
            if free == inf:
                return None
        ready = self.ready[stop]
        handed = free if free >= ready else ready
        bags, placed, food, promised = self.terms[stop >> 1]
        if kind_of_stop:
            load -= bags
            on_board -= 1
            cost += self.of_door(handed, placed, food, promised)
        else:
            load += bags
            on_board += 1
            if load > shift.capacity or on_board > shift.most_on_board:
                return None
            # Who stands at the restaurant already takes the food along.
            if handed > shift.off_at and not (state is shift.start and kind == 0 and to == place):
                return None
            if state is shift.start:  # who has nothing else to do sets off later instead of waiting there
                cost -= self.work * (handed - free)
        return _state(State, (handed + self.after[stop], to, kind_of_stop, handed, load, on_board, cost))

    def walk(self, shift: Shift, stops: Iterable[int], state: State) -> State | None:
        """The state after all of `stops`; None where a rule forbids one."""
        for stop in stops:
            after = self.step(shift, state, stop)
            if after is None:
                return None
            state = after
        return state

    def cost(self, shift: Shift, state: State) -> float:
        return state.cost + self.work * (state.left - shift.start.left)

    def route(self, shift: Shift, stops: tuple[int, ...]) -> Route | None:
        states = [shift.start]
        for stop in stops:
            state = self.step(shift, states[-1], stop)
            if state is None:
                return None
            states.append(state)
        waits, doors = [0.0], [0]
        for stop, before, after in zip(reversed(stops), states[-2::-1], states[:0:-1], strict=True):
            free = before.left + self.travel[before.place][after.place] + self.before[stop]
            waits.append(waits[-1] + max(0.0, after.handed - max(free, before.handed)))
            doors.append(doors[-1] + (stop & 1))
        cost = self.cost(shift, states[-1])
        return Route(shift, stops, tuple(states), cost, tuple(reversed(waits)), tuple(reversed(doors)))

    def insert(
        self, route: Route, order: int, stops: tuple[int, ...], limit: float = inf
    ) -> Insertion | None:
        """The cheapest way to put `stops` (pickup and dropoff of `order`, or its dropoff alone) into a route.

        Nothing goes before the stops that are fixed. None where no position is allowed, or none adds less than
        `limit`.
        """
        tried, found = route.insertions.get(order, (-inf, None))
        if found is None and tried < limit:
            found = self._insert(route, stops, limit)
            route.insertions[order] = limit, found
        return found if found is None or found.added < limit else None

    def _insert(self, route: Route, stops: tuple[int, ...], limit: float) -> Insertion | None:
        shift, base, states = route.shift, route.stops, route.states
        pickup, dropoff = stops[:-1], stops[-1]
        least, best = route.cost + limit, None
        # The end first: it is always allowed but for the roads and the shift, and a good bound for the rest.
        for at in (len(base), *range(shift.fixed, len(base))):
            state = self.walk(shift, pickup, states[at])
            if state is None or (soonest := self.step(shift, state, dropoff)) is None:
                continue
            others = self._bound(route, at, state)
            if others + soonest.cost - state.cost >= least:
                continue
            # The dropoff comes later than right away only where the detour to the pickup is worth it.
            for later in range(at, len(base) + 1 if pickup else at + 1):
                dropped = self.step(shift, state, dropoff) if later > at else soonest
                if dropped is not None and self._bound(route, later, dropped) < least:
                    done = self.walk(shift, base[later:], dropped)
                    if done is not None and (cost := self.cost(shift, done)) < least:
                        tried = (*base[:at], *pickup, *base[at:later], dropoff, *base[later:])
                        if self.bundles_well(shift, tried):
                            least, best = cost, tried
                if later == len(base) or (state := self.step(shift, state, base[later])) is None:
                    break
        return None if best is None else Insertion(least - route.cost, best)

    def _bound(self, route: Route, at: int, state: State) -> float:
        """The least that a route can cost which is in `state` and goes on with `route` from its stop `at`.

        The delay against `route` reaches every later door, less what waiting for food eats up.
        """
        before, final = route.states[at], route.states[-1]
        cost = state.cost + final.cost - before.cost
        if at == len(route.stops):
            return cost + self.work * (state.left - route.shift.start.left)
        to = route.states[at + 1].place
        delay = state.left + self.travel[state.place][to] - before.left - self.travel[before.place][to]
        delay -= route.waits[at]
        if to == before.place or to == state.place:  # one visit more or less
            delay -= self.before[route.stops[at]]
        if delay < 0:
            delay = 0.0
        cost += delay * self.objective.door * route.doors[at]
        return cost + self.work * (final.left + delay - route.shift.start.left)

    def bundles_well(self, shift: Shift, stops: tuple[int, ...]) -> bool:
        """Whether bundling makes nobody late and lets no food wait too long.

        Each customer is served by the promised time and within `food_wait_s` of the straight way from restaurant to
        door, or else no later than if the driver served the same orders one by one, as they are picked up.
        """
        if shift.food_wait_s == inf:
            return True
        singly = one_by_one(shift, stops)
        if singly == stops:
            return True
        handed, alone = self._handed(shift, stops), None
        start, place, after, before = shift.start, self.place, self.after, self.before
        for stop in stops:
            if not stop & 1:
                continue
            at = handed[stop]
            if stop - 1 in handed:
                straight = handed[stop - 1] + after[stop - 1] + self.travel[place[stop - 1]][place[stop]]
            else:
                straight = start.left + self.travel[start.place][place[stop]]
            if at > min(self.terms[stop >> 1][3], straight + before[stop] + shift.food_wait_s) + TOLERANCE_S:
                alone = alone or self._handed(shift, singly)
                if at > alone[stop] + TOLERANCE_S:
                    return False
        return True

    def fullest(self, shift: Shift, stops: Iterable[int]) -> int:
        """The most bags that are on board after a pickup; 0 where nothing is picked up."""
        load, most = shift.start.load, 0
        for stop in stops:
            bags = self.terms[stop >> 1][0]
            load += -bags if stop & 1 else bags
            if not stop & 1 and load > most:
                most = load
        return most

    def hold_s(self, route: Route) -> float:
        """How much later a driver may set off for the first stop: until then the food is not ready."""
        if not route.stops:
            return 0.0
        start, first = route.shift.start, route.stops[0]
        there = start.left + self.travel[start.place][self.place[first]] + self.before[first]
        return max(0.0, self.ready[first] - there)

    def working_s(self, route: Route) -> float:
        """From setting off to the end of the last stop."""
        return route.states[-1].left - route.shift.start.left - self.hold_s(route)

    def delivered(self, route: Route) -> dict[int, float]:
        """By order, when it is handed over at the door."""
        after = zip(route.stops, route.states[1:], strict=True)
        return {stop >> 1: state.handed for stop, state in after if stop & 1}

    def timetable(self, route: Route, since: float | None) -> list[tuple[float, float, float]]:
        """By stop: when the driver arrives, hands over and leaves; `since`: arrived at the first one."""
        times: list[tuple[float, float, float]] = []
        arrives = route.shift.start.left if since is None else since
        for before, after in pairwise(route.states):
            if before.place != after.place or before.kind != after.kind:
                arrives = before.left + self.travel[before.place][after.place]
            times.append((arrives, after.handed, after.left))
        return times

    def _handed(self, shift: Shift, stops: Sequence[int]) -> dict[int, float]:
        """When each stop's food changes hands, whatever the rules say; infinite where no road leads there."""
        left, place, kind, handed = shift.start[:4]
        times: dict[int, float] = {}
        for stop in stops:
            to = self.place[stop]
            if place != to or kind != stop & 1:
                handed = left + self.travel[place][to] + self.before[stop]
            if handed < self.ready[stop]:
                handed = self.ready[stop]
            times[stop] = handed
            left, place, kind = handed + self.after[stop], to, stop & 1
        return times


def one_by_one(shift: Shift, stops: tuple[int, ...]) -> tuple[int, ...]:
    """The same orders without bundling: what is given, then what is on board, then each order, as picked up."""
    given, rest = stops[: shift.given], stops[shift.given :]
    picked_later = {stop for stop in rest if not stop & 1}
    on_board = [stop for stop in rest if stop & 1 and stop - 1 not in picked_later]
    singly = [step for stop in rest if not stop & 1 for step in (stop, stop + 1)]
    return (*given, *on_board, *singly)
