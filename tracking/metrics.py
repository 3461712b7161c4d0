"""What a web process counts, and how any process fares with its connections to PostgreSQL; for Prometheus
(delivery/metrics/ shows it).
"""

from collections import Counter as Counts
from typing import Any, cast

from django.db import connection
from prometheus_client import Counter, Gauge, Histogram

_FIXES = Counter("doorstep_fixes", "Fixes that came in, by verdict.", ["verdict"])
_LEFT_OUT = Counter(
    "doorstep_fix_fields_left_out", "Frames with fixes of which a field made no sense, by field.", ["field"]
)
_CLOSED = Counter("doorstep_sockets_closed", "Live sockets that this server closed, by code.", ["code"])
_TRACKER_REQUESTS = Counter(
    "doorstep_tracker_requests",
    "Requests of tracker apps, by app and status of the answer.",
    ["app", "status"],
)
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
_POOL = Gauge(
    "doorstep_database_pool_connections",
    "Connections to PostgreSQL that processes hold in their pools, by state: busy, idle.",
    ["state"],
    multiprocess_mode="livesum",
)
_POOL_QUEUE = Gauge(
    "doorstep_database_pool_waiting",
    "Threads that wait for a connection of their process's pool.",
    multiprocess_mode="livesum",
)
_POOL_WAIT = Counter("doorstep_database_pool_wait_seconds", "Time that threads waited for a connection.")
_POOL_ERRORS = Counter(
    "doorstep_database_pool_errors", "Times that a thread waited for a connection in vain."
)


def closed(code: int) -> None:
    _CLOSED.labels(code).inc()


def tracker_answered(app: str, status: int) -> None:
    _TRACKER_REQUESTS.labels(app, status).inc()


def left_out(field: str) -> None:
    _LEFT_OUT.labels(field).inc()


def report(verdicts: Counts[str], *, sockets: int, waiting: int) -> None:
    """`verdicts`: how many since the last report; the others as they are now."""
    for verdict, count in verdicts.items():
        _FIXES.labels(verdict).inc(count)
    _SOCKETS.set(sockets)
    _WAITING.set(waiting)


def report_pool() -> None:
    """How this process's pool of connections fares; nothing before it is used."""
    pool = cast(Any, connection).pool  # of the backend for PostgreSQL
    if pool is None or pool.closed:
        return
    since_last = pool.pop_stats()
    size, idle = since_last["pool_size"], since_last["pool_available"]
    _POOL.labels("busy").set(size - idle)
    _POOL.labels("idle").set(idle)
    _POOL_QUEUE.set(since_last["requests_waiting"])
    _POOL_WAIT.inc(since_last.get("requests_wait_ms", 0) / 1000)
    _POOL_ERRORS.inc(since_last.get("requests_errors", 0))
