"""What each app sends is read with its own units, and odd values cost themselves alone."""

import json
from base64 import b64encode
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tracking.trackers.apps import (
    APPS,
    App,
    Fix,
    Request,
    owntracks_location,
    traccar_form,
    traccar_location,
)
from tracking.protocol.lenient import Reading, read_fixes
from tracking.protocol.messages import Location, Locations
from tracking.trackers import osmand, owntracks, traccar
from tracking.trackers.payloads import Payload, Sent, Unreadable
from tracking.trackers.requests import READERS
from tracking.trackers.sign_in import token_of

TOKEN = "bo0g1eW00gie-bo0g1eW00gie-bo0g1e"
FIX = Fix(39.74921, -104.98712, 1_795_834_233_000, speed=12.5, heading=271.0, accuracy=9.0, battery=64)


def sent(request: Request) -> Sent:
    return Sent(dict(parse_qsl(urlsplit(request.path).query)), request.body)


def payload(request: Request) -> Payload:
    app = urlsplit(request.path).path.split("/")[4]
    return READERS[app](sent(request))


def reading(payload: Payload) -> Reading:
    return read_fixes(payload.fixes, waited=len(payload.fixes) > 1)


def locations(payload: Payload) -> list[Location]:
    read = reading(payload)
    assert read.unreadable == []
    assert isinstance(read.frame, Locations)
    return read.frame.fixes


@pytest.mark.parametrize("app", APPS.values(), ids=APPS)
def test_units(app: App) -> None:
    [location] = locations(payload(app(TOKEN, FIX)))
    assert (location.lat, location.lng, location.ts) == (FIX.lat, FIX.lng, FIX.ts)
    # OwnTracks rounds to whole km/h.
    assert location.speed == pytest.approx(FIX.speed, abs=0.14)
    assert (location.heading, location.accuracy, location.battery) == (271, 9, 64)


@pytest.mark.parametrize("app", [app for name, app in APPS.items() if name != "OwnTracks"])
def test_who_it_is(app: App) -> None:
    assert payload(app(TOKEN, FIX)).token == TOKEN


def osmand_query(**odd: str) -> Payload:
    query = {"id": TOKEN, "lat": "39.7", "lon": "-104.9", "timestamp": str(FIX.ts)} | odd
    return osmand.read(Sent(query, b""))


def owntracks_fix(**odd: Any) -> Payload:
    return owntracks.read(Sent({}, json.dumps(owntracks_location(FIX) | odd).encode()))


def traccar_fix(coords: dict[str, Any], **odd: Any) -> Payload:
    one = traccar_location(FIX) | odd
    one["coords"] |= coords
    return traccar.read(Sent({}, json.dumps({"location": one, "device_id": TOKEN}).encode()))


UNKNOWN = -1.0


@pytest.mark.parametrize(
    ("read", "field", "value"),
    [
        (osmand_query(speed="-1"), "speed", UNKNOWN),
        (osmand_query(speed="NaN"), "speed", None),
        (osmand_query(speed="fast"), "speed", None),
        (osmand_query(speed=""), "speed", None),
        (osmand_query(bearing="360.5"), "heading", None),
        (osmand_query(hdop="12.0"), "accuracy", 12.0),
        (osmand_query(accuracy="0.0", hdop="12.0"), "accuracy", 0.0),
        (osmand_query(batt="{11}"), "battery", None),
        (osmand_query(timestamp="1795834233"), "ts", FIX.ts),
        (osmand_query(timestamp="1795834233.25"), "ts", FIX.ts + 250),
        (osmand_query(timestamp="2026-11-28T02:50:33Z"), "ts", FIX.ts),
        (osmand_query(timestamp=""), "ts", None),
        (owntracks_fix(vel=-1), "speed", UNKNOWN),
        (owntracks_fix(vel="45"), "speed", 12.5),
        (owntracks_fix(vel=None), "speed", None),
        (owntracks_fix(vel=float("nan")), "speed", None),
        (owntracks_fix(vel=10**400), "speed", None),
        (owntracks_fix(vel=True), "speed", None),
        (owntracks_fix(cog=-1), "heading", UNKNOWN),
        (owntracks_fix(acc=0), "accuracy", 0.0),
        (owntracks_fix(acc="9"), "accuracy", 9.0),
        (owntracks_fix(batt=-100), "battery", UNKNOWN),
        (owntracks_fix(tst=str(FIX.ts // 1000)), "ts", FIX.ts),
        (owntracks_fix(tst=FIX.ts), "ts", FIX.ts),
        (traccar_fix({"speed": -1}), "speed", UNKNOWN),
        (traccar_fix({"speed": float("nan")}), "speed", None),
        (traccar_fix({"speed": "12.5"}), "speed", 12.5),
        (traccar_fix({"heading": 360.5}), "heading", None),
        (traccar_fix({"heading": -1}), "heading", UNKNOWN),
        (traccar_fix({"accuracy": -1}), "accuracy", UNKNOWN),
        (traccar_fix({"accuracy": None}), "accuracy", None),
        (traccar_fix({"accuracy": float("inf")}), "accuracy", None),
        (traccar_fix({}, battery={"level": -1, "is_charging": False}), "battery", UNKNOWN),
        (traccar_fix({}, battery={"level": 1}), "battery", 100.0),
        (traccar_fix({}, battery=None), "battery", None),
        (traccar_fix({}, timestamp=FIX.ts / 1000), "ts", FIX.ts),
    ],
)
def test_an_odd_value_costs_itself_alone(read: Payload, field: str, value: Any) -> None:
    [location] = locations(read)
    assert getattr(location, field) == value
    assert location.lat == pytest.approx(39.7, abs=0.1)


@pytest.mark.parametrize(
    "read",
    [
        osmand_query(lat="x"),
        osmand_query(lat="239.7"),
        osmand_query(lat=""),
        osmand_query(timestamp="yesterday"),
        owntracks_fix(lat=None),
        owntracks_fix(lon=float("nan")),
        owntracks_fix(tst=0),
        traccar_fix({"latitude": None}),
        traccar_fix({}, timestamp="2026-11-28 02:50:33"),
    ],
)
def test_a_fix_without_place_or_with_a_time_that_is_none_can_not_be_read(read: Payload) -> None:
    assert len(reading(read).unreadable) == 1


@pytest.mark.parametrize(
    "told",
    [
        {"_type": "status", "android": {"wifi": 1}},
        {"_type": "transition", "lat": 39.7, "lon": -104.9, "tst": 1_795_834_233, "event": "enter"},
        {"_type": "waypoints", "waypoints": []},
        {"_type": "lwt", "tst": 1_795_834_233},
        {"_type": "card", "name": "Dana", "face": "iVBORw0KGgo="},
        {"_type": "whatever comes next"},
        [],
        [{"_type": "steps", "steps": 4}],
    ],
)
def test_what_owntracks_sends_beside_fixes_is_ignored(told: Any) -> None:
    assert owntracks.read(Sent({}, json.dumps(told).encode())) == Payload()


def test_an_empty_message_of_owntracks_is_ignored() -> None:
    assert owntracks.read(Sent({}, b"")) == Payload()


@pytest.mark.parametrize(
    "told", [{"_type": "encrypted", "data": "4ZtX"}, {}, {"_type": 7}, 3, "location", None, [1]]
)
def test_what_owntracks_may_have_meant_as_a_fix_is_counted(told: Any) -> None:
    assert owntracks.read(Sent({}, json.dumps(told).encode())) == Payload(unreadable=1)


def test_batches() -> None:
    fixes = [FIX._replace(ts=FIX.ts + n * 1000) for n in range(3)]
    of_owntracks = owntracks.read(Sent({}, json.dumps([owntracks_location(fix) for fix in fixes]).encode()))
    of_traccar = traccar.read(
        Sent({}, json.dumps({"location": [traccar_location(f) for f in fixes], "device_id": TOKEN}).encode())
    )
    of_its_sdk = traccar.read(Sent({}, json.dumps([traccar_form(TOKEN, fix) for fix in fixes]).encode()))
    for read in (of_owntracks, of_traccar, of_its_sdk):
        assert [location.ts for location in locations(read)] == [fix.ts for fix in fixes]


def test_a_sign_of_life_has_no_place() -> None:
    alive = Payload(signs_of_life=1, token=TOKEN)
    assert osmand.read(Sent({"id": TOKEN}, b"")) == alive
    assert traccar.read(Sent({}, f"id={TOKEN}&timestamp=1795834233".encode())) == alive
    assert traccar.read(Sent({}, json.dumps([{"id": TOKEN, "timestamp": 1_795_834_233}]).encode())) == alive
    event = {"location": {"timestamp": "2026-11-28T02:50:33Z", "event": "providerchange"}, "device_id": TOKEN}
    assert traccar.read(Sent({}, json.dumps(event).encode())) == alive


@pytest.mark.parametrize("body", [b"{", b"[" * 100_000, b'{"a":' + b"9" * 5000 + b"}", b'{"\xff":1}'])
def test_what_is_no_json(body: bytes) -> None:
    with pytest.raises(Unreadable):
        owntracks.read(Sent({}, body))


NAMES = [
    *["_type", "location", "device_id", "coords", "latitude", "longitude", "timestamp", "battery", "level"],
    *["lat", "lon", "tst", "vel", "speed"],
]
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(NAMES) | st.text(),
            inner,
            max_size=6,
        )
    ),
    max_leaves=12,
)


@given(
    ANYTHING, st.dictionaries(st.sampled_from(["id", "lat", "lon", "timestamp", "speed", "batt"]), st.text())
)
def test_whatever_is_sent_is_read_or_not(told: Any, query: dict[str, str]) -> None:
    for read in READERS.values():
        for body in (json.dumps(told).encode(), b"", repr(told).encode(errors="replace")):
            with suppress(Unreadable):
                reading(read(Sent(query, body)))


def basic(text: str) -> str:
    return "Basic " + b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("authorization", "in_the_path", "in_the_payload", "token"),
    [
        ("Bearer abc", "", "", "abc"),
        ("bearer  abc ", "", "12345678", "abc"),
        (basic("dana:abc"), "", "", "abc"),
        (basic("dana:a:c"), "", "", "a:c"),
        (basic("dana"), "", "", ""),
        ("Basic nonsense!", "", "", ""),
        ("Basic /w==", "", "", ""),
        ("Digest abc", "", "def", "def"),
        ("Bearer abc", "def", "ghi", "def"),
        ("", "", "ghi", "ghi"),
        ("", "", "", ""),
        ("", "x" * 201, "", ""),
    ],
)
def test_the_token(authorization: str, in_the_path: str, in_the_payload: str, token: str) -> None:
    assert token_of(authorization, in_the_path, in_the_payload) == token
