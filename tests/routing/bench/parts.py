"""The parts of the bench, one after the other; each is a step on the terminal."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from statistics import mean
from tempfile import TemporaryDirectory

from delivery.devtools.bench.routing_page import DRIVERS, Findings, PlanningTime, Rush, Vroom, Week
from delivery.devtools.replay.demand import Demand, write_rush
from delivery.devtools.replay.measures import LATE_S, Measures, measure
from delivery.devtools.replay.policies import policies
from delivery.devtools.replay.referee import faults
from delivery.devtools.replay.simulator import Simulator
from delivery.devtools.replay.tables import read_day
from delivery.devtools.replay.towns import Request, read_requests
from delivery.devtools.replay.ways import RoadWays
from delivery.devtools.stack.progress import step
from dispatch.planning.assignment import ASSIGNING
from routing.osrm import osrm_from_settings
from routing.planner import solve
from tests.routing.bench.fleet import cycles, tours
from tests.routing.eta_verdict import judged
from tests.routing.rush_hour import crowded

TICK_S, ROUNDS = 60.0, 20


@dataclass(frozen=True)
class Lengths:
    """How much of each part. `fleets`: drivers whose ETAs are worked out `cycles` times."""

    rushes: int
    orders: int
    couriers: int
    moments: int
    pending: int
    drivers: int
    tours: int
    long_tours: int
    fleets: Sequence[int]
    cycles: int
    weeks: int


FULL = Lengths(
    rushes=10,
    orders=570,
    couriers=50,
    moments=10,
    pending=80,
    drivers=40,
    tours=200,
    long_tours=50,
    fleets=(DRIVERS // 2, DRIVERS, 2 * DRIVERS),
    cycles=15,
    weeks=3,
)
SHORT = Lengths(
    rushes=1,
    orders=40,
    couriers=6,
    moments=1,
    pending=20,
    drivers=10,
    tours=5,
    long_tours=1,
    fleets=(3, 6),
    cycles=2,
    weeks=1,
)


def measured(requests_csv: Path, lengths: Lengths, *, vroom_s: float) -> Findings:
    """`vroom_s`: for each tour, at most."""
    requests = read_requests(requests_csv)
    rushes = []
    for seed in range(1, lengths.rushes + 1):
        with step(f"dinner rush {seed}"):
            demand = Demand(lengths.orders, lengths.couriers, seed=seed)
            rushes.append(rush(demand, requests))
    with step(f"{lengths.pending} orders, {lengths.drivers} drivers"):
        seconds = [planning_s(seed, lengths.pending, lengths.drivers) for seed in range(lengths.moments)]
    with step(f"{lengths.tours} tours of three orders"):
        short_tours = tours(requests, lengths.tours)
    vroom = None
    if find_spec("vroom"):
        with step(f"{lengths.long_tours} long tours, VROOM"):
            vroom = against_vroom(lengths.long_tours, vroom_s)
    with step("ETAs of " + ", ".join(map(str, lengths.fleets)) + " drivers"):
        rounds = cycles(requests, lengths.fleets, lengths.cycles)
    with step(f"{lengths.weeks} simulated weeks"):
        weeks = [week(seed) for seed in range(lengths.weeks)]
    return Findings(
        demand=f"{len(requests):,} trips of {requests_csv.name}",
        couriers=lengths.couriers,
        rushes=rushes,
        moment=PlanningTime(lengths.pending, lengths.drivers, seconds),
        tours=short_tours,
        vroom=vroom,
        cycles=rounds,
        weeks=weeks,
    )


def rush(demand: Demand, requests: Sequence[Request]) -> Rush:
    """One dinner rush under each policy."""
    with TemporaryDirectory() as folder:
        write_rush(Path(folder), demand, requests)
        day = read_day(Path(folder))
    ways = RoadWays(day, osrm_from_settings())
    planning = replace(ASSIGNING, handover=day.parameters.handover, rounds=ROUNDS, time_limit_s=60)
    found: dict[str, Measures] = {}
    for name, policy in policies(planning).items():
        outcome = Simulator(day, ways, tick_s=TICK_S, divert=False).run(policy)
        broken = faults(day, ways, outcome)
        assert not broken, f"{name} broke {len(broken)} rules: {broken[:5]}"
        found[name] = measure(day, outcome)
    cooked_late = mean(
        order.ready_at + ways[order.restaurant][order.place] + day.parameters.dropoff_s
        > order.promised_at + LATE_S
        for order in day.orders
    )
    return Rush(demand.seed, found, cooked_late)


def planning_s(seed: int, orders: int, drivers: int) -> float:
    instance = crowded(seed, orders, drivers)
    started = time.perf_counter()
    found = solve(instance)
    took = time.perf_counter() - started
    assert not found.unassigned
    return took


def against_vroom(count: int, limit_s: float) -> Vroom:
    from tests.routing.tour_bench import compare  # needs pyvroom, which is for development only

    found = compare(count, limit_s)
    return Vroom(limit_s, found.excess, found.planner_s, found.vroom_s)


def week(seed: int) -> Week:
    verdict = judged(seed)
    return Week(seed, verdict.raw_s, verdict.learned_s, verdict.kept)
