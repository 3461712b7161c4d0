"""The tour of one driver: given visits, the order in which to visit them, and when."""

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import replace
from itertools import count, pairwise
from math import isinf

from routing.planner.board import ANYWHERE, Board, Constraints, RouteState
from routing.planner.breaks import BoardWithBreaks
from routing.planner.exact import TooLarge, exact
from routing.planner.model import (
    Guessed,
    Id,
    Instance,
    ScheduledBreak,
    ScheduledVisit,
    Shipment,
    Tour,
    Travel,
    Vehicle,
    Visit,
)
from routing.planner.search import Piece, Search
from routing.planner.settings import Settings
from routing.problems import Problem

# A search that begins anew six times, with 40 rounds each, finds tours of 10 to 20 visits as short as VROOM's; begun
# once, with as many rounds in all, it got stuck up to 11 % above for one in twenty.
STARTS, ROUNDS = 6, 240


def best_tour(instance: Instance, vehicle: Id, settings: Settings | None = None) -> Tour:
    """The best order of what a driver has to do already. Exact for up to about 8 visits, by search beyond.

    The leg under way is kept (unless `divert`), pinned visits stay at their place. Orders are given here, so the end
    of the shift does not apply, and the rules of bundling and of capacity only where some order of the visits obeys
    them; a bag too full is emptied first. Orders that no road leads to come last, without times, and
    `Tour.problems` names them; their own order is that by guessed ways. A pickup of one is made along with another at
    that restaurant, where that keeps nobody waiting.
    """
    settings = settings or Settings()
    (found,) = (one for one in instance.vehicles if one.id == vehicle)
    if found.place is None:
        return untimed(found, Problem.DRIVER_UNPLACED)
    cast = Cast(instance, settings)
    task = Task(cast, found)
    route = task.best()
    if route is not None:
        return task.tour(route)
    problem = cast.impasse(found)
    if problem == Problem.DRIVER_OFF_ROAD:
        found = replace(found, visits=task.by_guess(found))
    return untimed(found, problem)


def tour_in_order(instance: Instance, vehicle: Id, settings: Settings | None = None) -> Tour:
    """What a driver has to do, in the order in which it stands; as `best_tour` says it."""
    (found,) = (one for one in instance.vehicles if one.id == vehicle)
    pinned = replace(found, visits=tuple(replace(visit, pinned=True) for visit in found.visits))
    return best_tour(instance.with_vehicle(pinned), vehicle, settings)


def best_route(
    board: Board,
    constraints: Constraints,
    visits: tuple[int, ...],
    pins: Mapping[int, int],
    settings: Settings,
) -> RouteState | None:
    """The cheapest route through `visits`, `pins[k]` the k-th; None where the rules or the roads allow none.

    Where it takes a search, all visits up to the last pin stay as they are.
    """
    try:
        return exact(board, constraints, visits, pins)
    except TooLarge:
        pass
    start = board.route(constraints, visits[: constraints.fixed])
    if start is None:
        return None
    search = Search(
        board, pieces(visits[constraints.fixed :], (0,)), replace(settings, rounds=ROUNDS), STARTS
    )
    route_set, _ = search.solve([start])
    if not route_set.left_out:
        return route_set.routes[0]
    singly = board.route(constraints, board.one_by_one(replace(constraints, given=constraints.fixed), visits))
    return singly if singly is not None and board.bundles_well(constraints, singly.visits) else None


def pieces(visits: Sequence[int], vehicles: Sequence[int]) -> list[Piece]:
    """What of these visits moves as one."""
    there = set(visits)
    return [
        Piece(visit >> 1, (visit - 1, visit) if visit - 1 in there else (visit,), vehicles, {})
        for visit in visits
        if visit & 1
    ]


class Cast:
    """An instance's orders as the board numbers them, and those that nobody can plan, with the reason."""

    def __init__(self, instance: Instance, settings: Settings) -> None:
        self.instance, self.settings = instance, settings
        self.holder = {visit.shipment: vehicle for vehicle in instance.vehicles for visit in vehicle.visits}
        to_pick_up = {
            s.shipment for vehicle in instance.vehicles for s in vehicle.visits if s.kind == "pickup"
        }
        #: What drivers have picked up already.
        self.in_bags = self.holder.keys() - to_pick_up
        self._by_id = {shipment.id: shipment for shipment in instance.shipments}
        #: Everybody's, each once.
        self.travels: Sequence[Travel] = [instance.travel]
        if instance.travel_by and instance.vehicles:
            modes = {vehicle.mode: vehicle for vehicle in instance.vehicles}
            self.travels = [instance.travel_of(vehicle) for vehicle in modes.values()]
        places = {
            place for shipment in instance.shipments for place in (shipment.restaurant, shipment.customer)
        }
        #: Drivers from whose place no road leads to any other.
        self.stranded = {vehicle.id for vehicle in instance.vehicles if self._is_stranded(vehicle, places)}
        self.blocked: dict[Id, Problem] = {}
        for shipment in instance.shipments:
            if problem := self._blocks(shipment):
                self.blocked[shipment.id] = problem
        self.shipments = [shipment for shipment in instance.shipments if shipment.id not in self.blocked]
        self.number = {shipment.id: k for k, shipment in enumerate(self.shipments)}
        self.board = Board(self.shipments, instance.travel, settings)
        breaks = [(vehicle.id, rest) for vehicle in instance.vehicles for rest in vehicle.breaks]
        if breaks:
            own = [rest for _, rest in breaks]
            self.board = BoardWithBreaks(self.shipments, instance.travel, settings, own)
        #: By driver, as the board numbers them.
        self.breaks: dict[Id, list[int]] = {}
        for k, (vehicle_id, _) in enumerate(breaks, start=len(self.shipments)):
            self.breaks.setdefault(vehicle_id, []).append(2 * k + 1)

    def shipment(self, id_: Id) -> Shipment:
        return self._by_id[id_]

    def bags(self, shipment: Id) -> int:
        return self._by_id[shipment].bags

    def place(self, visit: Visit) -> int | None:
        shipment = self._by_id[visit.shipment]
        return shipment.restaurant if visit.kind == "pickup" else shipment.customer

    def impasse(self, vehicle: Vehicle) -> Problem:
        """Why no way leads through this driver's visits."""
        return Problem.DRIVER_OFF_ROAD if vehicle.id in self.stranded else Problem.CONTRADICTORY

    def _is_stranded(self, vehicle: Vehicle, places: Set[int | None]) -> bool:
        if vehicle.place is None or places <= {vehicle.place, None}:
            return False
        roads = self.instance.travel_of(vehicle)[vehicle.place]
        return all(place is None or place == vehicle.place or isinf(roads[place]) for place in places)

    def _blocks(self, shipment: Shipment) -> Problem | None:
        holder = self.holder.get(shipment.id)
        if shipment.customer is None:
            return Problem.CUSTOMER_UNPLACED
        if shipment.id in self.in_bags:
            cut_off = holder is not None and _cut_off(self._ways(holder, shipment.customer))
            return Problem.CUSTOMER_UNREACHABLE if cut_off else None
        if shipment.restaurant is None:
            return Problem.RESTAURANT_UNPLACED
        vehicles = [holder] if holder else self.instance.vehicles
        if _cut_off(way for vehicle in vehicles for way in self._ways(vehicle, shipment.restaurant)):
            return Problem.RESTAURANT_UNREACHABLE
        # Whoever may take it: a bicycle gets to doors that no car does.
        own = self.travels if holder is None else [self.instance.travel_of(holder)]
        onwards = [travel[shipment.restaurant][shipment.customer] for travel in own]
        return Problem.CUSTOMER_UNREACHABLE if _cut_off(onwards) else None

    def _ways(self, vehicle: Vehicle, to: int) -> Iterator[float]:
        """How long `to` a place takes from where a driver is, and may come from on the way there; nothing without a
        road away from where the driver is.
        """
        if vehicle.place is None or (vehicle.id in self.stranded and vehicle.place != to):
            return
        travel = self.instance.travel_of(vehicle)
        yield travel[vehicle.place][to]
        for visit in vehicle.visits:
            place = self.place(visit)
            if place is not None and place != to:
                yield travel[place][to]


class Task:
    """One driver's visits as the board numbers them, and the rules for them; the end of the shift is not among them.

    `stops`: the visits without the breaks, which come behind what is kept (and what is pinned, where it takes a
    search). `kept`: so many visits at the start stay for the leg under way, or since the driver stands there.
    `pins`: those, and what a person pinned, by their place in the sequence.
    """

    def __init__(self, cast: Cast, vehicle: Vehicle) -> None:
        self.cast, self.vehicle, settings = cast, vehicle, cast.settings
        number = {
            visit: 2 * cast.number[visit.shipment] + (visit.kind == "dropoff")
            for visit in vehicle.visits
            if visit.shipment in cast.number
        }
        self.stops, self.breaks = tuple(number.values()), tuple(cast.breaks.get(vehicle.id, ()))
        self.visits = self.stops + self.breaks
        self.visit_of = {code: visit for visit, code in number.items()}
        self.blocked = [visit for visit in vehicle.visits if visit not in number]
        first = number.get(vehicle.visits[0]) if vehicle.visits else None
        self.keeps = vehicle.arrived_at is not None or (vehicle.under_way and not settings.divert)
        self.kept = int(first is not None and self.keeps)
        self.pins = {
            k: code for k, (code, visit) in enumerate(self.visit_of.items()) if visit.pinned or k < self.kept
        }
        # Food for a customer out of reach takes up room as well; how long it waits is nobody's plan.
        aboard = cast.in_bags & {visit.shipment for visit in vehicle.visits}
        load = sum(map(cast.bags, aboard))
        start = cast.board.start(vehicle, cast.instance.now, load, len(aboard & cast.number.keys()), first)
        self.constraints = Constraints(
            start,
            cast.instance.travel_of(vehicle),
            capacity=vehicle.capacity,
            most_on_board=settings.most_on_board,
            food_wait_s=settings.food_wait_s,
            fixed=max(self.pins, default=-1) + 1,
            given=next(k for k in count() if k not in self.pins),
            kept=self.kept,
        )

    def as_it_stands(self) -> RouteState | None:
        """The visits in their present order, with breaks where they cost least, by the strictest rules that it obeys;
        None where a road is missing.
        """
        board = self.cast.board
        for constraints in self._rules():
            route = board.route(constraints, self.stops)
            if route is not None and board.bundles_well(constraints, self.stops):
                route = self._with_breaks(route)
                if route is not None:
                    return route
        return None

    def _with_breaks(self, route: RouteState) -> RouteState | None:
        board, found = self.cast.board, route
        for code in self.breaks:
            insertion = board.insert(found, code >> 1, (code,))
            after = None if insertion is None else board.route(route.constraints, insertion.visits)
            if after is None:
                return None
            found = after
        return found

    def best(self) -> RouteState | None:
        """The cheapest route by the strictest rules that any order of the visits obeys; None where no road leads."""
        for constraints in self._rules():
            route = best_route(self.cast.board, constraints, self.visits, self.pins, self.cast.settings)
            if route is not None:
                return route
        return None

    def _rules(self) -> Iterator[Constraints]:
        """The strictest first. Bundling is given up before capacity, and capacity no further than the present order
        of the visits does; before breaks come late, all of that.
        """
        unbundled = self.constraints.unbundled()
        fullest = self.cast.board.fullest(unbundled, self.stops)
        for late in (False, True) if self.breaks else (False,):
            yield replace(self.constraints, breaks_late=late) if late else self.constraints
            yield replace(unbundled, breaks_late=late)
            if fullest > self.constraints.capacity:
                yield replace(unbundled, capacity=fullest, breaks_late=late)

    def tour(self, route: RouteState) -> Tour:
        """A route as the visits that it makes, with those that are taken along, then what else cannot be planned."""
        board, travel = self.cast.board, route.constraints.travel
        along = self._taken_along(route)
        schedule = [*map(_without_times, along.get(-1, ()))]
        times = board.timetable(route, self.vehicle.arrived_at)
        for k, code in enumerate(route.visits):
            if code < board.first_break:
                schedule.append(ScheduledVisit(self._visit(code), *times[k]))
            schedule += map(_without_times, along.get(k, ()))
        made = {scheduled.visit for scheduled in schedule}
        schedule += map(_without_times, self._left_over(route, made))
        driving = sum(
            travel[a.place][b.place]
            for a, b in pairwise(route.states)
            if (a.place, a.kind) != (b.place, b.kind) and b.kind != ANYWHERE
        )
        settled = self.vehicle.under_way or self.vehicle.arrived_at is not None
        sets_off = next((k for k, code in enumerate(route.visits) if code < board.first_break), None)
        leave_at = None
        if sets_off is not None:  # after a break, if there is one before the first visit
            leave_at = route.states[sets_off].left + (0.0 if settled else board.hold_s(route))
        breaks = tuple(
            ScheduledBreak(times[k][0], times[k][2])
            for k, code in enumerate(route.visits)
            if code >= board.first_break
        )
        problems = {visit.shipment: self.cast.blocked[visit.shipment] for visit in self.blocked}
        fullest = board.fullest(route.constraints, route.visits)
        return Tour(
            self.vehicle.id, tuple(schedule), route.cost, driving, leave_at, problems, fullest, breaks
        )

    def by_guess(self, vehicle: Vehicle) -> tuple[Visit, ...]:
        """A driver's visits in the best order as far as ways can be guessed; last those of orders whose places nobody
        knows.
        """
        instance = self.cast.instance
        unknown = {visit.shipment for visit in vehicle.visits if self.cast.place(visit) is None}
        located = tuple(visit for visit in vehicle.visits if visit.shipment not in unknown)
        guessed = Instance(
            instance.now,
            [self.cast.shipment(id_) for id_ in dict.fromkeys(visit.shipment for visit in located)],
            [replace(vehicle, visits=located, breaks=())],
            Guessed(instance.travel_of(vehicle), instance.guesses),
        )
        best = best_tour(guessed, vehicle.id, self.cast.settings).visits
        return (*best, *(visit for visit in vehicle.visits if visit.shipment in unknown))

    def _first_all_the_same(self, route: RouteState) -> Visit | None:
        """What cannot be planned and comes before a route all the same: where the driver stands, or is driving to for
        food whose door alone no road leads to.
        """
        if not self.blocked or self.vehicle.visits[0] not in self.blocked:
            return None
        if all(code >= self.cast.board.first_break for code in route.visits):
            return None
        first = self.vehicle.visits[0]
        reached = first.kind == "pickup" and self.cast.blocked[first.shipment] == Problem.CUSTOMER_UNREACHABLE
        stands = self.vehicle.arrived_at is not None and self.cast.place(first) is not None
        return first if stands or (self.keeps and reached) else None

    def _taken_along(self, route: RouteState) -> dict[int, list[Visit]]:
        """What cannot be planned and is done on the way all the same, by the visit of a route behind which that is,
        −1 before the first: pickups at a counter where the driver comes anyway, with food that is ready by then, and
        with room for it until the end.
        """
        cast, constraints, first = self.cast, route.constraints, self._first_all_the_same(route)
        bags = constraints.capacity - max(state.load for state in route.states)
        orders = constraints.most_on_board - max(state.on_board for state in route.states)
        #: By visit: where it is, and when the food changes hands.
        counters: list[tuple[int, int | None, float]] = [
            (k, cast.board.place[code], route.states[k + 1].handed)
            for k, code in enumerate(route.visits)
            if not code & 1
        ]
        along: dict[int, list[Visit]] = {}
        if first is not None:
            along[-1] = [first]
            if first.kind == "pickup":
                counters.append((-1, cast.place(first), cast.instance.now))
                bags -= cast.bags(first.shipment)
                orders -= 1
        for visit in self.blocked:
            if visit == first or visit.kind == "dropoff" or visit.pinned:
                continue
            place, shipment = cast.place(visit), cast.shipment(visit.shipment)
            then = [k for k, counter, at in counters if counter == place and at >= shipment.ready_at]
            if then and shipment.bags <= bags and orders >= 1:
                along.setdefault(then[-1], []).append(visit)
                bags -= shipment.bags
                orders -= 1
        return along

    def _left_over(self, route: RouteState, made: Set[Visit]) -> tuple[Visit, ...]:
        """The visits of orders that can't be delivered, but for those that are `made` before the end of the route."""
        left = tuple(visit for visit in self.blocked if visit not in made)
        if len(left) < 2:
            return left
        vehicle = replace(self.vehicle, visits=left)
        if route.visits:
            end = route.states[-1]
            vehicle = replace(vehicle, place=end.place, free_at=end.left, under_way=False, arrived_at=None)
        return self.by_guess(vehicle)

    def _visit(self, code: int) -> Visit:
        if code in self.visit_of:
            return self.visit_of[code]
        return Visit(self.cast.shipments[code >> 1].id, "dropoff" if code & 1 else "pickup", notified=False)


def _cut_off(ways: Iterable[float]) -> bool:
    """Whether there are ways to go, and none is along roads."""
    known = False
    for way in ways:
        if not isinf(way):
            return False
        known = True
    return known


def _without_times(visit: Visit) -> ScheduledVisit:
    return ScheduledVisit(visit, None, None, None)


def untimed(vehicle: Vehicle, problem: Problem) -> Tour:
    """The visits as they are, where nobody can say when."""
    schedule = tuple(map(_without_times, vehicle.visits))
    return Tour(vehicle.id, schedule, problems={visit.shipment: problem for visit in vehicle.visits})
