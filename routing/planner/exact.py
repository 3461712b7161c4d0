"""The best way through a few visits, for certain.

Labels over the sets of visits made, dominated ones dropped, find the cheapest. Whether it bundles well is seen only
by the way as a whole, which no label knows: where it doesn't, their sequences are gone through depth first.
"""

from collections.abc import Mapping
from math import inf, prod
from typing import NamedTuple

from routing.planner.board import Board, Constraints, RouteState, State

# An order with one visit left has two states (open, done), with two visits three: so many states in all are searched
# completely, which is 10 dropoffs, or 6 orders to pick up and deliver; and so many labels of them, in 50 ms or so.
MOST_STATES = 1024
MOST_LABELS = 40_000
# So many steps from visit to visit are tried where bundling has to be judged: as long again.
MOST_STEPS = 10_000


class Label(NamedTuple):
    state: State
    visit: int
    before: "Label | None"


class TooLarge(Exception):
    """The problem is too large to be solved exactly in the time that an answer may take."""


def exact(
    board: Board, constraints: Constraints, visits: tuple[int, ...], pins: Mapping[int, int]
) -> RouteState | None:
    """The cheapest route through `visits`, `pins[k]` the k-th; None where the rules or the roads allow none.

    TooLarge where that takes longer than an answer may.
    """
    cheapest = _cheapest(board, constraints, visits, pins)
    if cheapest is None or board.bundles_well(constraints, cheapest.visits):
        return cheapest
    best = _Branches(board, constraints, visits, pins).best()
    return None if best is None else board.route(constraints, best)


def _cheapest(
    board: Board, constraints: Constraints, visits: tuple[int, ...], pins: Mapping[int, int]
) -> RouteState | None:
    """The cheapest route through `visits` by every rule but that of waiting and lateness in a bundle.

    A label of two that end at the same visit after the same visits is dropped when it is no cheaper and no sooner:
    the objective grows with time, so nothing that follows could make up for it.
    """
    codes = set(visits)
    if prod(3 if visit - 1 in codes else 2 for visit in visits if visit & 1) > MOST_STATES:
        raise TooLarge
    bit = {visit: 1 << k for k, visit in enumerate(visits)}
    pinned = set(pins.values())
    breaks = [visit for visit in visits if visit >= board.first_break]
    stops = visits[: len(visits) - len(breaks)]
    of_breaks = sum(bit[visit] for visit in breaks)
    layer: dict[tuple[int, int], list[Label]] = {(0, -1): [Label(constraints.start, -1, None)]}
    count = 0
    for made in range(len(visits)):
        following: dict[tuple[int, int], list[Label]] = {}
        for (visited, _), labels in layer.items():
            position = made - (visited & of_breaks).bit_count() if breaks else made
            for visit in (pins[position],) if position in pins else stops:
                if visited & bit[visit] or (position not in pins and visit in pinned):
                    continue
                if visit & 1 and visit - 1 in codes and not visited & bit[visit - 1]:
                    continue
                front = following.setdefault((visited | bit[visit], visit), [])
                for label in labels:
                    state = board.step(constraints, label.state, visit)
                    if state is not None:
                        _keep(front, Label(state, visit, label))
                        count += 1
            for visit in breaks if position >= constraints.kept else ():
                if visited & bit[visit]:
                    continue
                for label in labels:
                    state = board.step(constraints, label.state, visit)
                    if state is not None:  # wherever the driver is, from where the way goes on
                        front = following.setdefault((visited | bit[visit], ~state.place), [])
                        _keep(front, Label(state, visit, label))
                        count += 1
            if count > MOST_LABELS:
                raise TooLarge
        layer = following
    ends = [label for labels in layer.values() for label in labels]
    if not ends:
        return None
    last: Label | None = min(ends, key=lambda label: (board.cost(constraints, label.state), label.visit))
    sequence: list[int] = []
    while last is not None and last.before is not None:
        sequence.append(last.visit)
        last = last.before
    return board.route(constraints, tuple(reversed(sequence)))


def _keep(front: list[Label], new: Label) -> None:
    """Adds a label unless one that is there is as soon and as cheap; drops those it beats."""
    handed, cost = new.state.handed, new.state.cost
    for label in front:
        if label.state.handed <= handed and label.state.cost <= cost:
            return
    front[:] = [label for label in front if label.state.handed < handed or label.state.cost < cost]
    front.append(new)


class _Branches:
    """Branch and bound over the sequences of the visits, where bundling has to be judged.

    The objective only grows, so a part of a way costs no less than the whole of it.
    """

    def __init__(
        self, board: Board, constraints: Constraints, visits: tuple[int, ...], pins: Mapping[int, int]
    ) -> None:
        self.board, self.constraints, self.visits, self.pins = board, constraints, visits, pins
        self.free = frozenset(visits) - frozenset(pins.values())
        given = {pins[k] for k in range(constraints.given)}
        fetched = {visit + 1 for visit in visits if not visit & 1 and visit not in given}
        self.doors = frozenset(visit for visit in visits if visit & 1 and visit < board.first_break)
        self.breaks = frozenset(visit for visit in visits if visit >= board.first_break)
        self.on_board = self.doors - given - fetched
        self.least, self.steps = inf, 0
        self.found: tuple[int, ...] | None = None

    def best(self) -> tuple[int, ...] | None:
        self._go_on(self.constraints.start, (), frozenset(self.visits))
        return self.found

    def _go_on(self, state: State, done: tuple[int, ...], left: frozenset[int]) -> None:
        if not left:
            cost = self.board.cost(self.constraints, state)
            if cost < self.least and self.board.bundles_well(self.constraints, done):
                self.least, self.found = cost, done
            return
        position = len(done) - len(self.breaks - left)
        nexts = left & self.free
        if position in self.pins:
            nexts = nexts & self.breaks | {self.pins[position]}
        if position < self.constraints.kept:
            nexts -= self.breaks
        branches = []
        for visit in nexts:
            if visit & 1 and visit - 1 in left:
                continue
            self.steps += 1
            after = self.board.step(self.constraints, state, visit)
            if after is not None:
                branches.append((self._bound(after, left - {visit}), visit, after))
        if self.steps > MOST_STEPS:
            raise TooLarge
        for bound, visit, after in sorted(branches):
            if bound >= self.least:
                return
            way = (*done, visit)
            if not self._spoils(way, left - {visit}):
                self._go_on(after, way, left - {visit})

    def _bound(self, state: State, left: frozenset[int]) -> float:
        """What the whole way costs at least: nothing that is left happens sooner than now."""
        board, now = self.board, state.handed
        cost = state.cost + board.work * (now - self.constraints.start.left)
        return cost + sum(board.of_door(now, *board.terms[visit >> 1][1:]) for visit in left & self.doors)

    def _spoils(self, way: tuple[int, ...], left: frozenset[int]) -> bool:
        """Whether the dropoff at the end breaks the rule, however the way goes on.

        It is compared with serving first what is on board: as long as some of that is left, nobody can say.
        """
        if not way[-1] & 1 or not self.on_board.isdisjoint(left):
            return False
        return not self.board.bundles_well(self.constraints, way)
