"""OwnTracks in its HTTP mode: a POST of one JSON object, told apart by its `_type`; some send a list of them.

As its documentation has it (https://owntracks.org/booklet/tech/http/ and …/tech/json/): of a `location` `tst` is
the time of the fix (s), `lat` and `lon` degrees, `acc` metres, `vel` km/h, `cog` degrees, `batt` per cent; what
is 0 or below is left out or unknown. All other types (`status`, `transition`, `waypoints`, `card`, `lwt`, `dump`,
…) are no fixes and ignored, but `encrypted`, which might be one and can't be read: the key is in the app. A body
may be empty: a friend was deleted.

The answer is a JSON list, of messages for the app; ours is always empty. An app keeps what is not answered with
2xx, and sends it again before all that came after it. Who it is stands in X-Limit-U and X-Limit-D too, which name
no driver here.
"""

from typing import Any

from tracking.trackers.payloads import KMH, Payload, Sent, from_json, times


def read(sent: Sent) -> Payload:
    if not sent.body.strip():
        return Payload()
    told = from_json(sent.body)
    fixes: list[dict[str, Any]] = []
    unreadable = 0
    for one in told if isinstance(told, list) else [told]:
        match one:
            case {"_type": "location"}:
                fixes.append(_fix(one))
            case {"_type": "encrypted"}:
                unreadable += 1
            case {"_type": str()}:
                pass
            case _:
                unreadable += 1
    return Payload(fixes, unreadable=unreadable)


def _fix(location: dict[str, Any]) -> dict[str, Any]:
    return {
        "lat": location.get("lat"),
        "lng": location.get("lon"),
        "ts": location.get("tst"),
        "speed": times(location.get("vel"), KMH),
        "heading": location.get("cog"),
        "accuracy": location.get("acc"),
        "battery": times(location.get("batt"), 1.0),
    }
