from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.areas import MOST_POINTS, area_from_geojson, contains, distance_to_corners_m
from routing.errors import BadArea
from routing.geo import Point, distance_m

#: A degree each way.
SQUARE = [[-105.0, 39.0], [-104.0, 39.0], [-104.0, 40.0], [-105.0, 40.0], [-105.0, 39.0]]
HOLE = [[-104.6, 39.4], [-104.4, 39.4], [-104.4, 39.6], [-104.6, 39.6], [-104.6, 39.4]]
#: East of it, open to the west like a C.
BAY = [
    [-103, 39],
    [-102, 39],
    [-102, 39.2],
    [-102.8, 39.2],
    [-102.8, 39.8],
    [-102, 39.8],
    [-102, 40],
    [-103, 40],
    [-103, 39],
]


def polygon(*rings: Any) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": list(rings)}


def several(*polygons: Any) -> dict[str, Any]:
    return {"type": "MultiPolygon", "coordinates": list(polygons)}


@pytest.mark.parametrize(
    ("geometry", "lat", "lng", "inside"),
    [
        (polygon(SQUARE), 39.5, -104.5, True),
        (polygon(SQUARE), 39.5, -105.001, False),
        (polygon(SQUARE), 40.001, -104.5, False),
        (polygon(SQUARE[::-1]), 39.5, -104.5, True),
        (polygon(SQUARE, HOLE), 39.5, -104.5, False),
        (polygon(SQUARE, HOLE), 39.3, -104.5, True),
        (polygon(BAY), 39.5, -102.9, True),
        (polygon(BAY), 39.5, -102.4, False),
        (polygon(BAY), 39.1, -102.4, True),
        # At the height of corners.
        (polygon(BAY), 39.2, -102.9, True),
        (polygon(BAY), 39.2, -103.1, False),
        (several([SQUARE, HOLE], [BAY]), 39.5, -102.9, True),
        (several([SQUARE, HOLE], [BAY]), 39.5, -104.5, False),
        (several([SQUARE, HOLE], [BAY]), 39.5, -103.5, False),
        # With heights, and whole numbers.
        (polygon([[*position, 1600] for position in SQUARE]), 39.5, -104.5, True),
    ],
)
def test_whether_a_point_lies_in_an_area(geometry: Any, lat: float, lng: float, inside: bool) -> None:
    assert contains(area_from_geojson(geometry), Point(lat, lng)) == inside


@pytest.mark.parametrize(
    ("geometry", "words"),
    [
        (None, "of type Polygon or MultiPolygon"),
        ("POLYGON ((…))", "of type Polygon or MultiPolygon"),
        ({"type": "Point", "coordinates": [-105, 39]}, "of type Polygon or MultiPolygon"),
        ({"type": "Feature", "geometry": polygon(SQUARE)}, "take the “geometry” in it"),
        ({"type": "FeatureCollection", "features": []}, "take the “geometry” in it"),
        ({"type": "Polygon"}, "lists of lists"),
        (polygon(), "lists of lists"),
        (polygon([]), "lists of lists"),
        (several(SQUARE), "lists of lists|A position is"),
        (polygon(*SQUARE), "A position is"),
        (polygon(SQUARE[:2] + SQUARE[:1]), "at least four positions"),
        (polygon(SQUARE[:4]), "ends where it begins"),
        (polygon([position[::-1] for position in SQUARE]), r"\[39.0, -105.0\] has its latitude first"),
        (polygon([*SQUARE[:4], [-105.0]]), "A position is"),
        (polygon([*SQUARE[:3], ["-105", 39], SQUARE[0]]), "two numbers"),
        (polygon([*SQUARE[:3], [True, 39], SQUARE[0]]), "two numbers"),
        (polygon([*SQUARE[:3], [float("nan"), 39], SQUARE[0]]), "two numbers"),
        (polygon([*SQUARE[:3], [-200, 95], SQUARE[0]]), "two numbers"),
        (polygon([SQUARE[0]] * (MOST_POINTS + 1)), "simplify it"),
    ],
)
def test_what_is_no_area_is_refused_in_words(geometry: Any, words: str) -> None:
    with pytest.raises(BadArea, match=words):
        area_from_geojson(geometry)


json = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=20,
)


@given(st.sampled_from(["Polygon", "MultiPolygon", "Point"]), json)
def test_whatever_it_is_it_is_read_or_refused(kind: str, coordinates: Any) -> None:
    with suppress(BadArea):
        area_from_geojson({"type": kind, "coordinates": coordinates})


corners = st.lists(st.tuples(st.floats(-170, 170), st.floats(-80, 80)), min_size=3, max_size=8, unique=True)


@given(corners, st.floats(-80, 80), st.floats(-170, 170))
def test_it_does_not_matter_where_and_in_which_direction_an_outline_begins(
    found: list[tuple[float, float]], lat: float, lng: float
) -> None:
    ring = [list(corner) for corner in found]
    turned = [*ring[1:], ring[0]]
    area, other = (area_from_geojson(polygon([*one, one[0]])) for one in (ring, turned[::-1]))
    # On a border itself rounding decides.
    if distance_to_corners_m(area, Point(lat, lng)) > 1 and lat not in {corner[1] for corner in found}:
        assert contains(area, Point(lat, lng)) == contains(other, Point(lat, lng))


def test_how_far_the_corners_are() -> None:
    area = area_from_geojson(several([SQUARE, HOLE], [BAY]))
    here = Point(39.5, -104.5)
    assert distance_to_corners_m(area, here) == distance_m(here, Point(39.6, -104.6))
