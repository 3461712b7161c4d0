"""`make bench-scale`: its table, and what it looks at. The load itself is `make bench-scale` alone."""

import os
from collections.abc import Callable

import msgspec
import psycopg
import pytest
from django.db import connection
from msgspec.structs import replace

from delivery.devtools.bench import scale_page
from delivery.devtools.bench.beside import eta_rounds
from delivery.devtools.bench.page import Machine
from delivery.devtools.bench.scale_page import ScaleBench, Size
from delivery.devtools.loadtest.histogram import Percentiles
from delivery.devtools.loadtest.report import Connecting, Feed, Generator, Newcomers, ProcessTree, Report
from delivery.devtools.stack.servers import for_libpq
from tests.waiting import wait_until

MACHINE = Machine("2030-01-02 03:04 UTC", 0.01, "A CPU", 2, 4.0, "Linux 6", "3.13.0", {"django": "6.1"})


def tree(ms_per_1000: float) -> ProcessTree:
    return ProcessTree(1.0, 0.01, ms_per_1000, 1000.0, 2000.0, 2000.0, 20.0, 1, kb_per_driver=31.6)


def size(drivers: int, *, web: float = 100.0) -> Size:
    feed = Feed(10, 1000, 990, 10, 0, 0, 0, 0, Percentiles(), Percentiles())
    report = Report(
        url="localhost:1",
        dialect="doorstep",
        drivers=drivers,
        dispatchers=drivers // 200,
        customers=0,
        rate=drivers / 5,
        warmup_s=2.0,
        seconds=10.0,
        connecting=Connecting(500, 500, Percentiles(500, 1.0, 2.0, 3.0, 4.0), 1.25, {}),
        sent_per_s=drivers / 5,
        ingested_per_s=drivers / 5 - 1,
        backlog=0,
        ack_ms=Percentiles(1000, 400.4, 800.0, 900.6, 950.0),
        customer=feed,
        dispatcher=feed,
        errors={},
        closes={},
        generator=Generator(0.25, Percentiles(1000, 0.5, 1.0, 2.0, 3.0)),
        processes={
            "web": tree(web),
            "postgres": tree(20.0),
            "valkey": tree(10.0),
            "worker": tree(5.0),
            "beat": tree(1.0),
            "osrm": tree(2.0),
        },
        unconfirmed=0,
        newcomers=Newcomers(10, 10, Percentiles(10, 800.0, 900.0, 1000.0, 1234.0), 22_194, 9_350_000),
    )
    return Size(drivers // 5, drivers // 5 - 1, report, [4.0, 6.54, 5.0], 17)


@pytest.fixture
def result() -> ScaleBench:
    return ScaleBench(MACHINE, 2, 2, [size(200), size(10_000, web=130.0)])


def row(table: str, name: str) -> list[str]:
    [line] = [line for line in table.splitlines() if line.startswith(f"| {name}")]
    return [cell.strip() for cell in line.strip("|").split("|")][1:]


def test_figures_come_from_the_reports(result: ScaleBench) -> None:
    table = scale_page.table(result)
    assert "A CPU, 2 cores" in table
    assert "2 web processes, a worker of 2 processes" in table
    assert row(table, "drivers") == ["200", "10,000", "goal", ""]
    assert row(table, "orders under way") == ["40, 1", "2,000, 50", "", ""]
    assert row(table, "fixes a second") == ["40, 39", "2,000, 1,999", "", ""]
    assert row(table, "CPU µs per fix: web") == ["100", "130", "the last ≤ 1.3× the first", "✓"]
    assert row(table, "PostgreSQL, Valkey")[0] == "20, 10"
    assert row(table, "worker, beat, OSRM")[0] == "5, 1, 2"
    assert row(table, "all together")[:2] == ["138", "168"]
    assert row(table, "acks") == ["400 / 901 ms"] * 2 + ["p99 ≤ 2 s", "✓"]
    assert row(table, "fixes never acknowledged") == ["0; 0, 0"] * 3 + ["✓"]
    assert row(table, "memory of a driver")[0] == "32 KB"
    assert row(table, "a dispatcher's snapshot")[1] == "9.35 MB, 22,194 frames"
    assert row(table, "until it is complete") == ["0.80, 1.23 s"] * 2 + ["≤ 3 s", "✓"]
    assert row(table, "a round of ETAs")[1:] == ["6.5 s (1,999 ETAs)", "≤ 10 s", "✓"]
    assert row(table, "connections to PostgreSQL")[0] == "17"
    assert row(table, "the load generator")[0] == "25%"
    assert "Distrust" not in table


def of_report(**changes: object) -> Callable[[Size], Size]:
    return lambda size: replace(size, report=replace(size.report, **changes))


@pytest.mark.parametrize(
    ("spoil", "name"),
    [
        (of_report(processes={name: tree(131.0) for name in size(200).report.processes}), "CPU µs per fix"),
        (of_report(ack_ms=Percentiles(10, 1.0, 1.0, 2001.0, 2001.0)), "acks"),
        (of_report(ack_ms=Percentiles()), "acks"),
        (of_report(unconfirmed=1), "fixes never"),
        (of_report(dispatcher=replace(size(200).report.dispatcher, delivered=989, lost=1)), "fixes never"),
        (of_report(newcomers=None), "until it is complete"),
        (of_report(newcomers=Newcomers(10, 10, Percentiles(10, 1, 1, 1, 3001), 1, 1)), "until it is"),
        (of_report(newcomers=Newcomers(10, 9, Percentiles(9, 1, 1, 1, 1), 1, 1)), "until it is"),
        (lambda size: replace(size, rounds=[1.0, 10.1]), "a round of ETAs"),
        (lambda size: replace(size, rounds=[]), "a round of ETAs"),
    ],
)
def test_a_goal_that_was_missed(result: ScaleBench, spoil: Callable[[Size], Size], name: str) -> None:
    assert row(scale_page.table(result), name)[-1] == "✓"
    first, last = result.sizes
    spoiled = replace(result, sizes=[first, spoil(last)])
    assert row(scale_page.table(spoiled), name)[-1] == "✗"


def test_what_to_distrust_is_said(result: ScaleBench) -> None:
    closed = of_report(closes={"dispatcher closed 4408": 3})(result.sizes[1])
    table = scale_page.table(replace(result, sizes=[closed]))
    assert "Distrust “10,000 drivers”: 3 × dispatcher closed 4408." in table


def test_results_survive_json(result: ScaleBench) -> None:
    assert msgspec.json.decode(msgspec.json.encode(result), type=ScaleBench) == result


@pytest.fixture
def leases(transactional_db: None) -> str:
    """The test database, as libpq reads it."""
    server = for_libpq(os.environ["DATABASE_URL"])
    return psycopg.conninfo.make_conninfo(server, dbname=str(connection.settings_dict["NAME"]))


def test_rounds_are_those_that_begin_and_end_meanwhile(leases: str) -> None:
    begin = """
        INSERT INTO leases AS held (job, holder, since, expires_at, done_at)
        VALUES ('refresh_etas', 'me', clock_timestamp(), clock_timestamp(), NULL)
        ON CONFLICT (job) DO UPDATE SET since = clock_timestamp()
    """
    end = "UPDATE leases SET done_at = since + %s * interval '1 s'"
    with psycopg.connect(leases, autocommit=True) as worker:
        worker.execute(begin)
        worker.execute(end, [7])
        with eta_rounds(leases) as rounds:
            wait_until(lambda: bool(begun(worker)), "somebody looks")
            for number, seconds in enumerate((2.0, 3.5), 1):
                worker.execute(begin)
                worker.execute(end, [seconds])
                wait_until(lambda number=number: len(rounds) == number, f"round {number}")
            worker.execute(begin)
    assert rounds == [2.0, 3.5]


def begun(worker: psycopg.Connection) -> list[tuple[int]]:
    """Whether somebody looks at the leases."""
    looking = (
        "SELECT 1 FROM pg_stat_activity WHERE application_name = 'beside' AND query LIKE '%FROM leases%'"
    )
    return worker.execute(looking).fetchall()
