"""How far the planner's trips are from VROOM's: `python -m tests.routing.trip_bench [COUNT] [SECONDS]`.

Both see the same random trips of 10 to 20 stops with precedence, and weigh the drive time alone (VROOM can weigh
nothing else here). VROOM gets its deepest exploration and SECONDS (60) for each trip.
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

from routing.planner import Driver, Order, Settings, Situation, Stop, best_trip
from routing.planner.objective import WORK_ALONE

type Matrix = list[list[float]]


def random_trip(seed: int, *, fewest: int = 10, most: int = 20) -> tuple[Matrix, list[Stop]]:
    """Whole seconds between places of a city 6 km wide, by streets that differ by direction; half of the trips
    have food in the bag already, and orders of few restaurants.
    """
    random = Random(seed)
    count = random.randint(fewest, most)
    in_bag = random.randint(0, count // 3) if random.random() < 0.5 else 0
    in_bag += (count - in_bag) % 2
    spots = [(random.uniform(0, 6000), random.uniform(0, 6000)) for _ in range(count + 1)]
    kitchens = [spots[0], *random.sample(spots, 3)]
    stops = [Stop(("bag", k), "dropoff") for k in range(in_bag)]
    places = spots[: in_bag + 1]
    for order in range((count - in_bag) // 2):
        stops += [Stop(order, "pickup"), Stop(order, "dropoff")]
        places += [random.choice(kitchens), spots[in_bag + 1 + order]]
    return [
        [round((abs(ax - bx) + abs(ay - by)) / 8 * random.uniform(1, 1.25)) for bx, by in places]
        for ax, ay in places
    ], stops


def vroom_drive_s(seconds: Matrix, stops: list[Stop], limit_s: float) -> float:
    """The drive time of VROOM's trip through all stops."""
    problem = vroom.Input()
    problem.set_durations_matrix("car", np.array(seconds, dtype=np.uint32))
    problem.add_vehicle(vroom.Vehicle(1, start=0, capacity=[100], profile="car"))
    pickups = {stop.order: k + 1 for k, stop in enumerate(stops) if stop.kind == "pickup"}
    for number, stop in enumerate(stops, start=1):
        if stop.kind == "dropoff" and stop.order in pickups:
            pickup, dropoff = (
                vroom.ShipmentStep(number, location=pickups[stop.order]),
                vroom.ShipmentStep(number, location=number),
            )
            problem.add_shipment(pickup, dropoff, amount=vroom.Amount([1]))
        elif stop.kind == "dropoff":
            problem.add_job(vroom.Job(number, location=number, delivery=[1]))
    solution = problem.solve(exploration_level=5, nb_threads=1, timeout=timedelta(seconds=limit_s)).to_dict()
    assert not solution["unassigned"]
    visited = [step["location_index"] for step in solution["routes"][0]["steps"] if step["type"] != "end"]
    return sum(seconds[a][b] for a, b in pairwise(visited))


def planned_drive_s(seconds: Matrix, stops: list[Stop]) -> float:
    """The drive time of the planner's trip, with nothing but that to weigh, and bundling without limits."""
    places = {(stop.order, stop.kind): k for k, stop in enumerate(stops, start=1)}
    orders = [
        Order(stop.order, places.get((stop.order, "pickup")), places[stop.order, "dropoff"], 0.0, 0.0, 0.0)
        for stop in stops
        if stop.kind == "dropoff"
    ]
    driver = Driver("driver", 0, tuple(stops), capacity=100)
    situation = Situation(0.0, orders, [driver], seconds)
    settings = Settings(objective=WORK_ALONE, most_on_board=len(stops), food_wait_s=inf)
    return best_trip(situation, "driver", settings).driving_s


def excess(seed: int, limit_s: float) -> float:
    """By what share the planner's trip is longer than VROOM's (negative: shorter)."""
    seconds, stops = random_trip(seed)
    return planned_drive_s(seconds, stops) / vroom_drive_s(seconds, stops, limit_s) - 1


@dataclass(frozen=True)
class Comparison:
    """By what share each trip is longer than VROOM's, and the processor time (seconds) that either took for all."""

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
        seconds, stops = random_trip(seed)
        started = time.process_time()
        planned = planned_drive_s(seconds, stops)
        ours += time.process_time() - started
        started = time.process_time()
        shares.append(planned / vroom_drive_s(seconds, stops, limit_s) - 1)
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
