"""The replay of a day: tables, exact times, the referee, and policies side by side."""

from collections.abc import Callable
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command

from delivery.rush.demand import Demand, write_rush
from delivery.rush.measures import measure, table
from delivery.rush.policies import nearest_idle, planner
from delivery.rush.referee import faults
from delivery.rush.simulator import Event, Outcome, Policy, Simulator
from delivery.rush.tables import BadTable, Day, read_day
from delivery.rush.ways import Plane, Roads
from routing.osrm import osrm_from_settings
from routing.planner import Settings

QUICK = Settings(rounds=5, time_limit_s=60)

# A street with the kitchen at 0 m; a minute is 300 m.
STREET = {
    "orders.txt": "order\tx\ty\tplacement_time\trestaurant\tready_time\n"
    "o1\t900\t0\t0\tr1\t10\no2\t1200\t0\t1\tr1\t10\n",
    "restaurants.txt": "restaurant\tx\ty\nr1\t0\t0\n",
    "couriers.txt": "courier\tx\ty\ton_time\toff_time\nc1\t-300\t0\t0\t60\n",
    "instance_parameters.txt": "meters_per_minute\tpickup service minutes\tdropoff service minutes\t"
    "target click-to-door\n290\t4\t2\t20\n",
}


def folder_of(path: Path, tables: dict[str, str]) -> Path:
    for name, text in tables.items():
        (path / name).write_text(text)
    return path


def run(day: Day, policy: Policy, **options: object) -> Outcome:
    return Simulator(day, Plane(day), **{"tick_s": 60.0, "divert": False} | options).run(policy)  # type: ignore[arg-type]


def test_the_public_instances_are_read_and_timed_by_hand(tmp_path: Path) -> None:
    day = read_day(folder_of(tmp_path, STREET))
    assert (day.parameters.whole_minutes, day.parameters.handover) == (True, 0.5)
    outcome = run(day, nearest_idle)
    # 300 m at 290 m/min are 2 whole minutes; half of the 4 min before the handover, then 900 m: 4 min, half of 2.
    minutes = [(event.at / 60, event.what, event.order) for event in outcome.events]
    assert minutes == [
        (0, "assigned", "o1"),
        (10, "pickup", "o1"),
        (17, "dropoff", "o1"),
        (17, "assigned", "o2"),
        (24, "pickup", "o2"),
        (32, "dropoff", "o2"),
    ]
    assert faults(day, Plane(day), outcome) == []


def test_bundling_takes_both_orders_at_once(tmp_path: Path) -> None:
    day = read_day(folder_of(tmp_path, STREET))
    outcome = run(day, planner(replace(QUICK, handover=0.5)))
    at = {(event.what, event.order): event.at / 60 for event in outcome.events}
    assert at["pickup", "o1"] == at["pickup", "o2"] == 10
    assert (at["dropoff", "o1"], at["dropoff", "o2"]) == (17, 21)
    assert at["assigned", "o1"] == 6  # two minutes' drive and two at the counter before the food is ready
    assert faults(day, Plane(day), outcome) == []


@pytest.mark.parametrize("divert", [False, True])
@pytest.mark.parametrize("seed", [1, 2])
def test_a_rush_breaks_no_rule_under_any_policy(tmp_path: Path, seed: int, divert: bool) -> None:
    write_rush(tmp_path, Demand(40, 8, restaurants=6, seed=seed))
    day = read_day(tmp_path)
    settings = replace(QUICK, divert=divert, handover=day.parameters.handover)
    for policy in (nearest_idle, planner(replace(settings, most_on_board=1)), planner(settings)):
        ways = Plane(day)
        outcome = Simulator(day, ways, tick_s=60.0, divert=divert).run(policy)
        assert faults(day, ways, outcome) == []
        assert measure(day, outcome).delivered == len(day.orders)


def test_the_planner_beats_the_nearest_idle_courier(tmp_path: Path) -> None:
    write_rush(tmp_path, Demand(80, 12, seed=3))
    day = read_day(tmp_path)
    greedy = measure(day, run(day, nearest_idle))
    planned = measure(day, run(day, planner(QUICK)))
    assert planned.click_to_door < greedy.click_to_door
    assert planned.late < greedy.late
    assert planned.km < greedy.km


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (lambda events: [*events, events[-1]], "delivered 2 times"),
        (lambda events: [e for e in events if e.what != "dropoff"], "not delivered"),
        (
            lambda events: [e._replace(at=e.at - 300) if e.what == "pickup" else e for e in events],
            "before it was ready",
        ),
        (
            lambda events: [e._replace(at=-60.0) if e.what == "assigned" else e for e in events],
            "before it was placed",
        ),
        (lambda events: [e for e in events if e.what != "assigned"], "who was not told"),
        (
            lambda events: [e._replace(at=e.at - 60) if e.what == "dropoff" else e for e in events],
            "sooner than the way",
        ),
        (lambda events: [e._replace(at=e.at + 9000) for e in events], "after the end of the shift"),
        (lambda events: [e._replace(order="x") for e in events[:1]] + events, "nobody ordered it"),
    ],
)
def test_the_referee_sees_what_cannot_be(
    tmp_path: Path, spoil: Callable[[list[Event]], list[Event]], complaint: str
) -> None:
    day = read_day(folder_of(tmp_path, STREET))
    outcome = run(day, nearest_idle)
    broken = faults(day, Plane(day), Outcome(spoil(list(outcome.events)), outcome.workers))
    assert any(complaint in fault for fault in broken), broken


def test_the_referee_weighs_the_bag(tmp_path: Path) -> None:
    day = read_day(folder_of(tmp_path, STREET))
    outcome = run(day, planner(replace(QUICK, handover=0.5)))
    small = replace(day, couriers=[replace(day.couriers[0], capacity=1)])
    assert any("2 bags" in fault for fault in faults(small, Plane(day), outcome))


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("orders.txt", "order\tx\ty\n", "no rows"),
        ("orders.txt", "order\tx\ty\nplace\t1\t2\n", "no column “restaurant”"),
        ("orders.txt", "order\tx\ty\tplaced\trestaurant\tready\no1\t1\t1\t0\tr9\t5\n", "r9 is not in"),
        ("orders.txt", "order\tx\ty\tplaced\trestaurant\tready\no1\teast\t1\t0\tr1\t5\n", "line 2: “east”"),
        ("couriers.txt", None, "has no couriers.tsv"),
    ],
)
def test_a_table_that_cannot_be_read_says_where_and_why(
    tmp_path: Path, name: str, text: str | None, complaint: str
) -> None:
    folder_of(tmp_path, STREET)
    if text is None:
        (tmp_path / name).unlink()
    else:
        (tmp_path / name).write_text(text)
    with pytest.raises(BadTable, match=complaint):
        read_day(tmp_path)


def test_the_command_writes_events_and_a_table(tmp_path: Path) -> None:
    folder_of(tmp_path, STREET)
    out = StringIO()
    call_command("rush", str(tmp_path), "--rounds", "2", stdout=out, stderr=StringIO())
    assert out.getvalue().split()[:3] == ["greedy", "planner", "bundling"]
    lines = (tmp_path / "replay" / "bundling.tsv").read_text().splitlines()
    assert lines[0] == "minute\tevent\tcourier\torder"
    assert lines[-1] == "21.0000\tdropoff\tc1\to2"


def test_times_may_be_clock_times_and_promises_given(tmp_path: Path) -> None:
    tables = STREET | {
        "orders.txt": "order\tx\ty\tplaced\trestaurant\tready\tpromised\tbags\n"
        "o1\t0\t0\t18:05\tr1\t18:10:30\t19:00\t2\n"
    }
    (order,) = read_day(folder_of(tmp_path, tables)).orders
    assert (order.placed_at, order.ready_at, order.promised_at, order.bags) == (65100, 65430, 68400, 2)


def test_a_day_on_osrm(tmp_path: Path) -> None:
    tables = {
        "orders.tsv": "order\tlng\tlat\tplaced\trestaurant\tready\n"
        "o1\t-104.985\t39.745\t0\tr1\t8\no2\t-104.99\t39.75\t1\tr1\t9\n",
        "restaurants.tsv": "restaurant\tlng\tlat\nr1\t-104.9903\t39.7392\n",
        "couriers.tsv": "courier\tlng\tlat\ton\toff\nc1\t-104.98\t39.74\t0\t90\n",
        "parameters.tsv": "pickup service minutes\tdropoff service minutes\ttarget click-to-door\n2\t2\t40\n",
    }
    day = read_day(folder_of(tmp_path, tables))
    ways = Roads(day, osrm_from_settings())
    for divert in (False, True):
        outcome = Simulator(day, ways, tick_s=30.0, divert=divert).run(planner(replace(QUICK, divert=divert)))
        assert faults(day, ways, outcome) == []
        assert table({"planner": measure(day, outcome)}).splitlines()[1].split()[-1] == "2/2"
