"""The shortest way for one driver through several stops. Pure: travel times in, an order out.

The planner's search with nothing but the driver's time to weigh: no service times, promises or food to wait for.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from math import inf, isinf
from typing import Literal

from routing.errors import BadRequest, UnreachableStops
from routing.planner.board import ANYWHERE, Board, Shift, State
from routing.planner.model import Order
from routing.planner.objective import WORK_ALONE
from routing.planner.settings import Settings
from routing.planner.trips import best_route

# No time limit: the same input gives the same answer.
SETTINGS = Settings(objective=WORK_ALONE, time_limit_s=inf)

type Matrix = list[list[float]]


@dataclass(frozen=True, slots=True)
class Stop:
    """A pickup or dropoff of `load` bags. A dropoff whose pickup is not among the stops is in the bag already."""

    order: Hashable
    kind: Literal["pickup", "dropoff"]
    load: int = 1


@dataclass(frozen=True, slots=True)
class Plan:
    """`order[k]` is the index of the stop visited k-th; `duration_s` the driving time through all of them."""

    order: tuple[int, ...]
    duration_s: float


def best_order(
    seconds: Sequence[Sequence[float | None]],
    stops: Sequence[Stop],
    *,
    capacity: int | None = None,
    first: int | None = None,
) -> Plan:
    """The order of stops with the least driving time, each pickup before its dropoff.

    `seconds[i][j]`: travel time between places, where place 0 is the driver and place k + 1 is `stops[k]`; None
    where no road leads there. `capacity`: bags on board at most; what is in the bag counts from the start, and a
    driver who has too many drops off before picking up more. `first`: the stop already being driven to, which
    stays first. The same input gives the same answer.

    Exact up to 10 stops; beyond (unless the orders are few) by search, which takes about half a second for 20.
    UnreachableStops: no order can be driven. BadRequest: the input contradicts itself.
    """
    if len(seconds) != len(stops) + 1 or any(len(row) != len(seconds) for row in seconds):
        raise BadRequest(f"{len(stops)} stops need {len(stops) + 1} rows and columns of travel times.")
    if first is not None:
        return _after(first, seconds, stops, capacity)
    pickups = {stop.order: k for k, stop in enumerate(stops) if stop.kind == "pickup"}
    dropoffs = {stop.order: k for k, stop in enumerate(stops) if stop.kind == "dropoff"}
    if len(pickups) + len(dropoffs) < len(stops) or not pickups.keys() <= dropoffs.keys():
        raise BadRequest("An order has one dropoff, and before it one pickup at most.")
    if capacity is not None and any(stops[k].load > capacity for k in pickups.values()):
        raise BadRequest(f"One order alone is more than the {capacity} bags that fit.")

    travel = [[inf if cell is None else cell for cell in row] for row in seconds]
    orders = [
        Order(order, pickups.get(order, k) + 1, k + 1, 0.0, 0.0, 0.0, stops[k].load)
        for order, k in dropoffs.items()
    ]
    in_bag = [order.bags for order in orders if order.id not in pickups]
    start = State(0.0, 0, ANYWHERE, 0.0, sum(in_bag), len(in_bag), 0.0)
    shift = Shift(start, capacity=inf if capacity is None else capacity)
    index = {2 * k + 1: dropoffs[order.id] for k, order in enumerate(orders)}
    index |= {2 * k: pickups[order.id] for k, order in enumerate(orders) if order.id in pickups}
    route = best_route(
        Board(orders, travel, SETTINGS, bundle=False), shift, tuple(sorted(index)), {}, SETTINGS
    )
    if route is None:
        raise UnreachableStops(_cut_off(travel))
    return Plan(tuple(index[stop] for stop in route.stops), route.cost)


def _after(
    first: int, seconds: Sequence[Sequence[float | None]], stops: Sequence[Stop], capacity: int | None
) -> Plan:
    """The best order of the rest for a driver who has just served `first`: what was to be dropped off
    afterwards is in the bag then.
    """
    if not 0 <= first < len(stops):
        raise BadRequest("The first stop must be one of the stops.")
    if stops[first].kind == "dropoff" and any(
        stop.kind == "pickup" and stop.order == stops[first].order for stop in stops
    ):
        raise BadRequest("The first stop cannot be the dropoff of food that is yet to be picked up.")
    way = seconds[0][first + 1]
    if way is None:
        raise UnreachableStops((first,))
    rest = [k for k in range(len(stops)) if k != first]
    places = [first + 1, *(k + 1 for k in rest)]
    try:
        plan = best_order(
            [[seconds[a][b] for b in places] for a in places], [stops[k] for k in rest], capacity=capacity
        )
    except UnreachableStops as error:
        raise UnreachableStops(tuple(rest[k] for k in error.stops)) from None
    return Plan((first, *(rest[k] for k in plan.order)), way + plan.duration_s)


def _cut_off(travel: Matrix) -> tuple[int, ...]:
    """The stops to which no road leads from anywhere."""
    return tuple(
        k
        for k in range(len(travel) - 1)
        if all(isinf(row[k + 1]) for place, row in enumerate(travel) if place != k + 1)
    )
