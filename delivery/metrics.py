"""`/metrics` for Prometheus: of all web processes that `manage.py serve` runs, whichever of them answers; and of the
jobs, whichever worker runs them.
"""

import logging
import os
import secrets
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import psycopg
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseForbidden, HttpResponseNotFound
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from delivery import jobs

logger = logging.getLogger(__name__)

#: Whoever asks wants the other figures even where the database hangs.
_TIMEOUT_S = 1.5

#: prometheus_client shares figures between processes in this folder, when there is one.
FOLDER = "PROMETHEUS_MULTIPROC_DIR"


def metrics(request: HttpRequest) -> HttpResponse:
    """For whoever sends METRICS_TOKEN as bearer token; there is nothing here while none is set."""
    if not settings.METRICS_TOKEN:
        return HttpResponseNotFound(
            "Set METRICS_TOKEN, and send it as bearer token.\n", content_type="text/plain"
        )
    sent = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if not secrets.compare_digest(sent.encode(), settings.METRICS_TOKEN.encode()):
        return HttpResponseForbidden("Send METRICS_TOKEN as bearer token.\n", content_type="text/plain")
    shown = generate_latest(_registry()) + generate_latest(_jobs())
    return HttpResponse(shown, content_type=CONTENT_TYPE_LATEST)


class _JobAges:
    """A collector of its own: a Gauge would be summed up over the processes."""

    def __init__(self, ages: Mapping[str, float]) -> None:
        self._ages = ages

    def collect(self) -> Iterator[GaugeMetricFamily]:
        family = GaugeMetricFamily(
            "doorstep_job_age_seconds",
            "Since a round of the job last did its work; infinite where none ever did.",
            labels=["job"],
        )
        for job, age_s in self._ages.items():
            family.add_metric([job], age_s)
        yield family


def _jobs() -> CollectorRegistry:
    """What the database knows of the jobs; nothing while it does not answer."""
    registry = CollectorRegistry()
    thread = ThreadPoolExecutor(1)
    try:
        registry.register(_JobAges(thread.submit(jobs.ages).result(_TIMEOUT_S)))
    except (psycopg.Error, TimeoutError) as away:
        logger.warning("PostgreSQL is away, the ages of jobs are not shown: %s", type(away).__name__)
    finally:
        thread.shutdown(wait=False)
    return registry


def _registry() -> CollectorRegistry:
    folder = os.environ.get(FOLDER)
    if not folder:
        return REGISTRY
    _forget_the_dead(Path(folder))
    registry = CollectorRegistry()
    MultiProcessCollector(registry)
    return registry


def _forget_the_dead(folder: Path) -> None:
    """The sockets of a process that was killed are gone with it."""
    for pid in {int(file.stem.rpartition("_")[2]) for file in folder.glob("gauge_live*_*.db")}:
        with suppress(PermissionError):  # it lives, as somebody else
            try:
                os.kill(pid, 0)
            except ProcessLookupError:
                mark_process_dead(pid, str(folder))
