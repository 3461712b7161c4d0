"""Stores what planning found: the plans of many drivers in one transaction, and why orders have no driver yet."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Self
from uuid import UUID

import msgspec
from django.db import connection
from django.utils import timezone

from dispatch.models import Driver, EtaPrediction, Order, Stop, left_and_ahead, number, plans_of
from dispatch.orders.transitions import lock_drivers, plans_changed
from dispatch.outbox import arrivals
from dispatch.signals import announced
from dispatch.statuses import OrderStatus, StopKind
from routing.eta import announce
from routing.problems import Problem

#: A predicted arrival that moves by less (seconds) stays as it was announced.
ETA_MOVES_S = 20.0


class Ahead(NamedTuple):
    """A stop that lies ahead, at its place in the visiting order."""

    stop_id: UUID
    pinned: bool

    @classmethod
    def of(cls, stops: Iterable[Stop]) -> list[Self]:
        return [cls(stop.pk, stop.pinned) for stop in stops]


@dataclass(frozen=True)
class PlannedStop:
    """What planning found for one stop: predicted arrival there, the minutes between which four arrivals of five lie,
    whether that was learned from earlier trips, and the road to it ([[lng, lat], …]). `problem`: why there is no
    prediction, or only an approximate one.
    """

    stop_id: UUID
    eta: datetime | None = None
    minutes: tuple[int, int] | None = None
    learned: bool = False
    line: list[list[float]] | None = None
    problem: Problem | None = None


@dataclass(frozen=True)
class Plan:
    """What a driver does next: the stops that lie ahead; a door that the driver has left stays before them.

    `made_of`: those stops as they were when it was made. `stops`: the same in the visiting order from now on.
    `keep_roads` leaves the stored roads as they are.
    """

    driver_id: UUID
    made_of: Sequence[Ahead]
    stops: Sequence[PlannedStop]
    keep_roads: bool = False


@dataclass(frozen=True)
class _Revision:
    """A plan beside its driver's stops as they are: what it changes of them.

    `left`: doors that the driver has left. `stops`: the stops that lie ahead with what was found for each, in the
    visiting order from now on. `redraws`: other roads, or another order of them. `retimes`: an ETA moves.
    """

    plan: Plan
    left: Sequence[Stop]
    stops: Sequence[tuple[Stop, PlannedStop]]
    reorders: bool
    redraws: bool
    retimes: bool

    @classmethod
    def of(cls, plan: Plan, stops: Iterable[Stop]) -> Self | None:
        """None for a plan made of stops, of an order of them or of pins that are no longer the driver's."""
        left, ahead = left_and_ahead(stops)
        if Ahead.of(ahead) != list(plan.made_of):
            return None
        by_id = {stop.pk: stop for stop in ahead}
        revised = [(by_id[planned.stop_id], planned) for planned in plan.stops]
        reorders = [stop for stop, _ in revised] != ahead
        return cls(
            plan,
            left,
            revised,
            reorders,
            redraws=reorders or not plan.keep_roads,
            retimes=any(_moved(stop.eta, planned.eta) for stop, planned in revised),
        )

    @property
    def is_visible(self) -> bool:
        """Whether who looks at the plan sees another one. Who does is not sent one that is as good as before."""
        return self.redraws or self.retimes

    @property
    def dropoffs(self) -> list[tuple[Stop, PlannedStop]]:
        return [(stop, planned) for stop, planned in self.stops if stop.kind == StopKind.DROPOFF]

    def apply(self) -> list[Stop]:
        """The stops as the plan has them, not stored yet."""
        stops = [stop for stop, _ in self.stops]
        if self.reorders:
            number(self.left, stops)
        for stop, planned in self.stops:
            stop.eta = planned.eta
            if not self.plan.keep_roads:
                stop.leg = planned.line
        return stops


def store(plan: Plan) -> bool:
    """Whether the plan was stored (see `store_all`)."""
    return store_all([plan]) == 1


def store_all(plans: Sequence[Plan]) -> int:
    """Stores these plans, of one driver each, and returns how many.

    Left out are those made of stops, of an order of them or of pins that are no longer the driver's: the change that
    made them old has asked for new ones.
    """
    with announced() as changes:
        drivers = lock_drivers(plan.driver_id for plan in plans)
        waiting = plans_of(drivers, roads=False)
        now = timezone.now()
        revisions = [
            revision
            for plan in plans
            if (revision := _Revision.of(plan, waiting[plan.driver_id])) is not None
        ]
        changes.outbox |= arrivals.predict(_arrivals(revisions))
        changes.drivers |= _store_stops(revisions)
        changes.orders |= _store_order_etas(revisions, now)
        _log_predictions(revisions, now)
        plans_changed(changes, [drivers[one.plan.driver_id] for one in revisions if one.redraws])
    return len(revisions)


def store_problems(
    problems: Mapping[UUID, Problem | None], until: Mapping[UUID, datetime | None] | None = None
) -> None:
    """Why each of these orders (by id) that still wait for a driver has none yet; None where it will have one.
    `until`: when that ends by itself, where anybody knows.
    """
    until = until or {}
    with announced() as changes:
        waiting = Order.objects.select_for_update().filter(pk__in=problems, status=OrderStatus.PENDING)
        for order in waiting.order_by("pk"):
            said = problems[order.pk] or "", until.get(order.pk)
            if (order.problem, order.problem_until) != said:
                Order.objects.filter(pk=order.pk).update(problem=said[0], problem_until=said[1])
                changes.orders.add(order.pk)


def _store_stops(revisions: Iterable[_Revision]) -> set[UUID]:
    """Where the stops come from now on, over which roads and when; returns the drivers whose plans show it."""
    drawn: list[Stop] = []
    timed: list[Stop] = []
    drivers: set[UUID] = set()
    for revision in revisions:
        if revision.is_visible:
            (drawn if revision.redraws else timed).extend(revision.apply())
            drivers.add(revision.plan.driver_id)
    # By bulk_update these would cost as much as finding the roads does.
    with connection.cursor() as cursor:
        if timed:
            cursor.execute(_STORE_ETAS, [[stop.pk for stop in timed], [stop.eta for stop in timed]])
        if drawn:
            cursor.execute(
                _STORE_DRAWN,
                [
                    [stop.pk for stop in drawn],
                    [stop.eta for stop in drawn],
                    [stop.position for stop in drawn],
                    [None if stop.leg is None else msgspec.json.encode(stop.leg).decode() for stop in drawn],
                ],
            )
    Driver.objects.filter(pk__in=drivers).touch()
    return drivers


_STORE_ETAS = """
UPDATE stops SET eta = new.eta
FROM unnest(%s::uuid[], %s::timestamptz[]) AS new (id, eta) WHERE stops.id = new.id
"""
_STORE_DRAWN = """
UPDATE stops SET eta = new.eta, position = new.position, leg = new.leg::jsonb
FROM unnest(%s::uuid[], %s::timestamptz[], %s::int[], %s::text[]) AS new (id, eta, position, leg)
WHERE stops.id = new.id
"""


def _arrivals(revisions: Iterable[_Revision]) -> list[tuple[Order, datetime]]:
    """When these orders are expected at their doors."""
    return [
        (stop.order, planned.eta)
        for revision in revisions
        for stop, planned in revision.dropoffs
        if planned.eta is not None
    ]


def _store_order_etas(revisions: Iterable[_Revision], now: datetime) -> set[UUID]:
    """The minutes that customers see, or why there are none; returns the orders where these changed."""
    orders = [
        stop.order
        for revision in revisions
        for stop, planned in revision.dropoffs
        if _announce(stop.order, planned, now)
    ]
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE orders SET eta_minutes = new.minutes, eta_low = new.low, eta_high = new.high,"
            " problem = new.problem"
            " FROM unnest(%s::uuid[], %s::int[], %s::int[], %s::int[], %s::text[])"
            " AS new (id, minutes, low, high, problem) WHERE orders.id = new.id",
            [
                [order.pk for order in orders],
                [order.eta_minutes for order in orders],
                [order.eta_low for order in orders],
                [order.eta_high for order in orders],
                [order.problem for order in orders],
            ],
        )
    return {order.pk for order in orders}


def _log_predictions(revisions: Iterable[_Revision], now: datetime) -> None:
    """What ETAs will be judged by (dispatch/etas/prediction_log.py); of a driver at the door nothing is predicted."""
    EtaPrediction.objects.bulk_create(
        EtaPrediction(
            order=stop.order,
            made_at=now,
            arrives_at=planned.eta,
            approximate=planned.problem is not None,
            learned=planned.learned,
        )
        for revision in revisions
        for stop, planned in revision.dropoffs
        if planned.eta is not None and stop.arrived_at is None
    )


def _moved(known: datetime | None, eta: datetime | None) -> bool:
    if known is None or eta is None:
        return known is not eta
    return abs((eta - known).total_seconds()) >= ETA_MOVES_S


def _announce(order: Order, planned: PlannedStop, now: datetime) -> bool:
    """The minutes that the customer sees; whether they are others than before."""
    minutes = (
        None if planned.eta is None else announce(order.eta_minutes, (planned.eta - now).total_seconds())
    )
    new = minutes, planned.problem or ""
    if (order.eta_minutes, order.problem) == new:
        return False
    order.eta_minutes, order.problem = new
    # How far an approximate ETA is off is not known.
    exact = minutes is not None and planned.problem is None
    order.eta_low, order.eta_high = planned.minutes if exact and planned.minutes else (None, None)
    return True
