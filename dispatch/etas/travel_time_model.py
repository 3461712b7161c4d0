"""How long drives, handovers and kitchens really take: as learned from our own trips, or as staff say instead."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings

from dispatch.models import City, EtaSpread, HandoverTime, KitchenTime, SpeedFactor
from routing.eta import Ranges, Spread, hour_of_week
from routing.profiles import Profile


@dataclass(frozen=True)
class PickupTimes:
    """`handover_s`: at the counter when the food is there; `late_s`: from the promised ready time to the real one."""

    handover_s: float
    late_s: float = 0.0


@dataclass(frozen=True)
class TravelTimeModel:
    """What is known about cities and restaurants (by id); whatever is not known takes its time by the settings."""

    #: At a counter and at a door (seconds), where nothing else is known.
    pickup_s: float
    dropoff_s: float
    zones: Mapping[UUID, ZoneInfo] = field(default_factory=dict)
    #: By city and hour of the week.
    factors: Mapping[tuple[UUID, int], float] = field(default_factory=dict)
    doors: Mapping[UUID, float] = field(default_factory=dict)
    pickups: Mapping[UUID, PickupTimes] = field(default_factory=dict)
    ranges: Ranges[UUID] = field(default_factory=lambda: Ranges({}))
    #: Cities whose own trips have taught us something.
    learned: frozenset[UUID] = frozenset()

    @classmethod
    def current(cls) -> "TravelTimeModel":
        """As it is in the database at this moment: what staff change holds for the next plan."""
        factors = {(factor.city_id, factor.hour): factor for factor in SpeedFactor.objects.all()}
        return cls(
            settings.PICKUP_SERVICE_S,
            settings.DROPOFF_SERVICE_S,
            {city.pk: ZoneInfo(city.time_zone) for city in City.objects.only("time_zone")},
            {key: factor.value for key, factor in factors.items()},
            {time.city_id: time.value_s for time in HandoverTime.objects.all() if time.value_s is not None},
            {
                time.restaurant_id: PickupTimes(
                    settings.PICKUP_SERVICE_S if time.handover_s is None else time.handover_s, time.late_s
                )
                for time in KitchenTime.objects.all()
            },
            Ranges(
                {
                    (spread.city_id, spread.horizon): Spread(spread.low, spread.high, spread.observations)
                    for spread in EtaSpread.objects.all()
                }
            ),
            frozenset(city_id for (city_id, _), factor in factors.items() if factor.observations),
        )

    def by(self, profile: Profile) -> "TravelTimeModel":
        """For who goes by these roads. It is cars that the streets' factors were learned from, and that are slow in
        the rush hour: whoever goes by other roads takes what OSRM says.
        """
        return self if profile == "car" else replace(self, factors={}, learned=frozenset())

    def factor(self, city_id: UUID | None, at: datetime) -> float:
        """What the roads' drive times are multiplied with at that moment."""
        if city_id is None or city_id not in self.zones:
            return 1.0
        return self.factors.get((city_id, hour_of_week(at, self.zones[city_id])), 1.0)

    def drive(self, routed_s: float, city_id: UUID | None, at: datetime) -> timedelta:
        """What a drive of `routed_s` by the roads alone really takes."""
        return timedelta(seconds=routed_s * self.factor(city_id, at))

    def pickup(self, restaurant_id: UUID | None) -> PickupTimes:
        known = None if restaurant_id is None else self.pickups.get(restaurant_id)
        return known or PickupTimes(self.pickup_s)

    def door_s(self, city_id: UUID | None) -> float:
        """At a customer's door."""
        return self.dropoff_s if city_id is None else self.doors.get(city_id, self.dropoff_s)
