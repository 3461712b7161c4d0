"""What a driver's app may send, and all the things that it must not get away with."""

import json
import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracking.protocol.messages import (
    Ack,
    Break,
    Error,
    FleetPosition,
    Frame,
    Location,
    Locations,
    Shift,
    StatusReport,
    decode_driver_frame,
    encode,
)

ORDER = "0b0e7a2c-0000-4000-8000-000000000001"


def location(**fields: object) -> str:
    return json.dumps({"type": "location", "lat": 39.74, "lng": -104.99} | fields)


def raw_location(name: str, value: str) -> str:
    """A location with one field as it stands in the JSON text."""
    fields = {"type": '"location"', "lat": "39.74", "lng": "-104.99"} | {name: value}
    return "{" + ",".join(f'"{key}":{text}' for key, text in fields.items()) + "}"


def test_a_full_fix() -> None:
    text = location(speed=8.2, heading=271.5, accuracy=4, ts=1_800_000_000_123, seq=7)
    assert decode_driver_frame(text) == Location(39.74, -104.99, 8.2, 271.5, 4.0, 1_800_000_000_123, 7)


def test_a_fix_needs_only_its_position() -> None:
    assert decode_driver_frame(location()) == Location(39.74, -104.99)


@pytest.mark.parametrize(("lat", "lng"), [(90, 180), (-90, -180), (0, 0), (-0.0, 0.0)])
def test_the_ends_of_the_globe_are_on_it(lat: float, lng: float) -> None:
    frame = decode_driver_frame(location(lat=lat, lng=lng))
    assert isinstance(frame, Location)
    assert (frame.lat, frame.lng) == (lat, lng)


def test_minus_one_stands_for_unknown() -> None:
    assert decode_driver_frame(location(speed=-1, heading=-1, accuracy=-1)) == Location(
        39.74, -104.99, -1, -1, -1
    )


def test_fields_of_a_later_protocol_are_passed_over() -> None:
    assert decode_driver_frame(location(signal={"level": [0.5]})) == Location(39.74, -104.99)


def test_the_other_frames_of_a_driver() -> None:
    assert decode_driver_frame('{"type":"shift","on":true}') == Shift(on=True)
    assert decode_driver_frame('{"type":"break","on":true}') == Break(on=True)
    assert decode_driver_frame('{"type":"break","on":true,"minutes":15}') == Break(on=True, minutes=15)
    report = decode_driver_frame(json.dumps({"type": "status", "orderId": ORDER, "status": "delivered"}))
    assert isinstance(report, StatusReport)
    assert (str(report.order_id), report.status) == (ORDER, "delivered")
    buffered = decode_driver_frame(
        '{"type":"locations","fixes":[{"type":"location","lat":1,"lng":2,"ts":1795834233000,"seq":0}]}'
    )
    assert buffered == Locations([Location(1.0, 2.0, ts=1_795_834_233_000, seq=0)])


@pytest.mark.parametrize("name", ["lat", "lng"])
@pytest.mark.parametrize(
    "value",
    [
        "NaN",
        "Infinity",
        "-Infinity",
        "1e400",
        "-1e400",
        "null",
        "true",
        '"39.7"',
        "[39.7]",
        "{}",
        "181",
        "-180.0001",
    ],
)
def test_what_is_no_coordinate(name: str, value: str) -> None:
    with pytest.raises(msgspec.MsgspecError):
        decode_driver_frame(raw_location(name, value))


@pytest.mark.parametrize("value", ["90.0000001", "-90.0000001"])
def test_no_latitude_beyond_the_poles(value: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=r"\$\.lat"):
        decode_driver_frame(raw_location("lat", value))


@pytest.mark.parametrize("absent", ["lat", "lng"])
def test_a_coordinate_that_is_absent(absent: str) -> None:
    fields = {"type": "location", "lat": 39.74, "lng": -104.99}
    del fields[absent]
    with pytest.raises(msgspec.ValidationError, match=absent):
        decode_driver_frame(json.dumps(fields))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("speed", "-1.1"),
        ("speed", "151"),
        ("heading", "361"),
        ("heading", "1e999"),
        ("accuracy", "-2"),
        ("accuracy", "1e7"),
        ("ts", "-1"),
        ("ts", "1.5"),
        ("ts", "1e20"),
        ("ts", "253402300800000"),
        ("ts", "9" * 5000),
        ("seq", "-1"),
        ("seq", str(2**53 + 1)),
        ("seq", "9" * 5000),
        ("seq", '"1"'),
    ],
)
def test_a_number_out_of_range_is_named(name: str, value: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=rf"\$\.{name}"):
        decode_driver_frame(raw_location(name, value))


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "null",
        "true",
        "42",
        '"location"',
        "[]",
        "[[]]",
        '[{"type":"location","lat":1,"lng":2}]',
        "{}",
        "{",
        '{"type":null}',
        '{"type":"nonsense"}',
        '{"type":"ack","seq":1}',
        '{"lat":1,"lng":2}',
        "location",
        '{"type":"location","lat":1,"lng":2}{}',
        '{"type":"locations","fixes":[]}',
        '{"type":"locations","fixes":null}',
        '{"type":"locations","fixes":[{"lat":1}]}',
        '{"type":"shift","on":1}',
        '{"type":"shift"}',
        '{"type":"break","minutes":15}',
        '{"type":"break","on":true,"minutes":0}',
        '{"type":"break","on":true,"minutes":481}',
        '{"type":"status","orderId":"1","status":"delivered"}',
        f'{{"type":"status","orderId":"{ORDER}","status":"cancelled"}}',
        b"\xff\xfe{}",
        b'{"type":"\xc3\x28"}',
        b"\x00",
        '{"type":"\ud800"}',
    ],
)
def test_what_is_no_frame(text: str | bytes) -> None:
    with pytest.raises(msgspec.MsgspecError):
        decode_driver_frame(text)


@pytest.mark.parametrize("nested", ["[" * 200_000, '{"a":' * 200_000, "[" * 100_000 + "]" * 100_000])
def test_nesting_without_end_is_no_frame(nested: str) -> None:
    with pytest.raises(msgspec.MsgspecError):
        decode_driver_frame(f'{{"type":"location","lat":1,"lng":2,"more":{nested}}}')


def test_no_more_than_fifty_buffered_fixes() -> None:
    fix = '{"type":"location","lat":1,"lng":2,"ts":1795834233000}'
    frame = decode_driver_frame(f'{{"type":"locations","fixes":[{",".join([fix] * 50)}]}}')
    assert isinstance(frame, Locations)
    assert len(frame.fixes) == 50
    with pytest.raises(msgspec.ValidationError, match="length"):
        decode_driver_frame(f'{{"type":"locations","fixes":[{",".join([fix] * 51)}]}}')


_json = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
_fields = st.fixed_dictionaries(
    {"type": st.sampled_from(["location", "locations", "status", "shift", "break"])},
    optional=dict.fromkeys(
        ("lat", "lng", "speed", "heading", "accuracy", "ts", "seq", "fixes", "on", "minutes", "orderId"),
        _json,
    ),
)


@pytest.mark.slow
@given(st.text() | st.binary() | (_json | _fields).map(json.dumps))
def test_whatever_is_sent_is_a_frame_or_an_error_of_ours(text: str | bytes) -> None:
    try:
        frame = decode_driver_frame(text)
    except msgspec.MsgspecError:
        return
    for fix in [frame] if isinstance(frame, Location) else getattr(frame, "fixes", []):
        assert math.isfinite(fix.lat)
        assert abs(fix.lat) <= 90
        assert math.isfinite(fix.lng)
        assert abs(fix.lng) <= 180


@pytest.mark.parametrize(
    ("frame", "text"),
    [
        (Ack(seq=3), '{"type":"ack","seq":3}'),
        (Error(code="malformed", message="…"), '{"type":"error","code":"malformed","message":"…"}'),
        (FleetPosition("d", 1.0, 2.0, 3), '{"driverId":"d","lat":1.0,"lng":2.0,"ts":3}'),
    ],
)
def test_what_we_send_is_camel_case_and_leaves_out_what_is_not_there(frame: Frame, text: str) -> None:
    assert encode(frame) == text
