"""What the map shows of an OpenStreetMap extract: features for tippecanoe, one line of GeoJSON each.

Layers and their properties, as static/js/map-style.js paints them:
`roads` kind (highway, major_road, medium_road, minor_road, path), name, ref · `water`, `parks` kind, name,
as areas and lines and, for the name, a point · `places` kind (city … neighbourhood), name.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import osmium
from osmium.filter import KeyFilter
from osmium.osm import Area, Node, TagList, Way

from routing.errors import RoadsError
from routing.geo import Point, from_lnglat, linestring, to_lnglat
from routing.roads.network import Line

FIRST_ZOOM, LAST_ZOOM = 6, 15


type GeoJson = dict[str, Any]
type Feature = dict[str, Any]  # a GeoJSON feature that tells tippecanoe its layer and lowest zoom


class Style(NamedTuple):
    kind: str
    minzoom: int


ROADS = {
    "motorway": Style("highway", 6),
    "trunk": Style("highway", 6),
    "motorway_link": Style("highway", 11),
    "trunk_link": Style("highway", 11),
    "primary": Style("major_road", 8),
    "secondary": Style("major_road", 10),
    "primary_link": Style("major_road", 12),
    "secondary_link": Style("major_road", 12),
    "tertiary": Style("medium_road", 11),
    "tertiary_link": Style("medium_road", 13),
    "residential": Style("minor_road", 12),
    "unclassified": Style("minor_road", 12),
    "living_street": Style("minor_road", 13),
    "pedestrian": Style("minor_road", 13),
    "service": Style("minor_road", 14),
    "track": Style("path", 14),
    "cycleway": Style("path", 14),
    "footway": Style("path", 14),
    "path": Style("path", 14),
    "steps": Style("path", 15),
}
NOT_FOR_CARS = {"pedestrian", "track", "cycleway", "footway", "path", "steps"}
PARKS = {
    ("leisure", "park"): Style("park", 9),
    ("leisure", "nature_reserve"): Style("nature_reserve", 8),
    ("leisure", "garden"): Style("garden", 13),
    ("leisure", "golf_course"): Style("golf_course", 11),
    ("leisure", "pitch"): Style("pitch", 14),
    ("leisure", "playground"): Style("playground", 14),
    ("landuse", "forest"): Style("wood", 8),
    ("landuse", "cemetery"): Style("cemetery", 11),
    ("landuse", "grass"): Style("grass", 13),
    ("landuse", "recreation_ground"): Style("park", 11),
    ("landuse", "village_green"): Style("park", 12),
    ("natural", "wood"): Style("wood", 8),
}
WATER_AREAS = {
    ("natural", "water"): Style("water", 6),
    ("waterway", "riverbank"): Style("water", 6),
    ("landuse", "reservoir"): Style("water", 8),
    ("landuse", "basin"): Style("water", 12),
}
WATER_LINES = {"river": Style("river", 9), "canal": Style("canal", 11), "stream": Style("stream", 13)}
PLACES = {
    "city": 5,
    "town": 8,
    "village": 10,
    "suburb": 11,
    "quarter": 12,
    "neighbourhood": 13,
}


NOWHERE = (Point(90, 180), Point(-90, -180))  # bounds that the first point replaces


@dataclass
class Contents:
    """What an extract held, filled in while its features are written."""

    roads: int = 0
    south_west: Point = NOWHERE[0]
    north_east: Point = NOWHERE[1]
    layers: Counter[str] = field(default_factory=Counter)
    notice: str = ""

    def include(self, line: Line) -> None:
        self.roads += 1
        lats, lngs = zip(*line, strict=True)
        self.south_west = Point(min(self.south_west.lat, *lats), min(self.south_west.lng, *lngs))
        self.north_east = Point(max(self.north_east.lat, *lats), max(self.north_east.lng, *lngs))


def write_features(extract: Path, output: Path) -> Contents:
    """Reads an `.osm.pbf` and writes newline-separated GeoJSON. RoadsError: unreadable, or no road for cars."""
    contents = Contents()

    def write(features: Iterable[Feature]) -> None:
        for feature in features:
            contents.layers[feature["tippecanoe"]["layer"]] += 1
            file.write(json.dumps(feature, ensure_ascii=False, separators=(",", ":")) + "\n")

    with output.open("w", encoding="utf-8") as file:
        try:
            write(_roads_and_places(extract, contents))
        except RuntimeError as error:  # what libosmium throws for everything it cannot read
            raise RoadsError(
                f"{extract.name} cannot be read as OpenStreetMap data ({error}): download it again."
            ) from error
        if not contents.roads:
            raise RoadsError(
                f"{extract.name} has no road for cars: take an extract of the area you deliver in."
            )
        try:
            write(_areas(extract))
        except RuntimeError as error:  # areas, unlike roads, need a file in the usual order
            contents.notice = (
                f"The map lacks parks and lakes: {error}. `osmium sort` puts the extract in order."
            )
    return contents


def _roads_and_places(extract: Path, contents: Contents) -> Iterator[Feature]:
    blocks: defaultdict[tuple[str, str, str], list[Line]] = defaultdict(list)
    drawn = KeyFilter("highway", "waterway", "place")
    for item in (
        osmium.FileProcessor(extract, osmium.osm.NODE | osmium.osm.WAY).with_locations().with_filter(drawn)
    ):
        match item:
            case Node(tags=tags) if tags.get("place") in PLACES and "name" in tags:
                style = Style(tags["place"], PLACES[tags["place"]])
                yield _feature("places", _point(Point(item.lat, item.lon)), style, tags)
            case Way(tags=tags) if len(line := _line(item)) > 1:
                road_class, waterway = tags.get("highway"), tags.get("waterway")
                if road_class in ROADS and tags.get("area") != "yes":
                    if road_class not in NOT_FOR_CARS:
                        contents.include(line)
                    name, ref = tags.get("name") or "", tags.get("ref") or ""
                    if name or ref:
                        blocks[road_class, name, ref].append(line)
                    else:
                        yield _feature("roads", linestring(line), ROADS[road_class])
                elif waterway in WATER_LINES:
                    yield _feature("water", linestring(line), WATER_LINES[waterway], tags)
    for (road_class, name, ref), lines in blocks.items():
        for line in join_lines(lines):
            yield _feature("roads", linestring(line), ROADS[road_class], {"name": name, "ref": ref})


def _areas(extract: Path) -> Iterator[Feature]:
    geojson = osmium.geom.GeoJSONFactory()
    keys = KeyFilter("waterway", "natural", "landuse", "leisure")
    for area in osmium.FileProcessor(extract).with_areas(keys).with_filter(keys):
        if not isinstance(area, Area) or not area.num_rings()[0]:
            continue  # no ring could be closed: the data is incomplete
        for layer, styles in (("water", WATER_AREAS), ("parks", PARKS)):
            if style := _area_style(styles, area.tags):
                shape = json.loads(geojson.create_multipolygon(area))
                yield _feature(layer, shape, style)
                if "name" in area.tags:
                    yield _feature(layer, _label_point(shape), Style(style.kind, 13), area.tags)


def _feature(
    layer: str, geometry: GeoJson, style: Style, tags: TagList | dict[str, str] | None = None
) -> Feature:
    texts = {key: tags[key] for key in ("name", "ref") if tags and tags.get(key)}
    return {
        "type": "Feature",
        "tippecanoe": {"layer": layer, "minzoom": style.minzoom},
        "properties": {"kind": style.kind} | texts,
        "geometry": geometry,
    }


def _area_style(styles: dict[tuple[str, str], Style], tags: TagList) -> Style | None:
    for key in ("natural", "waterway", "leisure", "landuse"):
        if key in tags and (style := styles.get((key, tags[key]))):
            return style
    return None


def _line(way: Way) -> Line:
    """Without the nodes that an extract left out beyond its edge."""
    return tuple(Point(node.lat, node.lon) for node in way.nodes if node.location.valid())


def _point(place: Point) -> GeoJson:
    return {"type": "Point", "coordinates": to_lnglat(place)}


def _label_point(multipolygon: GeoJson) -> GeoJson:
    """The centre of gravity of the largest outer ring."""

    def weighed(ring: list[list[float]]) -> tuple[float, Point]:
        (x0, y0), twice_area, x, y = ring[0], 0.0, 0.0, 0.0
        corners = [(corner[0] - x0, corner[1] - y0) for corner in ring]
        for (ax, ay), (bx, by) in pairwise(corners):
            cross = ax * by - bx * ay
            twice_area += cross
            x += (ax + bx) * cross
            y += (ay + by) * cross
        thrice = 3 * twice_area or 1
        return abs(twice_area), from_lnglat((x0 + x / thrice, y0 + y / thrice))

    _, place = max(weighed(polygon[0]) for polygon in multipolygon["coordinates"])
    return _point(place)


def join_lines(lines: Iterable[Line]) -> Iterator[Line]:
    """The same drawing in fewer and longer lines: two that meet end to end, with no third there, become one.

    A street comes in blocks from corner to corner, each too short to write its name along.
    """
    pieces = dict(enumerate(lines))
    at_end: defaultdict[Point, list[int]] = defaultdict(list)
    for number, line in pieces.items():
        at_end[line[0]].append(number)
        at_end[line[-1]].append(number)

    def extended(line: Line) -> Line:
        while len(meeting := at_end[line[-1]]) == 2:
            following = [number for number in meeting if number in pieces]
            if not following:
                break
            piece = pieces.pop(following[0])
            line += piece[1:] if piece[0] == line[-1] else piece[-2::-1]
        return line

    while pieces:
        _, line = pieces.popitem()
        yield extended(extended(line)[::-1])
