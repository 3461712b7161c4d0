"""Geography on a sphere. Positions are (lat, lng) in degrees everywhere in Doorstep.

GeoJSON, OpenStreetMap tools and OSRM put the longitude first: `to_lnglat` and `from_lnglat` are the
only places where the two change sides.
"""

from collections.abc import Iterable, Sequence
from math import asin, atan2, cos, degrees, hypot, isfinite, pi, radians, remainder, sin, sqrt
from typing import Any, NamedTuple

from routing.errors import BadPoint, BadRequest

# The mean radius of the WGS 84 ellipsoid (IUGG R1). A sphere of this size is within 0.5 % of the true
# distance anywhere, an order of magnitude below what a road network adds to a straight line.
EARTH_RADIUS_M = 6_371_008.8

_RADIAN = pi / 180
_DIAMETER_M = 2 * EARTH_RADIUS_M
_METRES_PER_DEGREE = EARTH_RADIUS_M * _RADIAN


class Point(NamedTuple):
    """A position in degrees."""

    lat: float
    lng: float

    @classmethod
    def checked(cls, lat: Any, lng: Any) -> "Point":
        """A point out of values that nobody has looked at; `BadPoint` unless both are finite and in range."""
        for value in (lat, lng):
            if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
                raise BadPoint
        if not (-90 <= lat <= 90 and -180 <= lng <= 180):
            raise BadPoint
        return cls(float(lat), float(lng))


_NULL_ISLAND = Point(0.0, 0.0)


def distance_m(a: Point, b: Point) -> float:
    """Great-circle distance (haversine): exact on the sphere, stable for the few metres between two fixes."""
    lat_a, lng_a = a
    lat_b, lng_b = b
    lat_a *= _RADIAN
    lat_b *= _RADIAN
    h = sin((lat_b - lat_a) / 2) ** 2 + cos(lat_a) * cos(lat_b) * sin((lng_b - lng_a) * _RADIAN / 2) ** 2
    return _DIAMETER_M * asin(sqrt(h if h < 1 else 1.0))


def is_null_island(p: Point) -> bool:
    """Whether it is at 0, 0, but for a kilometre: there is sea, and there lies what a program could not locate."""
    return distance_m(p, _NULL_ISLAND) < 1000


def bearing_deg(a: Point, b: Point) -> float:
    """The initial course from a to b, clockwise from north, 0 ≤ bearing < 360."""
    lat_a, lat_b, dlng = radians(a.lat), radians(b.lat), radians(b.lng - a.lng)
    y = sin(dlng) * cos(lat_b)
    x = cos(lat_a) * sin(lat_b) - sin(lat_a) * cos(lat_b) * cos(dlng)
    return degrees(atan2(y, x)) % 360 % 360  # a tiny negative angle comes out of the first % as 360.0


def destination(start: Point, bearing: float, metres: float) -> Point:
    """Where one arrives after `metres` along the great circle that leaves `start` at `bearing` degrees."""
    lat, course, arc = radians(start.lat), radians(bearing), metres / EARTH_RADIUS_M
    sin_end = sin(lat) * cos(arc) + cos(lat) * sin(arc) * cos(course)
    lat_end = asin(max(-1.0, min(1.0, sin_end)))
    dlng = atan2(sin(course) * sin(arc) * cos(lat), cos(arc) - sin(lat) * sin_end)
    return Point(degrees(lat_end), remainder(start.lng + degrees(dlng), 360))


def _plane(origin: Point, p: Point) -> tuple[float, float]:
    """`p` on a flat map around `origin`, metres east and north; within 0.1 % below 10 km."""
    east = remainder(p[1] - origin[1], 360) * cos((origin[0] + p[0]) * 0.5 * _RADIAN)
    return east * _METRES_PER_DEGREE, (p[0] - origin[0]) * _METRES_PER_DEGREE


def _origin_to_segment(ax: float, ay: float, bx: float, by: float) -> float:
    dx, dy = bx - ax, by - ay
    length_squared = dx * dx + dy * dy
    if not length_squared:
        return hypot(ax, ay)
    along = -(ax * dx + ay * dy) / length_squared
    if along <= 0:
        return hypot(ax, ay)
    if along >= 1:
        return hypot(bx, by)
    return hypot(ax + along * dx, ay + along * dy)


def segment_distance_m(p: Point, a: Point, b: Point) -> float:
    """From `p` to the nearest place on the straight line between `a` and `b`.

    Flat-earth geometry around `p`: within 0.1 % while all three lie less than 10 km apart, which is what
    two fixes of one driver and a geofence are.
    """
    return _origin_to_segment(*_plane(p, a), *_plane(p, b))


def distance_to_line_m(p: Point, line: Sequence[Point]) -> float:
    """From `p` to the nearest place on a line of one or more points; accurate below 10 km like a segment."""
    if not line:
        raise BadRequest("A line needs at least one point.")
    ax, ay = _plane(p, line[0])
    best = hypot(ax, ay)
    for vertex in line[1:]:
        bx, by = _plane(p, vertex)
        best = min(best, _origin_to_segment(ax, ay, bx, by))
        ax, ay = bx, by
    return best


def to_lnglat(p: Point) -> tuple[float, float]:
    return p[1], p[0]


def from_lnglat(lnglat: Sequence[float]) -> Point:
    """A point from `[lng, lat]`; a third number (height) is ignored."""
    return Point(lnglat[1], lnglat[0])


def linestring(points: Iterable[Point]) -> dict[str, Any]:
    """GeoJSON LineString; six decimals (0.1 m), as fine as OSRM's own. `BadRequest` below two points."""
    coordinates = [[round(lng, 6), round(lat, 6)] for lng, lat in map(to_lnglat, points)]
    if len(coordinates) < 2:
        raise BadRequest("A line on the map needs at least two points.")
    return {"type": "LineString", "coordinates": coordinates}
