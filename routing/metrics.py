"""What is asked of OSRM, for Prometheus (delivery/metrics/ shows it)."""

from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import Counter, Histogram

from routing.errors import RoutingError

_REQUESTS = Counter(
    "doorstep_osrm_requests",
    "Questions to OSRM by its service and what came of them: ok, or the code of an error (routing/errors.py).",
    ["service", "outcome"],
)
OSRM_SECONDS = Histogram(
    "doorstep_osrm_seconds",
    "Until OSRM answered, or until nobody waited any longer.",
    ["service"],
    buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 3.0),
)


@contextmanager
def osrm_request(service: str) -> Iterator[None]:
    """Around a question and the reading of its answer."""
    try:
        yield
    except RoutingError as error:
        _REQUESTS.labels(service, error.code).inc()
        raise
    _REQUESTS.labels(service, "ok").inc()
