"""Which driver takes which order: proposals for one, a solution for all."""

import time
from collections.abc import Sequence
from dataclasses import replace
from math import inf, isinf

from routing.errors import BadRequest
from routing.planner.board import RouteState
from routing.planner.model import Id, Instance, Proposal, Shipment, Solution, Vehicle, Visit
from routing.planner.search import Piece, Search
from routing.planner.settings import Settings
from routing.planner.tours import Cast, Task, best_tour, pieces
from routing.problems import UNREACHABLE, Problem

#: So many of the best proposals show what will be driven: all visits in the best sequence, without it and with it.
COMPARED = 8


def solve(instance: Instance, settings: Settings | None = None) -> Solution:
    """All orders to all drivers at once. What is in a bag, pinned or driven to (unless `divert`) stays where it is.

    An order that nobody can take is in `unassigned`, a driver who can take nothing in `vehicles_out`, each with the
    reason; neither keeps the others from being planned.
    """
    settings = settings or Settings()
    cast = Cast(instance, settings)
    crew = [CrewMember(cast, vehicle) for vehicle in instance.vehicles if vehicle.place is not None]
    able = [member for member in crew if member.problem is None]
    free = [k for k, member in enumerate(able) if _out(member.vehicle, instance.now) is None]
    stays = {visit.shipment for vehicle in instance.vehicles for visit in vehicle.visits}
    stays -= {cast.shipments[number].id for member in able for number in member.movable}
    movable = [piece for k, member in enumerate(able) for piece in pieces(member.own, (k,))]
    for number, shipment in enumerate(cast.shipments):
        if shipment.id not in stays:
            takers = _takers(cast, shipment, able, free)
            extra = {k: cost for k in takers if (cost := _extra(cast, able[k].vehicle, shipment))}
            movable.append(Piece(number, (2 * number, 2 * number + 1), takers, extra))
    search = Search(cast.board, movable, settings)
    route_set, rounds = search.solve([member.route for member in able if member.route is not None])

    tours = {
        member.vehicle.id: member.task.tour(route)
        for member, route in zip(able, route_set.routes, strict=True)
    }
    for vehicle in instance.vehicles:
        if vehicle.id not in tours:
            tours[vehicle.id] = best_tour(instance, vehicle.id, settings)
    unassigned = {
        shipment: problem for shipment, problem in cast.blocked.items() if shipment not in cast.holder
    }
    for number in sorted(route_set.left_out):
        shipment = cast.shipments[number]
        unassigned[shipment.id] = _why_nobody([member.why_not(shipment) for member in crew])
    out = {member.vehicle.id: member.problem for member in crew if member.problem is not None}
    out |= {vehicle.id: problem for vehicle in instance.vehicles if (problem := _out(vehicle, instance.now))}
    return Solution(tours, unassigned, out, route_set.cost, rounds)


def propose(shipment: Id, instance: Instance, settings: Settings | None = None) -> list[Proposal]:
    """Every driver as the one who takes `shipment`, the best first, those who cannot with the reason last.

    For an order that a driver has already the others are alternatives, and the driver's own proposal is what having
    it costs now. The first COMPARED show what will be driven: `best_tour` with the order against `best_tour` without
    it. For the others, and once the time limit is over, the order is put where it costs least among the visits as
    they stand.
    """
    settings = settings or Settings()
    if all(shipment != one.id for one in instance.shipments):
        raise BadRequest(f"Order {shipment} is not among the orders.")
    offer = _Offer(shipment, instance, settings)
    found = {vehicle.id: offer.estimate(vehicle) for vehicle in instance.vehicles}
    vehicles = {vehicle.id: vehicle for vehicle in instance.vehicles}
    until = time.monotonic() + settings.time_limit_s
    while True:
        ranked = sorted(found.values(), key=lambda proposal: (proposal.cost, str(proposal.vehicle)))
        best = next((one.vehicle for one in ranked[:COMPARED] if one.vehicle in offer.estimated), None)
        if best is None or time.monotonic() > until:
            return ranked
        offer.estimated.remove(best)
        found[best] = offer.as_driven(vehicles[best])


class CrewMember:
    """A driver who takes part.

    `route`: the present visits by the strictest rules that they obey as they stand, without the last `movable` orders
    (which may go to others) where the shift ends too soon for them; None where no way leads through them. `own`
    visits can only be reordered. `problem`: why the visits stay as they are, and `solve` adds none.
    """

    def __init__(self, cast: Cast, vehicle: Vehicle) -> None:
        self.cast, self.vehicle = cast, vehicle
        self.problem: Problem | None = None
        # A leg to a pickup that would come after the end of the shift is not kept.
        for tried in (vehicle, replace(vehicle, under_way=False)):
            self.task = Task(cast, tried)
            self.own, self.movable = self._parted()
            self.route = self.task.as_it_stands() or self.task.best()
            if self.route is None:
                self.problem = cast.impasse(vehicle)
                return
            if in_time := self._in_time(self.route):
                self.problem = None if self.route.constraints == self.task.constraints else Problem.NO_ROOM
                self.route = in_time
                return
        self.problem = Problem.SHIFT_ENDS

    def why_not(self, shipment: Shipment) -> Problem:
        """Why an order that can be served has no place in this driver's route."""
        cast, vehicle, number = self.cast, self.vehicle, self.cast.number[shipment.id]
        if shipment.bags > vehicle.capacity:
            return Problem.TOO_BIG
        if vehicle.lacks(shipment):
            return Problem.LACKS_SKILL
        if problem := _out(vehicle, cast.instance.now):
            return problem
        if vehicle.id in cast.stranded:
            return Problem.DRIVER_OFF_ROAD
        if self.route is None:
            return Problem.CONTRADICTORY
        travel, (to, door) = self.route.constraints.travel, cast.board.place[2 * number : 2 * number + 2]
        places = {state.place for state in self.route.states[self.route.constraints.fixed :]}
        if to not in places and all(isinf(travel[place][to]) for place in places):
            return Problem.RESTAURANT_UNREACHABLE
        if isinf(travel[to][door]):  # not for everybody: by another vehicle there is a way
            return Problem.CUSTOMER_UNREACHABLE
        if self.problem is not None:
            return self.problem
        endless = cast.board.route(replace(self.route.constraints, off_at=inf), self.route.visits)
        assert endless is not None  # noqa: S101 (it obeyed a stricter rule)
        ends = cast.board.insert(endless, number, (2 * number, 2 * number + 1)) is not None
        return Problem.SHIFT_ENDS if ends else Problem.NO_ROOM

    def _parted(self) -> tuple[tuple[int, ...], list[int]]:
        rest = self.task.visits[self.task.constraints.fixed :]
        movable = [visit >> 1 for visit in rest if not visit & 1]
        return tuple(visit for visit in rest if visit >> 1 not in movable), movable

    def _in_time(self, present: RouteState) -> RouteState | None:
        """Without the orders that the shift is too short for; None where those that are left out are not enough."""
        constraints = replace(present.constraints, off_at=self.vehicle.off_at)
        dropped: set[int] = set()
        for leaving in (None, *reversed(self.movable)):
            dropped |= {leaving} if leaving is not None else set()
            visits = tuple(visit for visit in present.visits if visit >> 1 not in dropped)
            route = self.cast.board.route(constraints, visits)
            if route is not None:
                return route
        return None


class _Offer:
    """An order that is offered to every driver as if nobody had it yet."""

    def __init__(self, shipment: Id, instance: Instance, settings: Settings) -> None:
        self.held = Cast(instance, settings)
        self.shipment = next(one for one in instance.shipments if one.id == shipment)
        self.holder = self.held.holder.get(shipment)
        self.kept = self._why_kept()
        self.without = {vehicle.id: vehicle for vehicle in instance.vehicles}
        self.cast = self.held
        if self.holder is not None and self.kept is None:
            self.without[self.holder.id] = relieved(self.holder, shipment)
            self.cast = Cast(instance.with_vehicle(self.without[self.holder.id]), settings)
        #: Drivers whose proposals put the order among the visits as they stand.
        self.estimated: set[Id] = set()

    def _why_kept(self) -> Problem | None:
        """Why nobody but its driver can have it."""
        shipment, holder = self.shipment.id, self.holder
        if holder is None:
            return None
        if shipment in self.held.in_bags:
            return Problem.IN_ANOTHER_BAG
        if self.held.blocked.get(shipment) in UNREACHABLE:
            return None  # its driver can't come by it, or not to the door
        if holder.place is None:
            return Problem.LEG_KEPT
        return (
            None
            if self.held.number.get(shipment) in CrewMember(self.held, holder).movable
            else Problem.LEG_KEPT
        )

    def estimate(self, vehicle: Vehicle) -> Proposal:
        """With the order where it costs least among the driver's visits, which stay in their order."""
        if problem := self._bars(vehicle):
            return Proposal(vehicle.id, problem)
        if vehicle == self.holder and self.kept is not None:  # there is nothing to compare with
            tour = best_tour(self.held.instance, vehicle.id, self.held.settings)
            delivered = tour.delivered(self.shipment.id)
            late = 0.0 if delivered is None else _late(self.shipment, delivered)
            return Proposal(vehicle.id, cost=0.0, late_s=late, tour=tour)
        member, number = CrewMember(self.cast, self.without[vehicle.id]), self.cast.number[self.shipment.id]
        if member.route is None or member.problem not in (None, Problem.NO_ROOM):
            return Proposal(vehicle.id, member.why_not(self.shipment))
        found = self.cast.board.insert(member.route, number, (2 * number, 2 * number + 1))
        if found is None:
            return Proposal(vehicle.id, member.why_not(self.shipment))
        after = self.cast.board.route(member.route.constraints, found.visits)
        assert after is not None  # noqa: S101 (an insertion obeys the rules)
        self.estimated.add(vehicle.id)
        return self._compared(member.task, member.route, after)

    def as_driven(self, vehicle: Vehicle) -> Proposal:
        """With all visits in their best order, before and after."""
        given = tuple(Visit(self.shipment.id, kind, notified=False) for kind in ("pickup", "dropoff"))
        without = self.without[vehicle.id]
        task = Task(
            self.cast, vehicle if vehicle == self.holder else replace(vehicle, visits=without.visits + given)
        )
        before, after = Task(self.cast, without).best(), task.best()
        if before is None or after is None:
            return Proposal(vehicle.id, self.cast.impasse(vehicle))
        return self._compared(task, before, after)

    def _compared(self, task: Task, before: RouteState, after: RouteState) -> Proposal:
        board, shipments = self.cast.board, self.cast.shipments
        was, will = board.delivered(before), board.delivered(after)
        delays = {
            shipments[k].id: more
            for k in was
            if (more := _late(shipments[k], will[k]) - _late(shipments[k], was[k])) > 0
        }
        cost = after.cost - before.cost + _extra(self.held, task.vehicle, self.shipment)
        added = board.working_s(after) - board.working_s(before)
        late = _late(self.shipment, will[self.cast.number[self.shipment.id]])
        return Proposal(task.vehicle.id, None, cost, added, late, delays, task.tour(after))

    def _bars(self, vehicle: Vehicle) -> Problem | None:
        """Why this driver is out of the question, whatever the route."""
        if problem := self.cast.blocked.get(self.shipment.id):
            return problem
        if self.kept is not None:
            return self.kept if vehicle != self.holder else _unplaced(vehicle)
        now = self.cast.instance.now
        if vehicle == self.holder:  # given by a person, who knows of skills, and kept over a break
            return _gone(vehicle, now)
        return Problem.LACKS_SKILL if vehicle.lacks(self.shipment) else _out(vehicle, now)


def relieved(vehicle: Vehicle, shipment: Id) -> Vehicle:
    """The driver without an order."""
    visits = tuple(visit for visit in vehicle.visits if visit.shipment != shipment)
    return replace(vehicle, visits=visits, under_way=vehicle.under_way and visits[:1] == vehicle.visits[:1])


def _out(vehicle: Vehicle, now: float) -> Problem | None:
    """Why this driver takes nothing new."""
    return _gone(vehicle, now) or (Problem.ON_BREAK if now < vehicle.break_until else None)


def _gone(vehicle: Vehicle, now: float) -> Problem | None:
    """Why this driver can't even do what is to be done already."""
    return _unplaced(vehicle) or (Problem.SHIFT_OVER if now >= vehicle.off_at else None)


def _takers(cast: Cast, shipment: Shipment, able: Sequence[CrewMember], free: Sequence[int]) -> Sequence[int]:
    """Those of the drivers who may have an order: who takes new ones and has what it needs; and its own driver."""
    now, holder = cast.instance.now, cast.holder.get(shipment.id)
    on_break = holder is not None and now < holder.break_until
    if not (shipment.needs or on_break):
        return free
    takers = [k for k in free if able[k].vehicle is holder or not able[k].vehicle.lacks(shipment)]
    if on_break:
        takers += [k for k, one in enumerate(able) if one.vehicle is holder and not _gone(holder, now)]
    return takers


def _unplaced(vehicle: Vehicle) -> Problem | None:
    return Problem.DRIVER_UNPLACED if vehicle.place is None else None


def _why_nobody(reasons: Sequence[Problem]) -> Problem:
    """The reason that all drivers share, or that there is none for it."""
    return reasons[0] if len(set(reasons)) == 1 else Problem.NO_DRIVER


def _extra(cast: Cast, vehicle: Vehicle, shipment: Shipment) -> float:
    """What giving `shipment` to `vehicle` has to gain beyond its cost."""
    settings, holder = cast.settings, cast.holder.get(shipment.id)
    extra = 0.0
    notified = holder is not None and any(
        visit.notified for visit in holder.visits if visit.shipment == shipment.id
    )
    if holder is not None and holder.id != vehicle.id and notified:
        extra += settings.reassign_gain_s
    if shipment.city is not None and shipment.city != vehicle.city:
        extra += settings.other_city_gain_s
    return extra


def _late(shipment: Shipment, delivered: float) -> float:
    """By how much (seconds) the order comes later than promised."""
    return max(0.0, delivered - shipment.promised_at)
