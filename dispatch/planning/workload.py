"""The domain in the planner's terms: who is where, what is promised, how long every drive takes.

A place without a road near it, and one without coordinates, keeps nobody else from being planned.
"""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from math import inf
from uuid import UUID

from django.db.models import Max
from django.utils import timezone

from dispatch.etas.travel_time_model import TravelTimeModel
from dispatch.models import (
    Driver,
    Order,
    PlannedBreak,
    Stop,
    breaks_to_come,
    left_and_ahead,
    planned_ends,
    plans_of,
)
from dispatch.statuses import FETCHES, OrderStatus, StopKind
from routing import planner
from routing.errors import NoSegment, RoutingError
from routing.geo import Point
from routing.osrm import osrm_from_settings, straight_line
from routing.profiles import PROFILES, Profile

#: So long after the last stop (seconds) a driver is on the way to the next one; until then the way is open.
UNDER_WAY_S = 60.0
#: Food that nobody waits for is to be back within this (seconds): orders that somebody waits for come first.
RETURN_WITHIN_S = 7200.0
#: A break that begins later than in so long is not thought of yet: no tour is that long.
BREAKS_WITHIN = timedelta(hours=2)
#: OSRM takes about half a second for the drives among so many places (and refuses 500, as we start it).
TABLE_PLACES = 300


@dataclass(frozen=True)
class Workload:
    """Drivers with the stops that lie ahead of them, and the orders that nobody has yet."""

    drivers: Sequence[Driver]
    stops: Mapping[UUID, Sequence[Stop]]
    #: When those were done with the last stop who were done with it in the last UNDER_WAY_S.
    free_since: Mapping[UUID, datetime]
    travel_times: TravelTimeModel
    pending: Sequence[Order] = ()
    #: By order, who has the food that is to be taken over.
    holders: Mapping[UUID, Driver] = field(default_factory=dict)
    #: When the shifts are planned to end of those drivers who work by a plan.
    ends: Mapping[UUID, datetime] = field(default_factory=dict)
    #: Their breaks to come, of those who have one soon.
    breaks: Mapping[UUID, PlannedBreak] = field(default_factory=dict)
    #: By restaurant, when one opens that is closed now.
    opens: Mapping[UUID, datetime | None] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        drivers: Iterable[Driver],
        pending: Iterable[Order] = (),
        holders: Mapping[UUID, Driver] | None = None,
        opens: Mapping[UUID, datetime | None] | None = None,
    ) -> "Workload":
        """Reads what these drivers have to do. Pending orders need their restaurant loaded; `holders`: who has the
        food of those of them that are picked up already; `opens`: when restaurants do that are closed now.
        """
        drivers = list(drivers)
        stops = plans_of({driver.pk for driver in drivers})
        now = timezone.now()
        lately = now - timedelta(seconds=UNDER_WAY_S)
        done = Stop.objects.filter(driver__in=drivers, done_at__gte=lately).values_list("driver_id")
        met = {stop.order_id: stop.meets for those in stops.values() for stop in those if stop.meets}
        return cls(
            drivers,
            {driver_id: left_and_ahead(those)[1] for driver_id, those in stops.items()},
            dict(done.annotate(Max("done_at"))),
            TravelTimeModel.current(),
            list(pending),
            met | dict(holders or {}),
            planned_ends(drivers, now),
            breaks_to_come(drivers, now, within=BREAKS_WITHIN),
            opens or {},
        )

    def of_one_table(self, places: int = TABLE_PLACES) -> "Workload":
        """The first of the pending orders and of the drivers, as many as so many places allow."""
        pending = self.pending[: places // 4]
        left = places - 2 * len(pending)
        drivers = []
        for driver in self.drivers:
            left -= 1 + len(self.stops[driver.pk])
            if left < 0:
                break
            drivers.append(driver)
        stops = {driver.pk: self.stops[driver.pk] for driver in drivers}
        return replace(self, drivers=drivers, stops=stops, pending=pending)

    def alone(self, driver: Driver) -> "Workload":
        """One of the drivers, as if there were no other."""
        return replace(self, drivers=[driver], stops={driver.pk: self.stops[driver.pk]}, pending=())

    @property
    def orders(self) -> list[Order]:
        """All of them, each once."""
        carried = {stop.order_id: stop.order for stops in self.stops.values() for stop in stops}
        return [*carried.values(), *(order for order in self.pending if order.pk not in carried)]

    def instance(self, now: datetime, *, pins: bool = True) -> tuple[planner.Instance, bool]:
        """What the planner needs; and whether travel times are along straight lines, for want of roads.

        `pins`: whether stops that a dispatcher pinned stay where they are.
        """
        places = _Places()
        back = {
            stop.order_id for stops in self.stops.values() for stop in stops if stop.kind == StopKind.RETURN
        }
        shipments = [
            _return(order, places, self.travel_times, now)
            if order.pk in back
            else _shipment(
                order,
                self.holders.get(order.pk),
                self.opens.get(order.restaurant_id) if order.restaurant_id else None,
                places,
                self.travel_times,
            )
            for order in self.orders
        ]
        vehicles = [
            _vehicle(
                driver,
                self.stops[driver.pk],
                self.free_since.get(driver.pk),
                self.ends.get(driver.pk),
                self.breaks.get(driver.pk),
                now,
                places,
                pins=pins,
            )
            for driver in self.drivers
        ]
        # Mostly there is one, and one question.
        profiles = {driver.roads for driver in self.drivers} or {"car"}
        found = {profile: self._travel(profile, places, now) for profile in PROFILES if profile in profiles}
        travel_by: dict[Hashable, planner.Travel] = {
            profile: travel for profile, (travel, _) in found.items()
        }
        instance = planner.Instance(
            now.timestamp(),
            shipments,
            vehicles,
            travel_by.pop(next(iter(travel_by))),
            guesses=_StraightLines(places.points),
            travel_by=travel_by,
        )
        return instance, any(approximate for _, approximate in found.values())

    def _travel(self, profile: Profile, places: "_Places", now: datetime) -> tuple[list[list[float]], bool]:
        """What drives really take; and whether that is along straight lines."""
        seconds, approximate = travel_matrix(places.points, profile)
        # By the streets where a drive ends, which is nearly always the city where it begins.
        travel_times = self.travel_times.by(profile)
        factors = [travel_times.factor(city_id, now) for city_id in places.cities]
        travel = [[cell * factor for cell, factor in zip(row, factors, strict=True)] for row in seconds]
        return travel, approximate


class _Places:
    """Each place once, by number, and the city that it lies in."""

    def __init__(self) -> None:
        self._numbers: dict[Point, int] = {}
        self.cities: list[UUID | None] = []

    def number(self, point: Point | None, city_id: UUID | None) -> int | None:
        if point is None:
            return None
        if point not in self._numbers:
            self._numbers[point] = len(self.cities)
            self.cities.append(city_id)
        return self._numbers[point]

    @property
    def points(self) -> list[Point]:
        return list(self._numbers)


@dataclass(frozen=True)
class _StraightLines:
    """How long ways may take that no road leads, as ETAs have them (routing/best_effort.py)."""

    points: Sequence[Point]

    def __getitem__(self, place: int, /) -> "_StraightLinesFrom":
        return _StraightLinesFrom(self.points[place], self.points)


@dataclass(frozen=True)
class _StraightLinesFrom:
    start: Point
    points: Sequence[Point]

    def __getitem__(self, to: int, /) -> float:
        return straight_line([self.start, self.points[to]]).duration_s


def _shipment(
    order: Order,
    holder: Driver | None,
    opens: datetime | None,
    places: _Places,
    travel_times: TravelTimeModel,
) -> planner.Shipment:
    """`holder`: the driver who has the food, and from whom another one takes it over. `opens`: when its restaurant
    does, which is closed now; there is no food before somebody has been there.
    """
    placed_at = order.created_at.timestamp()
    if holder is not None:
        return planner.Shipment(
            order.pk,
            places.number(holder.point, holder.city_id),
            places.number(order.customer_point, order.city_id),
            placed_at,
            placed_at,
            order.promise.timestamp(),
            order.bags,
            order.city_id,
            travel_times.door_s(order.city_id),
            travel_times.door_s(order.city_id),
            frozenset(order.needs),
        )
    restaurant = order.restaurant
    pickup = travel_times.pickup(order.restaurant_id)
    ready_at = order.ready_at.timestamp() + pickup.late_s if order.ready_at else placed_at
    if opens is not None:
        ready_at = max(ready_at, opens.timestamp() + pickup.handover_s)
    return planner.Shipment(
        order.pk,
        places.number(None if restaurant is None else restaurant.point, order.city_id),
        places.number(order.customer_point, order.city_id),
        placed_at,
        ready_at,
        order.promise.timestamp(),
        order.bags,
        order.city_id,
        pickup.handover_s,
        travel_times.door_s(order.city_id),
        frozenset(order.needs),
    )


def _return(order: Order, places: _Places, travel_times: TravelTimeModel, now: datetime) -> planner.Shipment:
    """Food on board that goes back to where it came from, when nobody else has to wait for it."""
    restaurant = order.kitchen
    place = places.number(restaurant.point, restaurant.city_id)
    return planner.Shipment(
        order.pk,
        place,
        place,
        now.timestamp(),
        now.timestamp(),
        now.timestamp() + RETURN_WITHIN_S,
        order.bags,
        restaurant.city_id,
        0.0,
        travel_times.pickup(restaurant.pk).handover_s,
    )


def _vehicle(
    driver: Driver,
    stops: Sequence[Stop],
    free_since: datetime | None,
    shift_ends_at: datetime | None,
    rest: PlannedBreak | None,
    now: datetime,
    places: _Places,
    *,
    pins: bool,
) -> planner.Vehicle:
    first = stops[0] if stops else None
    arrived_at = first.arrived_at.timestamp() if first is not None and first.arrived_at else None
    return planner.Vehicle(
        driver.pk,
        places.number(driver.point, driver.city_id),
        tuple(planner.Visit(stop.order_id, visit_kind(stop), pins and stop.pinned) for stop in stops),
        under_way=first is not None and _is_under_way(first, free_since, now),
        arrived_at=arrived_at,
        off_at=inf if shift_ends_at is None else shift_ends_at.timestamp(),
        capacity=driver.bags,
        city=driver.city_id,
        mode=driver.roads,
        skills=frozenset(driver.skills),
        break_until=driver.break_until.timestamp() if driver.break_until else -inf,
        breaks=() if rest is None else (_break(rest),),
    )


def _break(rest: PlannedBreak) -> planner.Break:
    return planner.Break(rest.earliest.timestamp(), rest.latest.timestamp(), rest.duration.total_seconds())


def visit_kind(stop: Stop) -> planner.Kind:
    """What the stop is to the planner."""
    return "pickup" if stop.kind in FETCHES else "dropoff"


def _is_under_way(stop: Stop, free_since: datetime | None, now: datetime) -> bool:
    if stop.order.status == OrderStatus.ASSIGNED:
        return False
    return free_since is None or (now - free_since).total_seconds() > UNDER_WAY_S


def travel_matrix(points: Sequence[Point], profile: Profile = "car") -> tuple[list[list[float]], bool]:
    """Seconds from each place to each by these roads, `inf` where none leads; and whether they are those along
    straight lines, because the roads did not answer.
    """
    known = list(range(len(points)))
    while known:
        try:
            table = osrm_from_settings(profile).table([points[k] for k in known])
        except RoutingError as error:
            if not isinstance(error, NoSegment) or error.place is None:
                return [[straight_line([a, b], profile).duration_s for b in points] for a in points], True
            del known[error.place]  # no road near it
        else:
            break
    seconds = [[0.0 if a == b else inf for b in range(len(points))] for a in range(len(points))]
    for a, row in zip(known, table.seconds if known else (), strict=True):
        for b, cell in zip(known, row, strict=True):
            seconds[a][b] = inf if cell is None else cell
    return seconds, False
