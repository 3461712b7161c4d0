"""Figures, for whoever sends METRICS_TOKEN as bearer token."""

import secrets
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseForbidden, HttpResponseNotFound
from prometheus_client import CONTENT_TYPE_LATEST

from delivery.metrics import own, shared


def metrics(request: HttpRequest) -> HttpResponse:
    """`/metrics` of all web processes that `manage.py serve` runs, whichever of them answers, and of what PostgreSQL
    and Redis know.
    """
    return _shown(request, lambda: own.exposition() + shared.exposition())


def own_metrics(request: HttpRequest) -> HttpResponse:
    """Of one worker with its children, or of beat."""
    return _shown(request, own.exposition)


def _shown(request: HttpRequest, figures: Callable[[], bytes]) -> HttpResponse:
    """There is nothing here while no token is set."""
    if not settings.METRICS_TOKEN:
        return HttpResponseNotFound(
            "Set METRICS_TOKEN, and send it as bearer token.\n", content_type="text/plain"
        )
    sent = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if not secrets.compare_digest(sent.encode(), settings.METRICS_TOKEN.encode()):
        return HttpResponseForbidden("Send METRICS_TOKEN as bearer token.\n", content_type="text/plain")
    return HttpResponse(figures(), content_type=CONTENT_TYPE_LATEST)
