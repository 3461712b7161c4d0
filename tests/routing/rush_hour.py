"""A crowded moment for the planner: pending orders, drivers at work and idle, on a plane of straight streets."""

from math import hypot
from random import Random

from routing.planner import Instance, Shipment, Vehicle, Visit

SPEED = 8.0  # m/s, as the crow flies


def crowded(seed: int, shipments: int, vehicles: int, *, carried: float = 0.5) -> Instance:
    """`shipments` pending besides those that half of the drivers (`carried`) have in the bag."""
    random = Random(seed)
    spots: list[tuple[float, float]] = []

    def spot() -> int:
        spots.append((random.uniform(0, 8000), random.uniform(0, 8000)))
        return len(spots) - 1

    kitchens = [spot() for _ in range(max(2, shipments // 3))]
    found: list[Shipment] = []

    def shipment(name: str, *, minutes_ago: float) -> Shipment:
        placed = -60.0 * minutes_ago
        ready = placed + random.uniform(600, 1500)
        found.append(
            Shipment(
                name, random.choice(kitchens), spot(), placed, ready, placed + 2400, 1, "Denver", 180, 120
            )
        )
        return found[-1]

    crew = []
    for k in range(vehicles):
        visits: tuple[Visit, ...] = ()
        if random.random() < carried:
            visits = (Visit(shipment(f"bag {k}", minutes_ago=random.uniform(10, 30)).id, "dropoff"),)
        crew.append(
            Vehicle(
                k,
                spot(),
                visits,
                under_way=bool(visits),
                off_at=random.choice([3600.0, 9000.0]),
                city="Denver",
            )
        )
    for k in range(shipments):
        shipment(f"order {k}", minutes_ago=random.uniform(0, 12))
    travel = [[hypot(ax - bx, ay - by) / SPEED for bx, by in spots] for ax, ay in spots]
    return Instance(0.0, found, crew, travel)
