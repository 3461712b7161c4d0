"""The instance in the form the searches read, and the rules of timing: one step from visit to visit.

Orders are numbered; visit 2k is the pickup of order k, 2k + 1 its dropoff. Visits of one kind at one place in a row
are made together: the time there is spent once.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from math import inf
from typing import NamedTuple

from routing.planner.model import Shipment, Travel, Vehicle
from routing.planner.settings import Settings

ANYWHERE = -1
TOLERANCE_S = 1e-6  # what sums in different orders may differ by
_state = tuple.__new__  # a State at a third of the price; steps are most of what the planner does


type Moment = tuple[float, int, int, float]  # the first four of a State


class State(NamedTuple):
    """A driver between two visits. `cost` is the objective so far without the driver's time, which `left` holds."""

    left: float
    place: int
    kind: int
    handed: float
    load: int
    on_board: int
    cost: float


@dataclass(frozen=True, slots=True)
class Constraints:
    """What a driver brings, and the rules that hold on the way.

    `start`: where the day goes on. `travel`: how fast. `fixed`: so many visits at the start stay where they are, and
    nothing is put before them. `given`: so many of these are a person's will, or under way: they are no bundling of
    ours. `kept`: to so many of these the driver is under way, or stands there: no break comes before.
    `most_on_board`, `food_wait_s`: the rules of bundling (Settings). `breaks_late`: breaks may begin too late.
    """

    start: State
    travel: Travel = field(compare=False)
    off_at: float = inf
    capacity: float = inf
    most_on_board: float = inf
    food_wait_s: float = inf
    fixed: int = 0
    given: int = 0
    kept: int = 0
    breaks_late: bool = False

    def unbundled(self) -> "Constraints":
        """The same without the rules of bundling."""
        return replace(self, most_on_board=inf, food_wait_s=inf)


@dataclass(frozen=True, slots=True, eq=False)
class RouteState:
    """A route that obeys every rule. `states[k]`: before visit k. `cost`: with the driver's time.

    `insertions`: by order, the best found and the limit below which was looked for it.
    From visit k on, `waits[k]` is the time spent waiting for food, which a delay may eat up, `doors[k]` the dropoffs.
    """

    constraints: Constraints
    visits: tuple[int, ...]
    states: tuple[State, ...]
    cost: float
    waits: tuple[float, ...]
    doors: tuple[int, ...]
    insertions: "dict[int, tuple[float, Insertion | None]]" = field(default_factory=dict)


class Insertion(NamedTuple):
    """An order put into a route: the visits then, and what they cost more."""

    added: float
    visits: tuple[int, ...]


class Board:
    """Orders whose places are known. `travel`: by which orders are near each other, whoever drives."""

    def __init__(self, shipments: Sequence[Shipment], travel: Travel, settings: Settings) -> None:
        self.travel = travel
        #: Visits from here on are breaks (routing/planner/breaks.py).
        self.first_break = 2 * len(shipments)
        self.shipments = shipments
        self.objective = settings.objective
        self.of_door = settings.objective.of_door
        self.terms = [
            (shipment.bags, shipment.placed_at, shipment.ready_at, shipment.promised_at)
            for shipment in shipments
        ]
        self.work = settings.objective.work
        self.place: list[int] = []
        self.before: list[float] = []
        self.after: list[float] = []
        self.ready: list[float] = []
        for shipment in shipments:
            assert shipment.customer is not None  # noqa: S101 (callers leave out orders without coordinates)
            # Of food that is in the bag nobody needs to know where it came from.
            self.place += (
                shipment.customer if shipment.restaurant is None else shipment.restaurant,
                shipment.customer,
            )
            for service in (shipment.pickup_s, shipment.dropoff_s):
                self.before.append(service * settings.handover)
                self.after.append(service * (1 - settings.handover))
            self.ready += (shipment.ready_at, -inf)

    def start(self, vehicle: Vehicle, now: float, load: int, on_board: int, first: int | None) -> State:
        """`load`: bags that the driver carries, of `on_board` orders. `first`: the first visit, if there is one."""
        assert vehicle.place is not None  # noqa: S101 (callers leave out drivers without a position)
        now = max(now, vehicle.break_until)
        free = max(now, vehicle.free_at)
        place, kind, handed = vehicle.place, ANYWHERE, free
        if first is not None and vehicle.arrived_at is not None:
            free = now
            place, kind = self.place[first], first & 1
            handed = max(now, vehicle.arrived_at + self.before[first])
        return State(free, place, kind, handed, load, on_board, 0.0)

    def step(self, constraints: Constraints, state: State, visit: int) -> State | None:
        """The state after `visit`; None where a rule forbids going there."""
        left, place, kind, handed, load, on_board, cost = state
        to, kind_of_visit = self.place[visit], visit & 1
        if to == place and kind == kind_of_visit:
            free = handed
        else:
            free = left + constraints.travel[place][to] + self.before[visit]
            if free == inf:
                return None
        ready = self.ready[visit]
        handed = free if free >= ready else ready
        bags, placed, food, promised = self.terms[visit >> 1]
        if kind_of_visit:
            load -= bags
            on_board -= 1
            cost += self.of_door(handed, placed, food, promised)
        else:
            load += bags
            on_board += 1
            if load > constraints.capacity or on_board > constraints.most_on_board:
                return None
            # Who stands at the restaurant already takes the food along.
            if handed > constraints.off_at and not (state is constraints.start and kind == 0 and to == place):
                return None
            if (
                state is constraints.start
            ):  # who has nothing else to do sets off later instead of waiting there
                cost -= self.work * (handed - free)
        return _state(State, (handed + self.after[visit], to, kind_of_visit, handed, load, on_board, cost))

    def walk(self, constraints: Constraints, visits: Iterable[int], state: State) -> State | None:
        """The state after all of `visits`; None where a rule forbids one."""
        for visit in visits:
            after = self.step(constraints, state, visit)
            if after is None:
                return None
            state = after
        return state

    def cost(self, constraints: Constraints, state: State) -> float:
        return state.cost + self.work * (state.left - constraints.start.left)

    def route(self, constraints: Constraints, visits: tuple[int, ...]) -> RouteState | None:
        states = [constraints.start]
        for visit in visits:
            state = self.step(constraints, states[-1], visit)
            if state is None:
                return None
            states.append(state)
        waits, doors, travel = [0.0], [0], constraints.travel
        for visit, before, after in zip(reversed(visits), states[-2::-1], states[:0:-1], strict=True):
            free = before.left + travel[before.place][after.place] + self.before[visit]
            waits.append(waits[-1] + max(0.0, after.handed - max(free, before.handed)))
            doors.append(doors[-1] + (visit & 1))
        cost = self.cost(constraints, states[-1])
        return RouteState(
            constraints, visits, tuple(states), cost, tuple(reversed(waits)), tuple(reversed(doors))
        )

    def insert(
        self, route: RouteState, shipment: int, visits: tuple[int, ...], limit: float = inf
    ) -> Insertion | None:
        """The cheapest way to put `visits` (pickup and dropoff of `shipment`, or its dropoff alone) into a route.

        Nothing goes before the visits that are fixed. None where no position is allowed, or none adds less than
        `limit`.
        """
        tried, found = route.insertions.get(shipment, (-inf, None))
        if found is None and tried < limit:
            found = self._insert(route, visits, limit)
            route.insertions[shipment] = limit, found
        return found if found is None or found.added < limit else None

    def _insert(self, route: RouteState, visits: tuple[int, ...], limit: float) -> Insertion | None:
        constraints, base, states = route.constraints, route.visits, route.states
        pickup, dropoff = visits[:-1], visits[-1]
        least, best = route.cost + limit, None
        # The end first: it is always allowed but for the roads and the shift, and a good bound for the rest.
        for at in (len(base), *range(constraints.fixed, len(base))):
            state = self.walk(constraints, pickup, states[at])
            if state is None or (soonest := self.step(constraints, state, dropoff)) is None:
                continue
            others = self._bound(route, at, state)
            if others + soonest.cost - state.cost >= least:
                continue
            # The dropoff comes later than right away only where the detour to the pickup is worth it.
            for later in range(at, len(base) + 1 if pickup else at + 1):
                dropped = self.step(constraints, state, dropoff) if later > at else soonest
                if dropped is not None and self._bound(route, later, dropped) < least:
                    done = self.walk(constraints, base[later:], dropped)
                    if done is not None and (cost := self.cost(constraints, done)) < least:
                        tried = (*base[:at], *pickup, *base[at:later], dropoff, *base[later:])
                        if self.bundles_well(constraints, tried):
                            least, best = cost, tried
                if later == len(base) or (state := self.step(constraints, state, base[later])) is None:
                    break
        return None if best is None else Insertion(least - route.cost, best)

    def _bound(self, route: RouteState, at: int, state: State) -> float:
        """The least that a route can cost which is in `state` and goes on with `route` from its visit `at`.

        The delay against `route` reaches every later door, less what waiting for food eats up.
        """
        before, final, travel = route.states[at], route.states[-1], route.constraints.travel
        cost = state.cost + final.cost - before.cost
        if at == len(route.visits):
            return cost + self.work * (state.left - route.constraints.start.left)
        to = route.states[at + 1].place
        delay = state.left + travel[state.place][to] - before.left - travel[before.place][to]
        delay -= route.waits[at]
        if to == before.place or to == state.place:  # one visit more or less
            delay -= self.before[route.visits[at]]
        if delay < 0:
            delay = 0.0
        cost += delay * self.objective.door * route.doors[at]
        return cost + self.work * (final.left + delay - route.constraints.start.left)

    def bundles_well(self, constraints: Constraints, visits: tuple[int, ...]) -> bool:
        """Whether bundling makes nobody late and lets no food wait too long.

        Each customer is served by the promised time and within `food_wait_s` of the straight way from restaurant to
        door, or else no later than if the driver served the same orders one by one, as they are picked up.
        """
        if constraints.food_wait_s == inf:
            return True
        singly = self.one_by_one(constraints, visits)
        if singly == visits:
            return True
        handed, alone = self._handed(constraints, visits), None
        start, place, after, before = constraints.start, self.place, self.after, self.before
        travel = constraints.travel
        for visit in visits:
            if not visit & 1:
                continue
            at = handed[visit]
            if visit - 1 in handed:
                straight = handed[visit - 1] + after[visit - 1] + travel[place[visit - 1]][place[visit]]
            else:
                straight = start.left + travel[start.place][place[visit]]
            if (
                at
                > min(self.terms[visit >> 1][3], straight + before[visit] + constraints.food_wait_s)
                + TOLERANCE_S
            ):
                alone = alone or self._handed(constraints, singly)
                if at > alone[visit] + TOLERANCE_S:
                    return False
        return True

    def fullest(self, constraints: Constraints, visits: Iterable[int]) -> int:
        """The most bags that are on board after a pickup; 0 where nothing is picked up."""
        load, most = constraints.start.load, 0
        for visit in visits:
            bags = self.terms[visit >> 1][0]
            load += -bags if visit & 1 else bags
            if not visit & 1 and load > most:
                most = load
        return most

    def hold_s(self, route: RouteState) -> float:
        """How much later a driver may set off for the first visit: until then the food is not ready."""
        if not route.visits:
            return 0.0
        start, first, travel = route.constraints.start, route.visits[0], route.constraints.travel
        there = start.left + travel[start.place][self.place[first]] + self.before[first]
        return max(0.0, self.ready[first] - there)

    def working_s(self, route: RouteState) -> float:
        """From setting off to the end of the last visit, without breaks and the waits for them."""
        return route.states[-1].left - route.constraints.start.left - self.hold_s(route)

    def delivered(self, route: RouteState) -> dict[int, float]:
        """By order, when it is handed over at the door."""
        after = zip(route.visits, route.states[1:], strict=True)
        return {visit >> 1: state.handed for visit, state in after if visit & 1}

    def timetable(self, route: RouteState, since: float | None) -> list[tuple[float, float, float]]:
        """By visit: when the driver arrives, hands over and leaves; `since`: arrived at the first one."""
        times: list[tuple[float, float, float]] = []
        travel = route.constraints.travel
        arrives = route.constraints.start.left if since is None else since
        for before, after in pairwise(route.states):
            if before.place != after.place or before.kind != after.kind:
                arrives = before.left + travel[before.place][after.place]
            times.append((arrives, after.handed, after.left))
        return times

    def one_by_one(self, constraints: Constraints, visits: tuple[int, ...]) -> tuple[int, ...]:
        """The same orders without bundling: what is given, then what is on board, then each order, as picked up."""
        given, rest = visits[: constraints.given], visits[constraints.given :]
        picked_later = {visit for visit in rest if not visit & 1}
        on_board = [visit for visit in rest if visit & 1 and visit - 1 not in picked_later]
        singly = [step for visit in rest if not visit & 1 for step in (visit, visit + 1)]
        return (*given, *on_board, *singly)

    def _handed(self, constraints: Constraints, visits: Sequence[int]) -> dict[int, float]:
        """When each visit's food changes hands, whatever the rules say; infinite where no road leads there."""
        times: dict[int, float] = {}
        self._hand_over(constraints.start[:4], visits, constraints.travel, times)
        return times

    def _hand_over(
        self, since: Moment, visits: Sequence[int], travel: Travel, times: dict[int, float]
    ) -> Moment:
        """Notes these times of some visits in a row, made `since`; returns when and where the last one ends."""
        left, place, kind, handed = since
        for visit in visits:
            to = self.place[visit]
            if place != to or kind != visit & 1:
                handed = left + travel[place][to] + self.before[visit]
            if handed < self.ready[visit]:
                handed = self.ready[visit]
            times[visit] = handed
            left, place, kind = handed + self.after[visit], to, visit & 1
        return left, place, kind, handed
