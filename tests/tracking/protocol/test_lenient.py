"""What phones really send is read as far as it makes sense."""

import json
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracking.protocol.lenient import read_driver_frame
from tracking.protocol.messages import Location, Locations, Shift, StatusReport, decode_driver_frame

TS = 1_795_834_233_000
ORDER = UUID("c0ffee00-0000-4000-8000-000000000001")


def read(fix: dict[str, Any]) -> tuple[Location, set[str]]:
    reading = read_driver_frame(json.dumps({"type": "location", "lat": 39.7, "lng": -104.9} | fix))
    assert reading.unreadable == []
    assert isinstance(reading.frame, Locations)
    [location] = reading.frame.fixes
    return location, reading.left_out


@pytest.mark.parametrize(
    ("field", "sent", "value"),
    [
        ("speed", -3.6, None),
        ("speed", -1, -1.0),
        ("speed", "8.5", 8.5),
        ("speed", "", None),
        ("speed", None, None),
        ("heading", 360.5, None),
        ("heading", -45, None),
        ("heading", -1, -1.0),
        ("heading", [90], None),
        ("accuracy", -7, None),
        ("accuracy", 0, 0.0),
        ("accuracy", True, None),
        ("lat", "39.75", 39.75),
        ("seq", "17", 17),
        ("seq", 17.0, 17),
        ("seq", None, None),
        ("altitude", "high", None),
    ],
)
def test_a_field(field: str, sent: Any, value: Any) -> None:
    location, left_out = read({field: sent, "ts": TS})
    assert getattr(location, field, None) == value
    known = field in Location.__struct_fields__
    assert left_out == ({field} if known and value is None and sent is not None else set())
    assert (location.lng, location.ts) == (-104.9, TS)


@pytest.mark.parametrize(
    ("sent", "ts"),
    [
        (TS, TS),
        (TS + 0.4, TS),
        (TS / 1000, TS),
        (TS // 1000, TS),
        (str(TS), TS),
        (str(TS / 1000), TS),
        ("2026-11-28T02:50:33Z", TS),
        ("2026-11-27T19:50:33.250-07:00", TS + 250),
        (None, None),
    ],
)
def test_a_time(sent: Any, ts: int | None) -> None:
    assert read({"ts": sent})[0].ts == ts


@pytest.mark.parametrize(
    "ts", [0, -1, 86_400, TS * 1000, 10**400, True, "", "nan", "inf", "now", "2026-11-28T02:50:33", [TS]]
)
def test_no_time(ts: Any) -> None:
    fix = {"type": "location", "lat": 39.7, "lng": -104.9, "seq": 3, "ts": ts}
    [(number, why)] = read_driver_frame(json.dumps(fix)).unreadable
    assert number == 3
    assert "milliseconds" in why


def test_of_many_fixes_one_that_is_bad_costs_itself_alone() -> None:
    good = {"lat": 39.7, "lng": -104.9, "ts": TS, "heading": 400}
    bad = [
        {"lat": 91, "seq": 2},
        {"seq": "x"},
        {"ts": None, "seq": 4},
        {"seq": 2**54},
        {"lng": None, "seq": "6"},
    ]
    fixes = [
        good | {"seq": 0},
        *(good | each for each in bad),
        good | {"seq": 7},
        "fix",
        None,
        good | {"seq": 10},
    ]
    reading = read_driver_frame(json.dumps({"type": "locations", "fixes": fixes}))
    assert isinstance(reading.frame, Locations)
    assert [location.seq for location in reading.frame.fixes] == [0, 7, 10]
    assert [number for number, _ in reading.unreadable] == [2, None, 4, None, 6, None, None]
    assert reading.left_out == {"heading"}


def test_buttons_are_read_alike() -> None:
    pressed = {"type": "status", "orderId": str(ORDER), "status": "delivered", "ts": TS / 1000}
    assert read_driver_frame(json.dumps(pressed)).frame == StatusReport(ORDER, "delivered", TS)
    assert read_driver_frame('{"type":"shift","on":"true"}').frame == Shift(on=True)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.text(max_size=3), inside, max_size=3),
    max_leaves=6,
)
usual = {
    "lat": st.floats(-90, 90),
    "lng": st.floats(-180, 180),
    "speed": st.floats(-2, 160),
    "heading": st.floats(-50, 400),
    "accuracy": st.floats(-2, 100),
    "ts": st.integers(TS, TS + 10**6) | st.just(TS // 1000),
    "seq": st.integers(-1, 2**53 + 1),
}
fixes = st.fixed_dictionaries(
    {name: usual[name] | anything for name in ("lat", "lng")},
    optional={name: usual[name] | anything for name in ("speed", "heading", "accuracy", "ts", "seq")},
)
frames = st.builds(
    lambda kind, fix, more: fix | {"type": kind} | more,
    st.sampled_from(["location", "locations", "status", "shift", "break", "teleport"]) | anything,
    fixes,
    st.fixed_dictionaries({}, optional={"fixes": st.lists(fixes | anything, max_size=4), "on": anything}),
)


@given(frames | anything)
def test_whatever_comes_is_read_or_refused_and_what_is_well_formed_as_it_is(frame: Any) -> None:
    text = json.dumps(frame)
    try:
        strict = decode_driver_frame(text)
    except msgspec.MsgspecError:
        strict = None
    try:
        reading = read_driver_frame(text)
    except msgspec.MsgspecError:
        assert strict is None
        return
    if strict is not None:
        assert (reading.unreadable, reading.left_out) == ([], set())
        assert reading.frame == (Locations([strict]) if isinstance(strict, Location) else strict)
