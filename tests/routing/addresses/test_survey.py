"""How many addresses are found, as people write them, and whether a wrong one is ever taken for right.

`ADDRESSES=10000 make test ARGS="-s -n0 tests/routing/addresses/test_survey.py"` asks for as many, and prints what
came of them; EXTRACT names real extracts whose own addresses are asked for too (docs/addresses.md).
"""

import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

from routing.addresses import index
from routing.addresses.index import Area
from routing.addresses.matching import Hit
from routing.roads.cities import CITIES
from routing.roads.network import Network
from tests.routing.addresses.survey import House, Survey, houses_of, lines_of, survey, towns, without

COUNT = int(os.environ.get("ADDRESSES", "300"))
SEED = int(os.environ.get("ADDRESSES_SEED", "20"))
CITY_MIDDLES = {city.name: city.center for city in CITIES}


class Timed:
    """Looks addresses up, and how long (seconds) each took."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def __call__(self, written: str, house: House) -> list[Hit]:
        began = time.perf_counter()
        found = index.look_up(written, Area(house.near, 50_000, CITY_MIDDLES))
        self.seconds.append(time.perf_counter() - began)
        return found

    def say(self, found: Survey) -> None:
        median, most = (1000 * some(self.seconds) for some in (statistics.median, max))
        told = [*lines_of(found), f"median {median:.1f} ms, longest {most:.0f} ms", *found.missed[:40]]
        print("\n".join(["", *told]))  # noqa: T201 (with -s)


def test_towns(index_of: Callable[[Network | Path], None]) -> None:
    network, houses = towns(Random(SEED))
    index_of(network)
    look_up = Timed()
    found = survey(houses, look_up, COUNT, SEED)
    look_up.say(found)
    assert not found.wrong
    assert found.share("known", "sure, ≤ 100 m") >= 0.95


def test_streets_that_the_extract_lacks(index_of: Callable[[Network | Path], None]) -> None:
    """Nobody is sent to one that sounds like them, or to that of another town."""
    network, houses = towns(Random(SEED))
    streets = sorted({(house.town, house.street) for house in houses})
    lacking = set(Random(SEED).sample(streets, len(streets) // 5))
    without(network, lacking, houses)
    index_of(network)
    look_up = Timed()
    found = survey([one for one in houses if (one.town, one.street) in lacking], look_up, COUNT // 2, SEED)
    look_up.say(found)
    assert not found.wrong


def test_real_extracts(index_of: Callable[[Network | Path], None]) -> None:
    for extract in os.environ.get("EXTRACT", "").split():
        index_of(Path(extract))
        look_up = Timed()
        found = survey(houses_of(Path(extract)), look_up, COUNT, SEED)
        print(f"\n{extract}")  # noqa: T201 (with -s)
        look_up.say(found)
        assert not found.wrong
