"""The nightly lesson: what our own trips tell of streets, kitchens, doors, and of how far ETAs are off.

A drive counts where it is known when it began: from the moment that a driver was done with one place to the arrival
at the next, which was known of by then. What the roads say of such a drive is asked once and stays on its stop.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby, pairwise
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction
from django.db.models import Case, Exists, OuterRef, Subquery, When
from django.db.models.functions import Coalesce, Least

from dispatch.clock import database_now
from dispatch.etas import prediction_log
from dispatch.models import (
    Driver,
    EtaSpread,
    HandoverTime,
    KitchenTime,
    OrderEvent,
    SpeedFactor,
    Stop,
    Vehicle,
)
from dispatch.statuses import CLOSED_BY, OrderStatus, StopKind
from routing.errors import RoutingError
from routing.eta import (
    Doors,
    Drive,
    Dwell,
    Estimate,
    KitchenEstimate,
    Kitchens,
    Pickup,
    Ranges,
    Streets,
    hour_of_week,
    learn_ranges,
)
from routing.geo import Point
from routing.osrm import osrm_from_settings

logger = logging.getLogger(__name__)

#: Ranges follow what ETAs have been like lately; the predictions of a fortnight are enough for that.
RANGES_DAYS = 14
#: Nobody stands at a counter that long (seconds): a stop that the office closed in the end.
LONGEST_STAY_S = 7200.0
#: Who knew of a stop so long (seconds) after leaving the one before still drove there at once.
ASSIGNED_AFTER_S = 30.0


@dataclass(frozen=True)
class Lesson:
    """How much was learned from."""

    drives: int
    pickups: int
    dropoffs: int
    predictions: int


@dataclass(frozen=True, slots=True)
class Stay:
    """A driver at a place, for one order or several (then `ready_at` is that of the last)."""

    stop_id: UUID
    kind: str
    point: Point | None
    restaurant_id: UUID
    city_id: UUID | None
    zone: ZoneInfo | None
    assigned_at: datetime | None
    arrived_at: datetime
    left_at: datetime
    ready_at: datetime | None
    routed_s: float | None


#: Origin and destination of a drive.
type OdPair = tuple[Stay, Stay]


class _Trips:
    """What the trips of all drivers teach. Those of one driver are in memory at a time: in months some thousands."""

    def __init__(self) -> None:
        self.streets = Streets[UUID]()
        self.kitchens = Kitchens[UUID]()
        self.doors = Doors[UUID]()
        self.drives = self.pickups = self.dropoffs = 0

    def add(self, sequences: Sequence[Sequence[Stay]], *, by_car: bool = True) -> None:
        """A driver's. Of one who goes by other roads than the car's, streets learn nothing."""
        driven = [pair for sequence in sequences for pair in od_pairs(sequence)] if by_car else []
        known = {here.stop_id: here.routed_s for _, here in driven if here.routed_s is not None}
        routed = known | _ask_roads(driven)
        for before, here in driven:
            if here.stop_id in routed:
                self.drives += 1
                self.streets.add(_drive(before, here, routed[here.stop_id]))
        for stay in (stay for sequence in sequences for stay in sequence if is_plausible(stay)):
            if stay.kind == StopKind.PICKUP:
                self.pickups += 1
                self.kitchens.add(_pickup(stay))
            elif stay.kind == StopKind.DROPOFF and stay.city_id is not None:
                self.dropoffs += 1
                self.doors.add(Dwell(stay.city_id, (stay.left_at - stay.arrived_at).total_seconds()))


def learn() -> Lesson:
    """Learns from the trips of the last ETA_LEARNING_DAYS, stores it beside what staff have set, and forgets the
    predictions that are too old to learn from.
    """
    now = database_now()
    since = now - timedelta(days=settings.ETA_LEARNING_DAYS)
    ranges = learn_ranges(prediction_log.misses(now - timedelta(days=RANGES_DAYS)))
    trips = _Trips()
    lately = Stop.objects.filter(driver=OuterRef("pk"), done_at__gte=since)
    others = [vehicle for vehicle in Vehicle if vehicle.roads != "car"]
    not_by_car = set(Driver.objects.filter(Exists(lately), vehicle__in=others).values_list("pk", flat=True))
    for driver_id in Driver.objects.filter(Exists(lately)).values_list("pk", flat=True):
        trips.add(list(stay_sequences(driver_id, since)), by_car=driver_id not in not_by_car)
    if osrm_from_settings().is_away:
        logger.warning("the roads do not answer: what they were not asked yet is learned tomorrow")
    with transaction.atomic():
        _store_factors(trips.streets.factors())
        _store_kitchens(trips.kitchens.estimates(settings.PICKUP_SERVICE_S))
        _store_doors(trips.doors.handovers(settings.DROPOFF_SERVICE_S))
        _store_spreads(ranges)
    prediction_log.forget_old()
    predictions = sum(spread.observations for (city, _), spread in ranges.spreads.items() if city is None)
    return Lesson(trips.drives, trips.pickups, trips.dropoffs, predictions)


def stay_sequences(driver_id: UUID, since: datetime) -> Iterator[list[Stay]]:
    """A driver's stays since then, in the order in which they were. A stop at which nobody saw the driver arrive
    parts them: between the one before it and the one after it was more than a drive.
    """
    assigned = OrderEvent.objects.filter(
        order=OuterRef("order_id"), driver=OuterRef("driver_id"), to_status=OrderStatus.ASSIGNED
    ).order_by("-id")
    rows = (
        Stop.objects.filter(driver=driver_id, done_at__gte=since)
        .annotate(
            # A button that was pressed without a connection reaches us later.
            left=Coalesce("left_at", Least("done_at", _closed_at())),
            assigned_at=Subquery(assigned.values("happened_at")[:1]),
        )
        .select_related("order__restaurant__city")
        .defer("leg")
        .order_by(Coalesce("arrived_at", "left"), "id")
    )
    for seen, those in groupby(rows, key=lambda stop: stop.arrived_at is not None):
        if seen:
            places = groupby((_stay(stop) for stop in those), key=lambda stay: (stay.kind, stay.point))
            yield [_together(list(place)) for _, place in places]


def _closed_at() -> Case:
    """When the step happened that was the end of a stop, by the clock of whoever took it."""
    steps = OrderEvent.objects.filter(order=OuterRef("order_id")).order_by("-id").values("happened_at")
    return Case(
        *(
            When(kind=kind, then=Subquery(steps.filter(to_status__in=statuses)[:1]))
            for kind, statuses in CLOSED_BY.items()
        )
    )


def _stay(stop: Any) -> Stay:
    restaurant = stop.order.restaurant
    return Stay(
        stop.pk,
        stop.kind,
        stop.point,
        restaurant.pk,
        restaurant.city_id,
        ZoneInfo(restaurant.city.time_zone) if restaurant.city else None,
        stop.assigned_at,
        stop.arrived_at,
        stop.left,
        stop.order.ready_at,
        stop.routed_s,
    )


def _together(orders: Sequence[Stay]) -> Stay:
    """One stay for several orders."""
    ready_ats = [order.ready_at for order in orders if order.ready_at is not None]
    return replace(
        orders[0], left_at=max(order.left_at for order in orders), ready_at=max(ready_ats, default=None)
    )


def od_pairs(sequence: Iterable[Stay]) -> Iterator[OdPair]:
    """Drives that can be learned from, each from one stay to the next."""
    for before, here in pairwise(sequence):
        set_out = before.left_at + timedelta(seconds=ASSIGNED_AFTER_S)
        known = here.assigned_at is not None and here.assigned_at <= set_out
        if known and before.left_at < here.arrived_at and is_plausible(before) and here.zone is not None:
            yield before, here


def is_plausible(stay: Stay) -> bool:
    """Whether the driver can have stood there all the time."""
    return timedelta() <= stay.left_at - stay.arrived_at <= timedelta(seconds=LONGEST_STAY_S)


def _ask_roads(driven: Iterable[OdPair]) -> dict[UUID, float]:
    """What the roads say (seconds) of the drives to these stops, as long as they answer; it is kept."""
    answers: dict[UUID, float] = {}
    osrm = osrm_from_settings()
    for before, here in driven:
        if here.routed_s is not None or before.point is None or here.point is None:
            continue
        with suppress(RoutingError):  # while the roads are away at once (routing/breaker.py)
            answers[here.stop_id] = osrm.route([before.point, here.point], geometry=False).duration_s
    stops = (Stop(pk=stop_id, routed_s=seconds) for stop_id, seconds in answers.items())
    Stop.objects.bulk_update(stops, ["routed_s"], batch_size=500)
    return answers


def _drive(before: Stay, here: Stay, routed_s: float) -> Drive[UUID]:
    assert here.city_id is not None  # noqa: S101 (`od_pairs` leaves out those without a city)
    assert here.zone is not None  # noqa: S101
    took_s = (here.arrived_at - before.left_at).total_seconds()
    return Drive(here.city_id, hour_of_week(before.left_at, here.zone), routed_s, took_s)


def _pickup(stay: Stay) -> Pickup[UUID]:
    ready_at = stay.ready_at.timestamp() if stay.ready_at else None
    return Pickup(stay.restaurant_id, stay.arrived_at.timestamp(), stay.left_at.timestamp(), ready_at)


def _store_factors(factors: Mapping[tuple[UUID, int], Estimate]) -> None:
    SpeedFactor.objects.bulk_create(
        (
            SpeedFactor(city_id=city_id, hour=hour, learned=factor.value, observations=factor.observations)
            for (city_id, hour), factor in factors.items()
        ),
        update_conflicts=True,
        unique_fields=["city", "hour"],
        update_fields=["learned", "observations"],
    )


def _store_kitchens(learned: Mapping[UUID, KitchenEstimate]) -> None:
    KitchenTime.objects.bulk_create(
        (
            KitchenTime(
                restaurant_id=restaurant_id,
                handover_learned_s=kitchen.handover.value,
                handover_observations=kitchen.handover.observations,
                late_learned_s=kitchen.late.value,
                late_observations=kitchen.late.observations,
            )
            for restaurant_id, kitchen in learned.items()
        ),
        update_conflicts=True,
        unique_fields=["restaurant"],
        update_fields=[
            "handover_learned_s",
            "handover_observations",
            "late_learned_s",
            "late_observations",
        ],
    )


def _store_doors(learned: Mapping[UUID, Estimate]) -> None:
    HandoverTime.objects.bulk_create(
        (
            HandoverTime(city_id=city_id, learned_s=time.value, observations=time.observations)
            for city_id, time in learned.items()
        ),
        update_conflicts=True,
        unique_fields=["city"],
        update_fields=["learned_s", "observations"],
    )


def _store_spreads(ranges: Ranges[UUID]) -> None:
    EtaSpread.objects.all().delete()
    EtaSpread.objects.bulk_create(
        EtaSpread(
            city_id=city_id,
            horizon=horizon,
            low=spread.low,
            high=spread.high,
            observations=spread.observations,
        )
        for (city_id, horizon), spread in ranges.spreads.items()
    )
