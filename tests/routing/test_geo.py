import math
from math import inf, nan

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from routing.errors import BadPoint, BadRequest
from routing.geo import (
    Point,
    bearing_deg,
    destination,
    distance_m,
    distance_to_line_m,
    from_lnglat,
    linestring,
    segment_distance_m,
    to_lnglat,
)

DENVER, BOULDER = Point(39.7392, -104.9903), Point(40.0150, -105.2705)
lats, lngs = st.floats(-80, 80), st.floats(-180, 180)
points = st.builds(Point, lats, lngs)
bearings = st.floats(0, 359.99)


@pytest.mark.parametrize(
    ("a", "b", "metres"),
    [
        (DENVER, DENVER, 0),
        (Point(0, 0), Point(1, 0), 111_195),
        (Point(0, 0), Point(0, 1), 111_195),
        (Point(60, 0), Point(60, 1), 55_597),
        (DENVER, BOULDER, 38_887),
        (Point(0, 179.9), Point(0, -179.9), 22_239),
        (Point(90, 0), Point(-90, 0), 20_015_115),
        (Point(0, 0), Point(0, 180), 20_015_115),
    ],
)
def test_distance(a: Point, b: Point, metres: float) -> None:
    assert distance_m(a, b) == pytest.approx(metres, rel=1e-4, abs=0.01)


@given(points, points)
def test_distance_is_the_same_both_ways(a: Point, b: Point) -> None:
    assert distance_m(a, b) == pytest.approx(distance_m(b, a), abs=1e-6)


@given(points, points, points)
def test_no_detour_is_shorter(a: Point, b: Point, c: Point) -> None:
    assert distance_m(a, c) <= distance_m(a, b) + distance_m(b, c) + 1e-3


@pytest.mark.parametrize(
    ("to", "bearing"),
    [
        (Point(41, -105), 0),
        (Point(40, -104.9999), 90),
        (Point(39, -105), 180),
        (Point(40, -105.0001), 270),
        (Point(40.0001, -105 - 1e-15), 0),
    ],
)
def test_bearing(to: Point, bearing: float) -> None:
    assert bearing_deg(Point(40, -105), to) == pytest.approx(bearing, abs=0.001)


def test_a_hair_west_of_north_is_not_360() -> None:
    assert bearing_deg(Point(40, -105), Point(80, -105.00000000000001)) < 360


@given(points, points)
def test_bearing_is_below_360(a: Point, b: Point) -> None:
    assert 0 <= bearing_deg(a, b) < 360


@given(points, bearings, st.floats(1, 100_000))
def test_destination_lies_that_far_in_that_direction(start: Point, bearing: float, metres: float) -> None:
    end = destination(start, bearing, metres)
    assert distance_m(start, end) == pytest.approx(metres, abs=0.01)
    assert abs(math.remainder(bearing_deg(start, end) - bearing, 360)) < 0.1
    assert -180 <= end.lng <= 180


@given(points, bearings, st.floats(0, 5000), bearings, st.floats(1, 8000))
def test_segment_distance_is_that_of_its_nearest_point(
    p: Point, to_a: float, metres: float, onward: float, length: float
) -> None:
    assume(abs(p.lat) < 70)
    a = destination(p, to_a, metres)
    b = destination(a, onward, length)
    along = [destination(a, onward, length * k / 500) for k in range(501)]
    nearest = min(distance_m(p, place) for place in along)
    # The sample is at most half a step off, and the flat map 0.1 % of how far all this reaches.
    assert segment_distance_m(p, a, b) == pytest.approx(
        nearest, abs=length / 1000 + (metres + length) * 0.001
    )


@pytest.mark.parametrize(
    ("p", "a", "b", "metres"),
    [
        # 0.001° of latitude is 111.2 m; of longitude at 40° N, 85.2 m.
        (Point(40.001, -105), Point(40, -105.01), Point(40, -104.99), 111.2),  # beside the middle
        (Point(40, -105), Point(40, -105.001), Point(40, -105.002), 85.2),  # before the start
        (Point(40, -105), Point(40, -104.998), Point(40, -104.999), 85.2),  # past the end
        (Point(40, -105), Point(40.001, -105), Point(40.001, -105), 111.2),  # no length
        (Point(0, 180), Point(0.001, 179.999), Point(0.001, -179.999), 111.2),  # across the date line
    ],
)
def test_segment_distance(p: Point, a: Point, b: Point, metres: float) -> None:
    assert segment_distance_m(p, a, b) == pytest.approx(metres, abs=0.1)


def test_distance_to_line_is_that_of_its_nearest_segment() -> None:
    line = [Point(40, -105), Point(40, -104.99), Point(40.01, -104.99)]
    assert distance_to_line_m(Point(40.005, -104.989), line) == pytest.approx(85.2, abs=0.1)
    assert distance_to_line_m(Point(39.999, -104.995), line) == pytest.approx(111.2, abs=0.1)
    assert distance_to_line_m(Point(40.001, -105), line[:1]) == pytest.approx(111.2, abs=0.1)
    with pytest.raises(BadRequest):
        distance_to_line_m(DENVER, [])


def test_checked_takes_whole_numbers_and_the_ends_of_the_range() -> None:
    assert Point.checked(90, -180) == Point(90.0, -180.0)
    assert isinstance(Point.checked(40, -105).lat, float)


@pytest.mark.parametrize("value", [nan, inf, -inf, None, "39.7", True, [1], 181, -180.0001])
def test_checked_refuses_what_is_no_degree(value: object) -> None:
    with pytest.raises(BadPoint):
        Point.checked(value, -105.0)
    with pytest.raises(BadPoint):
        Point.checked(39.7, value)


def test_latitude_ends_at_the_pole() -> None:
    with pytest.raises(BadPoint):
        Point.checked(90.5, 0)


def test_longitude_comes_first_outside() -> None:
    assert to_lnglat(DENVER) == (-104.9903, 39.7392)
    assert from_lnglat([-104.9903, 39.7392, 1609]) == DENVER
    assert linestring([DENVER, Point(40.01500049, -105.2705)]) == {
        "type": "LineString",
        "coordinates": [[-104.9903, 39.7392], [-105.2705, 40.015]],
    }


def test_a_line_has_two_ends() -> None:
    with pytest.raises(BadRequest):
        linestring([DENVER])
