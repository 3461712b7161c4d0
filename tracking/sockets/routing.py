"""Which consumer a WebSocket reaches: `/ws?role=driver|customer|dispatcher`; `/ws/` and `/` are the same."""

from typing import Any, cast
from urllib.parse import parse_qsl

from channels.auth import AuthMiddlewareStack
from django.db import InterfaceError, OperationalError
from django.urls import re_path

from tracking.protocol.close_codes import BAD_REQUEST, TRY_AGAIN_LATER
from tracking.sockets.base import DenyingConsumer
from tracking.sockets.customer import CustomerConsumer
from tracking.sockets.dispatcher import DispatcherConsumer
from tracking.sockets.driver import DriverConsumer

NO_ROLE = (BAD_REQUEST, "bad_request", "Connect with ?role=driver, ?role=customer or ?role=dispatcher.")
UNAVAILABLE = (TRY_AGAIN_LATER, "unavailable", "This can't be done right now. Try again in a few seconds.")

_with_user = AuthMiddlewareStack(DispatcherConsumer.as_asgi())


async def dispatcher(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """A dispatcher is the user of a session. The consumer lets no such error out: it is the look-up's."""
    try:
        await _with_user(scope, receive, send)
    except (OperationalError, InterfaceError):
        await DenyingConsumer.as_asgi(denial=UNAVAILABLE)(scope, receive, send)


#: A driver has a token, a customer a link; only dispatchers have sessions to look up.
ROLES = {
    "driver": DriverConsumer.as_asgi(),
    "customer": CustomerConsumer.as_asgi(),
    "dispatcher": dispatcher,
}
_no_role = DenyingConsumer.as_asgi(denial=NO_ROLE)


async def by_role(scope: dict[str, Any], receive: Any, send: Any) -> None:
    role = dict(parse_qsl(scope["query_string"].decode("latin-1"))).get("role", "")
    await ROLES.get(role, _no_role)(scope, receive, send)


websocket_urlpatterns = [re_path(r"^(ws/?)?$", cast(Any, by_role))]
