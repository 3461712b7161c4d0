"""Requests as the apps themselves make them, to the real ASGI application."""

import json
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple
from urllib.parse import urlencode

from asgiref.testing import ApplicationCommunicator

from delivery.asgi import application

PATIENCE_S = 20.0
BASE = "/api/v1/positions"


class Answer(NamedTuple):
    status: int
    told: Any
    headers: dict[str, str]


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()


class Fix(NamedTuple):
    """What a phone knows: degrees, ms since the epoch, m/s, degrees, metres, per cent."""

    lat: float
    lng: float
    ts: int
    speed: float = 8.0
    heading: float = 90.0
    accuracy: float = 8.0
    battery: int = 80


async def ask(request: Request) -> Answer:
    named = ("Host", "localhost"), ("Content-Length", str(len(request.body))), *request.headers
    path, _, query = request.path.partition("?")
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": request.method,
        "path": path,
        "query_string": query.encode(),
        "headers": [(name.lower().encode(), value.encode()) for name, value in named],
    }
    # asgiref's: the one of Channels keeps connections to the database open.
    server = ApplicationCommunicator(application, scope)
    await server.send_input({"type": "http.request", "body": request.body})
    start = await server.receive_output(PATIENCE_S)
    body = (await server.receive_output(PATIENCE_S))["body"]
    await server.wait(PATIENCE_S)
    headers = {name.decode().lower(): value.decode() for name, value in start["headers"]}
    return Answer(start["status"], json.loads(body) if body else None, headers)


def posted(path: str, told: Any, *headers: tuple[str, str]) -> Request:
    body = told if isinstance(told, bytes) else json.dumps(told).encode()
    return Request("POST", path, body, (("Content-Type", "application/json; charset=utf-8"), *headers))


def basic(token: str, user: str = "dana") -> tuple[str, str]:
    return "Authorization", "Basic " + b64encode(f"{user}:{token}".encode()).decode()


def owntracks_location(fix: Fix) -> dict[str, Any]:
    return {
        "_type": "location",
        "BSSID": "b0:f2:8:45:94:33",
        "acc": round(fix.accuracy),
        "alt": 1609,
        "batt": fix.battery,
        "bs": 1,
        "cog": round(fix.heading),
        "conn": "m",
        "created_at": fix.ts // 1000 + 1,
        "lat": fix.lat,
        "lon": fix.lng,
        "m": 2,
        "t": "u",
        "tid": "da",
        "topic": "owntracks/dana/phone",
        "tst": fix.ts // 1000,
        "vac": 3,
        "vel": round(fix.speed * 3.6),
    }


def owntracks(token: str, fix: Fix) -> Request:
    """Android's, in HTTP mode: the name and password that were entered, and who it is once more in two headers."""
    limits = ("X-Limit-U", "dana"), ("X-Limit-D", "phone")
    return posted(f"{BASE}/owntracks", owntracks_location(fix), basic(token), *limits)


def osmand(token: str, fix: Fix) -> Request:
    query = {
        "id": token,
        "lat": fix.lat,
        "lon": fix.lng,
        "timestamp": fix.ts,
        "hdop": fix.accuracy,
        "altitude": 1609.0,
        "speed": fix.speed,
        "bearing": fix.heading,
        "batt": fix.battery,
    }
    return Request("GET", f"{BASE}/osmand?{urlencode(query)}")


def traccar_form(token: str, fix: Fix) -> dict[str, Any]:
    return {
        "id": token,
        "timestamp": fix.ts // 1000,
        "lat": fix.lat,
        "lon": fix.lng,
        "speed": fix.speed * 1.943844,
        "bearing": fix.heading,
        "altitude": 1609.0,
        "accuracy": fix.accuracy,
        "batt": float(fix.battery),
    }


def traccar_8(token: str, fix: Fix) -> Request:
    return Request("POST", f"{BASE}/traccar?{urlencode(traccar_form(token, fix))}")


def traccar_9(token: str, fix: Fix) -> Request:
    return posted(f"{BASE}/traccar", {"location": traccar_location(fix), "device_id": token})


def traccar_location(fix: Fix) -> dict[str, Any]:
    at = datetime.fromtimestamp(fix.ts / 1000, UTC)
    return {
        "timestamp": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "coords": {
            "latitude": fix.lat,
            "longitude": fix.lng,
            "accuracy": fix.accuracy,
            "speed": fix.speed,
            "heading": fix.heading,
            "altitude": 1609.3,
        },
        "is_moving": True,
        "odometer": 1200.4,
        "event": "motionchange",
        "battery": {"level": fix.battery / 100, "is_charging": False},
        "activity": {"type": "in_vehicle"},
        "extras": {},
        "_": f"&id=1&lat={fix.lat}&lon={fix.lng}&timestamp={at.isoformat()}&",
    }


def traccar_sdk(token: str, fix: Fix) -> Request:
    """A form in the body."""
    body = urlencode(traccar_form(token, fix)).encode()
    return Request(
        "POST",
        f"{BASE}/traccar",
        body,
        (("Content-Type", "application/x-www-form-urlencoded; charset=UTF-8"),),
    )


def traccar_sdk_json(token: str, fix: Fix) -> Request:
    return posted(f"{BASE}/traccar", [traccar_form(token, fix) | {"charge": False}])


type App = Callable[[str, Fix], Request]
#: Each sends one fix, and signs in in its own way.
APPS: dict[str, App] = {
    "OwnTracks": owntracks,
    "OsmAnd": osmand,
    "Traccar Client 8": traccar_8,
    "Traccar Client 9": traccar_9,
    "Traccar's SDK": traccar_sdk,
    "Traccar's SDK, JSON": traccar_sdk_json,
}
