"""How far off an ETA may be: "12–16 min", out of how far off the earlier ones were."""

from array import array
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from itertools import chain
from math import ceil, floor
from typing import NamedTuple

#: Predictions are alike between these horizons.
EDGES_S = (300, 600, 900, 1200, 1800, 2700)

#: Errors that a wider group is worth. Far more than for a mean: only every tenth lies beyond the quantile.
PRIOR_WEIGHT = 50.0


class Spread(NamedTuple):
    """The 10th and 90th percentile of the errors, as multiples of what is usual at their horizon (`usual_s`)."""

    low: float
    high: float
    observations: int


#: Errors beyond this multiple of what is usual count as this: the first one known would otherwise be all there is.
REACH = 5.0

#: Before anything is known: 20 minutes are told as "16–27 min".
PRIOR = Spread(-1.0, 2.0, 0)


@dataclass(frozen=True, slots=True)
class Miss[City: Hashable]:
    """A prediction of an arrival `horizon_s` ahead, and how much later than predicted it was (`error_s`)."""

    city: City
    horizon_s: float
    error_s: float


@dataclass(frozen=True, slots=True)
class Ranges[City: Hashable]:
    """`spreads`: by city and `bucket`; the city None stands for those that have none of their own."""

    spreads: Mapping[tuple[City | None, int], Spread]

    def minutes(self, city: City | None, horizon_s: float) -> tuple[int, int]:
        """The whole minutes between which four arrivals of five lie that are predicted in `horizon_s`.

        1 stands for any time up to a minute. The prediction is within, rounded up or down, and high > low ≥ 1:
        nobody arrives at a sharp minute.
        """
        of_all = self.spreads.get((None, bucket(horizon_s)), PRIOR)
        spread = self.spreads.get((city, bucket(horizon_s)), of_all)
        usual = usual_s(horizon_s)
        # To the nearest minute: rounded outwards, a range of four minutes would hold another minute of arrivals.
        low = min(round((horizon_s + spread.low * usual) / 60), floor(horizon_s / 60))
        high = max(round((horizon_s + spread.high * usual) / 60), ceil(horizon_s / 60))
        low = max(1, low)
        return low, max(high, low + 1)


def bucket(horizon_s: float) -> int:
    return bisect_right(EDGES_S, horizon_s)


def usual_s(horizon_s: float) -> float:
    """The size of error that makes those at different horizons comparable: a minute at the door, more ahead."""
    return 60 + max(horizon_s, 0.0) / 8


def learn_ranges[City: Hashable](misses: Iterable[Miss[City]]) -> Ranges[City]:
    """Ranges out of what was missed lately; give it one prediction per order and bucket, for those of one order miss
    together, and none made before the factors were learned, for they miss otherwise.

    A city's bucket is pulled towards that bucket of all cities, which is pulled towards all errors.
    """
    errors: defaultdict[tuple[City, int], array[float]] = defaultdict(lambda: array("d"))
    for miss in misses:
        off = miss.error_s / usual_s(miss.horizon_s)
        errors[miss.city, bucket(miss.horizon_s)].append(max(-REACH, min(REACH, off)))
    overall = _pulled(chain(*errors.values()), PRIOR)
    cities = {city for city, _ in errors}
    spreads: dict[tuple[City | None, int], Spread] = {}
    for number in range(len(EDGES_S) + 1):
        of_all = _pulled(chain(*(errors.get((city, number), ()) for city in cities)), overall)
        spreads[None, number] = of_all
        for city in cities:
            spreads[city, number] = _pulled(errors.get((city, number), ()), of_all)
    return Ranges(spreads)


def _pulled(errors: Iterable[float], wider: Spread) -> Spread:
    ordered = sorted(errors)
    if not ordered:
        return Spread(wider.low, wider.high, 0)
    believed = len(ordered) / (len(ordered) + PRIOR_WEIGHT)
    low, high = (ordered[round(share * (len(ordered) - 1))] for share in (0.1, 0.9))
    return Spread(
        wider.low + believed * (low - wider.low),
        wider.high + believed * (high - wider.high),
        len(ordered),
    )
