"""A crowded moment for the planner: pending orders, drivers at work and idle, on a plane of straight streets."""

from math import hypot
from random import Random

from routing.planner import Driver, Order, Situation, Stop

SPEED = 8.0  # m/s, as the crow flies


def crowded(seed: int, orders: int, drivers: int, *, carried: float = 0.5) -> Situation:
    """`orders` pending besides those that half of the drivers (`carried`) have in the bag."""
    random = Random(seed)
    spots: list[tuple[float, float]] = []

    def spot() -> int:
        spots.append((random.uniform(0, 8000), random.uniform(0, 8000)))
        return len(spots) - 1

    kitchens = [spot() for _ in range(max(2, orders // 3))]
    found: list[Order] = []

    def order(name: str, *, minutes_ago: float) -> Order:
        placed = -60.0 * minutes_ago
        ready = placed + random.uniform(600, 1500)
        found.append(
            Order(name, random.choice(kitchens), spot(), placed, ready, placed + 2400, 1, "Denver", 180, 120)
        )
        return found[-1]

    crew = []
    for k in range(drivers):
        stops: tuple[Stop, ...] = ()
        if random.random() < carried:
            stops = (Stop(order(f"bag {k}", minutes_ago=random.uniform(10, 30)).id, "dropoff"),)
        crew.append(
            Driver(
                k, spot(), stops, under_way=bool(stops), off_at=random.choice([3600.0, 9000.0]), city="Denver"
            )
        )
    for k in range(orders):
        order(f"order {k}", minutes_ago=random.uniform(0, 12))
    travel = [[hypot(ax - bx, ay - by) / SPEED for bx, by in spots] for ax, ay in spots]
    return Situation(0.0, found, crew, travel)
