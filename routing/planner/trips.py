"""The trip of one driver: given stops, the order in which to visit them, and when."""

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import replace
from itertools import count, pairwise
from math import isinf

from routing.planner.board import Board, Route, Shift, one_by_one
from routing.planner.exact import TooLarge, exact
from routing.planner.model import Driver, Id, Order, Situation, Stop, Trip, Visit
from routing.planner.search import Piece, Search
from routing.planner.settings import Settings
from routing.problems import Problem

# A search that begins anew six times, with 40 rounds each, finds trips of 10 to 20 stops as short as VROOM's; begun
# once, with as many rounds in all, it got stuck up to 11 % above for one in twenty.
STARTS, ROUNDS = 6, 240


def best_trip(situation: Situation, driver: Id, settings: Settings | None = None) -> Trip:
    """The best order of what a driver has to do already. Exact for up to about 8 stops, by search beyond.

    The leg under way is kept (unless `divert`), pinned stops stay at their place. Orders are given here, so the end
    of the shift does not apply, and the rules of bundling and of capacity only where some order of the stops obeys
    them; a bag too full is emptied first. Stops that no road leads to come last, without times, and
    `Trip.problems` names them.
    """
    settings = settings or Settings()
    (found,) = (one for one in situation.drivers if one.id == driver)
    if found.place is None:
        return untimed(found, Problem.DRIVER_UNPLACED)
    cast = Cast(situation, settings)
    task = Task(cast, found)
    route = task.best()
    return task.trip(route) if route is not None else untimed(found, cast.impasse(found))


def trip_in_order(situation: Situation, driver: Id, settings: Settings | None = None) -> Trip:
    """What a driver has to do, in the order in which it stands; as `best_trip` says it."""
    (found,) = (one for one in situation.drivers if one.id == driver)
    pinned = replace(found, stops=tuple(replace(stop, pinned=True) for stop in found.stops))
    return best_trip(situation.with_driver(pinned), driver, settings)


def best_route(
    board: Board, shift: Shift, stops: tuple[int, ...], pins: Mapping[int, int], settings: Settings
) -> Route | None:
    """The cheapest route through `stops`, `pins[k]` the k-th; None where the rules or the roads allow none.

    Where it takes a search, all stops up to the last pin stay as they are.
    """
    try:
        return exact(board, shift, stops, pins)
    except TooLarge:
        pass
    start = board.route(shift, stops[: shift.fixed])
    if start is None:
        return None
    search = Search(board, pieces(stops[shift.fixed :], (0,)), replace(settings, rounds=ROUNDS), STARTS)
    solution, _ = search.solve([start])
    if not solution.left_out:
        return solution.routes[0]
    singly = board.route(shift, one_by_one(replace(shift, given=shift.fixed), stops))
    return singly if singly is not None and board.bundles_well(shift, singly.stops) else None


def pieces(stops: Sequence[int], drivers: Sequence[int]) -> list[Piece]:
    """What of these stops moves as one."""
    there = set(stops)
    return [
        Piece(stop >> 1, (stop - 1, stop) if stop - 1 in there else (stop,), drivers, {})
        for stop in stops
        if stop & 1
    ]


class Cast:
    """A situation's orders as the board numbers them, and those that nobody can plan, with the reason."""

    def __init__(self, situation: Situation, settings: Settings) -> None:
        self.situation, self.settings = situation, settings
        self.holder = {stop.order: driver for driver in situation.drivers for stop in driver.stops}
        to_pick_up = {s.order for driver in situation.drivers for s in driver.stops if s.kind == "pickup"}
        #: What drivers have picked up already.
        self.in_bags = self.holder.keys() - to_pick_up
        self._by_id = {order.id: order for order in situation.orders}
        places = {place for order in situation.orders for place in (order.restaurant, order.customer)}
        #: Drivers from whose place no road leads to any other.
        self.stranded = {driver.id for driver in situation.drivers if self._is_stranded(driver, places)}
        self.blocked: dict[Id, Problem] = {}
        for order in situation.orders:
            if problem := self._blocks(order):
                self.blocked[order.id] = problem
        self.orders = [order for order in situation.orders if order.id not in self.blocked]
        self.number = {order.id: k for k, order in enumerate(self.orders)}
        self.board = Board(self.orders, situation.travel, settings)

    def bags(self, order: Id) -> int:
        return self._by_id[order].bags

    def impasse(self, driver: Driver) -> Problem:
        """Why no way leads through this driver's stops."""
        return Problem.DRIVER_OFF_ROAD if driver.id in self.stranded else Problem.CONTRADICTORY

    def _is_stranded(self, driver: Driver, places: Set[int | None]) -> bool:
        if driver.place is None or places <= {driver.place, None}:
            return False
        roads = self.situation.travel[driver.place]
        return all(place is None or place == driver.place or isinf(roads[place]) for place in places)

    def _blocks(self, order: Order) -> Problem | None:
        holder = self.holder.get(order.id)
        if order.customer is None:
            return Problem.CUSTOMER_UNPLACED
        if order.id in self.in_bags:
            ways = self._places(holder, order.customer) if holder else []
            return Problem.CUSTOMER_UNREACHABLE if self._cut_off(ways, order.customer) else None
        if order.restaurant is None:
            return Problem.RESTAURANT_UNPLACED
        drivers = [holder] if holder else self.situation.drivers
        ways = [place for driver in drivers for place in self._places(driver, order.restaurant)]
        if self._cut_off(ways, order.restaurant):
            return Problem.RESTAURANT_UNREACHABLE
        cut_off = isinf(self.situation.travel[order.restaurant][order.customer])
        return Problem.CUSTOMER_UNREACHABLE if cut_off else None

    def _cut_off(self, places: Iterable[int], to: int) -> bool:
        """Whether there are places to come from, and no road leads from any."""
        roads = [isinf(self.situation.travel[place][to]) for place in places]
        return bool(roads) and all(roads)

    def _places(self, driver: Driver, to: int) -> list[int]:
        """Where a driver is, and may come from on the way `to` a place; nowhere without a road away from there."""
        if driver.place is None or (driver.id in self.stranded and driver.place != to):
            return []
        places = [driver.place]
        for stop in driver.stops:
            order = self._by_id[stop.order]
            place = order.restaurant if stop.kind == "pickup" else order.customer
            if place is not None and place != to:
                places.append(place)
        return places


class Task:
    """One driver's stops as the board numbers them, and the rules for them; the end of the shift is not among them.

    `kept`: so many stops at the start stay for the leg under way, or since the driver stands there.
    `pins`: those, and what a person pinned, by their place in the sequence.
    """

    def __init__(self, cast: Cast, driver: Driver) -> None:
        self.cast, self.driver, settings = cast, driver, cast.settings
        number = {
            stop: 2 * cast.number[stop.order] + (stop.kind == "dropoff")
            for stop in driver.stops
            if stop.order in cast.number
        }
        self.stops = tuple(number.values())
        self.stop_of = {code: stop for stop, code in number.items()}
        self.blocked = [stop for stop in driver.stops if stop not in number]
        first = number.get(driver.stops[0]) if driver.stops else None
        keeps = driver.arrived_at is not None or (driver.under_way and not settings.divert)
        self.kept = int(first is not None and keeps)
        self.pins = {
            k: code for k, (code, stop) in enumerate(self.stop_of.items()) if stop.pinned or k < self.kept
        }
        # Food for a customer out of reach takes up room as well; how long it waits is nobody's plan.
        aboard = cast.in_bags & {stop.order for stop in driver.stops}
        load = sum(map(cast.bags, aboard))
        start = cast.board.start(driver, cast.situation.now, load, len(aboard & cast.number.keys()), first)
        self.shift = Shift(
            start,
            capacity=driver.capacity,
            most_on_board=settings.most_on_board,
            food_wait_s=settings.food_wait_s,
            fixed=max(self.pins, default=-1) + 1,
            given=next(k for k in count() if k not in self.pins),
        )

    def as_it_stands(self) -> Route | None:
        """The stops in their present order, by the strictest rules that it obeys; None where a road is missing."""
        board = self.cast.board
        for shift in self._rules():
            route = board.route(shift, self.stops)
            if route is not None and board.bundles_well(shift, self.stops):
                return route
        return None

    def best(self) -> Route | None:
        """The cheapest route by the strictest rules that any order of the stops obeys; None where no road leads."""
        for shift in self._rules():
            route = best_route(self.cast.board, shift, self.stops, self.pins, self.cast.settings)
            if route is not None:
                return route
        return None

    def _rules(self) -> Iterator[Shift]:
        """The strictest first. Bundling is given up before capacity, and capacity no further than the present order
        of the stops does.
        """
        yield self.shift
        unbundled = self.shift.unbundled()
        yield unbundled
        fullest = self.cast.board.fullest(unbundled, self.stops)
        if fullest > self.shift.capacity:
            yield replace(unbundled, capacity=fullest)

    def trip(self, route: Route) -> Trip:
        """A route as the visits that it makes, then the stops that cannot be reached."""
        board, start = self.cast.board, route.shift.start
        visits = [
            Visit(self._stop(code), *times)
            for code, times in zip(route.stops, board.timetable(route, self.driver.arrived_at), strict=True)
        ]
        visits += [Visit(stop, None, None, None) for stop in self.blocked]
        driving = sum(
            board.travel[a.place][b.place]
            for a, b in pairwise(route.states)
            if (a.place, a.kind) != (b.place, b.kind)
        )
        settled = self.driver.under_way or self.driver.arrived_at is not None
        leave_at = start.left + (0.0 if settled else board.hold_s(route)) if route.stops else None
        problems = {stop.order: self.cast.blocked[stop.order] for stop in self.blocked}
        fullest = board.fullest(route.shift, route.stops)
        return Trip(self.driver.id, tuple(visits), route.cost, driving, leave_at, problems, fullest)

    def _stop(self, code: int) -> Stop:
        if code in self.stop_of:
            return self.stop_of[code]
        return Stop(self.cast.orders[code >> 1].id, "dropoff" if code & 1 else "pickup", told=False)


def untimed(driver: Driver, problem: Problem) -> Trip:
    """The stops as they are, where nobody can say when."""
    visits = tuple(Visit(stop, None, None, None) for stop in driver.stops)
    return Trip(driver.id, visits, problems={stop.order: problem for stop in driver.stops})
