"""The best way through a few stops, for certain: labels over the sets of stops visited, dominated ones dropped."""

from collections.abc import Mapping
from math import prod
from typing import NamedTuple

from routing.planner.board import Board, Route, Shift, State

# An order with one stop left has two states (open, done), with two stops three: so many states in all are searched
# completely, which is 10 dropoffs, or 6 orders to pick up and deliver; and so many labels of them, in 50 ms or so.
MOST_STATES = 1024
MOST_LABELS = 40_000


class Label(NamedTuple):
    state: State
    stop: int
    before: "Label | None"


class TooManyLabels(Exception):
    """The problem is too large to be solved exactly in the time that an answer may take."""


def exact(board: Board, shift: Shift, stops: tuple[int, ...], pins: Mapping[int, int]) -> Route | None:
    """The cheapest route through `stops`, `pins[k]` the k-th; None where the rules or the roads allow none.

    A label of two that end at the same stop after the same stops is dropped when it is no cheaper and no sooner:
    the objective grows with time, so nothing that follows could make up for it. TooManyLabels beyond MOST_LABELS.
    """
    codes = set(stops)
    if prod(3 if stop - 1 in codes else 2 for stop in stops if stop & 1) > MOST_STATES:
        raise TooManyLabels
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
                raise TooManyLabels
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
