"""How long it really takes: speed factors, handovers and late kitchens, out of the trips that were driven.

What is learned is where the observations lie, pulled towards a prior that weighs as much as a few of them: the first
is believed a little, the hundredth entirely. Each observation pulls as far as it is off, but never harder than a
fixed reach (Huber's estimator): a driver who stopped for coffee counts as one who was slow, and no single observation
moves an estimate by more than reach / weight. A mean would follow the coffee, and a
median needs half as many observations again to be as precise.
"""

from array import array
from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from itertools import chain
from math import exp, fsum, inf, log
from typing import NamedTuple

HOURS_A_WEEK = 168


class Pull(NamedTuple):
    """`reach`: beyond it an observation pulls no harder. `prior`: the observations that the prior is worth, about the
    square of how much single ones scatter against how much what they tell of differs.
    """

    reach: float
    prior: float


#: In logarithms, where twice as long and half as long are equally far and no time turns negative: drives scatter by a
#: fifth and differ by a fifteenth between the hours; handovers scatter by a half and differ by a quarter.
DRIVE = Pull(reach=log(1.35), prior=10.0)
HANDOVER = Pull(reach=log(2), prior=5.0)
#: In seconds, for lateness has both signs.
LATENESS = Pull(reach=180.0, prior=5.0)

#: On a shorter drive the fence's edge and the traffic light weigh more than the traffic.
LEAST_DRIVE_S = 60.0


class Estimate(NamedTuple):
    """`observations`: how many of its own stand behind the value; with 0 it is the prior's."""

    value: float
    observations: int


@dataclass(frozen=True, slots=True)
class Drive[City: Hashable]:
    """A leg as driven. `hour`: the hour of the week in which it began, see `hour_of_week`."""

    city: City
    hour: int
    routed_s: float
    took_s: float


@dataclass(frozen=True, slots=True)
class Dwell[City: Hashable]:
    """The time inside the fence of a dropoff."""

    city: City
    dwell_s: float


@dataclass(frozen=True, slots=True)
class Pickup[Restaurant: Hashable]:
    """A visit to a restaurant, in seconds since any moment.

    `ready_at`: when the kitchen had promised the food (of several orders the last); None without a promise.
    """

    restaurant: Restaurant
    arrived_at: float
    left_at: float
    ready_at: float | None


@dataclass(frozen=True, slots=True)
class KitchenEstimate:
    """`handover`: seconds at the counter when the food is there. `late`: seconds from the promised ready time until
    drivers who wait for the food leave with it; negative where it is early.
    """

    handover: Estimate
    late: Estimate


def hour_of_week(at: datetime, zone: tzinfo) -> int:
    """0 (Monday 0:00) to 167 (Sunday 23:00) by the clocks of `zone`; `at` is aware."""
    local = at.astimezone(zone)
    return local.weekday() * 24 + local.hour


class Streets[City: Hashable]:
    """What drives tell of the streets: what routed durations are multiplied with. Of a drive eight bytes stay."""

    def __init__(self) -> None:
        self._ratios: defaultdict[tuple[City, int], array[float]] = defaultdict(_numbers)

    def add(self, drive: Drive[City]) -> None:
        if drive.routed_s >= LEAST_DRIVE_S and _possible(drive.took_s):
            self._ratios[drive.city, drive.hour].append(log(drive.took_s / drive.routed_s))

    def factors(self) -> dict[tuple[City, int], Estimate]:
        """By city and hour, all 168 of every city that has drives.

        An hour of the week is pulled towards that hour of the day, which is pulled towards the city, which is pulled
        towards 1.
        """
        factors = {}
        for city in {city for city, _ in self._ratios}:
            week = [self._ratios.get((city, hour), _numbers()) for hour in range(HOURS_A_WEEK)]
            always = settled(_numbers(chain(*week)), 0.0, DRIVE)
            daily = [settled(_numbers(chain(*week[hour::24])), always, DRIVE) for hour in range(24)]
            for hour, own in enumerate(week):
                factors[city, hour] = Estimate(exp(settled(own, daily[hour % 24], DRIVE)), len(own))
        return factors


class Doors[City: Hashable]:
    """What dropoffs tell of handovers at a city's doors. Of a dropoff eight bytes stay."""

    def __init__(self) -> None:
        self._dwells_s: defaultdict[City, array[float]] = defaultdict(_numbers)

    def add(self, dwell: Dwell[City]) -> None:
        self._dwells_s[dwell.city].append(dwell.dwell_s)

    def handovers(self, prior_s: float) -> dict[City, Estimate]:
        """Seconds at a dropoff by city."""
        return {city: _handover(dwells_s, prior_s) for city, dwells_s in self._dwells_s.items()}


class Kitchens[Restaurant: Hashable]:
    """What pickups tell of counters and kitchens. Of a pickup sixteen bytes stay."""

    def __init__(self) -> None:
        #: How long a driver stayed, and how long after the promised time that began (infinitely, where none was).
        self._dwells_s: defaultdict[Restaurant, array[float]] = defaultdict(_numbers)
        self._behind_s: defaultdict[Restaurant, array[float]] = defaultdict(_numbers)

    def add(self, pickup: Pickup[Restaurant]) -> None:
        behind_s = inf if pickup.ready_at is None else pickup.arrived_at - pickup.ready_at
        self._dwells_s[pickup.restaurant].append(pickup.left_at - pickup.arrived_at)
        self._behind_s[pickup.restaurant].append(behind_s)

    def estimates(self, prior_s: float) -> dict[Restaurant, KitchenEstimate]:
        """Handover and lateness by restaurant."""
        return {
            restaurant: _kitchen(dwells_s, self._behind_s[restaurant], prior_s)
            for restaurant, dwells_s in self._dwells_s.items()
        }


def _kitchen(dwells_s: Sequence[float], behind_s: Sequence[float], prior_s: float) -> KitchenEstimate:
    visits = list(zip(dwells_s, behind_s, strict=True))
    # Of those who came after the promised time, only the unlucky had to wait: they would make every kitchen late.
    lates = [dwell_s + behind for dwell_s, behind in visits if behind < 0]
    late = settled(lates, 0.0, LATENESS)
    # The handover shows when the food is there already, or is not known to be missing.
    at_once = [dwell_s for dwell_s, behind in visits if behind >= max(late, 0.0)]
    return KitchenEstimate(_handover(at_once, prior_s), Estimate(late, len(lates)))


def _handover(dwells_s: Iterable[float], prior_s: float) -> Estimate:
    logs = _numbers(log(dwell_s) for dwell_s in dwells_s if _possible(dwell_s))
    return Estimate(exp(settled(logs, log(prior_s), HANDOVER)), len(logs))


def _numbers(values: Iterable[float] = ()) -> "array[float]":
    """In eight bytes each, where a list has thirty-two: trips of months are many."""
    return array("d", values)


def _possible(duration_s: float) -> bool:
    """Both ends come from drivers' devices, whose clocks may be set in between."""
    return 0 < duration_s < inf


def settled(values: Sequence[float], prior: float, pull: Pull) -> float:
    """Where the values and the prior, each pulling with its distance, the values by no more than the reach, are at
    rest.

    What is left of the pull falls as the estimate rises: halving finds the one place where it is nothing.
    """
    low, high = min(prior, min(values, default=prior)), max(prior, max(values, default=prior))
    while high - low > 1e-4 * pull.reach:
        middle = (low + high) / 2
        # Summed exactly: in whatever order the values come, the result is the same.
        upwards = fsum(max(-pull.reach, min(pull.reach, value - middle)) for value in values)
        if upwards + pull.prior * (prior - middle) > 0:
            low = middle
        else:
            high = middle
    return (low + high) / 2
