"""A driver's stops: in which order, over which roads, when. Reads the domain, asks the roads, writes through actions.

`replan` works out the visiting order anew whenever an assignment changes; `refresh_etas` runs every ETA_INTERVAL_S
for everybody (dispatch/planning/eta_rounds.py). An ETA goes through all of the driver's earlier stops, with the time
that each of them really takes (dispatch/etas/travel_time_model.py).
"""

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import batched
from uuid import UUID

from django.db.models import Count, QuerySet
from django.utils import timezone

from dispatch.errors import NotFound, contained
from dispatch.etas.travel_time_model import TravelTimeModel
from dispatch.metrics import PLANNER_SECONDS
from dispatch.models import (
    Driver,
    Order,
    PlannedBreak,
    Stop,
    breaks_to_come,
    left_and_ahead,
    places,
    plans_of,
)
from dispatch.orders.transitions import heard_since, is_heard
from dispatch.planning import plan_store, planned_breaks
from dispatch.planning.workload import BREAKS_WITHIN, Workload, visit_kind
from dispatch.statuses import ACTIVE, DriverStatus, StopKind
from routing.best_effort import BestEffortRoute, best_effort_route
from routing.errors import RoutingError
from routing.geo import Point, distance_to_line_m, from_lnglat, linestring
from routing.osrm import Leg, Route, osrm_from_settings
from routing.planner import best_tour, tour_in_order
from routing.problems import Problem

logger = logging.getLogger(__name__)

#: A driver this far from the planned road has taken another one.
OFF_ROAD_M = 75.0
#: Of these the new ETAs are stored together.
DRIVERS_AT_ONCE = 25
#: For less (seconds of the planner's objective) nobody is told to go another way than a minute ago.
SWEEP_GAIN_S = 60.0
#: A place without a road is not estimated to be reached from farther away (metres).
GUESSED_WITHIN_M = 30_000.0


# ------------------------------------------------------------------------------------------------ pure parts


def arrivals(
    stops: Sequence[Stop],
    seconds: Sequence[float],
    since: datetime,
    travel_times: TravelTimeModel,
    rest: PlannedBreak | None = None,
) -> list[datetime]:
    """When a driver who goes on at `since` (now, or at the end of a break) reaches each stop: `seconds[k]` is the
    drive to stop k from the one before (or from here), as the roads alone have it. `rest`: a break to come.
    """
    visits = places(stops)
    times, free_at = _drive(visits, seconds, since, travel_times)
    if rest is None:
        return times
    rests_before = planned_breaks.place_after(rest, visits, free_at)
    goes_on = max(free_at[rests_before], rest.earliest) + rest.duration
    before = sum(len(place) for place in visits[:rests_before])
    after, _ = _drive(visits[rests_before:], seconds[before:], goes_on, travel_times)
    return times[:before] + after


def _drive(
    visits: Sequence[Sequence[Stop]], seconds: Sequence[float], since: datetime, travel_times: TravelTimeModel
) -> tuple[list[datetime], list[datetime]]:
    """When each stop is reached, and when the driver goes on to each place and is done with the last."""
    times: list[datetime] = []
    clock = since
    free_at = [clock]
    drives = iter(seconds)
    for place in visits:
        leaving = clock
        for stop in place:
            routed_s = next(drives)
            if not stop.arrived_at:
                clock += travel_times.drive(routed_s, stop.order.city_id, clock)
            times.append(stop.arrived_at or clock)
            leaving = max(leaving, _leaves(stop, clock, travel_times))
        clock = leaving
        free_at.append(clock)
    return times, free_at


def _leaves(stop: Stop, there: datetime, travel_times: TravelTimeModel) -> datetime:
    """When the driver, at the stop since `there`, drives on: after the handover, and not without the food."""
    since = stop.arrived_at or there
    restaurant = stop.order.kitchen
    if stop.kind != StopKind.PICKUP:
        return max(there, since + timedelta(seconds=travel_times.door_s(restaurant.city_id)))
    pickup = travel_times.pickup(restaurant.pk)
    done = since + timedelta(seconds=pickup.handover_s)
    ready_at = stop.order.ready_at
    return max(there, done, ready_at + timedelta(seconds=pickup.late_s) if ready_at else done)


def why_unsure(
    driver: Driver, stops: Sequence[Stop], found: BestEffortRoute, since: datetime
) -> list[Problem | None]:
    """By stop, what keeps its ETA from being exact: what concerns its own order, the way there, or the driver,
    who is silent if not heard of since then.
    """
    if found.away:
        return [Problem.ROADS_AWAY] * len(stops)
    silence = None if is_heard(driver, since) else Problem.DRIVER_SILENT
    of_order: dict[UUID, Problem] = {}
    of_way: Problem | None = None
    problems: list[Problem | None] = []
    for n, stop in enumerate(stops):
        if n + 1 in found.off_road:
            of_order.setdefault(stop.order_id, _UNREACHABLE[StopKind(stop.kind)])
        if n in found.guessed and of_way is None:
            of_way = Problem.DRIVER_OFF_ROAD if n == 0 and 0 in found.off_road else Problem.EARLIER_STOP
        problems.append(of_order.get(stop.order_id) or of_way or silence)
    return problems


_UNREACHABLE = {
    StopKind.PICKUP: Problem.RESTAURANT_UNREACHABLE,
    StopKind.DROPOFF: Problem.CUSTOMER_UNREACHABLE,
    StopKind.RETURN: Problem.RESTAURANT_UNREACHABLE,
    StopKind.TRANSFER: Problem.EARLIER_STOP,
}


def _is_lost(found: BestEffortRoute, n: int) -> bool:
    """Whether nobody can say when stop n is reached: along so long a straight line there is nothing to estimate."""
    return not found.away and any(
        found.legs[k].distance_m > GUESSED_WITHIN_M for k in found.guessed if k <= n
    )


# ------------------------------------------------------------------------------------------------- the shell


def replan(driver_id: UUID) -> bool:
    """Orders a driver's stops and stores order, roads and ETAs. False where there was nothing (left) to plan."""
    driver = Driver.objects.get(pk=driver_id)
    workload = Workload.of([driver])
    stops = workload.stops[driver_id]
    if not stops:
        return False
    order = _visiting_order(workload, driver)
    rest = workload.breaks.get(driver_id)
    plan = _plan(driver, stops, workload.travel_times, heard_since(), rest, order=order, redraw=True)
    return plan_store.store(plan)


def sweep() -> int:
    """Orders the stops of every driver anew where that has become better by SWEEP_GAIN_S since they last changed:
    traffic, a kitchen that is late, a driver who went another way. Returns how many were.
    """
    workload = Workload.of(with_several_stops())
    since = heard_since()
    swept = 0
    for driver in workload.drivers:
        with contained(f"driver {driver.pk} keeps the plan from before"):
            stops = workload.stops[driver.pk]
            order = _visiting_order(workload.alone(driver), driver, gain_s=SWEEP_GAIN_S)
            if order != stops:
                swept += plan_store.store(
                    _plan(
                        driver,
                        stops,
                        workload.travel_times,
                        since,
                        workload.breaks.get(driver.pk),
                        order=order,
                        redraw=True,
                    )
                )
    return swept


def with_several_stops() -> QuerySet[Driver]:
    """The drivers whose stops can be put in another order."""
    # Counted before they are joined: the other way round every stop of every day would be read.
    several = Stop.objects.filter(done_at=None).order_by().values("driver").annotate(count=Count("pk"))
    busy = Driver.objects.filter(pk__in=several.filter(count__gt=1).values("driver"))
    return busy.filter(current_lat__isnull=False).exclude(status=DriverStatus.OFFLINE)


def plan_new_stops() -> int:
    """Plans drivers who have a door that no plan knows of: an order came by SQL, or while Redis was away. Returns how
    many they were.
    """
    new = Stop.objects.filter(
        done_at=None,
        left_at=None,
        kind=StopKind.DROPOFF,
        eta=None,
        order__status__in=ACTIVE,
        order__problem="",
    )
    planned = 0
    for driver_id in set(new.values_list("driver_id", flat=True)):
        with contained(f"driver {driver_id} waits for the next round"):
            planned += replan(driver_id)
    return planned


@dataclass(frozen=True)
class Saving:
    """The planner's order of a driver's stops (ids), and the driving that it saves against the order in hand."""

    stops: Sequence[UUID]
    seconds: float
    metres: float


def saving(driver_id: UUID) -> Saving | None:
    """What the planner would do if no stop were pinned; None where that is what is done, or nobody can say.

    Raises NotFound.
    """
    driver = Driver.objects.filter(pk=driver_id).first()
    if driver is None:
        raise NotFound("No such driver.")
    if driver.point is None:
        return None
    workload = Workload.of([driver])
    stops, best = workload.stops[driver_id], _visiting_order(workload, driver, pins=False)
    if best == stops:
        return None
    now, then = (_route(driver, driver.point, order) for order in (stops, best))
    if now is None or then is None:
        return None
    return Saving(
        [stop.pk for stop in best], now.duration_s - then.duration_s, now.distance_m - then.distance_m
    )


def _route(driver: Driver, start: Point, stops: Sequence[Stop]) -> Route | None:
    """None where the roads have no answer, or do not answer at all: then at once (routing/breaker.py)."""
    try:
        return osrm_from_settings(driver.roads).route(_way(start, stops))
    except RoutingError as error:
        if not error.retryable:
            logger.warning("nobody can say what another visiting order saves: %s", error)
        return None


def _way(start: Point, stops: Sequence[Stop]) -> list[Point]:
    """From stop to stop, past those of which nobody knows where they are."""
    return [start, *(stop.point for stop in stops if stop.point is not None)]


def refresh_etas(among: Collection[UUID] | None = None) -> int:
    """New ETAs for every driver with stops (`among` these, by id); returns how many were stored. Nobody's trouble
    stops the others'.
    """
    busy = Driver.objects.filter(stops__done_at=None, stops__isnull=False)
    return _refresh(busy if among is None else busy.filter(pk__in=among))


def mend_etas() -> int:
    """The same for drivers who are heard of and have ETAs along straight lines: soon after the roads are back."""
    approximate = Order.objects.filter(status__in=ACTIVE, problem=Problem.ROADS_AWAY)
    return _refresh(
        Driver.objects.filter(orders__in=approximate).exclude(status=DriverStatus.OFFLINE),
    )


def _refresh(drivers: QuerySet[Driver]) -> int:
    found = {driver.pk: driver for driver in drivers.distinct()}
    travel_times, since = TravelTimeModel.current(), heard_since()
    waiting = plans_of(found, roads=False)
    ahead_of = {pk: ahead for pk, stops in waiting.items() if (ahead := left_and_ahead(stops)[1])}
    coming = Stop.objects.filter(pk__in=[ahead[0].pk for ahead in ahead_of.values()])
    roads = dict(coming.values_list("driver_id", "leg"))
    rests = breaks_to_come([found[pk] for pk in ahead_of], timezone.now(), within=BREAKS_WITHIN)
    stored = 0
    # So many at a time: their rows are locked together, and whoever looks at them reloads once.
    for some in batched(ahead_of.items(), DRIVERS_AT_ONCE):
        new: list[plan_store.Plan] = []
        for pk, ahead in some:
            with contained(f"driver {pk} keeps the plan from before"):
                redraw = _left_the_road(found[pk], roads.get(pk))
                new.append(_plan(found[pk], ahead, travel_times, since, rests.get(pk), redraw=redraw))
        stored += plan_store.store_all(new)
    return stored


def _left_the_road(driver: Driver, road: list[list[float]] | None) -> bool:
    """`road`: GeoJSON coordinates of the way to the next stop."""
    if driver.point is None:
        return False
    return road is None or distance_to_line_m(driver.point, [from_lnglat(at) for at in road]) > OFF_ROAD_M


def _plan(
    driver: Driver,
    as_read: Sequence[Stop],
    travel_times: TravelTimeModel,
    since: datetime,
    rest: PlannedBreak | None,
    *,
    order: Sequence[Stop] | None = None,
    redraw: bool,
) -> plan_store.Plan:
    """New ETAs for the stops that lie ahead, in the order in which they were read or in another one; and, with
    `redraw`, new roads. Whoever was not heard of `since` then is silent. `rest`: a break to come.
    """
    stops = as_read if order is None else order
    here = driver.point
    placed = [] if here is None else [stop for stop in stops if stop.point is not None]
    planned: dict[UUID, plan_store.PlannedStop] = {}
    if here is not None and placed:
        found = best_effort_route(osrm_from_settings(driver.roads), _way(here, placed), geometry=redraw)
        now, travel_times = timezone.now(), travel_times.by(driver.roads)
        goes_on = max(now, driver.break_until or now)
        times = arrivals(placed, [leg.duration_s for leg in found.legs], goes_on, travel_times, rest)
        problems = why_unsure(driver, placed, found, since)
        for n, (stop, eta, leg) in enumerate(zip(placed, times, found.legs, strict=True)):
            city_id = stop.order.city_id
            planned[stop.pk] = plan_store.PlannedStop(
                stop.pk,
                None if _is_lost(found, n) else eta,
                travel_times.ranges.minutes(city_id, (eta - now).total_seconds()),
                learned=city_id in travel_times.learned,
                line=_drawn(leg) if redraw and n not in found.guessed else None,
                problem=problems[n],
            )
    unplaced = Problem.DRIVER_UNPLACED if here is None else Problem.CUSTOMER_UNPLACED
    return plan_store.Plan(
        driver.pk,
        plan_store.Ahead.of(as_read),
        [planned.get(stop.pk) or plan_store.PlannedStop(stop.pk, problem=unplaced) for stop in stops],
        keep_roads=not redraw,
    )


def _drawn(leg: Leg) -> list[list[float]] | None:
    """The road of a leg as GeoJSON coordinates; None for one that is a single point."""
    return linestring(leg.line)["coordinates"] if len(leg.line) > 1 else None


def _visiting_order(
    workload: Workload, driver: Driver, *, pins: bool = True, gain_s: float = 0.0
) -> Sequence[Stop]:
    """The planner's best order of a driver's stops; as it is, where the roads do not answer or the best is not better
    by `gain_s` (of the planner's objective).
    """
    stops = workload.stops[driver.pk]
    if len(stops) < 2:
        return stops
    instance, approximate = workload.instance(timezone.now(), pins=pins)
    if approximate:
        return stops
    with PLANNER_SECONDS.labels("best_tour").time():
        tour = best_tour(instance, driver.pk)
    if tour.problems:
        logger.warning(
            "driver %s has stops that can't be planned: %s", driver.pk, set(tour.problems.values())
        )
    rank = {(visit.shipment, visit.kind): n for n, visit in enumerate(tour.visits)}
    order = sorted(
        stops, key=lambda stop: (_can_wait(stop), rank.get((stop.order_id, visit_kind(stop)), len(rank)))
    )
    if gain_s and order != stops and tour_in_order(instance, driver.pk).cost - tour.cost < gain_s:
        return stops
    return order


def _can_wait(stop: Stop) -> bool:
    """Food that goes back comes behind all that somebody waits for, however near the restaurant is, unless a
    dispatcher wants it otherwise.
    """
    return stop.kind == StopKind.RETURN and not stop.pinned
