"""A road network in OpenStreetMap's terms, and how it becomes an `.osm.pbf`."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import osmium
from osmium.osm import mutable

from routing.geo import Point, to_lnglat

type Line = tuple[Point, ...]
type Tags = dict[str, str]


@dataclass(frozen=True)
class Way:
    """`line` runs in the direction of driving where `tags` say `oneway=yes`; closed lines may be areas."""

    line: Line
    tags: Tags


@dataclass
class Network:
    """Ways meet where their lines share a point, exactly: a point is a node."""

    ways: list[Way] = field(default_factory=list)
    nodes: dict[Point, Tags] = field(default_factory=dict)

    def add(self, line: Iterable[Point], /, **tags: str) -> None:
        self.ways.append(Way(tuple(map(on_grid, line)), tags))

    def mark(self, place: Point, /, **tags: str) -> None:
        self.nodes[on_grid(place)] = tags

    def include(self, other: "Network") -> None:
        self.ways += other.ways
        self.nodes |= other.nodes


def on_grid(p: Point) -> Point:
    """On OpenStreetMap's grid of 1e-7 degrees, so that what coincides there is equal here."""
    return Point(round(p.lat, 7), round(p.lng, 7))


def write_pbf(network: Network, path: Path) -> None:
    """Nodes and ways numbered from 1 in a stable order, as the format wants them sorted."""
    ids: dict[Point, int] = {}
    for place in network.nodes:
        ids.setdefault(place, len(ids) + 1)
    for way in network.ways:
        for place in way.line:
            ids.setdefault(place, len(ids) + 1)
    with osmium.SimpleWriter(path, overwrite=True) as writer:
        for place, node_id in ids.items():
            writer.add_node(
                mutable.Node(id=node_id, location=to_lnglat(place), tags=network.nodes.get(place, {}))
            )
        for way_id, way in enumerate(network.ways, start=1):
            writer.add_way(mutable.Way(id=way_id, nodes=[ids[place] for place in way.line], tags=way.tags))
