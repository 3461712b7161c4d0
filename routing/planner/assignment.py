"""Which driver takes which order: proposals for one, a plan for all."""

import time
from collections.abc import Sequence
from dataclasses import replace
from math import inf, isinf

from routing.errors import BadRequest
from routing.planner.board import Route
from routing.planner.model import Driver, Id, Order, Plan, Proposal, Situation, Stop
from routing.planner.search import Piece, Search
from routing.planner.settings import Settings
from routing.planner.trips import Cast, Task, best_trip, pieces
from routing.problems import Problem

#: So many of the best proposals tell what will be driven: all stops in the best order, without the order and with it.
COMPARED = 8


def plan(situation: Situation, settings: Settings | None = None) -> Plan:
    """All orders to all drivers at once. What is in a bag, pinned or driven to (unless `divert`) stays where it is.

    An order that nobody can take is in `unassigned`, a driver who can take nothing in `drivers_out`, each with the
    reason; neither keeps the others from being planned.
    """
    settings = settings or Settings()
    cast = Cast(situation, settings)
    crew = [Member(cast, driver) for driver in situation.drivers if driver.place is not None]
    able = [member for member in crew if member.problem is None]
    free = [k for k, member in enumerate(able) if situation.now < member.driver.off_at]
    stays = {stop.order for driver in situation.drivers for stop in driver.stops}
    stays -= {cast.orders[number].id for member in able for number in member.movable}
    movable = [piece for k, member in enumerate(able) for piece in pieces(member.own, (k,))]
    for number, order in enumerate(cast.orders):
        if order.id not in stays:
            extra = {k: cost for k in free if (cost := _extra(cast, able[k].driver, order))}
            movable.append(Piece(number, (2 * number, 2 * number + 1), free, extra))
    search = Search(cast.board, movable, settings)
    solution, rounds = search.solve([member.route for member in able if member.route is not None])

    trips = {
        member.driver.id: member.task.trip(route) for member, route in zip(able, solution.routes, strict=True)
    }
    for driver in situation.drivers:
        if driver.id not in trips:
            trips[driver.id] = best_trip(situation, driver.id, settings)
    unassigned = {order: problem for order, problem in cast.blocked.items() if order not in cast.holder}
    for number in sorted(solution.left_out):
        order = cast.orders[number]
        unassigned[order.id] = _why_nobody([member.why_not(order) for member in crew])
    out = {member.driver.id: member.problem for member in crew if member.problem is not None}
    out |= {driver.id: problem for driver in situation.drivers if (problem := _out(driver, situation.now))}
    return Plan(trips, unassigned, out, solution.cost, rounds)


def propose(order: Id, situation: Situation, settings: Settings | None = None) -> list[Proposal]:
    """Every driver as the one who takes `order`, the best first, those who cannot with the reason last.

    For an order that a driver has already the others are alternatives, and the driver's own proposal is what having
    it costs now. The first COMPARED say what will be driven: `best_trip` with the order against `best_trip` without
    it. For the others, and once the time limit is over, the order is put where it costs least among the stops as they
    stand.
    """
    settings = settings or Settings()
    if all(order != one.id for one in situation.orders):
        raise BadRequest(f"Order {order} is not among the orders.")
    offer = _Offer(order, situation, settings)
    found = {driver.id: offer.estimate(driver) for driver in situation.drivers}
    drivers = {driver.id: driver for driver in situation.drivers}
    until = time.monotonic() + settings.time_limit_s
    while True:
        ranked = sorted(found.values(), key=lambda proposal: (proposal.cost, str(proposal.driver)))
        best = next((one.driver for one in ranked[:COMPARED] if one.driver in offer.estimated), None)
        if best is None or time.monotonic() > until:
            return ranked
        offer.estimated.remove(best)
        found[best] = offer.as_driven(drivers[best])


class Member:
    """A driver who takes part.

    `route`: the present stops by the strictest rules that they obey as they stand, without the last `movable` orders
    (which may go to others) where the shift ends too soon for them; None where no way leads through them. `own`
    stops can only be reordered. `problem`: why the stops stay as they are, and `plan` adds none.
    """

    def __init__(self, cast: Cast, driver: Driver) -> None:
        self.cast, self.driver = cast, driver
        self.problem: Problem | None = None
        # A leg to a pickup that would come after the end of the shift is not kept.
        for tried in (driver, replace(driver, under_way=False)):
            self.task = Task(cast, tried)
            self.own, self.movable = self._parted()
            self.route = self.task.as_it_stands() or self.task.best()
            if self.route is None:
                self.problem = cast.impasse(driver)
                return
            if in_time := self._in_time(self.route):
                self.problem = None if self.route.shift == self.task.shift else Problem.NO_ROOM
                self.route = in_time
                return
        self.problem = Problem.SHIFT_ENDS

    def why_not(self, order: Order) -> Problem:
        """Why an order that can be served has no place in this driver's route."""
        cast, driver, number = self.cast, self.driver, self.cast.number[order.id]
        if order.bags > driver.capacity:
            return Problem.TOO_BIG
        if problem := _out(driver, cast.situation.now):
            return problem
        if driver.id in cast.stranded:
            return Problem.DRIVER_OFF_ROAD
        if self.route is None:
            return Problem.CONTRADICTORY
        travel, to = cast.situation.travel, cast.board.place[2 * number]
        places = {state.place for state in self.route.states}
        if to not in places and all(isinf(travel[place][to]) for place in places):
            return Problem.RESTAURANT_UNREACHABLE
        if self.problem is not None:
            return self.problem
        endless = cast.board.route(replace(self.route.shift, off_at=inf), self.route.stops)
        assert endless is not None  # noqa: S101 (it obeyed a stricter rule)
        ends = cast.board.insert(endless, number, (2 * number, 2 * number + 1)) is not None
        return Problem.SHIFT_ENDS if ends else Problem.NO_ROOM

    def _parted(self) -> tuple[tuple[int, ...], list[int]]:
        rest = self.task.stops[self.task.shift.fixed :]
        movable = [stop >> 1 for stop in rest if not stop & 1]
        return tuple(stop for stop in rest if stop >> 1 not in movable), movable

    def _in_time(self, present: Route) -> Route | None:
        """Without the orders that the shift is too short for; None where those that are left out are not enough."""
        shift = replace(present.shift, off_at=self.driver.off_at)
        dropped: set[int] = set()
        for leaving in (None, *reversed(self.movable)):
            dropped |= {leaving} if leaving is not None else set()
            stops = tuple(stop for stop in present.stops if stop >> 1 not in dropped)
            route = self.cast.board.route(shift, stops)
            if route is not None:
                return route
        return None


class _Offer:
    """An order that is offered to every driver as if nobody had it yet."""

    def __init__(self, order: Id, situation: Situation, settings: Settings) -> None:
        self.held = Cast(situation, settings)
        self.order = next(one for one in situation.orders if one.id == order)
        self.holder = self.held.holder.get(order)
        self.kept = self._why_kept()
        self.without = {driver.id: driver for driver in situation.drivers}
        self.cast = self.held
        if self.holder is not None and self.kept is None:
            self.without[self.holder.id] = relieved(self.holder, order)
            self.cast = Cast(situation.with_driver(self.without[self.holder.id]), settings)
        #: Drivers whose proposals put the order among the stops as they stand.
        self.estimated: set[Id] = set()

    def _why_kept(self) -> Problem | None:
        """Why nobody but its driver can have it."""
        order, holder = self.order.id, self.holder
        if holder is None:
            return None
        if order in self.held.in_bags:
            return Problem.IN_ANOTHER_BAG
        if self.held.blocked.get(order) == Problem.RESTAURANT_UNREACHABLE:
            return None  # its driver can't come by it
        if holder.place is None:
            return Problem.LEG_KEPT
        return None if self.held.number.get(order) in Member(self.held, holder).movable else Problem.LEG_KEPT

    def estimate(self, driver: Driver) -> Proposal:
        """With the order where it costs least among the driver's stops, which stay in their order."""
        if problem := self._bars(driver):
            return Proposal(driver.id, problem)
        if driver == self.holder and self.kept is not None:  # there is nothing to compare with
            trip = best_trip(self.held.situation, driver.id, self.held.settings)
            delivered = trip.delivered(self.order.id)
            late = 0.0 if delivered is None else _late(self.order, delivered)
            return Proposal(driver.id, cost=0.0, late_s=late, trip=trip)
        member, number = Member(self.cast, self.without[driver.id]), self.cast.number[self.order.id]
        if member.route is None or member.problem not in (None, Problem.NO_ROOM):
            return Proposal(driver.id, member.why_not(self.order))
        found = self.cast.board.insert(member.route, number, (2 * number, 2 * number + 1))
        if found is None:
            return Proposal(driver.id, member.why_not(self.order))
        after = self.cast.board.route(member.route.shift, found.stops)
        assert after is not None  # noqa: S101 (an insertion obeys the rules)
        self.estimated.add(driver.id)
        return self._compared(member.task, member.route, after)

    def as_driven(self, driver: Driver) -> Proposal:
        """With all stops in their best order, before and after."""
        given = tuple(Stop(self.order.id, kind, told=False) for kind in ("pickup", "dropoff"))
        without = self.without[driver.id]
        task = Task(
            self.cast, driver if driver == self.holder else replace(driver, stops=without.stops + given)
        )
        before, after = Task(self.cast, without).best(), task.best()
        if before is None or after is None:
            return Proposal(driver.id, self.cast.impasse(driver))
        return self._compared(task, before, after)

    def _compared(self, task: Task, before: Route, after: Route) -> Proposal:
        board, orders = self.cast.board, self.cast.orders
        was, will = board.delivered(before), board.delivered(after)
        delays = {
            orders[k].id: more
            for k in was
            if (more := _late(orders[k], will[k]) - _late(orders[k], was[k])) > 0
        }
        cost = after.cost - before.cost + _extra(self.held, task.driver, self.order)
        added = board.working_s(after) - board.working_s(before)
        late = _late(self.order, will[self.cast.number[self.order.id]])
        return Proposal(task.driver.id, None, cost, added, late, delays, task.trip(after))

    def _bars(self, driver: Driver) -> Problem | None:
        """Why this driver is out of the question, whatever the route."""
        if problem := self.cast.blocked.get(self.order.id):
            return problem
        if self.kept is not None:
            return self.kept if driver != self.holder else _unplaced(driver)
        return _out(driver, self.cast.situation.now)


def relieved(driver: Driver, order: Id) -> Driver:
    """The driver without an order."""
    stops = tuple(stop for stop in driver.stops if stop.order != order)
    return replace(driver, stops=stops, under_way=driver.under_way and stops[:1] == driver.stops[:1])


def _out(driver: Driver, now: float) -> Problem | None:
    """Why this driver takes no order at all."""
    return _unplaced(driver) or (Problem.SHIFT_OVER if now >= driver.off_at else None)


def _unplaced(driver: Driver) -> Problem | None:
    return Problem.DRIVER_UNPLACED if driver.place is None else None


def _why_nobody(reasons: Sequence[Problem]) -> Problem:
    """The reason that all drivers share, or that there is none for it."""
    return reasons[0] if len(set(reasons)) == 1 else Problem.NO_DRIVER


def _extra(cast: Cast, driver: Driver, order: Order) -> float:
    """What giving `order` to `driver` has to gain beyond its cost."""
    settings, holder = cast.settings, cast.holder.get(order.id)
    extra = 0.0
    told = holder is not None and any(stop.told for stop in holder.stops if stop.order == order.id)
    if holder is not None and holder.id != driver.id and told:
        extra += settings.reassign_gain_s
    if order.city is not None and order.city != driver.city:
        extra += settings.other_city_gain_s
    return extra


def _late(order: Order, delivered: float) -> float:
    """By how much (seconds) the order comes later than promised."""
    return max(0.0, delivered - order.promised_at)
