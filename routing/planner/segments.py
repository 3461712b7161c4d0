"""Stretches of one route turned around or moved elsewhere, as long as that helps (2-opt and Or-opt)."""

from collections.abc import Iterator

from routing.planner.board import Board, Route, State

LONGEST_MOVED = 4


def straightened(board: Board, route: Route) -> Route:
    """A route that no stretch turned around, and none of up to four stops moved, makes any cheaper."""
    found: Route | None = route
    while found is not None:
        route, found = found, _better(board, found)
    return route


def _better(board: Board, route: Route) -> Route | None:
    for at, tried in _changed(route.stops, route.shift.fixed):
        done = _walk_below(board, route, at, tried)
        if done is not None and board.bundles_well(route.shift, tried):
            return board.route(route.shift, tried)
    return None


def _changed(stops: tuple[int, ...], fixed: int) -> Iterator[tuple[int, tuple[int, ...]]]:
    """Every change that keeps pickups before dropoffs, with the position from which on it differs."""
    count = len(stops)
    for start in range(fixed, count - 1):
        stretch = {stops[start]}
        for end in range(start + 2, count + 1):
            stop = stops[end - 1]
            if stop & 1 and stop - 1 in stretch:
                break
            stretch.add(stop)
            yield start, (*stops[:start], *reversed(stops[start:end]), *stops[end:])
    for start in range(fixed, count - 1):
        for end in range(start + 1, min(start + LONGEST_MOVED, count - 1) + 1):
            moved = stops[start:end]
            dropoffs = {stop + 1 for stop in moved if not stop & 1}
            for to in range(end + 1, count + 1):
                if stops[to - 1] in dropoffs:
                    break
                yield start, (*stops[:start], *stops[end:to], *moved, *stops[to:])
            pickups = {stop - 1 for stop in moved if stop & 1}
            for to in range(start - 1, fixed - 1, -1):
                if stops[to] in pickups:
                    break
                yield to, (*stops[:to], *moved, *stops[to:start], *stops[end:])


def _walk_below(board: Board, route: Route, at: int, tried: tuple[int, ...]) -> State | None:
    """The end of `tried`, which is `route` before `at`; None where it breaks a rule or costs no less."""
    state: State | None = route.states[at]
    for stop in tried[at:]:
        if state is None or board.cost(route.shift, state) >= route.cost - 1e-9:
            return None
        state = board.step(route.shift, state, stop)
    return state if state is not None and board.cost(route.shift, state) < route.cost - 1e-9 else None
