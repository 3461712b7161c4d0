"""What a web process counts, for Prometheus (delivery/metrics.py shows it)."""

from collections import Counter as Counts

from prometheus_client import Counter, Gauge, Histogram

_FIXES = Counter("doorstep_fixes", "Fixes that came in, by verdict.", ["verdict"])
_CLOSED = Counter("doorstep_sockets_closed", "Live sockets that this server closed, by code.", ["code"])
_SOCKETS = Gauge("doorstep_sockets", "Live sockets that are signed in.", multiprocess_mode="livesum")
_WAITING = Gauge(
    "doorstep_fixes_waiting", "Fixes that wait to be stored, unacknowledged.", multiprocess_mode="livesum"
)
COMMIT_SECONDS = Histogram("doorstep_commit_seconds", "Time to store a batch of fixes in PostgreSQL.")
PUBLISH_SECONDS = Histogram(
    "doorstep_publish_seconds",
    "Time to store and publish a batch of live positions in Redis.",
    buckets=(0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1.0),
)


def closed(code: int) -> None:
    _CLOSED.labels(code).inc()


def report(verdicts: Counts[str], *, sockets: int, waiting: int) -> None:
    """`verdicts`: how many since the last report; the others as they are now."""
    for verdict, count in verdicts.items():
        _FIXES.labels(verdict).inc(count)
    _SOCKETS.set(sockets)
    _WAITING.set(waiting)
