import shutil
from pathlib import Path

import pytest

from routing.geo import Point
from routing.roads.build import build
from routing.roads.network import Network, write_pbf
from routing.roads.progress import ProgressLog

NO_PROGRESS = ProgressLog([].append)


@pytest.fixture(scope="session")
def default_roads(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A roads folder with the default roads, built once."""
    folder = tmp_path_factory.mktemp("roads")
    build(folder, None, force=False, progress=NO_PROGRESS)
    return folder


def village() -> Network:
    """Two streets that cross, one of them in two blocks, and what else a map shows."""
    west, middle, east = Point(40.1, -105.12), Point(40.1, -105.11), Point(40.1, -105.1)
    north, south = Point(40.11, -105.11), Point(40.09, -105.11)
    network = Network()
    network.mark(middle, place="village", name="Niwot")
    network.mark(east, highway="crossing")
    network.add([west, middle], highway="residential", name="Murray Street")
    network.add([middle, east], highway="residential", name="Murray Street")
    network.add([south, middle, north], highway="primary", name="Franklin Street", ref="CO 52")
    network.add([east, north], highway="footway")
    pond = [
        Point(40.104, -105.104),
        Point(40.104, -105.102),
        Point(40.106, -105.102),
        Point(40.106, -105.104),
    ]
    network.add([*pond, pond[0]], natural="water", name="Mill Pond")
    green = [Point(lat - 0.01, lng) for lat, lng in pond]
    network.add([*green, green[0]], leisure="park", name="The Green")
    network.add([west, south], waterway="stream", name="Dry Creek")
    return network


@pytest.fixture
def extract(tmp_path: Path) -> Path:
    path = tmp_path / "village.osm.pbf"
    write_pbf(village(), path)
    return path


@pytest.fixture(scope="session")
def built_village(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A roads folder with those of the village, built once: to be copied (`copied`)."""
    folder = tmp_path_factory.mktemp("village")
    write_pbf(village(), folder / "village.osm.pbf")
    build(folder / "roads", folder / "village.osm.pbf", force=False, progress=NO_PROGRESS)
    return folder / "roads"


def copied(roads: Path, to: Path) -> Path:
    """A roads folder just like this one, for a test to change."""
    return Path(shutil.copytree(roads, to, symlinks=True))
