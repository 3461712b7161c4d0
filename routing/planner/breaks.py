"""The rules of timing where some drivers have breaks to come: a board of its own, so that nobody else pays for it.

Breaks are numbered behind the orders, as dropoffs of nothing at no place of their own: they are where the driver is.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby, pairwise
from math import inf

from routing.planner.board import ANYWHERE, Board, Constraints, Moment, RouteState, State
from routing.planner.model import Break, Shipment, Travel
from routing.planner.settings import Settings

#: What a second costs that a break begins too late: nothing is worth it that is not on board yet.
BREAK_LATE = 100.0


class BoardWithBreaks(Board):
    def __init__(
        self, shipments: Sequence[Shipment], travel: Travel, settings: Settings, breaks: Sequence[Break]
    ) -> None:
        super().__init__(shipments, travel, settings)
        self.breaks = breaks
        for _ in breaks:
            # Of a break no customer waits for, and no place to be at: what is asked about every visit holds for it.
            self.terms.append((0, 0.0, 0.0, inf))
            self.place += (0, 0)
            self.before += (inf, inf)
            self.after += (0.0, 0.0)
            self.ready += (0.0, 0.0)

    def step(self, constraints: Constraints, state: State, visit: int) -> State | None:
        if visit < self.first_break:
            return super().step(constraints, state, visit)
        left, place, _, _, load, on_board, cost = state
        rest = self._break(visit)
        begins = max(left, rest.earliest)
        if on_board:
            return None
        if begins > rest.latest:
            if not constraints.breaks_late:
                return None
            cost += BREAK_LATE * (begins - rest.latest)
        ends = begins + rest.duration_s
        # It is no work, nor is waiting for it: the driver is free until then.
        return State(ends, place, ANYWHERE, ends, load, on_board, cost - self.work * (ends - left))

    def route(self, constraints: Constraints, visits: tuple[int, ...]) -> RouteState | None:
        route = super().route(constraints, visits)
        if route is None or not any(visit >= self.first_break for visit in visits):
            return route
        waits, doors, waited, more = [0.0], [0], 0.0, 0
        for k in range(len(visits) - 1, -1, -1):
            if visits[k] >= self.first_break:
                before, after = route.states[k : k + 2]
                waited += after.left - before.left - self._break(visits[k]).duration_s
            else:
                waited += route.waits[k] - route.waits[k + 1]
                more += visits[k] & 1
            waits.append(waited)
            doors.append(more)
        return replace(route, waits=tuple(reversed(waits)), doors=tuple(reversed(doors)))

    def one_by_one(self, constraints: Constraints, visits: tuple[int, ...]) -> tuple[int, ...]:
        """As without breaks, which stay where they are among the orders."""
        stops = [k for k, visit in enumerate(visits) if visit < self.first_break]
        end = stops[constraints.given - 1] + 1 if constraints.given else 0
        given, rest = visits[:end], visits[end:]
        picked_later = {visit for visit in rest if not visit & 1}
        doors = (visit for visit in rest if visit & 1 and visit < self.first_break)
        on_board = [door for door in doors if door - 1 not in picked_later]
        singly: list[int] = []
        for visit in rest:
            if not visit & 1:
                singly += (visit, visit + 1)
            elif visit >= self.first_break:
                singly.append(visit)
        return (*given, *on_board, *singly)

    def hold_s(self, route: RouteState) -> float:
        if route.visits and route.visits[0] >= self.first_break:
            return 0.0
        return super().hold_s(route)

    def working_s(self, route: RouteState) -> float:
        return super().working_s(route) - sum(
            after.left - before.left for before, after in self._rests(route)
        )

    def delivered(self, route: RouteState) -> dict[int, float]:
        times = super().delivered(route)
        return {order: at for order, at in times.items() if order < len(self.shipments)}

    def timetable(self, route: RouteState, since: float | None) -> list[tuple[float, float, float]]:
        """A break is arrived at when it begins."""
        times = super().timetable(route, since)
        for k, visit in enumerate(route.visits):
            if visit >= self.first_break:
                before, after = route.states[k : k + 2]
                times[k] = max(before.left, self._break(visit).earliest), after.left, after.left
        return times

    def _rests(self, route: RouteState) -> Iterator[tuple[State, State]]:
        """The states before and after each break."""
        for visit, states in zip(route.visits, pairwise(route.states), strict=True):
            if visit >= self.first_break:
                yield states

    def _bound(self, route: RouteState, at: int, state: State) -> float:
        if at == len(route.visits) or route.visits[at] < self.first_break:
            return super()._bound(route, at, state)
        # A break is wherever the driver is, and what comes next may be nearer from there: nobody knows of a delay.
        before, final = route.states[at], route.states[-1]
        cost = state.cost + final.cost - before.cost
        return cost + self.work * (final.left - route.constraints.start.left)

    def _hand_over(
        self, since: Moment, visits: Sequence[int], travel: Travel, times: dict[int, float]
    ) -> Moment:
        for is_break, some in groupby(visits, key=lambda visit: visit >= self.first_break):
            if not is_break:
                since = super()._hand_over(since, list(some), travel, times)
                continue
            for visit in some:
                rest = self._break(visit)
                left = times[visit] = max(since[0], rest.earliest) + rest.duration_s
                since = left, since[1], ANYWHERE, left
        return since

    def _break(self, visit: int) -> Break:
        return self.breaks[(visit - self.first_break) >> 1]
