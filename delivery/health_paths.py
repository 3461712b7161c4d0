"""`/healthz`, `/readyz` and `/metrics`, for those who ask a process and not a site: by its address, in plain HTTP."""

from asyncio import iscoroutinefunction
from typing import Any

from asgiref.sync import markcoroutinefunction, sync_to_async
from django.http import HttpRequest

from delivery.health import healthz, readyz
from delivery.metrics.page import metrics

_PATHS = {"/healthz": healthz, "/readyz": readyz, "/metrics": metrics}


class HealthPaths:
    """Middleware before all other: no host is checked (ALLOWED_HOSTS), and nobody is sent to HTTPS."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Any) -> None:
        self._get_response = get_response
        self._is_async = iscoroutinefunction(get_response)
        if self._is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Any:
        view = _PATHS.get(request.path_info)
        if view is None:
            return self._get_response(request)
        return sync_to_async(view)(request) if self._is_async else view(request)
