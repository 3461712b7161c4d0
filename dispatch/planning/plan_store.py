"""Drivers' plans: storing what planning found, many drivers in one transaction, and what dispatchers want instead."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Self
from uuid import UUID

from django.db import connection
from django.utils import timezone

from dispatch.errors import Invalid, WrongStatus
from dispatch.models import Driver, EtaPrediction, Order, Stop, left_and_ahead, plans_of
from dispatch.orders.transitions import lock_drivers, lock_order, plans_changed
from dispatch.signals import Changes, announced
from dispatch.statuses import ACTIVE, OrderStatus, StopKind
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
class Leg:
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

    `made_of`: those stops as they were when it was made. `legs`: the same in the visiting order from now on.
    `keep_roads` leaves the stored roads as they are.
    """

    driver_id: UUID
    made_of: Sequence[Ahead]
    legs: Sequence[Leg]
    keep_roads: bool = False


@dataclass(frozen=True)
class Wish:
    """One stop of the visiting order that a dispatcher wants; `pinned`: it stays at its place.

    Named by what is done there: stops that come back with their order are other ones.
    """

    order: UUID
    kind: StopKind
    pinned: bool


def record(plan: Plan) -> bool:
    """Whether the plan was stored (see `record_all`)."""
    return record_all([plan]) == 1


def record_all(plans: Sequence[Plan]) -> int:
    """Stores these plans, of one driver each, and returns how many.

    Left out are those made of stops, of an order of them or of pins that are no longer the driver's: the change that
    made them old has asked for new ones.
    """
    with announced() as changes:
        drivers = lock_drivers(plan.driver_id for plan in plans)
        waiting = plans_of(drivers, roads=False)
        now = timezone.now()
        stored = 0
        news: set[UUID] = set()
        redrawn: list[Driver] = []
        drawn: list[Stop] = []
        timed: list[Stop] = []
        orders: list[Order] = []
        predicted: list[EtaPrediction] = []
        for plan in plans:
            left, ahead = left_and_ahead(waiting[plan.driver_id])
            if Ahead.of(ahead) != list(plan.made_of):
                continue
            stored += 1
            reorders = [stop.pk for stop in ahead] != [leg.stop_id for leg in plan.legs]
            redraws = reorders or not plan.keep_roads
            if redraws:
                redrawn.append(drivers[plan.driver_id])
            by_id = {stop.pk: stop for stop in ahead}
            visits = [(by_id[leg.stop_id], leg) for leg in plan.legs]
            # Who looks at a plan is not told of one that is as good as before.
            if redraws or any(_moved(stop.eta, leg.eta) for stop, leg in visits):
                news.add(plan.driver_id)
                if reorders:
                    _number(left, [stop for stop, _ in visits])
                for stop, leg in visits:
                    stop.eta = leg.eta
                    if not plan.keep_roads:
                        stop.leg = leg.line
                (drawn if redraws else timed).extend(ahead)
            doors = [(stop, leg) for stop, leg in visits if stop.kind == StopKind.DROPOFF]
            orders += [stop.order for stop, leg in doors if _promise(stop.order, leg, now)]
            predicted += [
                EtaPrediction(
                    order=stop.order,
                    made_at=now,
                    arrives_at=leg.eta,
                    approximate=leg.problem is not None,
                    learned=leg.learned,
                )
                for stop, leg in doors
                if leg.eta is not None and stop.arrived_at is None  # afterwards nothing is predicted
            ]
        Stop.objects.bulk_update(drawn, ["eta", "position", "leg"])
        _store_etas(timed)
        Driver.objects.filter(pk__in=news).touch()
        _store_promises(orders)
        EtaPrediction.objects.bulk_create(predicted)
        changes.drivers |= news
        changes.orders.update(order.pk for order in orders)
        plans_changed(changes, redrawn)
    return stored


def explain(problems: Mapping[UUID, Problem | None]) -> None:
    """Why each of these orders (by id) that still wait for a driver has none yet; None where it will have one."""
    with announced() as changes:
        waiting = Order.objects.select_for_update().filter(pk__in=problems, status=OrderStatus.PENDING)
        for order in waiting.order_by("pk"):
            problem = problems[order.pk] or ""
            if order.problem != problem:
                Order.objects.filter(pk=order.pk).update(problem=problem)
                changes.orders.add(order.pk)


def rearrange(driver_id: UUID, wishes: Sequence[Wish]) -> None:
    """A dispatcher's visiting order of a driver's stops, and which of them are pinned: those and no others.

    Raises Invalid where these are not just the stops that lie ahead, or a dropoff comes before its pickup.
    """
    with announced() as changes:
        driver = lock_drivers([driver_id])[driver_id]
        left, ahead = left_and_ahead(Stop.objects.plans_of([driver_id]))
        by_name = {(stop.order_id, stop.kind): stop for stop in ahead}
        names = [(wish.order, wish.kind) for wish in wishes]
        if len(names) != len(by_name) or set(names) != by_name.keys():
            raise Invalid("The driver’s stops have changed meanwhile. Look at them again.")
        stops = [by_name[name] for name in names]
        to_pick_up = {stop.order_id for stop in stops if stop.kind == StopKind.PICKUP}
        for stop, wish in zip(stops, wishes, strict=True):
            if stop.kind == StopKind.DROPOFF and stop.order_id in to_pick_up:
                raise Invalid(
                    f"{stop.order.customer_name or 'An order'} would be dropped off before the pickup."
                )
            to_pick_up.discard(stop.order_id)
            stop.pinned = wish.pinned
        _arrange(changes, driver, left, stops)


def serve_first(order_id: UUID) -> None:
    """The order's own driver does what it takes before anything else; the stops stay there until they are unpinned.

    Where the driver stands already, what is to be done there comes before.
    """
    with announced() as changes:
        order, drivers = lock_order(order_id)
        if order.status not in ACTIVE:
            raise WrongStatus("No driver is on the way with this order.")
        (driver,) = drivers.values()
        left, ahead = left_and_ahead(Stop.objects.plans_of([driver.pk]))
        here = [stop for stop in ahead[:1] if stop.arrived_at is not None]
        own = [stop for stop in ahead[len(here) :] if stop.order_id == order.pk]
        rest = [stop for stop in ahead[len(here) :] if stop.order_id != order.pk]
        for stop in own:
            stop.pinned = True
        _arrange(changes, driver, left, [*here, *own, *rest])


def unpin(order_id: UUID) -> None:
    """The order's stops are put in order with all others again."""
    with announced() as changes:
        order, drivers = lock_order(order_id)
        if Stop.objects.filter(order=order, done_at=None, pinned=True).update(pinned=False):
            plans_changed(changes, drivers.values(), reassigned=True)


def _store_etas(stops: Sequence[Stop]) -> None:
    """Those alone. Times and promises are nearly all that a cycle has to store; by bulk_update they would cost more
    than all the rest of it.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE stops SET eta = new.eta FROM unnest(%s::uuid[], %s::timestamptz[]) AS new (id, eta)"
            " WHERE stops.id = new.id",
            [[stop.pk for stop in stops], [stop.eta for stop in stops]],
        )


def _store_promises(orders: Sequence[Order]) -> None:
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


def _arrange(changes: Changes, driver: Driver, left: Sequence[Stop], stops: Sequence[Stop]) -> None:
    """Stores these stops of a locked driver, in this order and pinned as they are."""
    _number(left, stops)
    Stop.objects.bulk_update(stops, ["position", "pinned"])
    plans_changed(changes, [driver], reassigned=True)


def _number(left: Sequence[Stop], stops: Sequence[Stop]) -> None:
    """Gives the stops that lie ahead their ranks, after the doors that were left."""
    first = 1 + max((stop.position for stop in left), default=0)
    for position, stop in enumerate(stops, start=first):
        stop.position = position


def _moved(known: datetime | None, eta: datetime | None) -> bool:
    if known is None or eta is None:
        return known is not eta
    return abs((eta - known).total_seconds()) >= ETA_MOVES_S


def _promise(order: Order, leg: Leg, now: datetime) -> bool:
    """The minutes that the customer is told; whether they are others than before."""
    minutes = None if leg.eta is None else announce(order.eta_minutes, (leg.eta - now).total_seconds())
    told = minutes, leg.problem or ""
    if (order.eta_minutes, order.problem) == told:
        return False
    order.eta_minutes, order.problem = told
    # How far an approximate ETA is off is not known.
    exact = minutes is not None and leg.problem is None
    order.eta_low, order.eta_high = leg.minutes if exact and leg.minutes else (None, None)
    return True
