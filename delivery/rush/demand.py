"""A made-up dinner rush: a Poisson stream with a peak, restaurants in a few quarters, customers around them."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from math import exp
from pathlib import Path
from random import Random

from delivery.rush.tables import write_table

WIDTH_M = 9000.0
QUARTERS = 4
START_MIN, END_MIN = 0.0, 240.0
PEAK_MIN, PEAK_WIDTH_MIN = 110.0, 45.0
METRES_PER_MINUTE = 320.0
PICKUP_MIN, DROPOFF_MIN = 4.0, 4.0
TARGET_MIN = 40.0


@dataclass(frozen=True, slots=True)
class Demand:
    """`orders` expected in four hours; couriers come in shifts of two to four hours, most for the peak."""

    orders: int
    couriers: int
    restaurants: int = 40
    seed: int = 0


def write_rush(folder: Path, demand: Demand) -> None:
    """Writes the tables that `rush` reads. The same demand gives the same tables."""
    random = Random(demand.seed)
    folder.mkdir(parents=True, exist_ok=True)
    quarters = [_spot(random, WIDTH_M / 2, WIDTH_M / 4) for _ in range(QUARTERS)]
    restaurants = [_near(random, random.choice(quarters), 600) for _ in range(demand.restaurants)]
    write_table(
        folder / "restaurants.tsv",
        ("restaurant", "x", "y"),
        [(f"r{k}", round(x), round(y)) for k, (x, y) in enumerate(restaurants)],
    )
    popularity = list(accumulate(1 / (1 + k) ** 0.7 for k in range(demand.restaurants)))
    orders = []
    for k, minute in enumerate(_minutes(random, demand.orders)):
        (kitchen,) = random.choices(range(demand.restaurants), cum_weights=popularity)
        x, y = _near(random, restaurants[kitchen], 1800)
        ready = minute + min(45.0, random.lognormvariate(2.6, 0.45))
        orders.append((f"o{k}", round(x), round(y), f"{minute:.2f}", f"r{kitchen}", f"{ready:.2f}"))
    write_table(folder / "orders.tsv", ("order", "x", "y", "placed", "restaurant", "ready"), orders)
    couriers = []
    for k in range(demand.couriers):
        lasts = random.uniform(120, 240)
        on = max(START_MIN, min(END_MIN - 60, random.gauss(PEAK_MIN - lasts / 2, 30)))
        if k % 4 == 0:  # some are there from the first order to the last
            on, lasts = START_MIN, END_MIN + 90 - START_MIN
        x, y = _near(random, random.choice(quarters), 1500)
        couriers.append((f"c{k}", round(x), round(y), f"{on:.0f}", f"{on + lasts:.0f}"))
    write_table(folder / "couriers.tsv", ("courier", "x", "y", "on", "off"), couriers)
    write_table(
        folder / "parameters.tsv",
        ("metres_per_minute", "pickup service minutes", "dropoff service minutes", "target click-to-door"),
        [(METRES_PER_MINUTE, PICKUP_MIN, DROPOFF_MIN, TARGET_MIN)],
    )


def _minutes(random: Random, orders: int) -> Iterator[float]:
    """A Poisson stream by thinning: a steady trickle and a peak three times as high above it."""
    peak = 4.0
    steps = 2000
    shape = [_intensity(START_MIN + (k + 0.5) * (END_MIN - START_MIN) / steps) for k in range(steps)]
    scale = orders / (sum(shape) * (END_MIN - START_MIN) / steps)
    minute = START_MIN
    while (minute := minute + random.expovariate(peak * scale)) < END_MIN:
        if random.random() < _intensity(minute) / peak:
            yield minute


def _intensity(minute: float) -> float:
    return 1 + 3 * exp(-(((minute - PEAK_MIN) / PEAK_WIDTH_MIN) ** 2) / 2)


def _spot(random: Random, centre: float, spread: float) -> tuple[float, float]:
    return random.gauss(centre, spread), random.gauss(centre, spread)


def _near(random: Random, spot: tuple[float, float], spread: float) -> tuple[float, float]:
    return random.gauss(spot[0], spread), random.gauss(spot[1], spread)
