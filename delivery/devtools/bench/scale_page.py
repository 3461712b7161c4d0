"""What `make bench-scale` found: as data, and as the table of docs/performance.md."""

from collections.abc import Callable, Iterator, Sequence

from msgspec import Struct

from delivery.devtools.bench.page import Machine, TableRow, doubts, judged, markdown
from delivery.devtools.loadtest.report import Report

PACKAGES = ("django", "uvicorn", "uvloop", "websockets", "msgspec", "psycopg", "redis", "celery")

# What we mean to reach.
COST_RATIO = 1.3
ACK_MS = 2000.0
ROUND_S = 10.0
READY_S = 3.0


class Size(Struct, frozen=True):
    """A fleet's. `orders` are under way, of which `with_etas` have one; `rounds`: seconds of each round of ETAs;
    `connections`: to PostgreSQL, the most there were.
    """

    orders: int
    with_etas: int
    report: Report
    rounds: list[float]
    connections: int

    def us_per_fix(self, *trees: str) -> float | None:
        """CPU microseconds of these process trees per fix that was taken in; None without any."""
        each = [self.report.processes[tree].ms_per_1000 for tree in trees]
        return sum(ms for ms in each if ms is not None) if any(ms is not None for ms in each) else None


class ScaleBench(Struct, frozen=True):
    machine: Machine
    web_processes: int
    workers: int
    #: The smallest fleet first.
    sizes: list[Size]


def table(bench: ScaleBench) -> str:
    headings = ["drivers", *(f"{size.report.drivers:,}" for size in bench.sizes), "goal", ""]
    runs = {f"{size.report.drivers:,} drivers": size.report for size in bench.sizes}
    return "\n".join(
        [
            bench.machine.described(),
            "",
            f"{bench.web_processes} web processes, a worker of {bench.workers} processes, beat; everything is at its "
            "default.",
            "",
            *markdown(headings, _rows(bench.sizes)),
            *doubts(runs),
        ]
    )


def _rows(sizes: Sequence[Size]) -> Iterator[TableRow]:
    def row(name: str, cell: Callable[[Size], str]) -> list[str]:
        return [name, *map(cell, sizes)]

    def all_reach(reach: Callable[[Size], bool]) -> bool:
        return all(map(reach, sizes))

    yield row("orders under way, dispatchers", lambda size: f"{size.orders:,}, {size.report.dispatchers}")
    yield row("fixes a second: sent, taken in", _rate)
    first, last = sizes[0].us_per_fix("web"), sizes[-1].us_per_fix("web")
    yield judged(
        *row("CPU µs per fix: web", lambda size: _whole(size.us_per_fix("web"))),
        f"the last ≤ {COST_RATIO:g}× the first",
        reached=first is not None and last is not None and last <= COST_RATIO * first,
    )
    yield row("PostgreSQL, Valkey", lambda size: _each(size, "postgres", "valkey"))
    yield row("worker, beat, OSRM", lambda size: _each(size, "worker", "beat", "osrm"))
    yield row("all together", lambda size: _whole(size.us_per_fix(*size.report.processes)))
    yield judged(
        *row("acks, p50 / p99", lambda size: _acks(size.report)),
        f"p99 ≤ {ACK_MS / 1000:g} s",
        reached=all_reach(_acks_in_time),
    )
    yield judged(
        *row("fixes never acknowledged; positions lost, out of order", lambda size: _wrong(size.report)),
        "0; 0, 0",
        reached=all_reach(lambda size: _wrong(size.report) == "0; 0, 0"),
    )
    yield row("memory of a driver", lambda size: f"{size.report.processes['web'].kb_per_driver:.0f} KB")
    yield row("a dispatcher's snapshot", lambda size: _snapshot(size.report))
    yield judged(
        *row("until it is complete, median and longest", lambda size: _ready(size.report)),
        f"≤ {READY_S:g} s",
        reached=all_reach(_ready_in_time),
    )
    yield judged(
        *row("a round of ETAs, the slowest", _round),
        f"≤ {ROUND_S:g} s",
        reached=all_reach(lambda size: bool(size.rounds) and max(size.rounds) <= ROUND_S),
    )
    yield row("connections to PostgreSQL, at most", lambda size: f"{size.connections}")
    yield row("the load generator: CPU of a core", lambda size: f"{size.report.generator.cpu_share:.0%}")


def _rate(size: Size) -> str:
    return f"{size.report.sent_per_s:,.0f}, {size.report.ingested_per_s:,.0f}"


def _each(size: Size, *trees: str) -> str:
    return ", ".join(_whole(size.us_per_fix(tree)) for tree in trees)


def _whole(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}"


def _acks(report: Report) -> str:
    return f"{report.ack_ms.p50:,.0f} / {report.ack_ms.p99:,.0f} ms" if report.ack_ms else ""


def _acks_in_time(size: Size) -> bool:
    acks = size.report.ack_ms
    return acks is not None and acks.count > 0 and acks.p99 <= ACK_MS


def _wrong(report: Report) -> str:
    return f"{report.unconfirmed:,}; {report.dispatcher.lost:,}, {report.dispatcher.out_of_order:,}"


def _snapshot(report: Report) -> str:
    came = report.newcomers
    return f"{came.bytes / 1e6:,.2f} MB, {came.frames:,} frames" if came else ""


def _ready(report: Report) -> str:
    came = report.newcomers
    return f"{came.ready_ms.p50 / 1000:.2f}, {came.ready_ms.max / 1000:.2f} s" if came else ""


def _ready_in_time(size: Size) -> bool:
    came = size.report.newcomers
    return came is not None and came.ready == came.wanted > 0 and came.ready_ms.max <= 1000 * READY_S


def _round(size: Size) -> str:
    return f"{max(size.rounds):.1f} s ({size.with_etas:,} ETAs)" if size.rounds else "none"
