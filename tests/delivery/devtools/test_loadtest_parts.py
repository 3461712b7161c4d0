"""Targets, process trees, the search for the limit, and what a report says."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from delivery.devtools.loadtest.histogram import Percentiles
from delivery.devtools.loadtest.limit import LOWEST_RATE, fault, search
from delivery.devtools.loadtest.report import Connecting, Feed, Generator, ProcessTree, Report, table
from delivery.devtools.loadtest.sockets import Address
from delivery.devtools.loadtest.targets import Doorstep, Plain, TargetsError, read_targets
from delivery.devtools.loadtest.usage import Stat, measure, parse_stat, usage_of
from tracking.protocol.messages import Location, decode_driver_frame

# --------------------------------------------------------------------------------------------------- targets


@pytest.fixture
def seed(tmp_path: Path) -> Path:
    file = tmp_path / "seed.json"
    drivers = [{"id": f"d{n}", "token": f"t{n}"} for n in range(3)]
    customers = [{"token": f"c{n}", "driverId": f"d{n}"} for n in (0, 2)]
    file.write_bytes(
        msgspec.json.encode({"drivers": drivers, "orders": [{"id": "o"}], "customers": customers})
    )
    return file


@pytest.mark.parametrize(
    ("drivers", "customers", "found_drivers", "found_customers"),
    [
        (None, None, ["d0", "d1", "d2"], ["c0", "c2"]),
        (None, 5, ["d0", "d1", "d2"], ["c0", "c2", "c0", "c2", "c0"]),
        (2, None, ["d0", "d1"], ["c0"]),  # nobody watches a driver who is not there
        (2, 3, ["d0", "d1"], ["c0", "c0", "c0"]),
        (1, 0, ["d0"], []),
        (0, None, [], []),
    ],
)
def test_targets(
    seed: Path,
    drivers: int | None,
    customers: int | None,
    found_drivers: list[str],
    found_customers: list[str],
) -> None:
    targets = read_targets(seed, drivers, customers)
    assert [driver.id for driver in targets.drivers] == found_drivers
    assert [customer.token for customer in targets.customers] == found_customers


@pytest.mark.parametrize(
    ("content", "drivers", "customers", "why"),
    [
        (None, None, None, "Cannot read"),
        (b"{}", None, None, "not what `manage.py seed --json` writes"),
        (b'{"drivers":[{"id":"a"}],"customers":[]}', 2, None, "has 1 drivers"),
        (b'{"drivers":[{"id":"a"}],"customers":[]}', None, 1, "no customers of these drivers"),
    ],
)
def test_targets_that_can_not_be_used(
    tmp_path: Path, content: bytes | None, drivers: int | None, customers: int | None, why: str
) -> None:
    file = tmp_path / "seed.json"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(TargetsError, match=why):
        read_targets(file, drivers, customers)


def test_a_fix_is_what_the_protocol_describes() -> None:
    dialect = Doorstep(run="r", cookie="c", origin="http://h")
    frame = dialect.fix(39.7, -104.990301, 11.111, 1_763_841_000_123, 7)
    expected = Location(lat=39.7, lng=-104.990301, speed=11.1, ts=1_763_841_000_123, seq=7)
    assert decode_driver_frame(frame) == expected
    assert Plain().fix(39.7, -104.990301, 11.111, 0, 7) == (
        b'{"type":"location","lat":39.700000,"lng":-104.990301,"speed":11.1}'
    )


@pytest.mark.parametrize(
    ("url", "address", "origin"),
    [
        ("ws://localhost:8000", ("localhost", 8000, False, "localhost:8000"), "http://localhost:8000"),
        ("wss://track.example/", ("track.example", 443, True, "track.example"), "https://track.example"),
    ],
)
def test_addresses(url: str, address: tuple[Any, ...], origin: str) -> None:
    assert (Address.of(url), Address.of(url).origin) == (address, origin)


@pytest.mark.parametrize("url", ["http://localhost:8000", "localhost:8000", "ws://", "ws://localhost/ws"])
def test_what_is_no_address(url: str) -> None:
    with pytest.raises(ValueError, match="give ws://host:port"):
        Address.of(url)


# ------------------------------------------------------------------------------------------------- processes


def test_a_line_of_proc() -> None:
    line = "42 (a (b) c) S 7 42 42 0 -1 4194560 100 200 0 0 11 22 3 4 20 0 1 0 12345 1000000 250 18446744073709551615"
    assert parse_stat(line) == Stat(pid=42, parent=7, ticks=40, rss_pages=250)


def test_a_tree_is_a_process_and_all_below_it() -> None:
    stats = [Stat(1, 0, 9, 9), Stat(2, 1, 100, 10), Stat(3, 2, 20, 1), Stat(4, 3, 3, 1), Stat(5, 1, 50, 5)]
    found = usage_of({"web": 2, "redis": 5, "gone": 77}, stats)
    assert found["web"].processes == 3
    assert found["web"].cpu_s / found["redis"].cpu_s == pytest.approx(123 / 50)
    assert found["web"].rss_kb / found["redis"].rss_kb == pytest.approx(12 / 5)
    assert found["gone"] == (0, 0, 0)


def test_pid_1_is_there() -> None:
    assert measure({"all": 1})["all"].processes >= 1
    assert measure({}) == {}


# ----------------------------------------------------------------------------------------------------- limit


@given(st.floats(LOWEST_RATE, 50_000), st.floats(50, 10_000))
def test_the_search_ends_close_below_the_limit(limit: float, first: float) -> None:
    rates = search(first)
    tried: list[float] = []
    rate = next(rates, None)
    while rate is not None:
        tried.append(rate)
        try:
            rate = rates.send(rate <= limit)
        except StopIteration:
            rate = None
    held = [rate for rate in tried if rate <= limit]
    assert len(tried) == len(set(tried)) <= 20
    if limit >= 2 * LOWEST_RATE + 1:
        assert max(held) > limit / 1.11 - 11


def test_the_search_knows_the_most_that_can_be_asked() -> None:
    rates = search(600, most=1000)
    assert (next(rates), rates.send(True)) == (600, 1000)
    with pytest.raises(StopIteration):
        rates.send(True)


def test_a_server_that_holds_nothing() -> None:
    rates = search(40)
    assert (next(rates), rates.send(False), rates.send(False)) == (40, 20, 10)
    with pytest.raises(StopIteration):
        rates.send(False)


def feed(**fields: Any) -> Feed:
    none = Percentiles()
    usual = Feed(1, 100, 100, 0, 0, 0, 0, 0, Percentiles(100, 1.0, 2.0, 3.0, 4.0), none)
    return replace(usual, **fields)


@pytest.fixture
def report() -> Report:
    return Report(
        url="localhost:1",
        dialect="doorstep",
        drivers=1,
        dispatchers=1,
        customers=1,
        rate=100.0,
        warmup_s=1.0,
        seconds=1.0,
        connecting=Connecting(3, 3, Percentiles(3, 1.0, 1.0, 1.0, 1.0), 0.1, {}),
        sent_per_s=100.0,
        ingested_per_s=100.0,
        backlog=100,
        ack_ms=Percentiles(100, 200.0, 250.0, 260.0, 270.0),
        customer=feed(),
        dispatcher=feed(superseded=50, delivered=50),
        errors={},
        closes={},
        generator=Generator(0.1, Percentiles(100, 0.5, 1.0, 2.0, 3.0)),
        processes={"web": ProcessTree(0.1, 0.05, 1.5, 1024, 2048, 3072, 10.0, 1)},
    )


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda report: report, ""),
        (lambda report: replace(report, backlog=101), "a backlog of 101 fixes"),
        (lambda report: replace(report, customer=feed(lost=2)), "2 of 100 positions for customers lost"),
        (lambda report: replace(report, dispatcher=feed(lost=1)), "1 of 100 positions for dispatchers lost"),
        (lambda report: replace(report, closes={"driver closed 4429": 3}), "3 sockets closed"),
        (
            lambda report: replace(report, connecting=replace(report.connecting, refused={"closed 4401": 2})),
            "2 sockets not let in",
        ),
        (lambda report: replace(report, sent_per_s=98.0), "only 98 fixes/s were sent"),
        (
            lambda report: replace(
                report, customer=feed(latency_ms=Percentiles(100, 1.0, 2.0, 1001.0, 1001.0))
            ),
            "customers' p99 1001 ms",
        ),
    ],
)
def test_what_is_not_sustained(report: Report, spoil: Callable[[Report], Report], why: str) -> None:
    found = fault(spoil(report))
    assert found.startswith(why)
    assert bool(found) == bool(why)


def test_the_table_says_what_to_distrust(report: Report) -> None:
    lines = "\n".join(table(report))
    assert "distrust" not in lines
    assert "RSS 1.0 → 2.0 → 3.0 MiB" in lines
    late = replace(report, generator=Generator(0.1, Percentiles(100, 0.5, 10.0, 20.0, 30.0)))
    assert "distrust" in "\n".join(table(late))
    busy = replace(report, generator=Generator(0.9, Percentiles()))
    assert "distrust" in "\n".join(table(busy))


def test_reports_survive_json(report: Report) -> None:
    assert msgspec.json.decode(msgspec.json.encode(report), type=Report) == report
