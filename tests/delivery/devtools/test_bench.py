"""`make bench`: its page, its options, and what it watches. The series itself is `make bench` alone."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import msgspec
import psycopg
import pytest
from msgspec.structs import replace

from delivery.devtools.bench import live_page
from delivery.devtools.bench.beside import most_connections
from delivery.devtools.bench.live import plain_folder
from delivery.devtools.bench.live_page import Bench, Comparison, Storm
from delivery.devtools.bench.page import Machine
from delivery.devtools.loadtest.histogram import Percentiles
from delivery.devtools.loadtest.report import Connecting, Feed, Generator, Limit, ProcessTree, Report, Trial
from delivery.devtools.stack.servers import for_libpq
from delivery.devtools.stack.state import ROOT
from delivery.errors import StackError

MACHINE = Machine(
    "2030-01-02 03:04 UTC", 0.01, "A CPU", 2, 4.0, "Linux 6", "3.13.0", {"django": "6.1"}, {"Node": "20"}
)


def tree(share: float, ms_per_1000: float | None = 40.0, kb: float = 20.0) -> ProcessTree:
    return ProcessTree(1.0, share, ms_per_1000, 1000.0, 2000.0, 2000.0, kb, 1)


def report(rate: float, *, ms_per_1000: float | None = 40.0, busy: float = 0.2) -> Report:
    feed = Feed(
        10,
        1000,
        990,
        10,
        0,
        0,
        0,
        0,
        Percentiles(990, 1.0, 5.0, 9.0, 20.0),
        Percentiles(1000, 250.0, 500.0, 510.0, 520.0),
    )
    return Report(
        url="localhost:1",
        dialect="doorstep",
        drivers=200,
        dispatchers=5,
        customers=80,
        rate=rate,
        warmup_s=2.0,
        seconds=10.0,
        connecting=Connecting(500, 500, Percentiles(500, 1.0, 2.0, 3.0, 4.0), 1.25, {}),
        sent_per_s=rate,
        ingested_per_s=rate,
        backlog=0,
        ack_ms=Percentiles(1000, 150.0, 250.0, 260.0, 270.0),
        customer=feed,
        dispatcher=feed,
        errors={},
        closes={},
        generator=Generator(busy, Percentiles(1000, 0.5, 1.0, 2.0, 3.0)),
        processes={name: tree(0.01, ms_per_1000) for name in ("web", "valkey", "postgres")},
    )


def comparison(*rates: float, ms_per_1000: float = 40.0) -> Comparison:
    reports = [report(rate, ms_per_1000=ms_per_1000) for rate in rates]
    limits = [Limit(each, [Trial(each.rate, "", each)]) for each in reports]
    return Comparison([report(500, ms_per_1000=ms_per_1000)], limits)


@pytest.fixture
def result() -> Bench:
    return Bench(
        machine=MACHINE,
        messages_per_s=1000,
        headline=report(40),
        steady={1: report(2000), 2: report(2000)},
        storm=Storm(report(0), 12),
        idle=report(0),
        doorstep=comparison(13_000, 11_000),
        plain=comparison(1_000, 1_200, ms_per_1000=800.0),
    )


def row(table: str, name: str) -> list[str]:
    [line] = [line for line in table.splitlines() if line.startswith(f"| {name}")]
    return [cell.strip() for cell in line.strip("|").split("|")][1:]


def test_figures_and_ratios_come_from_the_reports(result: Bench) -> None:
    table = live_page.table(result)
    assert row(table, "headline load") == ["3.0% (web 1.0%, valkey 1.0%, postgres 1.0%)", "< 6%", "✓"]
    assert row(table, "2,000 fixes/s, 2 processes: to customers") == [
        "1.0 / 5.0 / 9.0 ms",
        "p99 < 50 ms",
        "✓",
    ]
    assert row(table, "2,000 fixes/s, 1 process: dispatchers")[0] == "250 / 510 ms"
    assert row(table, "500 idle sockets") == ["20.0 KB", "≤ 40 KB", "✓"]
    assert row(table, "500 sockets at once") == ["after 1.2 s", "≤ 5 s", "✓"]
    assert row(table, "meanwhile connections") == ["12", "< 30", "✓"]
    assert row(table, "sustained fixes/s") == ["13,000, 11,000", "1,000, 1,200", "10.9×", "≥ 10×", "✓"]
    assert row(table, "CPU µs per fix of all") == ["120", "2400", "0.05×", "≤ 0.1×", "✓"]
    assert "A CPU, 2 cores, 4.0 GiB" in table
    assert "Distrust" not in table


@pytest.mark.parametrize(
    ("spoil", "name"),
    [
        (
            lambda r: replace(
                r, headline=replace(r.headline, processes={n: tree(0.02) for n in live_page.SERVING})
            ),
            "head",
        ),
        (lambda r: replace(r, storm=replace(r.storm, connections=30)), "meanwhile"),
        (lambda r: replace(r, idle=replace(r.idle, processes={"web": tree(0, None, 40.1)})), "500 idle"),
        (
            lambda r: replace(
                r,
                storm=replace(
                    r.storm,
                    report=replace(
                        r.storm.report, connecting=replace(r.storm.report.connecting, most_ready_s=None)
                    ),
                ),
            ),
            "500 sockets",
        ),
        (
            lambda r: replace(
                r, steady={1: replace(r.steady[1], customer=replace(r.steady[1].customer, lost=1))}
            ),
            "2,000 fixes/s, 1 process: lost",
        ),
        (lambda r: replace(r, doorstep=comparison(9_000)), "sustained"),
        (lambda r: replace(r, doorstep=comparison(20_000, ms_per_1000=81.0)), "CPU µs per fix of all"),
        (lambda r: replace(r, plain=Comparison([], [Limit(None, [])])), "sustained"),
    ],
)
def test_a_goal_that_was_missed(result: Bench, spoil: Callable[[Bench], Bench], name: str) -> None:
    assert row(live_page.table(result), name)[-1] == "✓"
    assert row(live_page.table(spoil(result)), name)[-1] == "✗"


def test_what_to_distrust_is_said(result: Bench) -> None:
    busy = replace(
        result, headline=report(40, busy=0.95), idle=replace(result.idle, closes={"driver closed 4429": 3})
    )
    table = live_page.table(busy)
    assert "Distrust “headline load”: the load generator was too busy." in table
    assert "Distrust “idle sockets”: 3 × driver closed 4429." in table


def test_without_a_plain_server(result: Bench) -> None:
    table = live_page.table(replace(result, plain=None))
    assert row(table, "sustained fixes/s") == ["13,000, 11,000"]
    assert "ratio" not in table


def test_results_survive_json(result: Bench) -> None:
    assert msgspec.json.decode(msgspec.json.encode(result), type=Bench) == result


@pytest.fixture
def empty_database(servers: None) -> Iterator[str]:
    """One that nobody else is connected to."""
    server = for_libpq(os.environ["DATABASE_URL"])
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS watched WITH (FORCE)")
        connection.execute("CREATE DATABASE watched")
        yield psycopg.conninfo.make_conninfo(server, dbname="watched")
        connection.execute("DROP DATABASE watched WITH (FORCE)")


def test_connections_are_counted_while_they_are_there(empty_database: str) -> None:
    with most_connections(empty_database) as most, ExitStack() as others:
        first, *_ = [others.enter_context(psycopg.connect(empty_database, autocommit=True)) for _ in range(3)]
        for _ in range(200):
            if most[0] == 3:
                break
            first.execute("SELECT pg_sleep(0.02)")
    assert most == [3]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "status", "why"),
    [
        (["--short", "--write"], 1, "leave out --short or --write"),
        (["--shrt"], 2, "unrecognized arguments"),
    ],
)
def test_wrong_options(arguments: list[str], status: int, why: str) -> None:
    command = [sys.executable, "-m", "delivery.devtools.stack", "bench", *arguments]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == status
    assert why in run.stderr
    assert "Traceback" not in run.stderr


def test_a_plain_server_that_is_not_there(tmp_path: Path) -> None:
    assert plain_folder(None) is plain_folder("") is None
    with pytest.raises(StackError, match=r"has no server\.mjs"):
        plain_folder(str(tmp_path))
