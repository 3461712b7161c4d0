"""What `make bench` found: as data, and as the table of docs/performance.md."""

from collections.abc import Iterator
from statistics import median

from msgspec import Struct

from delivery.devtools.bench.page import Machine, TableRow, doubts, judged, markdown
from delivery.devtools.loadtest.report import Limit, Report

PACKAGES = ("django", "uvicorn", "uvloop", "websockets", "msgspec", "psycopg", "redis")
#: What the headline load is about; the others work for it too, but not per fix.
SERVING = ("web", "valkey", "postgres")

# What we mean to reach.
HEADLINE_CPU_SHARE = 0.06
CUSTOMER_P99_MS = 50.0
DISPATCHER_P99_MS = 550.0  # the tick and 50 ms
SOCKET_KB = 40.0
COME_BACK_S = 5.0
CONNECTIONS = 30
EQUAL_RATE = 500
FIXES_RATIO = 10.0
CPU_RATIO = 0.1


class Storm(Struct, frozen=True):
    """`connections`: the most that PostgreSQL had from us meanwhile."""

    report: Report
    connections: int


class Comparison(Struct, frozen=True):
    """A server's turns: at the same load, and at its own limit."""

    equal: list[Report]
    limits: list[Limit]

    @property
    def sustained(self) -> float:
        """Fixes/s, the median of the turns; 0 where not even the lowest rate was."""
        return median(limit.report.rate if limit.report else 0.0 for limit in self.limits)

    @property
    def us_per_fix(self) -> float | None:
        """CPU microseconds per fix of all processes at the limit, the median of the turns."""
        return _median(limit.report.cpu_ms_per_1000 for limit in self.limits if limit.report)

    @property
    def us_per_fix_at_equal_load(self) -> float | None:
        return _median(report.cpu_ms_per_1000 for report in self.equal)


class Bench(Struct, frozen=True):
    machine: Machine
    messages_per_s: int
    headline: Report
    #: Web processes → 2,000 fixes/s.
    steady: dict[int, Report]
    storm: Storm
    idle: Report
    doorstep: Comparison
    plain: Comparison | None


def _median(values: Iterator[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if known else None


def table(bench: Bench) -> str:
    return "\n".join(
        [
            bench.machine.described(),
            "",
            f"`SOCKET_MESSAGES_PER_S` is {bench.messages_per_s}; everything else is at its default.",
            "",
            *markdown(["Doorstep", "measured", "goal", ""], _rows(bench)),
            "",
            *(_against(bench.doorstep, bench.plain) if bench.plain else _alone(bench.doorstep)),
            *_doubts(bench),
        ]
    )


def _rows(bench: Bench) -> Iterator[TableRow]:
    shares = {name: bench.headline.processes[name].cpu_share for name in SERVING}
    total = sum(shares.values())
    each = ", ".join(f"{name} {share:.1%}" for name, share in shares.items())
    yield judged(
        f"headline load ({bench.headline.rate:g} fixes/s, {bench.headline.customers} customers, "
        f"{bench.headline.dispatchers} dispatchers): CPU of a core",
        f"{total:.1%} ({each})",
        f"< {HEADLINE_CPU_SHARE:.0%}",
        reached=total < HEADLINE_CPU_SHARE,
    )
    for processes, report in bench.steady.items():
        yield from _steady(f"2,000 fixes/s, {processes} process{'es' if processes > 1 else ''}", report)
    idle = bench.idle.processes["web"].kb_per_socket
    sockets = bench.idle.connecting.ready
    yield judged(
        f"{sockets:,} idle sockets: memory of each", f"{idle:.1f} KB", "≤ 40 KB", reached=idle <= SOCKET_KB
    )
    connecting = bench.storm.report.connecting
    took = connecting.most_ready_s
    yield judged(
        f"{connecting.wanted} sockets at once after a restart: 95 % have their snapshot",
        "never" if took is None else f"after {took:.1f} s",
        f"≤ {COME_BACK_S:g} s",
        reached=took is not None and took <= COME_BACK_S,
    )
    yield judged(
        "meanwhile connections to PostgreSQL, at most",
        f"{bench.storm.connections}",
        f"< {CONNECTIONS}",
        reached=bench.storm.connections < CONNECTIONS,
    )


def _steady(name: str, report: Report) -> Iterator[TableRow]:
    customer, dispatcher = report.customer, report.dispatcher
    latency = customer.latency_ms
    yield judged(
        f"{name}: to customers, p50 / p95 / p99",
        f"{latency.p50:.1f} / {latency.p95:.1f} / {latency.p99:.1f} ms",
        f"p99 < {CUSTOMER_P99_MS:g} ms",
        reached=latency.count > 0 and latency.p99 < CUSTOMER_P99_MS,
    )
    fresh = dispatcher.freshness_ms
    yield judged(
        f"{name}: dispatchers' freshness, p50 / p99",
        f"{fresh.p50:.0f} / {fresh.p99:.0f} ms",
        f"p99 < {DISPATCHER_P99_MS:g} ms",
        reached=fresh.count > 0 and fresh.p99 < DISPATCHER_P99_MS,
    )
    lost = customer.lost + dispatcher.lost
    disorder = customer.out_of_order + dispatcher.out_of_order
    expected = customer.expected + dispatcher.expected
    yield judged(
        f"{name}: lost, out of order",
        f"{lost}, {disorder} of {expected:,} (superseded for customers: {customer.superseded:,})",
        "0, 0",
        reached=expected > 0 and not lost and not disorder,
    )
    if report.ack_ms:
        yield f"{name}: acks, p50 / p99", f"{report.ack_ms.p50:.0f} / {report.ack_ms.p99:.0f} ms"
    parts = ", ".join(f"{name} {tree.ms_per_1000 or 0:.0f}" for name, tree in report.processes.items())
    yield f"{name}: CPU µs per fix", f"{_whole(report.cpu_ms_per_1000)} ({parts})"


def _against(ours: Comparison, theirs: Comparison) -> Iterator[str]:
    turns = ", ".join(["Doorstep, plain"] * len(theirs.limits))
    yield f"One web process, 200 drivers, 10 dispatchers, 80 customers; in turn ({turns}):"
    yield ""
    yield from markdown(["", "Doorstep", "plain server", "ratio", "goal", ""], _compared(ours, theirs))


def _compared(ours: Comparison, theirs: Comparison) -> Iterator[TableRow]:
    fixes = ours.sustained / theirs.sustained if theirs.sustained else None
    reached = fixes is not None and fixes >= FIXES_RATIO
    goal = f"≥ {FIXES_RATIO:g}×"
    yield judged("sustained fixes/s", _turns(ours), _turns(theirs), _times(fixes), goal, reached=reached)
    cpu = _ratio(ours.us_per_fix, theirs.us_per_fix)
    reached = cpu is not None and cpu <= CPU_RATIO
    yield judged(
        "CPU µs per fix of all processes, each at its limit",
        _whole(ours.us_per_fix),
        _whole(theirs.us_per_fix),
        _times(cpu),
        f"≤ {CPU_RATIO:g}×",
        reached=reached,
    )
    mine, other = ours.us_per_fix_at_equal_load, theirs.us_per_fix_at_equal_load
    yield f"the same at {EQUAL_RATE} fixes/s", _whole(mine), _whole(other), _times(_ratio(mine, other))


def _ratio(ours: float | None, theirs: float | None) -> float | None:
    return ours / theirs if ours is not None and theirs else None


def _alone(ours: Comparison) -> Iterator[str]:
    yield from markdown(
        ["200 drivers, 10 dispatchers, 80 customers, one web process", ""],
        [
            ("sustained fixes/s", _turns(ours)),
            ("CPU µs per fix at the limit", _whole(ours.us_per_fix)),
        ],
    )


def _turns(comparison: Comparison) -> str:
    rates = (limit.report.rate if limit.report else 0 for limit in comparison.limits)
    return ", ".join(f"{rate:,.0f}" for rate in rates)


def _times(ratio: float | None) -> str:
    return "" if ratio is None else f"{ratio:.3g}×"


def _whole(value: float | None) -> str:
    return "" if value is None else f"{value:.0f}"


def _doubts(bench: Bench) -> Iterator[str]:
    """What takes the worth from a figure above."""
    runs = {
        "headline load": bench.headline,
        "idle sockets": bench.idle,
        "sockets at once": bench.storm.report,
    }
    runs |= {f"2,000 fixes/s with {n}": report for n, report in bench.steady.items()}
    for name, comparison in (("Doorstep", bench.doorstep), ("the plain server", bench.plain)):
        for turn, limit in enumerate(comparison.limits if comparison else [], 1):
            if limit.report:
                runs[f"limit of {name}, turn {turn}"] = limit.report
    yield from doubts(runs)
