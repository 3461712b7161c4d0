"""Areas on the map, from GeoJSON (RFC 7946). One that goes over the 180th meridian is cut there, as it says."""

from itertools import pairwise
from typing import Any

from routing.errors import BadArea, BadPoint
from routing.geo import Point, distance_m

#: Closed: its last point is its first one.
type Ring = tuple[Point, ...]
#: An outline, and what is cut out of it.
type Polygon = tuple[Ring, ...]
type Area = tuple[Polygon, ...]

#: An outline along every street corner has fewer, and each order is looked at with all of them.
MOST_POINTS = 5000


def area_from_geojson(geometry: Any) -> Area:
    """Of a Polygon or MultiPolygon; BadArea says what is wrong with it."""
    kind = geometry.get("type") if isinstance(geometry, dict) else None
    if kind in ("Feature", "FeatureCollection"):
        raise BadArea(f"This is a {kind}: take the “geometry” in it, from its {{ to its }}.")
    if kind not in ("Polygon", "MultiPolygon"):
        raise BadArea("An area is a GeoJSON geometry of type Polygon or MultiPolygon.")
    coordinates = geometry.get("coordinates")
    polygons = [coordinates] if kind == "Polygon" else coordinates
    area = tuple(_polygon(one) for one in _list(polygons))
    if sum(len(ring) for polygon in area for ring in polygon) > MOST_POINTS:
        raise BadArea(f"The area has over {MOST_POINTS} points: simplify it.")
    return area


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list) or not value:
        raise BadArea("The “coordinates” are lists of lists of positions, as GeoJSON has them for this type.")
    return value


def _polygon(rings: Any) -> Polygon:
    return tuple(_ring(ring) for ring in _list(rings))


def _ring(positions: Any) -> Ring:
    ring = tuple(_point(position) for position in _list(positions))
    if len(ring) < 4:
        raise BadArea("An outline has at least four positions: a triangle, and its first one again.")
    if ring[0] != ring[-1]:
        raise BadArea("An outline ends where it begins: its last position is its first one again.")
    return ring


def _point(position: Any) -> Point:
    if not isinstance(position, list) or len(position) < 2:
        raise BadArea("A position is [longitude, latitude].")
    lng, lat = position[:2]
    if (point := _checked(lat, lng)) is not None:
        return point
    if _checked(lng, lat) is not None:
        raise BadArea(f"[{lng}, {lat}] has its latitude first: in GeoJSON the longitude comes first.")
    raise BadArea("A position is two numbers: longitude −180 to 180, then latitude −90 to 90.")


def _checked(lat: Any, lng: Any) -> Point | None:
    try:
        return Point.checked(lat, lng)
    except BadPoint:
        return None


def contains(area: Area, point: Point) -> bool:
    """Whether the point lies in one of the polygons, and not in what is cut out of it. Of two areas that share a
    border one alone has a point on it.
    """
    return any(sum(_crossings(ring, point) for ring in polygon) % 2 for polygon in area)


def _crossings(ring: Ring, point: Point) -> int:
    """How often a line from the point to the east crosses the ring."""
    lat, lng = point
    return sum(
        (a.lat > lat) != (b.lat > lat) and lng < a.lng + (b.lng - a.lng) * (lat - a.lat) / (b.lat - a.lat)
        for a, b in pairwise(ring)
    )


def distance_to_corners_m(area: Area, point: Point) -> float:
    """To the nearest corner of its outlines."""
    return min(distance_m(point, corner) for polygon in area for ring in polygon for corner in ring)
