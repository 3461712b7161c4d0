"""The ASGI application: pages over HTTP, everything live over `/ws`."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "delivery.settings")
django.setup(set_prefix=False)

# The apps must be loaded before anything that imports models.
from typing import Any, cast  # noqa: E402

from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from django.urls import get_resolver, re_path  # noqa: E402

from delivery import garbage  # noqa: E402
from delivery.pages import Pages  # noqa: E402
from tracking.sockets import process  # noqa: E402
from tracking.sockets.routing import websocket_urlpatterns  # noqa: E402


async def _nothing_here(scope: dict[str, Any], receive: Any, send: Any) -> None:
    await send({"type": "websocket.close"})  # before it is accepted: the answer is an HTTP 403


async def _lifespan(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """At the server's start all is loaded; its shutdown is the moment for a last commit of fixes and acks."""
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            get_resolver().url_patterns  # noqa: B018 (else the first request loads them)
            garbage.look_less_often()
            await send({"type": "lifespan.startup.complete"})
        else:
            await process.close()
            await send({"type": "lifespan.shutdown.complete"})
            return


application = ProtocolTypeRouter(
    {
        "http": Pages(),
        "websocket": URLRouter([*websocket_urlpatterns, re_path(r"", cast(Any, _nothing_here))]),
        "lifespan": _lifespan,
    }
)
