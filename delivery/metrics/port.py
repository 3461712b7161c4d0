"""A port for the figures of worker and beat, which serve no pages: METRICS_HOST:WORKER_METRICS_PORT and
:BEAT_METRICS_PORT.
"""

import socket
import sys
from collections.abc import Iterable
from socketserver import TCPServer, ThreadingMixIn
from threading import Thread
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from celery.signals import beat_init, worker_init
from django.conf import settings
from django.core.handlers.wsgi import WSGIRequest

from delivery.metrics.page import own_metrics

_SLOW_S = 5.0


class _Handler(WSGIRequestHandler):
    timeout = _SLOW_S  # whoever sends nothing for so long keeps no thread

    def log_message(self, format: str, *args: Any) -> None:
        """Whoever asks every few seconds would drown the rest of the log."""


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True

    def __init__(self, host: str, port: int) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        super().__init__((host, port), _Handler)
        self.set_app(_application)

    def server_bind(self) -> None:
        """Without the look-up of a name for the address, which may take seconds."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]  # type: ignore[assignment]
        self.setup_environ()

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError):  # whoever hangs up is no fault of ours
            super().handle_error(request, client_address)


def _application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    answer = own_metrics(WSGIRequest(environ))
    start_response(f"{answer.status_code} {answer.reason_phrase}", list(answer.items()))
    return [answer.content]


def _listen(port: int, variable: str) -> None:
    host = settings.METRICS_HOST
    try:
        server = _Server(host, port)
    except OSError as error:
        raise SystemExit(
            f"doorstep: can't show figures on {host}:{port} ({error.strerror}): choose another {variable}"
        ) from error
    Thread(target=server.serve_forever, name="metrics", daemon=True).start()


@worker_init.connect
def _of_worker(**_: Any) -> None:
    if settings.WORKER_METRICS_PORT:
        _listen(settings.WORKER_METRICS_PORT, "WORKER_METRICS_PORT")


@beat_init.connect
def _of_beat(**_: Any) -> None:
    if settings.BEAT_METRICS_PORT:
        _listen(settings.BEAT_METRICS_PORT, "BEAT_METRICS_PORT")
