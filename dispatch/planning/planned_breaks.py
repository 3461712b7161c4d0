"""Breaks that are planned with a shift: where they come between a driver's stops, and that they begin by themselves.

A break is between two places, with nothing on board, and not before the leg under way. Somebody waits for what is on
hand, so it comes as late as it may begin. Who has nothing to do begins it as soon as it may.
"""

from collections.abc import Sequence
from datetime import datetime

from dispatch.clock import database_now
from dispatch.errors import contained
from dispatch.models import (
    Driver,
    PlannedBreak,
    Stop,
    breaks_to_come,
    left_and_ahead,
    places,
    plans_of,
    to_fetch,
)
from dispatch.orders import breaks
from dispatch.statuses import OrderStatus


def place_after(rest: PlannedBreak, visits: Sequence[Sequence[Stop]], free_at: Sequence[datetime]) -> int:
    """The number of the place before which the break is; as many as there are where it is after all of them.

    `visits`: the stops by place; `free_at`: when the driver would go on to each, and is done with all, without it.
    """
    between = [*_with_nothing_on_board(visits), len(visits)]
    in_time = [n for n in between if free_at[n] <= rest.latest]
    return in_time[-1] if in_time else between[0]


def _with_nothing_on_board(visits: Sequence[Sequence[Stop]]) -> list[int]:
    """The places before which a break may be."""
    stops = [stop for place in visits for stop in place]
    on_board = {stop.order_id for stop in stops} - to_fetch(stops)
    numbers = []
    for n, place in enumerate(visits):
        if not on_board and not (n == 0 and is_under_way(place[0])):
            numbers.append(n)
        fetched = to_fetch(place)
        on_board |= fetched
        on_board -= {stop.order_id for stop in place} - fetched
    return numbers


def is_under_way(first: Stop) -> bool:
    """Whether the driver is at the next stop, or drives there."""
    return first.arrived_at is not None or first.order.status != OrderStatus.ASSIGNED


def begin_due() -> int:
    """Begins the breaks of those who are between two places, and come to theirs. Returns how many."""
    now = database_now()
    on_duty = Driver.objects.filter(on_shift=True, shifts__break_from__lte=now, shifts__ends_at__gt=now)
    drivers = [driver for driver in on_duty.distinct() if driver.is_there(now)]
    due = breaks_to_come(drivers, now)
    begun = 0
    for driver_id, stops in plans_of(due, roads=False).items():
        with contained(f"the break of driver {driver_id} begins later"):
            if _is_next(due[driver_id], left_and_ahead(stops)[1], now):
                begun += breaks.begin_planned(driver_id, due[driver_id])
    return begun


def _is_next(rest: PlannedBreak, stops: Sequence[Stop], now: datetime) -> bool:
    visits = places(stops)
    # ETAs have the break in them already. What comes behind it is late, and keeps it where it is.
    done = [max((stop.eta for stop in place if stop.eta), default=now) for place in visits]
    return place_after(rest, visits, [now, *done]) == 0
