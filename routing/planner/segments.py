"""Stretches of one route turned around or moved elsewhere, as long as that helps (2-opt and Or-opt)."""

from collections.abc import Iterator

from routing.planner.board import Board, RouteState, State

LONGEST_MOVED = 4


def straightened(board: Board, route: RouteState) -> RouteState:
    """A route that no stretch turned around, and none of up to four visits moved, makes any cheaper."""
    found: RouteState | None = route
    while found is not None:
        route, found = found, _better(board, found)
    return route


def _better(board: Board, route: RouteState) -> RouteState | None:
    for at, tried in _changed(route.visits, route.constraints.fixed):
        done = _walk_below(board, route, at, tried)
        if done is not None and board.bundles_well(route.constraints, tried):
            return board.route(route.constraints, tried)
    return None


def _changed(visits: tuple[int, ...], fixed: int) -> Iterator[tuple[int, tuple[int, ...]]]:
    """Every change that keeps pickups before dropoffs, with the position from which on it differs."""
    count = len(visits)
    for start in range(fixed, count - 1):
        stretch = {visits[start]}
        for end in range(start + 2, count + 1):
            visit = visits[end - 1]
            if visit & 1 and visit - 1 in stretch:
                break
            stretch.add(visit)
            yield start, (*visits[:start], *reversed(visits[start:end]), *visits[end:])
    for start in range(fixed, count - 1):
        for end in range(start + 1, min(start + LONGEST_MOVED, count - 1) + 1):
            moved = visits[start:end]
            dropoffs = {visit + 1 for visit in moved if not visit & 1}
            for to in range(end + 1, count + 1):
                if visits[to - 1] in dropoffs:
                    break
                yield start, (*visits[:start], *visits[end:to], *moved, *visits[to:])
            pickups = {visit - 1 for visit in moved if visit & 1}
            for to in range(start - 1, fixed - 1, -1):
                if visits[to] in pickups:
                    break
                yield to, (*visits[:to], *moved, *visits[to:start], *visits[end:])


def _walk_below(board: Board, route: RouteState, at: int, tried: tuple[int, ...]) -> State | None:
    """The end of `tried`, which is `route` before `at`; None where it breaks a rule or costs no less."""
    state: State | None = route.states[at]
    for visit in tried[at:]:
        if state is None or board.cost(route.constraints, state) >= route.cost - 1e-9:
            return None
        state = board.step(route.constraints, state, visit)
    return state if state is not None and board.cost(route.constraints, state) < route.cost - 1e-9 else None
