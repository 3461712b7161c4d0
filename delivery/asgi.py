"""The ASGI application: pages over HTTP, everything live over `/ws`."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "delivery.settings")
_http = get_asgi_application()

# The apps must be loaded before anything that imports models.
from typing import Any  # noqa: E402

from tracking.sockets import live  # noqa: E402
from tracking.sockets.consumers import live_socket  # noqa: E402


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    match scope["type"]:
        case "http":
            await _http(scope, receive, send)
        case "websocket" if scope["path"] == "/ws":
            await live_socket(scope, receive, send)
        case "websocket":
            await send({"type": "websocket.close"})  # before it is accepted: the answer is an HTTP 403
        case "lifespan":
            await _lifespan(receive, send)


async def _lifespan(receive: Any, send: Any) -> None:
    """The server's shutdown is the moment for a last commit of fixes and acks."""
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            await send({"type": "lifespan.startup.complete"})
        else:
            await live.close()
            await send({"type": "lifespan.shutdown.complete"})
            return
