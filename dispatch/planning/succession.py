"""Who could take over what a driver has who can't go on: several others, or one whom a dispatcher names."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.utils import timezone

from dispatch.errors import Invalid, NotFound
from dispatch.metrics import PLANNER_SECONDS
from dispatch.models import Driver, Order, Stop, left_and_ahead
from dispatch.orders.transitions import check_on_shift
from dispatch.planning.assignment import ASSIGNING, HEARD_OF, near
from dispatch.planning.workload import Workload
from dispatch.statuses import ACTIVE, IN_THE_BAG
from routing import planner
from routing.problems import Problem

#: Whom it makes later by less (seconds) than this is not worth a word.
DELAY_S = 60.0


@dataclass(frozen=True)
class Heir:
    """Who takes an order, when it is at the door then (seconds since the epoch), and how much later than promised
    (seconds); or why nobody can take it.
    """

    order: UUID
    driver: UUID | None = None
    delivered_at: float | None = None
    late_s: float = 0.0
    problem: Problem | None = None


@dataclass(frozen=True)
class Succession:
    """Every order, in the order in which the driver would do them. `delays_s`: by how much later than now orders
    become late that the others have already. `approximate`: the roads do not answer, and the times are those of
    straight lines.
    """

    heirs: Sequence[Heir]
    delays_s: Mapping[UUID, float]
    approximate: bool


def succession(driver_id: UUID, to: UUID | None = None) -> Succession:
    """As the planner would share out all that a driver has, or what it means that `to` takes all of it. Food on board
    is taken over where the driver is. Without the doors that the driver left: the food is most likely there.

    Raises NotFound, and Invalid where `to` is not on shift or is the driver.
    """
    holder = Driver.objects.filter(pk=driver_id).first()
    if holder is None:
        raise NotFound("No such driver.")
    orders, holders = _on_hand(holder)
    workload = Workload.of(_takers(holder, to, orders), orders, holders).of_one_table()
    instance, approximate = workload.instance(timezone.now())
    with PLANNER_SECONDS.labels("succession").time():
        solution = planner.solve(instance, ASSIGNING)
    driver_of = {visit.shipment: vehicle for vehicle, tour in solution.tours.items() for visit in tour.visits}
    promised = {shipment.id: shipment.promised_at for shipment in instance.shipments}
    heirs = []
    for order in orders:
        taker = driver_of.get(order.pk)
        if taker is None:
            heirs.append(Heir(order.pk, problem=solution.unassigned.get(order.pk, Problem.NO_DRIVER)))
            continue
        at = solution.tours[taker].delivered(order.pk)
        heirs.append(
            Heir(order.pk, UUID(str(taker)), at, 0.0 if at is None else _late_s(at, promised[order.pk]))
        )
    takers = {heir.driver for heir in heirs if heir.driver is not None}
    return Succession(heirs, _delays(instance, solution, takers, promised), approximate)


def _on_hand(holder: Driver) -> tuple[list[Order], dict[UUID, Driver]]:
    """What lies ahead of a driver, in visiting order; and who has the food of what is picked up already."""
    ahead = left_and_ahead(Stop.objects.plans_of([holder.pk]))[1]
    under_way = Order.objects.filter(driver=holder, status__in=ACTIVE).select_related("restaurant__city")
    in_order = list(dict.fromkeys(stop.order_id for stop in ahead))
    found = under_way.in_bulk(in_order)
    orders = [found[pk] for pk in in_order if pk in found]
    holders = {order.pk: holder for order in orders if order.status in IN_THE_BAG}
    return orders, holders | {stop.order_id: stop.meets for stop in ahead if stop.meets is not None}


def _takers(holder: Driver, to: UUID | None, orders: Sequence[Order]) -> list[Driver]:
    if to is None:
        center = holder.point or next((order.kitchen.point for order in orders), None)
        return near(Driver.objects.filter(HEARD_OF).exclude(pk=holder.pk), holder.city_id, center)
    taker = Driver.objects.filter(pk=to).first()
    if taker is None:
        raise NotFound("No such driver.")
    if taker == holder:
        raise Invalid(f"{holder.name} is to hand the orders on: choose another driver.")
    check_on_shift(taker)
    return [taker]


def _delays(
    instance: planner.Instance,
    solution: planner.Solution,
    takers: set[UUID],
    promised: Mapping[object, float],
) -> dict[UUID, float]:
    """Of the orders that these drivers have already."""
    delays = {}
    for vehicle in instance.vehicles:
        if vehicle.id not in takers:
            continue
        before, after = planner.best_tour(instance, vehicle.id), solution.tours[vehicle.id]
        for order in {visit.shipment for visit in vehicle.visits}:
            was, becomes = before.delivered(order), after.delivered(order)
            if was is None or becomes is None:
                continue
            later = _late_s(becomes, promised[order]) - _late_s(was, promised[order])
            if later >= DELAY_S:
                delays[UUID(str(order))] = later
    return delays


def _late_s(at: float, promised_at: float) -> float:
    return max(0.0, at - promised_at)
