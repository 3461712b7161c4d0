"""Which driver takes an order: proposed to a dispatcher, or, where the city wants it so, decided by Doorstep."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import inf
from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils import timezone

from dispatch.errors import DispatchError, NotFound, WrongStatus
from dispatch.metrics import PLANNER_SECONDS
from dispatch.models import City, Driver, Order
from dispatch.orders import actions, addresses
from dispatch.orders.availability import Availability, Obstacle
from dispatch.orders.transitions import SYSTEM
from dispatch.planning import plan_store
from dispatch.planning.workload import Workload
from dispatch.statuses import ACTIVE, BEFORE_PICKUP, DriverStatus, OrderStatus
from routing import planner
from routing.geo import Point, distance_m
from routing.problems import UNREACHABLE, Problem

logger = logging.getLogger(__name__)

#: So many of a city's drivers are asked, the nearest ones, and so many of the other cities': fewer where they have so
#: much to do that it does not fit into one table.
ASKED, HELPERS = 80, 10
#: A driver is notified of an order so long (seconds) before it is time to set off; until then it may go to another.
NOTIFY_AHEAD_S = 120.0
#: A restaurant that is closed for longer (seconds) has its orders planned later on.
OPENS_WITHIN_S = 3600.0
#: What the planner's seconds may be off by.
ROUNDING_S = 1.0
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
    workload = _workload_for(order, ON_SHIFT, pending=[order])
    instance, approximate = workload.instance(timezone.now())
    with PLANNER_SECONDS.labels("propose").time():
        ranked = planner.propose(order.pk, instance)
    own = {driver.pk for driver in workload.drivers if order.city_id in (None, driver.city_id)}
    best = min((proposal.cost for proposal in ranked if proposal.vehicle in own), default=inf)
    listed = own | {order.driver_id}
    return Proposals([p for p in ranked if p.vehicle in listed or p.cost < best], approximate)


def remedies(order_id: UUID) -> Remedies:
    """What can be done so that an order which a driver has comes sooner, and all orders together less late.

    Raises NotFound, WrongStatus.
    """
    order = _order(order_id)
    if order.status not in ACTIVE:
        raise WrongStatus("No driver is on the way with this order.")
    instance, approximate = _workload_for(order, HEARD_OF).instance(timezone.now())
    if approximate:
        return Remedies([], roads_away=True)
    with PLANNER_SECONDS.labels("remedies").time():
        return Remedies(planner.remedies(order.pk, instance), roads_away=False)


def assign_pending(city: City) -> int:
    """Gives a city's waiting orders to drivers, all of them planned together; returns how many were given out. Those
    that are not picked up yet and whose driver is off shift by now wait, too.

    A driver is notified of an order when it is nearly time to set off for it: until then a better one may come free.
    One whose coordinates can't be right, or outside the city's area, is left to a dispatcher: nobody is sent there by
    a program's mistake. Nor is anybody sent to where it is closed by then.
    """
    stranded = Q(status__in=BEFORE_PICKUP, driver__on_shift=False)
    waiting = Order.objects.filter(Q(status=OrderStatus.PENDING) | stranded, restaurant__city=city)
    placed = waiting.select_related("restaurant__city").order_by("created_at")
    found = [order for order in placed if order.misplaced is None]
    if not found:
        return 0
    now = timezone.now()
    available = Availability.of(found)
    obstacles = {order.pk: available.against(order, now) for order in found}
    pending = [order for order in found if _ends_soon(obstacles[order.pk], now)]
    if not pending:
        _store_why_waiting(found, {}, obstacles)
        return 0
    # Elsewhere it is the dispatchers who say what their drivers do.
    on_duty = Driver.objects.filter(HEARD_OF, city__assignment=City.Assignment.AUTO)
    opens = {order.kitchen.pk: closed.until for order in pending if (closed := obstacles[order.pk])}
    drivers = near(on_duty, city.pk, Point(city.lat, city.lng))
    workload = Workload.of(drivers, pending, opens=opens).of_one_table()
    instance, _ = workload.instance(now)
    with PLANNER_SECONDS.labels("solve").time():
        solution = planner.solve(instance, ASSIGNING)
    shut = _shut_by_then(workload, solution, available)
    problems = _why_waiting(workload, solution) | dict.fromkeys(shut, Problem.RESTAURANT_CLOSES)
    _store_why_waiting(found, problems, obstacles)
    notify_until = (now + timedelta(seconds=NOTIFY_AHEAD_S)).timestamp()
    given = 0
    for driver in workload.drivers:
        times = planner.departures(solution.tours[driver.pk], instance)
        soon = {order_id for order_id, at in times.items() if at <= notify_until}
        # Somebody was to bring it already: nobody waits longer to hear who does.
        soon |= {order.pk for order in workload.pending if order.driver_id and order.pk in times}
        given += sum(_give(order, driver) for order in workload.pending if order.pk in soon - shut)
    return given


def _ends_soon(obstacle: Obstacle | None, now: datetime) -> bool:
    """Whether somebody could set off for the order in this round all the same."""
    if obstacle is None:
        return True
    return obstacle.until is not None and (obstacle.until - now).total_seconds() <= OPENS_WITHIN_S


def _shut_by_then(workload: Workload, solution: planner.Solution, available: Availability) -> set[UUID]:
    """The orders whose restaurant is closed when a driver would be there."""
    pickups = {
        scheduled.visit.shipment: scheduled
        for tour in solution.tours.values()
        for scheduled in tour.schedule
        if scheduled.visit.kind == "pickup"
    }
    shut = set()
    for order in workload.pending:
        pickup = pickups.get(order.pk)
        if pickup is None or pickup.arrives_at is None or pickup.handed_at is None:
            continue
        # Who has time comes when the food is ready, and it is not before it has opened. A kitchen whose food is ready
        # after closing is at work for it.
        in_time = pickup.handed_at - workload.travel_times.pickup(order.restaurant_id).handover_s
        if all(
            available.closure(order.kitchen, datetime.fromtimestamp(then + ROUNDING_S, UTC))
            for then in (pickup.arrives_at, in_time)
        ):
            shut.add(order.pk)
    return shut


def _store_why_waiting(
    orders: Iterable[Order],
    problems: Mapping[UUID, Problem | None],
    obstacles: Mapping[UUID, Obstacle | None],
) -> None:
    """What is in everybody's way comes before all else but that no road leads there."""
    said = {
        order.pk: obstacle
        for order in orders
        if (obstacle := obstacles[order.pk]) and (problems.get(order.pk) or order.problem) not in UNREACHABLE
    }
    plan_store.store_problems(
        {**problems, **{order_id: obstacle.problem for order_id, obstacle in said.items()}},
        {order_id: obstacle.until for order_id, obstacle in said.items()},
    )


def _why_waiting(workload: Workload, solution: planner.Solution) -> dict[UUID, Problem | None]:
    """By order, why it has no driver yet. Where nobody is on duty the planner knows only that no road joins the ends
    of an order; which of the two has none the roads know.
    """
    problems = {order.pk: solution.unassigned.get(order.pk) for order in workload.pending}
    lost = addresses.cut_off(order for order in workload.pending if problems[order.pk] in UNREACHABLE)
    return problems | {order.pk: problem for order, problem in lost if problem is not None}


def _give(order: Order, driver: Driver) -> bool:
    try:
        actions.assign(
            order.pk,
            driver.pk,
            actor=SYSTEM,
            only_pending=order.driver_id is None,
            only_from=order.driver_id,
        )
    except DispatchError as error:
        logger.info("order %s was not given to driver %s: %s", order.pk, driver.pk, error.message)
        return False
    return True


def _order(order_id: UUID) -> Order:
    order = Order.objects.select_related("restaurant__city").filter(pk=order_id).first()
    if order is None:
        raise NotFound("No such order.")
    return order


def _workload_for(order: Order, asked: Q, *, pending: Sequence[Order] = ()) -> Workload:
    """Who has it, and who may be asked to take it."""
    restaurant = order.restaurant
    center = order.customer_point if restaurant is None else restaurant.point
    drivers = near(Driver.objects.filter(asked), order.city_id, center)
    if order.driver is not None:
        drivers = [order.driver, *(driver for driver in drivers if driver != order.driver)]
    return Workload.of(drivers, pending).of_one_table()


def near(drivers: QuerySet[Driver], city_id: UUID | None, center: Point | None) -> list[Driver]:
    """The nearest of the city's own drivers, those of unknown place last, and a few of the other cities'."""
    found = sorted(
        drivers,
        key=lambda driver: (
            inf if driver.point is None or center is None else distance_m(center, driver.point)
        ),
    )
    own = [driver for driver in found if driver.city_id == city_id]
    others = [driver for driver in found if driver.city_id != city_id and driver.point is not None]
    return [*own[:ASKED], *others[:HELPERS]]
