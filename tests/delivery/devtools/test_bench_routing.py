"""`make bench-routing`: its tables, its options, and a little of everything that it measures."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from delivery.devtools.bench import routing_page
from delivery.devtools.bench.page import Machine
from delivery.devtools.bench.routing_page import (
    Cycle,
    Findings,
    PlanningTime,
    RoutingBench,
    Rush,
    TourComparison,
    Vroom,
    Week,
)
from delivery.devtools.replay.measures import Measures
from delivery.devtools.stack.state import ROOT
from tests.routing.bench.parts import SHORT, measured

MACHINE = Machine("2030-01-02 03:04 UTC", 0.01, "A CPU", 2, 4.0, "Linux 6", "3.13.0", {"django": "6.1"})


def measures(click_to_door: float, late: float) -> Measures:
    return Measures(100, 100, click_to_door, 40.0, 2.0, 10.0, 1.0, late, 500.0, 3.0, 0.7, 80)


def rush(seed: int, greedy: float, planner: float) -> Rush:
    found = {
        "greedy": measures(greedy, 0.2),
        "planner": measures(planner, 0.1),
        "bundling": measures(20.0, 0.05),
    }
    return Rush(seed, found, 0.02)


@pytest.fixture
def found() -> Findings:
    return Findings(
        demand="2,500 trips",
        couriers=40,
        rushes=[rush(1, 30.0, 25.0), rush(2, 34.0, 26.0)],
        moment=PlanningTime(80, 40, [0.9, 1.1]),
        tours=[
            TourComparison(60.0, 600.0, 540.0, 400.0, 350.0),
            TourComparison(-30.0, 400.0, 430.4, 300.0, 280.0),
        ],
        vroom=Vroom(60.0, [-0.01, 0.01], 0.8, 0.04),
        cycles=[
            Cycle(30, 75, [0.5, 0.6, 0.7], [0.4, 0.3, 0.3]),
            Cycle(60, 150, [1.2, 1.1, 1.3], [0.3, 0.4, 0.5]),
            Cycle(120, 300, [2.4], [0.4]),
        ],
        weeks=[Week(0, 90.0, 40.0, 0.8)],
    )


def row(found: Findings, name: str) -> list[str]:
    lines = routing_page.table(RoutingBench(MACHINE, found)).splitlines()
    [line] = [line for line in lines if line.startswith(f"| {name}")]
    return [cell.strip() for cell in line.strip("|").split("|")][1:]


def test_figures_come_from_the_findings(found: Findings) -> None:
    assert row(found, "click-to-door mean") == [
        "32.0 (30.0–34.0)",
        "25.5 (25.0–26.0)",
        "20.0 (20.0–20.0)",
        "less than greedy, on no day more (planner less on 2, more on 0; bundling less on 2, more on 0)",
        "✓",
    ]
    assert row(found, "late orders")[:2] == ["20.0% (20.0%–20.0%)", "10.0% (10.0%–10.0%)"]
    assert row(found, "2 tours with three orders") == ["8.3", "8.1 (-3%; 1 shorter, 1 longer)", "less", "✓"]
    assert row(found, "the same: until a customer's door") == ["5.8", "5.2", "less", "✓"]
    assert row(found, "the same: minutes saved") == [
        "0.25",
        "0.25 (at most 0.4 s apart)",
        "≤ 1 s apart",
        "✓",
    ]
    assert row(found, "2 tours of 10 to 20 stops")[1:] == [
        "+0.00% (worst +1.00%), 400 ms each",
        "within 2%: 2 of 2",
        "✓",
    ]
    assert row(found, "planning 80 pending orders")[1:] == ["1.10 s", "< 2 s", "✓"]
    assert row(found, "ETAs of 75 orders") == [
        "",
        "0.60 s; fastest 0.50 s (16.7 ms a driver, Python 40%)",
        "",
        "",
    ]
    assert row(found, "ETAs of 150 orders")[1:] == [
        "1.20 s; fastest 1.10 s (18.3 ms a driver, Python 40%)",
        "< 3 s, < 50%",
        "✓",
    ]
    assert row(found, "the same: a driver among 120") == ["", "1.20×", "≤ 1.25×", "✓"]
    assert row(found, "simulated week 0: median") == ["90 s", "40 s (-56%)", "at most 50%", "✓"]
    assert row(found, "simulated week 0: arrivals") == ["", "80.0%", "75%–85%", "✓"]
    assert "2.0% of the orders ready too late for anybody" in routing_page.table(RoutingBench(MACHINE, found))
    assert "A CPU, 2 cores" in routing_page.table(RoutingBench(MACHINE, found))


@pytest.mark.parametrize(
    ("spoil", "name"),
    [
        (lambda f: replace(f, rushes=[*f.rushes, rush(3, 25.0, 25.1)]), "click-to-door mean"),
        (lambda f: replace(f, tours=[TourComparison(0.0, 600.0, 601.0, 400.0, 350.0)]), "1 tours with three"),
        (lambda f: replace(f, tours=[TourComparison(0.0, 600.0, 500.0, 400.0, 401.0)]), "the same: until"),
        (lambda f: replace(f, tours=[TourComparison(62.0, 600.0, 540.0, 400.0, 350.0)]), "the same: minutes"),
        (lambda f: replace(f, vroom=Vroom(60.0, [0.0, 0.021], 0.8, 0.04)), "2 tours of 10"),
        (lambda f: replace(f, moment=PlanningTime(80, 40, [0.9, 2.0])), "planning"),
        (lambda f: replace(f, cycles=[Cycle(60, 150, [3.0], [0.4])]), "ETAs of 150"),
        (lambda f: replace(f, cycles=[Cycle(60, 150, [1.0, 3.0], [0.5, 0.1])]), "ETAs of 150"),
        (
            lambda f: replace(f, cycles=[Cycle(60, 150, [1.0], [0.4]), Cycle(120, 300, [2.6], [0.4])]),
            "the same: a driver",
        ),
        (lambda f: replace(f, weeks=[Week(0, 90.0, 45.1, 0.8)]), "simulated week 0: median"),
        (lambda f: replace(f, weeks=[Week(0, 90.0, 40.0, 0.86)]), "simulated week 0: arrivals"),
    ],
)
def test_a_goal_that_was_missed(found: Findings, spoil: Callable[[Findings], Findings], name: str) -> None:
    assert row(spoil(found), name)[-1] == "✗"


def test_without_vroom_it_says_so(found: Findings) -> None:
    assert "not installed" in row(replace(found, vroom=None), "tours of 10 to 20 stops")[0]


def test_results_survive_json(found: Findings) -> None:
    assert msgspec.json.decode(msgspec.json.encode(found), type=Findings) == found


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "status", "why"),
    [
        (["--short", "--write"], 1, "leave out --short or --write"),
        (["--shrt"], 2, "unrecognized arguments"),
        (["--requests", "nowhere.csv"], 1, "nowhere.csv can't be read"),
    ],
)
def test_wrong_options(arguments: list[str], status: int, why: str) -> None:
    command = [sys.executable, "-m", "delivery.devtools.stack", "bench-routing", *arguments]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == status
    assert why in run.stderr
    assert "Traceback" not in run.stderr


@pytest.mark.django_db(transaction=True)
def test_a_little_of_everything_is_measured(tmp_path: Path) -> None:
    """Trips between corners of a grid over downtown Denver: the servers are those of the tests."""
    requests = tmp_path / "requests.csv"
    corners = [(39.742 + 0.002 * k, -104.994 + 0.002 * (k * 3 % 7)) for k in range(8)]
    trips = [(*a, *b) for a in corners for b in corners if a != b]
    lines = ["o_lat,o_lon,d_lat,d_lon", *(",".join(map(str, trip)) for trip in trips)]
    requests.write_text("\n".join(lines) + "\n")

    found = measured(requests, SHORT, vroom_s=5.0)

    assert found.demand == "56 trips of requests.csv"
    [one] = found.rushes
    assert list(one.measures) == ["greedy", "planner", "bundling"]
    assert all(policy.delivered == policy.orders > 20 for policy in one.measures.values())
    assert len(found.tours) == SHORT.tours
    assert all(abs(tour.shown_s - tour.saved_s) < 1 for tour in found.tours)
    assert all(tour.placed_s > 0 for tour in found.tours)
    assert found.vroom is not None
    assert len(found.vroom.excess) == SHORT.long_tours
    assert [(cycle.drivers, cycle.orders) for cycle in found.cycles] == [(3, 7), (6, 15)]
    assert all(0 < share for cycle in found.cycles for share in cycle.shares)
    [week] = found.weeks
    assert week.learned_s < week.raw_s
    assert "dinner rush" in routing_page.table(RoutingBench(MACHINE, found))
