"""Which driver takes which order: proposals for one, a plan for all."""

from collections.abc import Sequence
from dataclasses import replace
from math import inf

from routing.errors import BadRequest
from routing.planner.board import Insertion, Route
from routing.planner.model import Driver, Id, Order, Plan, Proposal, Situation
from routing.planner.search import Piece, Search
from routing.planner.settings import Settings
from routing.planner.trips import Cast, Task, best_trip, pieces
from routing.problems import Problem


def plan(situation: Situation, settings: Settings | None = None) -> Plan:
    """All orders to all drivers at once. What is in a bag, pinned or driven to (unless `divert`) stays where it is.

    An order that nobody can take is in `unassigned`, a driver who can take nothing in `drivers_out`, each with the
    reason; neither keeps the others from being planned.
    """
    settings = settings or Settings()
    cast = Cast(situation, settings, bundle=True)
    crew = [Member(cast, driver) for driver in situation.drivers if driver.place is not None]
    able = [member for member in crew if member.route is not None]
    free = [k for k, member in enumerate(able) if member.takes]
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
        unassigned[order.id] = _why_nobody([_why_not(cast, member, order) for member in able])
    out = {driver.id: problem for driver in situation.drivers if (problem := _out(driver, situation.now))}
    out |= {member.driver.id: Problem.CONTRADICTORY for member in crew if member.route is None}
    return Plan(trips, unassigned, out, solution.cost, rounds)


def propose(order: Id, situation: Situation, settings: Settings | None = None) -> list[Proposal]:
    """Every driver as the one who takes `order`, the best first, those who cannot with the reason last.

    For an order that a driver has already the others are alternatives, and the driver's own proposal is what having
    it costs now.
    """
    settings = settings or Settings()
    if all(order != one.id for one in situation.orders):
        raise BadRequest(f"Order {order} is not among the orders.")
    cast = Cast(situation, settings, bundle=True)
    proposals = [_proposal(cast, driver, order) for driver in situation.drivers]
    return sorted(proposals, key=lambda proposal: (proposal.cost, str(proposal.driver)))


class Member:
    """A driver who takes part: `own` stops can only be reordered, `movable` orders may go to others.

    `route`: the driver's present stops, without the last movable orders if they no longer fit (the shift ends);
    None where even what stays cannot be driven. `takes`: whether other orders may be added.
    """

    def __init__(self, cast: Cast, driver: Driver) -> None:
        self.driver, self.takes = driver, cast.situation.now < driver.off_at
        # A leg to a pickup that would come after the end of the shift is not kept.
        for tried in (driver, replace(driver, under_way=False)):
            self.task = Task(cast, tried)
            self.own, self.movable = self._parted()
            self.route = self._present(cast)
            if self.route is not None:
                return
        # Too full, or pinned past the end of the shift: what a person wants is kept, nothing is added.
        self.takes = False
        shift = replace(self.task.shift, capacity=inf, off_at=inf)
        self.route = cast.board.route(shift, self.task.stops)
        self.own, self.movable = self.task.stops[shift.fixed :], []

    def _parted(self) -> tuple[tuple[int, ...], list[int]]:
        rest = self.task.stops[self.task.shift.fixed :]
        movable = [stop >> 1 for stop in rest if not stop & 1]
        return tuple(stop for stop in rest if stop >> 1 not in movable), movable

    def _present(self, cast: Cast) -> Route | None:
        dropped: set[int] = set()
        for leaving in (None, *reversed(self.movable)):
            dropped |= {leaving} if leaving is not None else set()
            stops = tuple(stop for stop in self.task.stops if stop >> 1 not in dropped)
            route = cast.board.route(self.task.shift, stops)
            if route is not None:
                return route
        return None


def _proposal(cast: Cast, driver: Driver, order: Id) -> Proposal:
    if problem := _bars(cast, driver, order):
        return Proposal(driver.id, problem)
    number = cast.number[order]
    stops = (2 * number, 2 * number + 1)
    member = Member(cast, driver)
    own = cast.holder.get(order) == driver
    if own and number not in member.movable:  # in the bag, or driven to: there is nothing to compare with
        trip = best_trip(cast.situation, driver.id, cast.settings)
        return Proposal(driver.id, cost=0.0, late_s=_late(cast, order, trip.delivered(order)), trip=trip)
    before = member.route
    if before is not None and own:
        before = cast.board.route(before.shift, tuple(stop for stop in before.stops if stop not in stops))
    found = cast.board.insert(before, number, stops) if before is not None and member.takes else None
    if before is None or found is None:
        return Proposal(driver.id, _why_not(cast, member, cast.orders[number]))
    return _compared(cast, member, number, before, found)


def _compared(cast: Cast, member: Member, number: int, before: Route, found: Insertion) -> Proposal:
    board, order = cast.board, cast.orders[number]
    after = board.route(before.shift, found.stops)
    assert after is not None  # noqa: S101 (an insertion obeys the rules)
    was, will = board.delivered(before), board.delivered(after)
    delays = {
        cast.orders[k].id: more
        for k in was
        if (more := _late(cast, cast.orders[k].id, will[k]) - _late(cast, cast.orders[k].id, was[k])) > 0
    }
    cost = found.added + _extra(cast, member.driver, order)
    added = board.working_s(after) - board.working_s(before)
    late = _late(cast, order.id, will[number])
    return Proposal(member.driver.id, None, cost, added, late, delays, member.task.trip(after))


def _bars(cast: Cast, driver: Driver, order: Id) -> Problem | None:
    """Why this driver is out of the question, whatever the route."""
    if order in cast.blocked:
        return cast.blocked[order]
    holder = cast.holder.get(order)
    if holder is not None and holder != driver:
        if order in cast.in_bags:
            return Problem.IN_ANOTHER_BAG
        if holder.place is None or cast.number[order] not in Member(cast, holder).movable:
            return Problem.LEG_KEPT
    return _out(driver, cast.situation.now) if holder != driver or driver.place is None else None


def _out(driver: Driver, now: float) -> Problem | None:
    """Why this driver takes no order at all."""
    if driver.place is None:
        return Problem.DRIVER_UNPLACED
    return Problem.SHIFT_OVER if now >= driver.off_at else None


def _why_not(cast: Cast, member: Member, order: Order) -> Problem:
    """Why an order that can be served has no place in this driver's route."""
    driver, number = member.driver, cast.number[order.id]
    if order.bags > driver.capacity:
        return Problem.TOO_BIG
    if problem := _out(driver, cast.situation.now):
        return problem
    if member.route is None or not member.takes:
        return Problem.CONTRADICTORY
    endless = cast.board.route(replace(member.route.shift, off_at=inf), member.route.stops)
    assert endless is not None  # noqa: S101 (it obeyed a stricter rule)
    if cast.board.insert(endless, number, (2 * number, 2 * number + 1)):
        return Problem.SHIFT_ENDS
    return Problem.RESTAURANT_UNREACHABLE


def _why_nobody(reasons: Sequence[Problem]) -> Problem:
    """The reason that all drivers share, or that there is none for it."""
    return reasons[0] if len(set(reasons)) == 1 else Problem.NO_DRIVER


def _extra(cast: Cast, driver: Driver, order: Order) -> float:
    """What giving `order` to `driver` has to gain beyond its cost."""
    settings, holder = cast.settings, cast.holder.get(order.id)
    extra = 0.0
    if holder is not None and holder != driver and any(s.told for s in holder.stops if s.order == order.id):
        extra += settings.reassign_gain_s
    if order.city is not None and order.city != driver.city:
        extra += settings.other_city_gain_s
    return extra


def _late(cast: Cast, order: Id, delivered: float | None) -> float:
    return 0.0 if delivered is None else max(0.0, delivered - cast.orders[cast.number[order]].promised_at)
