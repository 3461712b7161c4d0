"""The best way through a few stops, for certain.

Labels over the sets of stops visited, dominated ones dropped, find the cheapest. Whether it bundles well is seen only
by the way as a whole, which no label knows: where it doesn't, the orders of the stops are gone through depth first.
"""

from collections.abc import Mapping
from math import inf, prod
from typing import NamedTuple

from routing.planner.board import Board, Route, Shift, State

# An order with one stop left has two states (open, done), with two stops three: so many states in all are searched
# completely, which is 10 dropoffs, or 6 orders to pick up and deliver; and so many labels of them, in 50 ms or so.
MOST_STATES = 1024
MOST_LABELS = 40_000
# So many steps from stop to stop are tried where bundling has to be judged: as long again.
MOST_STEPS = 10_000


class Label(NamedTuple):
    state: State
    stop: int
    before: "Label | None"


class TooLarge(Exception):
    """The problem is too large to be solved exactly in the time that an answer may take."""


def exact(board: Board, shift: Shift, stops: tuple[int, ...], pins: Mapping[int, int]) -> Route | None:
    """The cheapest route through `stops`, `pins[k]` the k-th; None where the rules or the roads allow none.

    TooLarge where that takes longer than an answer may.
    """
    cheapest = _cheapest(board, shift, stops, pins)
    if cheapest is None or board.bundles_well(shift, cheapest.stops):
        return cheapest
    best = _Branches(board, shift, stops, pins).best()
    return None if best is None else board.route(shift, best)


def _cheapest(board: Board, shift: Shift, stops: tuple[int, ...], pins: Mapping[int, int]) -> Route | None:
    """The cheapest route through `stops` by every rule but that of waiting and lateness in a bundle.

    A label of two that end at the same stop after the same stops is dropped when it is no cheaper and no sooner:
    the objective grows with time, so nothing that follows could make up for it.
    """
    codes = set(stops)
    if prod(3 if stop - 1 in codes else 2 for stop in stops if stop & 1) > MOST_STATES:
        raise TooLarge
    bit = {stop: 1 << k for k, stop in enumerate(stops)}
    pinned = set(pins.values())
    layer: dict[tuple[int, int], list[Label]] = {(0, -1): [Label(shift.start, -1, None)]}
    count = 0
    for position in range(len(stops)):
        following: dict[tuple[int, int], list[Label]] = {}
        for (visited, _), labels in layer.items():
            for stop in (pins[position],) if position in pins else stops:
                if visited & bit[stop] or (position not in pins and stop in pinned):
                    continue
                if stop & 1 and stop - 1 in codes and not visited & bit[stop - 1]:
                    continue
                front = following.setdefault((visited | bit[stop], stop), [])
                for label in labels:
                    state = board.step(shift, label.state, stop)
                    if state is not None:
                        _keep(front, Label(state, stop, label))
                        count += 1
            if count > MOST_LABELS:
                raise TooLarge
        layer = following
    ends = [label for labels in layer.values() for label in labels]
    if not ends:
        return None
    last: Label | None = min(ends, key=lambda label: (board.cost(shift, label.state), label.stop))
    order: list[int] = []
    while last is not None and last.before is not None:
        order.append(last.stop)
        last = last.before
    return board.route(shift, tuple(reversed(order)))


def _keep(front: list[Label], new: Label) -> None:
    """Adds a label unless one that is there is as soon and as cheap; drops those it beats."""
    handed, cost = new.state.handed, new.state.cost
    for label in front:
        if label.state.handed <= handed and label.state.cost <= cost:
            return
    front[:] = [label for label in front if label.state.handed < handed or label.state.cost < cost]
    front.append(new)


class _Branches:
    """Branch and bound over the orders of the stops, where bundling has to be judged.

    The objective only grows, so a part of a way costs no less than the whole of it.
    """

    def __init__(self, board: Board, shift: Shift, stops: tuple[int, ...], pins: Mapping[int, int]) -> None:
        self.board, self.shift, self.stops, self.pins = board, shift, stops, pins
        self.free = frozenset(stops) - frozenset(pins.values())
        given = {pins[k] for k in range(shift.given)}
        fetched = {stop + 1 for stop in stops if not stop & 1 and stop not in given}
        self.on_board = {stop for stop in stops if stop & 1 and stop not in given | fetched}
        self.least, self.steps = inf, 0
        self.found: tuple[int, ...] | None = None

    def best(self) -> tuple[int, ...] | None:
        self._go_on(self.shift.start, (), frozenset(self.stops))
        return self.found

    def _go_on(self, state: State, done: tuple[int, ...], left: frozenset[int]) -> None:
        if not left:
            cost = self.board.cost(self.shift, state)
            if cost < self.least and self.board.bundles_well(self.shift, done):
                self.least, self.found = cost, done
            return
        nexts = (self.pins[len(done)],) if len(done) in self.pins else left & self.free
        branches = []
        for stop in nexts:
            if stop & 1 and stop - 1 in left:
                continue
            self.steps += 1
            after = self.board.step(self.shift, state, stop)
            if after is not None:
                branches.append((self._bound(after, left - {stop}), stop, after))
        if self.steps > MOST_STEPS:
            raise TooLarge
        for bound, stop, after in sorted(branches):
            if bound >= self.least:
                return
            way = (*done, stop)
            if not self._spoils(way, left - {stop}):
                self._go_on(after, way, left - {stop})

    def _bound(self, state: State, left: frozenset[int]) -> float:
        """What the whole way costs at least: nothing that is left happens sooner than now."""
        board, now = self.board, state.handed
        cost = state.cost + board.work * (now - self.shift.start.left)
        return cost + sum(board.of_door(now, *board.terms[stop >> 1][1:]) for stop in left if stop & 1)

    def _spoils(self, way: tuple[int, ...], left: frozenset[int]) -> bool:
        """Whether the dropoff at the end breaks the rule, however the way goes on.

        It is compared with serving first what is on board: as long as some of that is left, nobody can say.
        """
        if not way[-1] & 1 or not self.on_board.isdisjoint(left):
            return False
        return not self.board.bundles_well(self.shift, way)
