"""How a text leaves Doorstep: through a service that Apprise knows, or, in development, to a terminal or a file."""

import json
import os
import sys
from urllib.parse import unquote

from django.conf import settings
from django.utils import timezone

from dispatch.messages.gateway_urls import CONSOLE, FILE, GatewayUrl
from dispatch.messages.outcomes import GatewayFailed


def named(name: str) -> GatewayUrl | None:
    """The gateway of this name, the first one for no name; None where there is none."""
    gateways = settings.NOTIFY_URLS
    found: GatewayUrl | None = gateways.get(name) if name else next(iter(gateways.values()), None)
    return found


def why_unusable(gateway: GatewayUrl) -> str | None:
    """Why no text can go through it, or None. Nothing is sent, and no part of the address is in the answer."""
    if gateway.scheme == CONSOLE:
        return None
    if gateway.scheme == FILE:
        folder = os.path.dirname(_path(gateway)) or "/"
        return (
            None if os.access(folder, os.W_OK) else "there is no folder for its file, or none that takes it"
        )
    # Here: it takes a second and 24 MB, which only those pay who have such a gateway.
    from dispatch.messages import through_apprise

    return through_apprise.why_unusable(gateway)


def send(gateway: GatewayUrl, phone: str, text: str) -> None:
    """Hands a text for a number (E.164) over. Raises GatewayFailed, GatewayUnsure."""
    if gateway.scheme == CONSOLE:
        sys.stdout.write(f"To {phone}: {text}\n")
        sys.stdout.flush()
    elif gateway.scheme == FILE:
        _write(gateway, phone, text)
    else:
        from dispatch.messages import through_apprise

        through_apprise.send(gateway, phone, text)


def _write(gateway: GatewayUrl, phone: str, text: str) -> None:
    line = json.dumps({"at": timezone.now().isoformat(), "to": phone, "text": text}, ensure_ascii=False)
    try:
        file = os.open(_path(gateway), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(file, "w") as opened:
            opened.write(f"{line}\n")
    except OSError as error:
        raise GatewayFailed(f"Gateway {gateway.name}: {error.strerror}.") from None


def _path(gateway: GatewayUrl) -> str:
    return unquote(gateway.url.removeprefix("file://"))
