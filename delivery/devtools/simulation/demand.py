"""When and where people order. Pure; the simulation places what comes out."""

from collections.abc import Mapping, Sequence
from random import Random
from typing import NamedTuple

from routing.geo import Point, destination, distance_m

#: Minutes are short here, so that an order's whole life fits into a few of them (seconds).
KITCHEN_S = (60.0, 240.0)
#: A customer lives this far from the restaurant, as the crow flies (metres).
DOOR_M = (300.0, 1200.0)
#: The share of orders that come together with another one from the same kitchen.
PAIRS = 0.2


class SimulatedRestaurant[Id](NamedTuple):
    """A restaurant that takes orders. `popularity`: its weight among those of its city."""

    id: Id
    point: Point
    popularity: float


def simulated[Id](restaurants: Sequence[tuple[Id, Point]]) -> list[SimulatedRestaurant[Id]]:
    """Few restaurants get many orders, and many get few: the weights fall with the rank."""
    return [
        SimulatedRestaurant(id_, point, 1 / rank) for rank, (id_, point) in enumerate(restaurants, start=1)
    ]


def shares[Key](total: int, weights: Mapping[Key, float]) -> dict[Key, int]:
    """`total` parted by weight into whole numbers (largest remainder)."""
    whole = sum(weights.values())
    if not whole:
        return dict.fromkeys(weights, 0)
    exact = {key: total * weight / whole for key, weight in weights.items()}
    parts = {key: int(value) for key, value in exact.items()}
    by_remainder = sorted(weights, key=lambda key: (parts[key] - exact[key], -weights[key]))
    for key in by_remainder[: total - sum(parts.values())]:
        parts[key] += 1
    return parts


def gap_s(orders_per_hour: float, rng: Random) -> float:
    """Seconds until `order_of` is due again: a Poisson stream, of which some arrivals are pairs."""
    return rng.expovariate(orders_per_hour / (1 + PAIRS) / 3600)


def order_of[Id](
    restaurants: Sequence[SimulatedRestaurant[Id]], rng: Random
) -> list[SimulatedRestaurant[Id]]:
    """Who cooks next: one order, or a pair from the same kitchen."""
    (restaurant,) = rng.choices(restaurants, [restaurant.popularity for restaurant in restaurants])
    return [restaurant, restaurant] if rng.random() < PAIRS else [restaurant]


def next_door[Id](
    restaurant: SimulatedRestaurant[Id], restaurants: Sequence[SimulatedRestaurant[Id]]
) -> SimulatedRestaurant[Id]:
    """The nearest other one; itself where there is no other."""
    others = [other for other in restaurants if other.id != restaurant.id]
    return min(others, key=lambda other: distance_m(restaurant.point, other.point), default=restaurant)


def somewhere_around(center: Point, distance_m: tuple[float, float], rng: Random) -> Point:
    """A place in a ring around `center`, every square metre as likely as any other."""
    nearest, farthest = distance_m
    radius = (rng.uniform(nearest**2, farthest**2)) ** 0.5
    return destination(center, rng.uniform(0, 360), radius)
