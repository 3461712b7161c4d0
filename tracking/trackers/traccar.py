"""Traccar Client, in each of the three forms that its versions send.

- Up to 8 (traccar-client-android, ProtocolFormatter.kt and Position.kt): a POST without a body; the address has
  `id`, `timestamp` (s), `lat`, `lon`, `speed` (knots), `bearing`, `altitude`, `accuracy` (m; 0 for a fix of the
  satellites, whose accuracy it does not tell) and `batt` (per cent).
- From 9 on (traccar-client, preferences.dart; https://www.traccar.org/osmand/): JSON of Transistorsoft's
  background geolocation, `{"location": {"timestamp": ISO 8601, "coords": {"latitude", "longitude", "accuracy"
  (m), "speed" (m/s), "heading", …}, "battery": {"level" (0 to 1), …}, …}, "device_id": …}`; −1 is unknown. Where
  that SDK sends batches, `location` is a list of them.
- Its own SDK (traccar-client-sdk, HttpUploader.kt): the first form again, as a form in the body, or a JSON list
  of such objects with the same units. A heartbeat may have no position.

What is not answered with 2xx is kept, and sent again before all that came after it.
"""

from typing import Any

from tracking.trackers import osmand
from tracking.trackers.payloads import KNOT, Payload, Sent, from_json, looks_like_json, parameters, times


def read(sent: Sent) -> Payload:
    if not looks_like_json(sent.body):
        return osmand.read_parameters(parameters(sent), speed_unit=KNOT)
    told = from_json(sent.body)
    if isinstance(told, dict) and "location" in told:
        located = told["location"]
        payload = _together(map(_located, located if isinstance(located, list) else [located]))
        return Payload(payload.fixes, payload.signs_of_life, payload.unreadable, _text(told.get("device_id")))
    return _together(map(_flat, told if isinstance(told, list) else [told]))


def _located(one: Any) -> Payload:
    if not isinstance(one, dict):
        return Payload(unreadable=1)
    coords, battery = one.get("coords"), one.get("battery")
    if coords is None:
        return Payload(signs_of_life=1)
    if not isinstance(coords, dict):
        return Payload(unreadable=1)
    fix = {
        "lat": coords.get("latitude"),
        "lng": coords.get("longitude"),
        "ts": one.get("timestamp"),
        "speed": times(coords.get("speed"), 1.0),
        "heading": coords.get("heading"),
        "accuracy": coords.get("accuracy"),
        "battery": times(battery.get("level"), 100.0) if isinstance(battery, dict) else None,
    }
    return Payload([fix])


def _flat(one: Any) -> Payload:
    if not isinstance(one, dict):
        return Payload(unreadable=1)
    given = {name: _text(value) for name, value in one.items() if value is not None}
    return osmand.read_parameters(given, speed_unit=KNOT)


def _together(payloads: Any) -> Payload:
    parts: list[Payload] = list(payloads)
    return Payload(
        [fix for part in parts for fix in part.fixes],
        sum(part.signs_of_life for part in parts),
        sum(part.unreadable for part in parts),
        next((part.token for part in parts if part.token), ""),
    )


def _text(value: Any) -> str:
    return "" if value is None else str(value)
