"""Which driver takes an order: proposed to a dispatcher, or, where the city wants it so, decided by Doorstep."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from math import inf
from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils import timezone

from dispatch.errors import DispatchError, NotFound, WrongStatus
from dispatch.models import City, Driver, Order
from dispatch.orders import actions
from dispatch.planning import plan_store
from dispatch.planning.problem_builder import Fleet
from dispatch.statuses import ACTIVE, BEFORE_PICKUP, DriverStatus, OrderStatus
from routing import planner
from routing.geo import Point, distance_m

logger = logging.getLogger(__name__)

#: So many of a city's drivers are asked, the nearest ones, and so many of the other cities': fewer where they have so
#: much to do that it does not fit into one table.
ASKED, HELPERS = 80, 10
#: A driver is told of an order so long (seconds) before it is time to set off; until then it may go to another.
TELL_AHEAD_S = 120.0
#: Where Doorstep assigns, it never takes an order away from a driver who knows of it.
ASSIGNING = planner.Settings(reassign_gain_s=1e7)

ON_SHIFT = Q(on_shift=True)
HEARD_OF = ON_SHIFT & ~Q(status=DriverStatus.OFFLINE)


@dataclass(frozen=True)
class Proposals:
    """The best driver first. `approximate`: the roads do not answer, and the times are those of straight lines."""

    ranked: Sequence[planner.Proposal]
    approximate: bool


@dataclass(frozen=True)
class Remedies:
    """The best first. `roads_away`: the roads do not answer, and along straight lines nobody can say what helps."""

    ranked: Sequence[planner.Remedy]
    roads_away: bool


def propose(order_id: UUID) -> Proposals:
    """What it would mean for each driver on shift to take this order, which nobody has picked up yet.

    Of other cities' drivers those are left out who are no better than the best of the order's own city.
    Raises NotFound, WrongStatus.
    """
    order = _order(order_id)
    if order.status not in BEFORE_PICKUP | {OrderStatus.PENDING}:
        raise WrongStatus("The order is no longer waiting for a driver.")
    fleet = _fleet_for(order, ON_SHIFT, pending=[order])
    situation, approximate = fleet.situation(timezone.now())
    ranked = planner.propose(order.pk, situation)
    own = {driver.pk for driver in fleet.drivers if order.restaurant.city_id in (None, driver.city_id)}
    best = min((proposal.cost for proposal in ranked if proposal.driver in own), default=inf)
    listed = own | {order.driver_id}
    return Proposals([p for p in ranked if p.driver in listed or p.cost < best], approximate)


def remedies(order_id: UUID) -> Remedies:
    """What can be done so that an order which a driver has comes sooner, and all orders together less late.

    Raises NotFound, WrongStatus.
    """
    order = _order(order_id)
    if order.status not in ACTIVE:
        raise WrongStatus("No driver is on the way with this order.")
    situation, approximate = _fleet_for(order, HEARD_OF).situation(timezone.now())
    return Remedies([] if approximate else planner.remedies(order.pk, situation), approximate)


def assign_pending(city: City) -> int:
    """Gives a city's waiting orders to drivers, all of them planned together; returns how many were given out.

    A driver is told of an order when it is nearly time to set off for it: until then a better one may come free.
    """
    waiting = Order.objects.filter(status=OrderStatus.PENDING, restaurant__city=city)
    pending = list(waiting.select_related("restaurant__city").order_by("created_at"))
    if not pending:
        return 0
    now = timezone.now()
    # Elsewhere it is the dispatchers who say what their drivers do.
    on_duty = Driver.objects.filter(HEARD_OF, city__assignment=City.Assignment.AUTO)
    fleet = Fleet.of(_near(on_duty, city.pk, Point(city.lat, city.lng)), pending).of_one_table()
    situation, _ = fleet.situation(now)
    plan = planner.plan(situation, ASSIGNING)
    plan_store.explain({order.pk: plan.unassigned.get(order.pk) for order in fleet.pending})
    tell_until = (now + timedelta(seconds=TELL_AHEAD_S)).timestamp()
    given = 0
    for driver in fleet.drivers:
        times = planner.sets_off(plan.trips[driver.pk], situation)
        soon = {order_id for order_id, at in times.items() if at <= tell_until}
        given += sum(_give(order, driver) for order in fleet.pending if order.pk in soon)
    return given


def _give(order: Order, driver: Driver) -> bool:
    try:
        actions.assign(order.pk, driver.pk, actor=actions.SYSTEM, only_pending=True)
    except DispatchError as refused:
        logger.info("order %s was not given to driver %s: %s", order.pk, driver.pk, refused.message)
        return False
    return True


def _order(order_id: UUID) -> Order:
    order = Order.objects.select_related("restaurant__city").filter(pk=order_id).first()
    if order is None:
        raise NotFound("No such order.")
    return order


def _fleet_for(order: Order, asked: Q, *, pending: Sequence[Order] = ()) -> Fleet:
    """Who has it, and who may be asked to take it."""
    restaurant = order.restaurant
    drivers = _near(Driver.objects.filter(asked), restaurant.city_id, restaurant.point)
    if order.driver is not None:
        drivers = [order.driver, *(driver for driver in drivers if driver != order.driver)]
    return Fleet.of(drivers, pending).of_one_table()


def _near(drivers: QuerySet[Driver], city_id: UUID | None, center: Point) -> list[Driver]:
    """The nearest of the city's own drivers, those of unknown place last, and a few of the other cities'."""
    found = sorted(
        drivers, key=lambda driver: inf if driver.point is None else distance_m(center, driver.point)
    )
    own = [driver for driver in found if driver.city_id == city_id]
    others = [driver for driver in found if driver.city_id != city_id and driver.point is not None]
    return [*own[:ASKED], *others[:HELPERS]]
