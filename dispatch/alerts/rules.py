"""What is an alert, and since when: a table of rules. Pure.

A rule says of one order or driver whether its reason is there, and when that fires; whether it has, the clock says.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from dispatch.alerts.motion import Motion
from dispatch.models import AlertKind
from dispatch.statuses import FETCHES, OrderStatus, StopKind

#: Nobody has to be found earlier than so long before the food is ready.
FOUND_AHEAD = timedelta(minutes=15)

#: By kind, after how long an alert fires; zero: never.
type Limits = Mapping[AlertKind, timedelta]


@dataclass(frozen=True, slots=True)
class Unassigned:
    """An order that waits for a driver, `since` then."""

    order_id: UUID
    city_id: UUID | None
    since: datetime
    ready_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class StopAhead:
    """A stop that a driver has yet to make. `eta`: the arrival there."""

    order_id: UUID
    kind: StopKind
    order_status: OrderStatus
    eta: datetime | None = None
    arrived_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Busy:
    """A driver with stops ahead, in visiting order.

    `waits_since`: of one who has not set out for the first of them, since when that could have been; `due_out_at`:
    when the food there wants it. `shift_ends_at`: the planned end of the shift that the driver is in.
    """

    driver_id: UUID
    city_id: UUID | None
    on_shift: bool
    stops: Sequence[StopAhead]
    last_seen_at: datetime | None = None
    fix_at: datetime | None = None
    motion: Motion | None = None
    waits_since: datetime | None = None
    due_out_at: datetime | None = None
    shift_ends_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Reason:
    """When it began, and when it is enough for an alert."""

    since: datetime
    fires_at: datetime
    order_id: UUID | None = None
    due_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Subject:
    """What an alert is of: a driver, or an order that has none."""

    kind: AlertKind
    driver_id: UUID | None
    order_id: UUID | None


@dataclass(frozen=True, slots=True)
class Found:
    """An alert that is to be open."""

    subject: Subject
    city_id: UUID | None
    reason: Reason


def of_order(order: Unassigned, limits: Limits, now: datetime) -> Iterator[Found]:
    """The alerts of an order without a driver."""
    since = order.since if order.ready_at is None else max(order.since, order.ready_at - FOUND_AHEAD)
    kind = AlertKind.UNASSIGNED
    reason = Reason(since, since + limits[kind], order.order_id)
    if limits[kind] and reason.fires_at <= now:
        yield Found(Subject(kind, None, order.order_id), order.city_id, reason)


def of_driver(driver: Busy, limits: Limits, now: datetime, are_open: frozenset[AlertKind]) -> Iterator[Found]:
    """The alerts of a driver with stops ahead. `are_open`: those that fired before and have not ended."""
    for kind, rule in RULES.items():
        limit = limits[kind]
        reason = rule(driver, limit, kind in are_open) if limit else None
        if reason is not None and reason.fires_at <= now:
            yield Found(Subject(kind, driver.driver_id, None), driver.city_id, reason)


def _not_set_out(driver: Busy, limit: timedelta, is_open: bool) -> Reason | None:
    """Nobody has to be there long before the food; once it fired, a prediction that moves ends it no more. Who is off
    shift will not, and is a problem of its own (`Problem.SHIFT_OVER`).
    """
    first, since = driver.stops[0], driver.waits_since
    if first.order_status != OrderStatus.ASSIGNED or since is None or not driver.on_shift:
        return None
    if driver.due_out_at is not None and not is_open:
        since = max(since, driver.due_out_at)
    return Reason(since, since + limit, first.order_id)


def _at_restaurant(driver: Busy, limit: timedelta, _: bool) -> Reason | None:
    here = [stop for stop in driver.stops if stop.kind == StopKind.PICKUP and stop.arrived_at is not None]
    first = min(here, key=_arrival, default=None)
    if first is None:
        return None
    return Reason(_arrival(first), _arrival(first) + limit, first.order_id)


def _arrival(stop: StopAhead) -> datetime:
    assert stop.arrived_at is not None  # noqa: S101 (filtered by the caller)
    return stop.arrived_at


def _standing(driver: Busy, limit: timedelta, _: bool) -> Reason | None:
    """By what was seen: a phone that is silent says nothing of how long it lies there."""
    if driver.motion is None or driver.fix_at is None:
        return None
    since = driver.motion.stood_since
    return _seen_until(driver.fix_at, Reason(since, since + limit, driver.stops[0].order_id))


def _off_route(driver: Busy, limit: timedelta, _: bool) -> Reason | None:
    if driver.motion is None or driver.fix_at is None or driver.motion.off_since is None:
        return None
    since = driver.motion.off_since
    return _seen_until(driver.fix_at, Reason(since, since + limit, driver.stops[0].order_id))


def _seen_until(fix_at: datetime, reason: Reason) -> Reason | None:
    return reason if reason.fires_at <= fix_at else None


def _silent(driver: Busy, limit: timedelta, _: bool) -> Reason | None:
    fetched_later = {stop.order_id for stop in driver.stops if stop.kind in FETCHES}
    on_board = [
        stop.order_id
        for stop in driver.stops
        if stop.kind == StopKind.DROPOFF and stop.order_id not in fetched_later
    ]
    if not on_board or driver.last_seen_at is None:
        return None
    return Reason(driver.last_seen_at, driver.last_seen_at + limit, on_board[0])


def _shift_ending(driver: Busy, limit: timedelta, is_open: bool) -> Reason | None:
    """Once it fired, a prediction that moves by a minute ends it no more."""
    ends_at = driver.shift_ends_at
    if ends_at is None or not driver.on_shift:
        return None
    done_by_then = all(stop.eta is not None and stop.eta < ends_at for stop in driver.stops)
    if done_by_then and not is_open:
        return None
    return Reason(ends_at - limit, ends_at - limit, due_at=ends_at)


RULES: dict[AlertKind, Callable[[Busy, timedelta, bool], Reason | None]] = {
    AlertKind.NOT_SET_OUT: _not_set_out,
    AlertKind.AT_RESTAURANT: _at_restaurant,
    AlertKind.STANDING: _standing,
    AlertKind.OFF_ROUTE: _off_route,
    AlertKind.SILENT: _silent,
    AlertKind.SHIFT_ENDING: _shift_ending,
}
