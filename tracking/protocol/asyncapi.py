"""The live protocol as AsyncAPI 3, made of the types in tracking/protocol/messages.py, so that the two cannot differ.

`manage.py asyncapi > docs/asyncapi.json` writes it; a test compares.
"""

from typing import Any, get_args

import msgspec
from django.db.models import TextChoices

from tracking.protocol import messages as m

_EVERYBODY: tuple[type[m.Frame], ...] = get_args(m.ControlFrame)

#: Role → what the server takes from it, what the server sends to it.
ROLES: dict[str, tuple[tuple[type[m.Frame], ...], tuple[type[m.Frame], ...]]] = {
    "driver": (get_args(m.DriverFrame), (*_EVERYBODY, m.Plan, m.Expect, m.Ack)),
    "customer": ((), (*_EVERYBODY, *get_args(m.CustomerFrame))),
    "dispatcher": ((), (*_EVERYBODY, *get_args(m.DispatcherFrame))),
}

_QUERY = {
    "driver": {
        "role": {"const": "driver"},
        "driverId": {"type": "string", "format": "uuid"},
        "session": {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$"},
    },
    "customer": {"role": {"const": "customer"}, "token": {"type": "string", "pattern": "^[0-9a-f]{32}$"}},
    "dispatcher": {"role": {"const": "dispatcher"}},
}

_SIGN_IN = {
    "driver": [
        {"$ref": "#/components/securitySchemes/driverToken"},
        {"$ref": "#/components/securitySchemes/driverTokenInBrowser"},
    ],
    "customer": [{"$ref": "#/components/securitySchemes/trackingToken"}],
    "dispatcher": [{"$ref": "#/components/securitySchemes/session"}],
}


def document() -> dict[str, Any]:
    """The whole description, ready for JSON."""
    frames = list(dict.fromkeys(frame for taken, sent in ROLES.values() for frame in (*taken, *sent)))
    _, schemas = msgspec.json.schema_components(
        frames, schema_hook=_choices, ref_template="#/components/schemas/{name}"
    )
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Doorstep's live protocol",
            "version": str(m.PROTOCOL_VERSION),
            "description": "How the conversation goes is told in protocol.md.",
            "license": {"name": "BSD-3-Clause"},
        },
        "defaultContentType": "application/json",
        "servers": {
            "here": {"host": "localhost:8000", "protocol": "ws", "description": "wss behind TLS"},
        },
        "channels": {role: _channel(role) for role in ROLES},
        "operations": {
            f"{role}{verb}": operation
            for role, (taken, sent) in ROLES.items()
            for verb, operation in (
                ("Sends", _operation(role, "receive", taken)),
                ("Hears", _operation(role, "send", sent)),
            )
            if operation["messages"]
        },
        "components": {
            "messages": {
                frame.__name__: {
                    "name": frame.__name__,
                    "summary": (frame.__doc__ or "").split("\n\n")[0],
                    "payload": {"$ref": f"#/components/schemas/{frame.__name__}"},
                }
                for frame in frames
            },
            "schemas": schemas,
            "securitySchemes": {
                "driverToken": {"type": "http", "scheme": "bearer"},
                "driverTokenInBrowser": {
                    "type": "httpApiKey",
                    "in": "header",
                    "name": "Sec-WebSocket-Protocol",
                    "description": "The subprotocols `doorstep, bearer.<token>`.",
                },
                "trackingToken": {"type": "httpApiKey", "in": "query", "name": "token"},
                "session": {"type": "httpApiKey", "in": "cookie", "name": "sessionid"},
            },
        },
    }


def _choices(kind: type) -> dict[str, Any]:
    """The schema of a status; msgspec does not take Django's choices for enums."""
    if issubclass(kind, TextChoices):
        return {"type": "string", "enum": kind.values}
    raise NotImplementedError


def _channel(role: str) -> dict[str, Any]:
    taken, sent = ROLES[role]
    return {
        "address": "/ws",
        "title": f"The {role}'s socket",
        "bindings": {
            "ws": {
                "method": "GET",
                "query": {"type": "object", "required": ["role"], "properties": _QUERY[role]},
                "bindingVersion": "0.1.0",
            }
        },
        "messages": {
            frame.__name__: {"$ref": f"#/components/messages/{frame.__name__}"} for frame in (*taken, *sent)
        },
    }


def _operation(role: str, action: str, frames: tuple[type[m.Frame], ...]) -> dict[str, Any]:
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{role}"},
        "security": _SIGN_IN[role],
        "messages": [{"$ref": f"#/channels/{role}/messages/{frame.__name__}"} for frame in frames],
    }
