"""`/healthz`, `/readyz` and `/metrics`, for those who ask a process and not a site: by its address, in plain HTTP."""

from typing import Any

from django.http import HttpRequest

from delivery.health import healthz, readyz
from delivery.metrics.page import metrics

_PATHS = {"/healthz": healthz, "/readyz": readyz, "/metrics": metrics}


class HealthPaths:
    """Middleware before all other: no host is checked (ALLOWED_HOSTS), and nobody is sent to HTTPS."""

    def __init__(self, get_response: Any) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> Any:
        view = _PATHS.get(request.path_info)
        return self._get_response(request) if view is None else view(request)
