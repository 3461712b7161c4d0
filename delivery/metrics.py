"""`/metrics` for Prometheus: of all web processes that `manage.py serve` runs, whichever of them answers."""

import os
import secrets
from contextlib import suppress
from pathlib import Path

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseForbidden, HttpResponseNotFound
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

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
    return HttpResponse(generate_latest(_registry()), content_type=CONTENT_TYPE_LATEST)


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
