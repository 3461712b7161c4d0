"""Storing what planning found: visiting order, roads and predicted arrivals. Many drivers in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import F
from django.utils import timezone

from dispatch.errors import Invalid
from dispatch.models import Driver, EtaPrediction, Order, Stop, left_and_ahead, plans_of
from dispatch.signals import announced
from dispatch.statuses import StopKind
from dispatch.steps import lock_drivers, plans_changed
from routing.eta import announce

#: A predicted arrival that moves by less (seconds) stays as it was announced.
ETA_MOVES_S = 20.0


@dataclass(frozen=True)
class Leg:
    """What planning found for one stop: predicted arrival there, and the road to it ([[lng, lat], …])."""

    stop_id: UUID
    eta: datetime
    line: list[list[float]] | None


@dataclass(frozen=True)
class Plan:
    """What a driver does next: the stops that lie ahead; a door that the driver has left stays before them.

    `reorder`: these legs are the visiting order from now on. `keep_roads` leaves the stored roads as they are.
    """

    driver_id: UUID
    legs: Sequence[Leg]
    approximate: bool
    reorder: bool
    keep_roads: bool = False


def record(plan: Plan) -> bool:
    """Whether the plan was stored (see `record_all`)."""
    return record_all([plan]) == 1


def record_all(plans: Sequence[Plan]) -> int:
    """Stores these plans, of one driver each, and returns how many.

    Left out are those made of stops, or (without `reorder`) of an order of them, that are no longer the driver's:
    the change that made them old has asked for new ones.
    """
    with announced() as changes:
        drivers = lock_drivers(plan.driver_id for plan in plans)
        waiting = plans_of(drivers)
        now = timezone.now()
        stored = 0
        news: set[UUID] = set()
        redrawn: list[Driver] = []
        stops: list[Stop] = []
        orders: list[Order] = []
        predicted: list[EtaPrediction] = []
        for plan in plans:
            left, ahead = left_and_ahead(waiting[plan.driver_id])
            before = [stop.pk for stop in ahead]
            after = [leg.stop_id for leg in plan.legs]
            if set(before) != set(after) or (before != after and not plan.reorder):
                continue
            stored += 1
            redraws = before != after or not plan.keep_roads
            if redraws:
                redrawn.append(drivers[plan.driver_id])
            if redraws or _is_news(plan, ahead):
                news.add(plan.driver_id)
                _put(plan, left, ahead)
                stops += ahead
            etas = {leg.stop_id: leg.eta for leg in plan.legs}
            doors = [(stop.order, etas[stop.pk]) for stop in ahead if stop.kind == StopKind.DROPOFF]
            orders += [order for order, eta in doors if _promise(order, eta, plan, now)]
            predicted += [
                EtaPrediction(order=order, made_at=now, arrives_at=eta, approximate=plan.approximate)
                for order, eta in doors
            ]
        Stop.objects.bulk_update(stops, ["eta", "position", "leg"])
        Driver.objects.filter(pk__in=news).update(version=F("version") + 1, updated_at=now)
        Order.objects.bulk_update(orders, ["eta_minutes", "eta_approximate", "version", "updated_at"])
        EtaPrediction.objects.bulk_create(predicted)
        changes.drivers |= news
        changes.orders.update(order.pk for order in orders)
        plans_changed(changes, redrawn)
    return stored


def rearrange(driver_id: UUID, stop_ids: Sequence[UUID], *, pinned: bool) -> None:
    """A dispatcher's visiting order of a driver's stops; `pinned`: it stays, until it is given up again.

    Raises Invalid where these are not just the stops that lie ahead, or a dropoff comes before its pickup.
    """
    with announced() as changes:
        driver = lock_drivers([driver_id])[driver_id]
        left, ahead = left_and_ahead(Stop.objects.plans_of([driver_id]))
        by_id = {stop.pk: stop for stop in ahead}
        if len(stop_ids) != len(by_id) or set(stop_ids) != by_id.keys():
            raise Invalid("The driver’s stops have changed meanwhile. Look at them again.")
        stops = [by_id[stop_id] for stop_id in stop_ids]
        to_pick_up = {stop.order_id for stop in stops if stop.kind == StopKind.PICKUP}
        for position, stop in enumerate(stops, start=1 + max((stop.position for stop in left), default=0)):
            if stop.kind == StopKind.DROPOFF and stop.order_id in to_pick_up:
                raise Invalid(
                    f"{stop.order.customer_name or 'An order'} would be dropped off before the pickup."
                )
            to_pick_up.discard(stop.order_id)
            stop.position, stop.pinned = position, pinned
        Stop.objects.bulk_update(stops, ["position", "pinned"])
        plans_changed(changes, [driver], reassigned=True)


def _is_news(plan: Plan, stops: Sequence[Stop]) -> bool:
    """Who looks at a plan is not told of one that is as good as before."""
    known = {stop.pk: stop.eta for stop in stops}
    return any(_moved(known[leg.stop_id], leg.eta) for leg in plan.legs)


def _moved(known: datetime | None, eta: datetime) -> bool:
    return known is None or abs((eta - known).total_seconds()) >= ETA_MOVES_S


def _put(plan: Plan, left: Sequence[Stop], ahead: Sequence[Stop]) -> None:
    by_id = {stop.pk: stop for stop in ahead}
    first = 1 + max((stop.position for stop in left), default=0)
    for position, leg in enumerate(plan.legs, start=first):
        stop = by_id[leg.stop_id]
        stop.eta = leg.eta
        if plan.reorder:
            stop.position = position
        if not plan.keep_roads:
            stop.leg = leg.line


def _promise(order: Order, eta: datetime, plan: Plan, now: datetime) -> bool:
    """The minutes that the customer is told; whether they are others than before."""
    told = announce(order.eta_minutes, (eta - now).total_seconds()), plan.approximate
    if (order.eta_minutes, order.eta_approximate) == told:
        return False
    order.eta_minutes, order.eta_approximate = told
    order.version, order.updated_at = F("version") + 1, now
    return True
