"""A dinner rush: a Poisson stream with a peak, and couriers in shifts. Where, is made up or that of real trips."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import exp
from pathlib import Path
from random import Random

from delivery.devtools.replay.tables import write_table
from delivery.devtools.replay.towns import Quarters, Request, Streets, Town

START_MIN, END_MIN = 0.0, 240.0
PEAK_MIN, PEAK_WIDTH_MIN = 110.0, 45.0
PICKUP_MIN, DROPOFF_MIN = 4.0, 4.0
TARGET_MIN = 40.0


@dataclass(frozen=True, slots=True)
class Demand:
    """`orders` expected in four hours; couriers come in shifts of two to four hours, most for the peak."""

    orders: int
    couriers: int
    restaurants: int = 40
    seed: int = 0


def write_rush(folder: Path, demand: Demand, requests: Sequence[Request] = ()) -> None:
    """Writes the tables that `replay` reads. The same demand gives the same tables.

    With `requests` it takes place on the streets that these trips go along, and otherwise on a made-up plane.
    """
    random = Random(demand.seed)
    folder.mkdir(parents=True, exist_ok=True)
    count = demand.restaurants
    town: Town = Streets(random, count, requests) if requests else Quarters(random, count)
    write_table(
        folder / "restaurants.tsv",
        ("restaurant", *town.axes),
        [(f"r{k}", *town.written(spot)) for k, spot in enumerate(town.restaurants)],
    )
    orders = []
    for k, minute in enumerate(_minutes(random, demand.orders)):
        kitchen, door = town.order(random)
        ready = minute + min(45.0, random.lognormvariate(2.6, 0.45))
        orders.append((f"o{k}", *town.written(door), f"{minute:.2f}", f"r{kitchen}", f"{ready:.2f}"))
    write_table(folder / "orders.tsv", ("order", *town.axes, "placed", "restaurant", "ready"), orders)
    couriers = []
    for k in range(demand.couriers):
        lasts = random.uniform(120, 240)
        on = max(START_MIN, min(END_MIN - 60, random.gauss(PEAK_MIN - lasts / 2, 30)))
        if k % 4 == 0:  # some are there from the first order to the last
            on, lasts = START_MIN, END_MIN + 90 - START_MIN
        couriers.append((f"c{k}", *town.written(town.courier(random)), f"{on:.0f}", f"{on + lasts:.0f}"))
    write_table(folder / "couriers.tsv", ("courier", *town.axes, "on", "off"), couriers)
    parameters = {
        "pickup service minutes": PICKUP_MIN,
        "dropoff service minutes": DROPOFF_MIN,
        "target click-to-door": TARGET_MIN,
    }
    if town.metres_per_minute:
        parameters = {"metres_per_minute": town.metres_per_minute, **parameters}
    write_table(folder / "parameters.tsv", list(parameters), [list(parameters.values())])


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
