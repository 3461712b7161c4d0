"""Ruin and recreate: take some orders out of the routes, put them back where they cost least, keep what is better.

One search serves both questions: which driver takes which order, and in which order one driver makes the visits.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from random import Random
from typing import NamedTuple

from routing.planner.board import Board, Insertion, RouteState
from routing.planner.segments import straightened
from routing.planner.settings import Settings

FEWEST_TAKEN_OUT, MOST_TAKEN_OUT = 2, 6
# A plan worse than the best by this share of what an order costs on average may still be worked on, at first;
# nothing at the end: the way out of local optima.
TOLERANCE = 0.3
# Visits from which on a route is straightened too.
LONG = 8


@dataclass(frozen=True, slots=True)
class Piece:
    """What moves as one: both visits of an order, or the dropoff of one that is on board.

    `vehicles`: who may have it. `extra[d]`: what giving it to driver d costs on top.
    """

    shipment: int
    visits: tuple[int, ...]
    vehicles: Sequence[int]
    extra: Mapping[int, float]


class RouteSet(NamedTuple):
    """Routes by driver; `left_out`: orders that nobody can take. Fewer left out is better, then cheaper."""

    routes: list[RouteState]
    left_out: frozenset[int]
    cost: float


class _Placement(NamedTuple):
    added: float
    vehicle: int
    insertion: Insertion


class Search:
    """`starts`: how often it begins anew, the rounds shared out."""

    def __init__(self, board: Board, pieces: Iterable[Piece], settings: Settings, starts: int = 1) -> None:
        self.board = board
        self.pieces = {piece.shipment: piece for piece in pieces}
        self.rounds, self.time_limit_s = settings.rounds, settings.time_limit_s
        self.starts = starts
        self.random = Random(settings.seed)
        self._related: dict[int, list[Piece]] = {}

    def solve(self, routes: Sequence[RouteState]) -> tuple[RouteSet, int]:
        """The best found from these routes on, into which pieces that are in none are put first; and how many
        rounds of improvement it took.
        """
        until = time.monotonic() + self.time_limit_s
        placed = {visit >> 1 for route in routes for visit in route.visits}
        pending = [piece for piece in self.pieces.values() if piece.shipment not in placed]
        now = best = self._polished(self._built(list(routes), pending))
        if not self.pieces:
            return best, 0
        begun = best.cost
        average = best.cost / len(self.pieces)
        each = max(1, self.rounds // self.starts)
        for turn in range(self.rounds):
            if time.monotonic() > until:
                return best, turn
            if turn and turn % each == 0:
                self.random.shuffle(pending)
                now = self._polished(self._recreated(list(routes), pending))
                begun = now.cost
                best = min(best, now, key=_rank)
            tried = self._tried(now)
            if tried is None or len(tried.left_out) > len(now.left_out):
                continue
            if len(tried.left_out) == len(now.left_out):
                if tried.cost < begun - 1e-9:
                    tried = self._polished(tried)
                    begun = tried.cost
                elif tried.cost > begun + TOLERANCE * average * (1 - turn % each / each):
                    continue
            now = tried
            best = min(best, now, key=_rank)
        return best, self.rounds

    def _polished(self, route_set: RouteSet) -> RouteSet:
        """With long routes straightened; short ones have little that putting orders back does not find."""
        routes = [
            straightened(self.board, route) if len(route.visits) >= LONG else route
            for route in route_set.routes
        ]
        return RouteSet(routes, route_set.left_out, self._cost(routes))

    def _tried(self, route_set: RouteSet) -> RouteSet | None:
        """One round; None where what was taken out leaves a route that breaks a rule."""
        out = self._chosen()
        gone = {visit for piece in out for visit in piece.visits}
        routes = list(route_set.routes)
        for vehicle, route in enumerate(routes):
            if not gone.isdisjoint(route.visits):
                rest = self.board.route(
                    route.constraints, tuple(visit for visit in route.visits if visit not in gone)
                )
                if rest is None:
                    return None
                routes[vehicle] = rest
        # Whoever was left out before may fit now.
        again = {piece.shipment: piece for piece in out} | {k: self.pieces[k] for k in route_set.left_out}
        new = self._recreated(routes, list(again.values()))
        if any(len(self.pieces[shipment].visits) == 1 for shipment in new.left_out):
            return None  # what is on board has nowhere else to go
        for before, after in zip(route_set.routes, new.routes, strict=True):
            shrunk = after is not before and len(after.visits) < len(before.visits)
            if shrunk and not self.board.bundles_well(after.constraints, after.visits):
                return None
        return new

    def _built(self, routes: list[RouteState], out: Iterable[Piece]) -> RouteSet:
        """`routes` with these pieces put in, always the one that would lose most by waiting (regret insertion)."""
        waiting = {piece.shipment: piece for piece in out}
        placements = {
            piece.shipment: self._placements(routes, piece, piece.vehicles) for piece in waiting.values()
        }
        while True:
            shipment, placement, regret = -1, None, -inf
            for candidate in waiting:
                first, second = _two_best(placements[candidate].values())
                loses = (second.added if second else 1e9) - first.added if first else -inf
                if loses > regret:
                    shipment, placement, regret = candidate, first, loses
            if placement is None:
                return RouteSet(routes, frozenset(waiting), self._cost(routes))
            del waiting[shipment]
            self._put(routes, placement)
            for candidate, piece in waiting.items():
                placements[candidate].pop(placement.vehicle, None)
                if placement.vehicle in piece.vehicles:
                    placements[candidate] |= self._placements(routes, piece, (placement.vehicle,))

    def _recreated(self, routes: list[RouteState], out: Sequence[Piece]) -> RouteSet:
        """`routes` with these pieces put in one after the other, each where it costs least."""
        left_out = set()
        for piece in out:
            placement = self._best_placement(routes, piece)
            if placement:
                self._put(routes, placement)
            else:
                left_out.add(piece.shipment)
        return RouteSet(routes, frozenset(left_out), self._cost(routes))

    def _put(self, routes: list[RouteState], placement: _Placement) -> None:
        route = self.board.route(routes[placement.vehicle].constraints, placement.insertion.visits)
        assert route is not None  # noqa: S101 (an insertion obeys the rules)
        routes[placement.vehicle] = route

    def _placements(
        self, routes: list[RouteState], piece: Piece, vehicles: Iterable[int]
    ) -> dict[int, _Placement]:
        placements = {}
        for vehicle in vehicles:
            insertion = self.board.insert(routes[vehicle], piece.shipment, piece.visits)
            if insertion is not None:
                added = insertion.added + piece.extra.get(vehicle, 0.0)
                placements[vehicle] = _Placement(added, vehicle, insertion)
        return placements

    def _best_placement(self, routes: list[RouteState], piece: Piece) -> _Placement | None:
        """Tried first are those who could be there soonest: they set a limit that the others seldom beat."""
        best, least = None, inf
        for vehicle in sorted(piece.vehicles, key=lambda vehicle: self._reach(routes[vehicle], piece)):
            extra = piece.extra.get(vehicle, 0.0)
            insertion = self.board.insert(routes[vehicle], piece.shipment, piece.visits, least - extra)
            if insertion is not None:
                least = insertion.added + extra
                best = _Placement(least, vehicle, insertion)
        return best

    def _reach(self, route: RouteState, piece: Piece) -> float:
        """When the driver could come for it, at the soonest and in the end, taken together."""
        travel, restaurant = route.constraints.travel, self.board.place[piece.visits[0]]
        last = route.states[-1]
        soonest = min([state.left + travel[state.place][restaurant] for state in route.states])
        return soonest + last.left + travel[last.place][restaurant]

    def _cost(self, routes: list[RouteState]) -> float:
        cost = sum(route.cost for route in routes)
        for vehicle, route in enumerate(routes):
            for visit in route.visits:
                if visit & 1 and (piece := self.pieces.get(visit >> 1)):
                    cost += piece.extra.get(vehicle, 0.0)
        return cost

    def _chosen(self) -> list[Piece]:
        """A few orders to take out: at random, or like each other in place and time."""
        pieces = list(self.pieces.values())
        count = min(self.random.randint(FEWEST_TAKEN_OUT, MOST_TAKEN_OUT), len(pieces))
        if self.random.random() < 0.3:
            return self.random.sample(pieces, count)
        seed = self.random.choice(pieces)
        # The nearer the likelier: the k-th of n with k = n·u³.
        related = self._likeness(seed)
        picked = {seed.shipment: seed}
        while len(picked) < count:
            piece = related[int(len(related) * self.random.random() ** 3)]
            picked[piece.shipment] = piece
        return list(picked.values())

    def _likeness(self, piece: Piece) -> list[Piece]:
        """All pieces, the most alike first: near at both ends and ready at the same time."""
        if piece.shipment not in self._related:
            place, ready, travel = self.board.place, self.board.ready, self.board.travel
            pickup, dropoff = 2 * piece.shipment, 2 * piece.shipment + 1

            def unlike(other: Piece) -> float:
                its_pickup, its_dropoff = 2 * other.shipment, 2 * other.shipment + 1
                apart = travel[place[pickup]][place[its_pickup]] + travel[place[dropoff]][place[its_dropoff]]
                return apart + abs(ready[pickup] - ready[its_pickup])

            self._related[piece.shipment] = sorted(self.pieces.values(), key=unlike)
        return self._related[piece.shipment]


def _rank(route_set: RouteSet) -> tuple[int, float]:
    return len(route_set.left_out), route_set.cost


def _two_best(placements: Iterable[_Placement]) -> tuple[_Placement | None, _Placement | None]:
    first = second = None
    for placement in placements:
        if first is None or placement.added < first.added:
            first, second = placement, first
        elif second is None or placement.added < second.added:
            second = placement
    return first, second
