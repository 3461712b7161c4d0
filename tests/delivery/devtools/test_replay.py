"""The replay of a day: tables, exact times, the referee, and policies side by side."""

from collections.abc import Callable
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from delivery.devtools.replay.demand import Demand, write_rush
from delivery.devtools.replay.measures import measure, table
from delivery.devtools.replay.policies import nearest_idle, planner
from delivery.devtools.replay.referee import faults
from delivery.devtools.replay.simulator import DayEvent, Outcome, Policy, Simulator
from delivery.devtools.replay.tables import BadTable, Day, read_day
from delivery.devtools.replay.towns import REQUESTS, Request, denver_requests, read_requests
from delivery.devtools.replay.ways import Plane, RoadWays
from routing.geo import Point, distance_m
from routing.osrm import Osrm
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


@pytest.mark.slow
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


@pytest.mark.slow
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
    tmp_path: Path, spoil: Callable[[list[DayEvent]], list[DayEvent]], complaint: str
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
        (
            "orders.txt",
            "order\tx\ty\tplaced\trestaurant\tready\no1\t\t1\t0\tr1\t5\n",
            "nothing in column “x”",
        ),
        ("orders.txt", "order\tx\ty\tplaced\trestaurant\tready\no1\tnan\t1\t0\tr1\t5\n", "“nan” in"),
        ("orders.txt", "order\tx\ty\n\t\t\n", "no rows"),
        ("orders.txt", "\udcff", "can't be read as a table"),
        ("couriers.txt", "courier\tx\ty\ton\toff\nc1\t1\t1\t90\t30\n", "c1 is off before being on"),
        ("couriers.txt", "courier\tx\ty\ton\toff\tcapacity\nc1\t1\t1\t0\t30\t0\n", "0 in column “capacity”"),
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
        (tmp_path / name).write_text(text, errors="surrogateescape")
    with pytest.raises(BadTable, match=complaint):
        read_day(tmp_path)


@pytest.mark.parametrize(
    ("option", "complaint"),
    [
        (["--tick", "0"], "--tick: 0 is not above 0"),
        (["--tick", "nan"], "without end"),
        (["--late", "-1"], "--late: -1 is below 0"),
        (["--rounds", "1.5"], "--rounds: 1.5 is no count"),
        (["--couriers", "0", "--generate", "5"], "--couriers: 0 is no count"),
        (["--generate", "many"], "--generate: many is no number"),
    ],
)
def test_numbers_that_make_no_sense_are_refused(tmp_path: Path, option: list[str], complaint: str) -> None:
    with pytest.raises(CommandError, match=complaint):
        call_command("replay", str(tmp_path), *option)


def test_the_command_writes_events_and_a_table(tmp_path: Path) -> None:
    folder_of(tmp_path, STREET)
    out = StringIO()
    call_command("replay", str(tmp_path), "--rounds", "2", stdout=out, stderr=StringIO())
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


def test_a_day_on_osrm(tmp_path: Path, osrm: Osrm) -> None:
    tables = {
        "orders.tsv": "order\tlng\tlat\tplaced\trestaurant\tready\n"
        "o1\t-104.985\t39.745\t0\tr1\t8\no2\t-104.99\t39.75\t1\tr1\t9\n",
        "restaurants.tsv": "restaurant\tlng\tlat\nr1\t-104.9903\t39.7392\n",
        "couriers.tsv": "courier\tlng\tlat\ton\toff\nc1\t-104.98\t39.74\t0\t90\n",
        "parameters.tsv": "pickup service minutes\tdropoff service minutes\ttarget click-to-door\n2\t2\t40\n",
    }
    day = read_day(folder_of(tmp_path, tables))
    ways = RoadWays(day, osrm)
    for divert in (False, True):
        outcome = Simulator(day, ways, tick_s=30.0, divert=divert).run(planner(replace(QUICK, divert=divert)))
        assert faults(day, ways, outcome) == []
        assert table({"planner": measure(day, outcome)}).splitlines()[1].split()[-1] == "2/2"


# ------------------------------------------------------------------------------------------- on real streets

TRIPS = [
    Request(Point(39.7400 + 0.002 * k, -104.990 + 0.001 * k), Point(39.7520 - 0.001 * k, -104.985))
    for k in range(8)
]


def test_an_order_is_a_trip_from_the_nearest_restaurant(tmp_path: Path) -> None:
    write_rush(tmp_path, Demand(30, 4, restaurants=3, seed=1), TRIPS)
    day = read_day(tmp_path)
    kitchens = {order.restaurant: day.places[order.restaurant] for order in day.orders}
    assert {Point(*kitchen) for kitchen in kitchens.values()} <= {trip.origin for trip in TRIPS}
    listed = [Point(*place) for place in day.places[:3]]
    possible = {
        (min(listed, key=lambda kitchen: distance_m(kitchen, trip.origin)), trip.destination)
        for trip in TRIPS
    }
    assert {(Point(*day.places[o.restaurant]), Point(*day.places[o.place])) for o in day.orders} <= possible
    assert day.parameters.metres_per_minute is None
    assert {Point(*day.places[courier.place]) for courier in day.couriers} <= {trip.origin for trip in TRIPS}


def test_seeds_make_different_rushes_and_the_same_one_again(tmp_path: Path) -> None:
    texts = []
    for number, seed in enumerate((1, 2, 1)):
        write_rush(tmp_path / f"{number}", Demand(30, 4, seed=seed), TRIPS)
        texts.append([path.read_text() for path in sorted((tmp_path / f"{number}").iterdir())])
    assert texts[0] == texts[2] != texts[1]


def test_trips_are_read_by_the_names_of_nrel_hive(tmp_path: Path) -> None:
    path = tmp_path / "requests.csv"
    path.write_text(
        "request_id,o_lat,o_lon,d_lat,d_lon,departure_time,passengers\n"
        "0,39.74721571,-104.9894734,39.74402659,-104.9898234,1970-01-01T00:02:00,2\n"
    )
    assert read_requests(path) == [
        Request(Point(39.74721571, -104.9894734), Point(39.74402659, -104.9898234))
    ]


@pytest.mark.usefixtures("servers")
def test_the_command_makes_a_rush_of_the_trips_in_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "nrel.hive-1.3.1.dist-info").mkdir()
    metadata = "Metadata-Version: 2.1\nName: nrel.hive\nVersion: 1.3.1\n"
    (tmp_path / "nrel.hive-1.3.1.dist-info" / "METADATA").write_text(metadata)
    path = tmp_path / REQUESTS
    path.parent.mkdir(parents=True)
    rows = (",".join(f"{value}" for value in (*trip.origin, *trip.destination)) for trip in TRIPS)
    path.write_text("\n".join(["o_lat,o_lon,d_lat,d_lon", *rows]) + "\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert read_requests(denver_requests()) == TRIPS
    options = ["--generate", "12", "--couriers", "3", "--streets", "--rounds", "2", "--tick", "60"]
    call_command("replay", str(tmp_path / "day"), *options, stdout=StringIO(), stderr=StringIO())
    assert read_day(tmp_path / "day").parameters.metres_per_minute is None
    assert (tmp_path / "day" / "replay" / "bundling.tsv").exists()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (None, "can't be read: No such file"),
        ("o_lat,o_lon,d_lat,d_lon\n", "no rows below its header"),
        ("lat,lng\n1,2\n", "a trip needs o_lat"),
        ("o_lat,o_lon,d_lat,d_lon\n1,2,3,east\n", "in degrees"),
        ("o_lat,o_lon,d_lat,d_lon\n1,2,3\n", "in degrees"),
        ("o_lat,o_lon,d_lat,d_lon\n91,2,3,4\n", "no position"),
    ],
)
def test_trips_that_cannot_be_read(tmp_path: Path, text: str | None, complaint: str) -> None:
    path = tmp_path / "requests.csv"
    if text is not None:
        path.write_text(text)
    with pytest.raises(BadTable, match=complaint):
        read_requests(path)


def test_orders_at_once(tmp_path: Path) -> None:
    day = read_day(folder_of(tmp_path, STREET))
    outcome = run(day, nearest_idle)  # o1 from 0 to 17, o2 from 1 to 32
    assert measure(day, outcome).at_once == 2
    o1, o2 = day.orders
    apart = replace(day, orders=[o1, replace(o2, placed_at=17 * 60.0)])
    assert measure(apart, outcome).at_once == 1
