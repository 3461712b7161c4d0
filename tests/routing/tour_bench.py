"""How far the planner's tours are from VROOM's: `python -m tests.routing.tour_bench [COUNT] [SECONDS]`.

Both see the same random tours of 10 to 20 visits with precedence, and weigh the drive time alone (VROOM can weigh
nothing else here). VROOM gets its deepest exploration and SECONDS (60) for each tour.
"""

import sys
import time
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from math import inf
from random import Random
from statistics import mean

import numpy as np
import vroom

from routing.planner import Instance, Settings, Shipment, Vehicle, Visit, best_tour
from routing.planner.objective import WORK_ALONE

type Matrix = list[list[float]]


def random_tour(seed: int, *, fewest: int = 10, most: int = 20) -> tuple[Matrix, list[Visit]]:
    """Whole seconds between places of a city 6 km wide, by streets that differ by direction; half of the tours
    have food in the bag already, and orders of few restaurants.
    """
    random = Random(seed)
    count = random.randint(fewest, most)
    in_bag = random.randint(0, count // 3) if random.random() < 0.5 else 0
    in_bag += (count - in_bag) % 2
    spots = [(random.uniform(0, 6000), random.uniform(0, 6000)) for _ in range(count + 1)]
    kitchens = [spots[0], *random.sample(spots, 3)]
    visits = [Visit(("bag", k), "dropoff") for k in range(in_bag)]
    places = spots[: in_bag + 1]
    for shipment in range((count - in_bag) // 2):
        visits += [Visit(shipment, "pickup"), Visit(shipment, "dropoff")]
        places += [random.choice(kitchens), spots[in_bag + 1 + shipment]]
    return [
        [round((abs(ax - bx) + abs(ay - by)) / 8 * random.uniform(1, 1.25)) for bx, by in places]
        for ax, ay in places
    ], visits


def vroom_drive_s(seconds: Matrix, visits: list[Visit], limit_s: float) -> float:
    """The drive time of VROOM's tour through all visits."""
    problem = vroom.Input()
    problem.set_durations_matrix("car", np.array(seconds, dtype=np.uint32))
    problem.add_vehicle(vroom.Vehicle(1, start=0, capacity=[100], profile="car"))
    pickups = {visit.shipment: k + 1 for k, visit in enumerate(visits) if visit.kind == "pickup"}
    for number, visit in enumerate(visits, start=1):
        if visit.kind == "dropoff" and visit.shipment in pickups:
            pickup, dropoff = (
                vroom.ShipmentStep(number, location=pickups[visit.shipment]),
                vroom.ShipmentStep(number, location=number),
            )
            problem.add_shipment(pickup, dropoff, amount=vroom.Amount([1]))
        elif visit.kind == "dropoff":
            problem.add_job(vroom.Job(number, location=number, delivery=[1]))
    solution = problem.solve(exploration_level=5, nb_threads=1, timeout=timedelta(seconds=limit_s)).to_dict()
    assert not solution["unassigned"]
    visited = [step["location_index"] for step in solution["routes"][0]["steps"] if step["type"] != "end"]
    return sum(seconds[a][b] for a, b in pairwise(visited))


def planned_drive_s(seconds: Matrix, visits: list[Visit]) -> float:
    """The drive time of the planner's tour, with nothing but that to weigh, and bundling without limits."""
    places = {(visit.shipment, visit.kind): k for k, visit in enumerate(visits, start=1)}
    shipments = [
        Shipment(
            visit.shipment,
            places.get((visit.shipment, "pickup")),
            places[visit.shipment, "dropoff"],
            0.0,
            0.0,
            0.0,
        )
        for visit in visits
        if visit.kind == "dropoff"
    ]
    vehicle = Vehicle("driver", 0, tuple(visits), capacity=100)
    instance = Instance(0.0, shipments, [vehicle], seconds)
    settings = Settings(objective=WORK_ALONE, most_on_board=len(visits), food_wait_s=inf)
    return best_tour(instance, "driver", settings).driving_s


def excess(seed: int, limit_s: float) -> float:
    """By what share the planner's tour is longer than VROOM's (negative: shorter)."""
    seconds, visits = random_tour(seed)
    return planned_drive_s(seconds, visits) / vroom_drive_s(seconds, visits, limit_s) - 1


@dataclass(frozen=True)
class Comparison:
    """By what share each tour is longer than VROOM's, and the processor time (seconds) that either took for all."""

    excess: list[float]
    planner_s: float
    vroom_s: float

    @property
    def near(self) -> int:
        """Trips within 2 %."""
        return sum(share <= 0.02 for share in self.excess)


def compare(count: int, limit_s: float) -> Comparison:
    shares, ours, theirs = [], 0.0, 0.0
    for seed in range(count):
        seconds, visits = random_tour(seed)
        started = time.process_time()
        planned = planned_drive_s(seconds, visits)
        ours += time.process_time() - started
        started = time.process_time()
        shares.append(planned / vroom_drive_s(seconds, visits, limit_s) - 1)
        theirs += time.process_time() - started
    return Comparison(shares, ours, theirs)


def main(count: int = 50, limit_s: float = 60.0) -> None:
    found = compare(count, limit_s)
    lines = (
        f"{count} trips of 10 to 20 stops against VROOM (at most {limit_s:g} s each):",
        f"  mean {mean(found.excess):+.2%}, worst {max(found.excess):+.2%}, best {min(found.excess):+.2%}; "
        f"within 2 %: {found.near}",
        f"  processor time {found.planner_s:.1f} s, VROOM {found.vroom_s:.1f} s",
    )
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(*(kind(text) for kind, text in zip((int, float), sys.argv[1:], strict=False)))
