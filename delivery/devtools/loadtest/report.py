"""What a run showed: typed, as JSON, and as a table for the terminal."""

from collections.abc import Iterator

from msgspec import Struct

from delivery.devtools.loadtest.histogram import Percentiles

#: A generator that is busier than this, or sends later than that, measures itself.
BUSY_SHARE = 0.9
LATE_MS = 20.0


class Connecting(Struct, frozen=True):
    """`ready_ms`: from the start of a socket's connecting until its snapshot was complete."""

    wanted: int
    ready: int
    ready_ms: Percentiles
    #: Until 95 % of all sockets were ready, from the start of the first one; None when fewer ever were.
    most_ready_s: float | None
    #: Why sockets were not let in → how many.
    refused: dict[str, int]


class Newcomers(Struct, frozen=True):
    """Dispatchers who came one after the other while it was measured. The median of their snapshots' text frames and
    bytes; `ready_ms` as in Connecting.
    """

    wanted: int
    ready: int
    ready_ms: Percentiles
    frames: int
    bytes: int


class Feed(Struct, frozen=True):
    """Pairs of a fix and a receiver; see matching.Tally."""

    sockets: int
    expected: int
    delivered: int
    superseded: int
    lost: int
    out_of_order: int
    repeated: int
    unmatched: int
    latency_ms: Percentiles
    freshness_ms: Percentiles


class ProcessTree(Struct, frozen=True):
    """`cpu_share` of one core; resident kilobytes before connecting, once connected, and at the end."""

    cpu_s: float
    cpu_share: float
    #: CPU milliseconds per 1,000 fixes that were taken in; None without any.
    ms_per_1000: float | None
    rss_before_kb: float
    rss_connected_kb: float
    rss_after_kb: float
    kb_per_socket: float
    processes: int
    #: Growth until the drivers alone were connected; 0 where all came at once.
    kb_per_driver: float = 0.0


class Generator(Struct, frozen=True):
    cpu_share: float
    send_lag_ms: Percentiles

    @property
    def trustworthy(self) -> bool:
        return self.cpu_share < BUSY_SHARE and self.send_lag_ms.p99 < LATE_MS


class Report(Struct, frozen=True):
    """One run. Per second means within the measured seconds, after the warm-up."""

    url: str
    dialect: str
    drivers: int
    dispatchers: int
    customers: int
    rate: float
    warmup_s: float
    seconds: float
    connecting: Connecting
    sent_per_s: float
    ingested_per_s: float
    #: Fixes sent and not yet known to be taken in, at the end of the measured seconds.
    backlog: int
    #: From when a fix was due until its ack; None where the server sends none.
    ack_ms: Percentiles | None
    customer: Feed
    dispatcher: Feed
    #: Code of an `error` frame → how many.
    errors: dict[str, int]
    #: “role code” → sockets that the server closed once they were ready.
    closes: dict[str, int]
    generator: Generator
    processes: dict[str, ProcessTree]
    #: Fixes that were sent and not known to be taken in when all was over.
    unconfirmed: int = 0
    newcomers: Newcomers | None = None

    @property
    def cpu_ms_per_1000(self) -> float | None:
        """Of all process trees together."""
        each = [tree.ms_per_1000 for tree in self.processes.values()]
        return sum(ms for ms in each if ms is not None) if any(ms is not None for ms in each) else None


class Trial(Struct, frozen=True):
    """One step of the search for the limit; `fault` is empty when the rate was sustained."""

    rate: float
    fault: str
    report: Report


class Limit(Struct, frozen=True):
    """`report` is of the highest rate that was sustained, None when not even the lowest was."""

    report: Report | None
    trials: list[Trial]


def table(report: Report) -> Iterator[str]:
    """Lines for the terminal."""
    connecting = report.connecting
    took = connecting.ready_ms
    yield (
        f"connected  {connecting.ready} of {connecting.wanted} sockets; "
        f"ready after p50 {took.p50:.0f} p95 {took.p95:.0f} max {took.max:.0f} ms"
    )
    for why, count in {**connecting.refused, **report.closes}.items():
        yield f"           {count} × {why}"
    if (came := report.newcomers) is not None:
        yield (
            f"newcomers  {came.ready} of {came.wanted} dispatchers: {came.frames:,} frames, "
            f"{came.bytes / 1024:,.0f} KB; ready after {_ms(came.ready_ms)}"
        )
    if report.rate:
        yield (
            f"fixes      sent {report.sent_per_s:.1f}/s, ingested {report.ingested_per_s:.1f}/s, "
            f"backlog at the end {report.backlog}; {report.seconds:g} s"
        )
        if report.ack_ms is not None:
            yield f"acks       {_ms(report.ack_ms)}"
        for name, feed in (("customer", report.customer), ("dispatcher", report.dispatcher)):
            yield from _feed(name, feed)
        for code, count in report.errors.items():
            yield f"           {count} × error {code}"
    lag = report.generator.send_lag_ms
    distrust = "" if report.generator.trustworthy else "  ← too busy: distrust this run"
    yield (
        f"generator  CPU {report.generator.cpu_share:.0%} of a core; send lag p50 {lag.p50:.2f} p99 {lag.p99:.2f} "
        f"max {lag.max:.1f} ms{distrust}"
    )
    for name, tree in report.processes.items():
        per_fix = "" if tree.ms_per_1000 is None else f", {tree.ms_per_1000:.1f} ms per 1,000 fixes"
        yield (
            f"{name:<10} CPU {tree.cpu_share:.1%}{per_fix}; RSS {tree.rss_before_kb / 1024:.1f} → "
            f"{tree.rss_connected_kb / 1024:.1f} → {tree.rss_after_kb / 1024:.1f} MiB, "
            f"{tree.kb_per_socket:.1f} KB a socket, {tree.processes} processes"
        )


def _feed(name: str, feed: Feed) -> Iterator[str]:
    if not feed.expected:
        return
    yield (
        f"{name:<10} expected {feed.expected}: delivered {feed.delivered} ({feed.delivered / feed.expected:.2%}), "
        f"superseded {feed.superseded}, lost {feed.lost}; out of order {feed.out_of_order}, "
        f"repeated {feed.repeated}, unmatched {feed.unmatched}"
    )
    yield f"           latency   {_ms(feed.latency_ms)}"
    yield f"           freshness {_ms(feed.freshness_ms)}"


def _ms(spread: Percentiles) -> str:
    return f"p50 {spread.p50:.2f} p95 {spread.p95:.2f} p99 {spread.p99:.2f} max {spread.max:.1f} ms"
