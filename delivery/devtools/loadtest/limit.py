"""The search for the highest rate that a server sustains. Pure: rates out, verdicts in."""

from collections.abc import Generator

from delivery.devtools.loadtest.report import Report

BACKLOG_S = 1.0
CUSTOMER_P99_MS = 1000.0
#: What the server never got to see can't be sustained either: the generator itself must have kept up.
OFFERED_SHARE = 0.99
LOWEST_RATE = 10.0


def fault(report: Report) -> str:
    """Why the rate was not sustained; empty when it was."""
    for name, feed in (("customers", report.customer), ("dispatchers", report.dispatcher)):
        if feed.lost:
            return f"{feed.lost} of {feed.expected} positions for {name} lost"
    if report.connecting.refused:
        return f"{sum(report.connecting.refused.values())} sockets not let in"
    if report.closes:
        return f"{sum(report.closes.values())} sockets closed"
    if report.sent_per_s < OFFERED_SHARE * report.rate:
        return f"only {report.sent_per_s:.0f} fixes/s were sent: the generator is at its own limit"
    if report.backlog > BACKLOG_S * report.rate:
        return f"a backlog of {report.backlog} fixes"
    if report.customer.latency_ms.p99 > CUSTOMER_P99_MS:
        return f"customers' p99 {report.customer.latency_ms.p99:.0f} ms"
    return ""


def search(first: float, precision: float = 1.1, most: float = float("inf")) -> Generator[float, bool, None]:
    """Yields rates to try and is sent whether each was sustained.

    Doubles until one is not (or `most` is), halves while the lowest is not, then closes in until the highest that
    was and the lowest that was not differ by less than the factor `precision`.
    """
    held, broke = 0.0, float("inf")
    rate = min(first, most)
    while rate >= LOWEST_RATE:
        if (yield rate):
            held = rate
        else:
            broke = rate
        if held >= most or broke / max(held, 1e-9) < precision:
            return
        if broke == float("inf"):
            rate = min(2 * held, most)
        elif not held:
            rate = broke / 2
        else:
            rate = (held * broke) ** 0.5
        rate = round(rate, -1) if rate > 1000 else round(rate)
        if rate in (held, broke):
            return
