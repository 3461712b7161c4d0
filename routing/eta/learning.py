"""How long it really takes: speed factors, handovers and late kitchens, out of the trips that were driven.

What is learned is where the observations lie, pulled towards a prior that weighs as much as a few of them: the first
is believed a little, the hundredth entirely. Each observation pulls as far as it is off, but never harder than a
fixed reach (Huber's estimator): a driver who stopped for coffee counts as one who was slow, and no single observation
moves an estimate by more than reach / weight. A mean would follow the coffee, and a
median needs half as many observations again to be as precise.
"""

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


def speed_factors[City: Hashable](drives: Iterable[Drive[City]]) -> dict[tuple[City, int], Estimate]:
    """What the routed duration is multiplied with: by city and hour, all 168 of every city that has drives.

    An hour of the week is pulled towards that hour of the day, which is pulled towards the city, which is pulled
    towards 1.
    """
    ratios: defaultdict[tuple[City, int], list[float]] = defaultdict(list)
    for drive in drives:
        if drive.routed_s >= LEAST_DRIVE_S and _possible(drive.took_s):
            ratios[drive.city, drive.hour].append(log(drive.took_s / drive.routed_s))
    factors = {}
    for city in {city for city, _ in ratios}:
        week = [ratios.get((city, hour), []) for hour in range(HOURS_A_WEEK)]
        always = settled(list(chain(*week)), 0.0, DRIVE)
        daily = [settled(list(chain(*week[hour::24])), always, DRIVE) for hour in range(24)]
        for hour, own in enumerate(week):
            factors[city, hour] = Estimate(exp(settled(own, daily[hour % 24], DRIVE)), len(own))
    return factors


def handovers[City: Hashable](dwells: Iterable[Dwell[City]], prior_s: float) -> dict[City, Estimate]:
    """Seconds at a dropoff by city."""
    observed: defaultdict[City, list[float]] = defaultdict(list)
    for dwell in dwells:
        observed[dwell.city].append(dwell.dwell_s)
    return {city: _handover(dwells_s, prior_s) for city, dwells_s in observed.items()}


def kitchens[Restaurant: Hashable](
    pickups: Iterable[Pickup[Restaurant]], prior_s: float
) -> dict[Restaurant, KitchenEstimate]:
    """Handover and lateness by restaurant."""
    visits: defaultdict[Restaurant, list[Pickup[Restaurant]]] = defaultdict(list)
    for pickup in pickups:
        visits[pickup.restaurant].append(pickup)
    return {restaurant: _kitchen(those, prior_s) for restaurant, those in visits.items()}


def _kitchen[Restaurant: Hashable](visits: Sequence[Pickup[Restaurant]], prior_s: float) -> KitchenEstimate:
    # Of those who came after the promised time, only the unlucky had to wait: they would make every kitchen late.
    lates = [
        visit.left_at - visit.ready_at
        for visit in visits
        if visit.ready_at is not None and visit.arrived_at < visit.ready_at
    ]
    late = settled(lates, 0.0, LATENESS)
    # The handover shows when the food is there already, or is not known to be missing.
    at_once = [
        visit.left_at - visit.arrived_at
        for visit in visits
        if visit.ready_at is None or visit.arrived_at >= visit.ready_at + max(late, 0.0)
    ]
    return KitchenEstimate(_handover(at_once, prior_s), Estimate(late, len(lates)))


def _handover(dwells_s: Iterable[float], prior_s: float) -> Estimate:
    logs = [log(dwell_s) for dwell_s in dwells_s if _possible(dwell_s)]
    return Estimate(exp(settled(logs, log(prior_s), HANDOVER)), len(logs))


def _possible(duration_s: float) -> bool:
    """Both ends come from drivers' devices, whose clocks may be set in between."""
    return 0 < duration_s < inf


def settled(values: Sequence[float], prior: float, pull: Pull) -> float:
    """Where the values and the prior, each pulling with its distance, the values by no more than the reach, are at
    rest.

    What is left of the pull falls as the estimate rises: halving finds the one place where it is nothing.
    """
    low, high = min([prior, *values]), max([prior, *values])
    while high - low > 1e-4 * pull.reach:
        middle = (low + high) / 2
        # Summed exactly: in whatever order the values come, the result is the same.
        upwards = fsum([max(-pull.reach, min(pull.reach, value - middle)) for value in values])
        if upwards + pull.prior * (prior - middle) > 0:
            low = middle
        else:
            high = middle
    return (low + high) / 2
