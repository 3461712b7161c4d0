"""What the map shows of an extract."""

import json
from collections import Counter
from itertools import pairwise
from pathlib import Path

import osmium
import pytest
from hypothesis import given
from hypothesis import strategies as st
from osmium.osm import mutable

from routing.errors import RoadsError
from routing.geo import Point
from routing.roads.features import join_lines, write_features
from routing.roads.network import Line, Network, write_pbf

corners = st.builds(Point, st.integers(0, 3).map(float), st.integers(0, 3).map(float))
lines = st.lists(corners, min_size=2, max_size=4).map(tuple)


def pieces(drawing: list[Line]) -> Counter[frozenset[Point]]:
    return Counter(frozenset(piece) for line in drawing for piece in pairwise(line))


@given(st.lists(lines, max_size=12))
def test_joining_draws_the_same(drawing: list[Line]) -> None:
    joined = list(join_lines(drawing))
    assert pieces(joined) == pieces(drawing)
    assert len(joined) <= len(drawing)


@pytest.mark.parametrize(
    ("drawing", "count"),
    [
        (["ab", "bc", "cd"], 1),
        (["ab", "cb", "cd"], 1),  # drawn in either direction
        (["cd", "ab", "bc"], 1),
        (["ab", "bc", "bd"], 3),  # a fork
        (["ab", "cd"], 2),
        (["abc", "cda"], 1),  # a ring
        (["aba"], 1),
    ],
)
def test_joining_ends_at_forks(drawing: list[str], count: int) -> None:
    places = {letter: Point(float(k), 0.0) for k, letter in enumerate("abcd")}
    assert len(list(join_lines(tuple(places[letter] for letter in line) for line in drawing))) == count


def features(extract: Path, tmp_path: Path) -> list[dict]:
    write_features(extract, tmp_path / "features.geojsonl")
    return [json.loads(line) for line in (tmp_path / "features.geojsonl").read_text().splitlines()]


def test_features_of_a_village(extract: Path, tmp_path: Path) -> None:
    found = {
        (f["tippecanoe"]["layer"], f["geometry"]["type"], f["properties"].get("name", "")): f
        for f in features(extract, tmp_path)
    }
    assert set(found) == {
        ("places", "Point", "Niwot"),
        ("roads", "LineString", "Murray Street"),
        ("roads", "LineString", "Franklin Street"),
        ("roads", "LineString", ""),
        ("water", "LineString", "Dry Creek"),
        ("water", "MultiPolygon", ""),
        ("water", "Point", "Mill Pond"),
        ("parks", "MultiPolygon", ""),
        ("parks", "Point", "The Green"),
    }
    street = found["roads", "LineString", "Murray Street"]
    assert street["properties"]["kind"] == "minor_road"
    assert sorted(street["geometry"]["coordinates"]) == [[-105.12, 40.1], [-105.11, 40.1], [-105.1, 40.1]]
    highway = found["roads", "LineString", "Franklin Street"]
    assert highway["properties"] == {"kind": "major_road", "name": "Franklin Street", "ref": "CO 52"}
    assert highway["tippecanoe"]["minzoom"] < street["tippecanoe"]["minzoom"]
    assert found["roads", "LineString", ""]["properties"]["kind"] == "path"
    assert found["places", "Point", "Niwot"]["properties"]["kind"] == "village"
    assert found["water", "Point", "Mill Pond"]["geometry"]["coordinates"] == pytest.approx(
        [-105.103, 40.105]
    )


def test_contents_of_a_village(extract: Path, tmp_path: Path) -> None:
    contents = write_features(extract, tmp_path / "features.geojsonl")
    assert contents.roads == 3
    assert contents.south_west == Point(40.09, -105.12)
    assert contents.north_east == Point(40.11, -105.1)
    assert contents.layers == {"roads": 3, "places": 1, "water": 3, "parks": 2}
    assert not contents.notice


def test_an_extract_out_of_order_lacks_parks_and_lakes(tmp_path: Path) -> None:
    path = tmp_path / "unsorted.osm.pbf"
    with osmium.SimpleWriter(path) as writer:
        for node in (1, 2, 3):
            writer.add_node(mutable.Node(id=node, location=(-105 + node / 100, 40 + node % 2 / 100)))
        writer.add_way(mutable.Way(id=9, nodes=[1, 2], tags={"highway": "residential"}))
        writer.add_way(mutable.Way(id=4, nodes=[1, 2, 3, 1], tags={"natural": "water"}))
    contents = write_features(path, tmp_path / "features.geojsonl")
    assert contents.layers == {"roads": 1}
    assert "osmium sort" in contents.notice


def test_nodes_beyond_the_edge_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "cut.osm.pbf"
    with osmium.SimpleWriter(path) as writer:
        for node in (1, 2):
            writer.add_node(mutable.Node(id=node, location=(-105 + node / 100, 40)))
        writer.add_way(mutable.Way(id=1, nodes=[1, 2, 7], tags={"highway": "residential"}))
        writer.add_way(mutable.Way(id=2, nodes=[7, 8], tags={"highway": "residential"}))
    (road,) = features(path, tmp_path)
    assert road["geometry"]["coordinates"] == [[-104.99, 40], [-104.98, 40]]


@pytest.mark.parametrize("damage", [b"", b"<html>not found</html>", None])
def test_what_cannot_be_read(extract: Path, tmp_path: Path, damage: bytes | None) -> None:
    extract.write_bytes(extract.read_bytes()[:-40] if damage is None else damage)
    with pytest.raises(RoadsError, match=r"village\.osm\.pbf cannot be read .* download it again"):
        write_features(extract, tmp_path / "features.geojsonl")


def test_an_extract_without_roads_for_cars(tmp_path: Path) -> None:
    network = Network()
    network.add([Point(40, -105), Point(40.1, -105)], highway="footway")
    write_pbf(network, tmp_path / "woods.osm.pbf")
    with pytest.raises(RoadsError, match="no road for cars"):
        write_features(tmp_path / "woods.osm.pbf", tmp_path / "features.geojsonl")
