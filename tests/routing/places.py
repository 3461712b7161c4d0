"""Random places of a city."""

from random import Random

from routing.geo import Point, destination
from routing.roads.cities import DENVER, DefaultCity


def places(count: int, seed: int, city: DefaultCity = DENVER) -> list[Point]:
    """`count` of them, spread evenly over it."""
    random = Random(seed)
    return [
        destination(city.center, random.uniform(0, 360), city.radius_m * random.random() ** 0.5)
        for _ in range(count)
    ]
