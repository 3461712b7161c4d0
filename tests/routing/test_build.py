"""Building roads: from an extract to data that OSRM and the map can use."""

import gzip
import json
import shutil
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random

import pytest
from django.core.management import CommandError, call_command
from pytest_django.fixtures import Settings

from routing.errors import RoadsError
from routing.geo import Point
from routing.profiles import Profile
from routing.roads.build import build
from routing.roads.builds import Algorithm, current_build, osrm_data, rollback
from routing.roads.cities import CITIES
from routing.roads.default import default_network
from routing.roads.network import Network, write_pbf
from routing.roads.pbf import MARK
from routing.roads.programs import osrm_program, tippecanoe_program
from routing.roads.progress import ProgressLog
from routing.roads.tiles import Tiles
from tests.routing.conftest import copied, village
from tests.routing.tiles import tile_at

pytestmark = pytest.mark.slow

QUIET = ProgressLog([].append)
START = b"\0\0\0\x0d" + MARK
DENVER, MEAD = Point(39.7475, -104.9950), Point(40.2330, -104.9803)


def run_build(roads: Path, extract: Path | None = None, *, force: bool = False) -> list[str]:
    steps: list[str] = []
    build(roads, extract, force=force, progress=ProgressLog(steps.append))
    return steps


def in_use(roads: Path) -> str:
    return (roads / "current").resolve().name


@pytest.fixture
def roads(tmp_path: Path) -> Path:
    return tmp_path / "state" / "roads"


def decoded(roads: Path, place: Point, zoom: int, tmp_path: Path) -> dict[str, list[dict]]:
    """The features of a tile by layer, decoded by tippecanoe's own reader."""
    z, x, y = tile_at(place, zoom)
    data = Tiles(roads / "current" / "streets.pmtiles").get(z, x, y)
    assert data
    (tmp_path / "tile.mvt").write_bytes(gzip.decompress(data))
    decoder = tippecanoe_program().with_name("tippecanoe-decode")
    output = subprocess.check_output([decoder, tmp_path / "tile.mvt", str(z), str(x), str(y)])
    return {layer["properties"]["layer"]: layer["features"] for layer in json.loads(output)["features"]}


def names(features: list[dict], kind: str) -> set[str]:
    return {f["properties"].get("name") for f in features if f["properties"]["kind"] == kind}


def test_default_map_has_street_names_downtown(default_roads: Path, tmp_path: Path) -> None:
    layers = decoded(default_roads, DENVER, 15, tmp_path)
    assert {"Curtis Street", "Lawrence Street"} <= {f["properties"].get("name") for f in layers["roads"]}
    lengths = [
        len(f["geometry"]["coordinates"])
        for f in layers["roads"]
        if f["properties"].get("name") == "Curtis Street"
    ]
    assert len(lengths) <= 3  # joined, not a feature for each block


@pytest.mark.parametrize("zoom", [6, 8, 9])
def test_default_map_joins_the_cities_from_afar(default_roads: Path, tmp_path: Path, zoom: int) -> None:
    roads, places = set(), set()
    for place in (MEAD, *(city.center for city in CITIES)):
        layers = decoded(default_roads, place, zoom, tmp_path)
        roads |= names(layers["roads"], "highway")
        places |= names(layers.get("places", []), "city")
    assert roads >= {"Interstate 25", "Denver-Boulder Turnpike", "Diagonal Highway"}
    assert places == {"Denver", "Boulder", "Fort Collins"}


def test_default_build_describes_itself(default_roads: Path) -> None:
    found = current_build(default_roads)
    assert found
    assert found.is_default
    assert "OpenStreetMap" in found.attribution
    (south, west), (north, east) = found.bounds
    assert south == pytest.approx(39.74, abs=0.01)
    assert north == pytest.approx(40.624, abs=0.01)
    assert (west, east) == pytest.approx((-105.297, -104.972), abs=0.01)
    assert (default_roads / "current" / "osrm" / "roads.osrm.mldgr").is_file()


def test_an_extract_becomes_osrm_data_and_a_map(roads: Path, extract: Path, tmp_path: Path) -> None:
    steps = run_build(roads, extract)
    assert [step[:3] for step in steps] == ["1/7", "2/7", "3/7", "4/7", "5/7", "6/7", "7/7"]
    layers = decoded(roads, Point(40.1, -105.11), 13, tmp_path)
    assert names(layers["roads"], "minor_road") == {"Murray Street"}
    assert names(layers["roads"], "major_road") == {"Franklin Street"}
    assert "Mill Pond" in names(layers["water"], "water")
    assert "The Green" in names(layers["parks"], "park")
    assert names(layers["places"], "village") == {"Niwot"}
    trial = [osrm_program("osrm-routed"), "--algorithm=mld", "--trial=yes", roads / "current/osrm/roads.osrm"]
    assert subprocess.run(trial, capture_output=True, check=False).returncode == 0
    assert not (roads / "current" / "features.geojsonl").exists()


def test_the_same_input_is_not_built_twice(roads: Path, extract: Path) -> None:
    run_build(roads, extract)
    first = in_use(roads)
    assert run_build(roads, extract) == [f"in place: {extract}, unchanged"]
    assert in_use(roads) == first
    run_build(roads, extract, force=True)
    assert in_use(roads) != first


@pytest.mark.parametrize("algorithm", ["mld", "ch"])
def test_each_profile_has_a_data_set_of_its_own(roads: Path, extract: Path, algorithm: Algorithm) -> None:
    build(
        roads, extract, algorithm=algorithm, profiles=("car", "bicycle", "foot"), force=False, progress=QUIET
    )
    found = current_build(roads)
    assert found
    assert found.profiles == ["car", "bicycle", "foot"]
    folders = {path.name for path in (roads / "current").iterdir() if path.is_dir()}
    assert folders == {"osrm", "osrm-bicycle", "osrm-foot"}
    for profile in found.profiles:
        data = osrm_data(roads / "current", profile)
        trial = [osrm_program("osrm-routed"), f"--algorithm={algorithm}", "--trial=yes", data]
        assert subprocess.run(trial, capture_output=True, check=False).returncode == 0


def test_another_profile_is_another_build(roads: Path, extract: Path, built_village: Path) -> None:
    copied(built_village, roads)
    said: list[str] = []

    def again(named: Path | None, *profiles: Profile) -> list[str]:
        said.clear()
        build(roads, named, profiles=profiles, force=False, progress=ProgressLog(said.append))
        found = current_build(roads)
        assert found
        return list(found.profiles)

    assert again(None, "car", "foot") == ["car"]
    assert said[-1] == "not by foot: build them from the extract once more"
    assert again(extract, "car", "foot") == ["car", "foot"]
    assert [step.split()[0] for step in said if step[0].isdigit()] == [f"{n}/10" for n in range(1, 11)]
    assert again(extract, "car", "foot") == ["car", "foot"]
    assert "unchanged" in said[-1]


def test_another_input_is_built_and_one_build_is_kept_for_rollback(roads: Path, extract: Path) -> None:
    used = []
    for name in ("First Street", "Second Street", "Third Street"):
        network = village()
        network.add([Point(40.1, -105.1), Point(40.1, -105.09)], highway="residential", name=name)
        write_pbf(network, extract)
        run_build(roads, extract)
        used.append(in_use(roads))
    assert {folder.name for folder in (roads / "builds").iterdir()} == set(used[1:])
    rollback(roads)
    assert in_use(roads) == used[1]
    rollback(roads)
    assert in_use(roads) == used[2]


def test_nothing_to_roll_back_to(roads: Path, built_village: Path) -> None:
    with pytest.raises(RoadsError, match="no earlier build"):
        rollback(roads)
    shutil.rmtree(roads)
    copied(built_village, roads)
    with pytest.raises(RoadsError, match="no earlier build"):
        rollback(roads)


def test_roads_of_ones_own_are_kept_unless_forced(roads: Path, extract: Path) -> None:
    run_build(roads, extract)
    assert run_build(roads) == [f"in place: {extract} (--force goes back to the default roads)"]
    run_build(roads, force=True)
    found = current_build(roads)
    assert found
    assert found.is_default


def test_roads_of_ones_own_for_another_osrm_are_to_be_built_again(
    roads: Path, extract: Path, built_village: Path
) -> None:
    copied(built_village, roads)
    facts = roads / "current" / "roads.json"
    facts.write_text(json.dumps(json.loads(facts.read_text()) | {"osrm_version": "5.27"}))
    with pytest.raises(RoadsError, match=r"5\.27.*roads build"):
        run_build(roads)
    run_build(roads, extract, force=True)


def test_a_build_that_fails_changes_nothing(
    roads: Path, extract: Path, built_village: Path, tmp_path: Path
) -> None:
    copied(built_village, roads)
    before = in_use(roads)
    corrupt = tmp_path / "corrupt.osm.pbf"
    corrupt.write_bytes(extract.read_bytes()[:-40])
    with pytest.raises(RoadsError, match="cannot be read"):
        run_build(roads, corrupt)
    assert in_use(roads) == before
    assert [folder.name for folder in (roads / "builds").iterdir()] == [before]


def test_what_a_killed_build_left_behind_is_removed(roads: Path, extract: Path) -> None:
    (roads / "builds" / "20200101T000000.000000-deadbeef" / "osrm").mkdir(parents=True)
    with pytest.raises(RoadsError):
        rollback(roads)
    run_build(roads, extract)
    assert [folder.name for folder in (roads / "builds").iterdir()] == [in_use(roads)]


def test_osrm_says_why_it_cannot(roads: Path, tmp_path: Path) -> None:
    """Tagged as a road, and closed to cars."""
    network = Network()
    network.add([Point(40, -105), Point(40.1, -105)], highway="residential", access="no")
    write_pbf(network, tmp_path / "closed.osm.pbf")
    with pytest.raises(RoadsError, match=r"osrm-extract failed: .*no edges"):
        run_build(roads, tmp_path / "closed.osm.pbf")


def test_two_builds_at_once_make_one(roads: Path, extract: Path) -> None:
    with ThreadPoolExecutor(2) as threads:
        a, b = threads.map(lambda _: run_build(roads, extract), range(2))
    assert sorted(map(len, (a, b))) == [2, 7]  # it waited, and found nothing left to do
    assert len(list((roads / "builds").iterdir())) == 1


def test_a_description_of_another_version_is_as_good_as_none(
    roads: Path, extract: Path, built_village: Path
) -> None:
    copied(built_village, roads)
    (roads / "current" / "roads.json").write_text('{"source": "default"}')
    assert current_build(roads) is None
    run_build(roads, extract)
    assert current_build(roads)


@pytest.mark.django_db
def test_the_command(
    roads: Path, extract: Path, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.ROADS_DIR = roads
    with pytest.raises(CommandError, match="There is no road data"):
        call_command("roads", "show")
    call_command("roads", "build", str(extract))
    assert "roads: ready in" in capsys.readouterr().out
    call_command("roads", "show")
    shown = capsys.readouterr().out
    assert str(extract) in shown
    assert "40.0900, -105.1200 to 40.1100, -105.1000" in shown
    call_command("roads", "build", str(extract), "--force")
    call_command("roads", "rollback")
    assert "restart an osrm-routed of your own" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (None, "is no file: give the path or the address"),
        (b"", "is empty or no .osm.pbf"),
        (b"nonsense" * 100, "is no .osm.pbf"),
        (Random(1).randbytes(50_000), "is no .osm.pbf"),
        (b"<!DOCTYPE html><title>Not found</title>", "is a web page or XML"),
        (START, "cannot be read as OpenStreetMap data"),
        (START + Random(1).randbytes(50_000), "cannot be read as OpenStreetMap data"),
    ],
)
@pytest.mark.django_db
def test_the_command_says_in_one_line_what_to_do(
    roads: Path, tmp_path: Path, settings: Settings, content: bytes | None, complaint: str
) -> None:
    settings.ROADS_DIR = roads
    path = tmp_path / "colorado.osm.pbf"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CommandError) as caught:
        call_command("roads", "build", str(path))
    assert "colorado.osm.pbf" in str(caught.value)
    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_command_where_nothing_can_be_written(tmp_path: Path, settings: Settings) -> None:
    (tmp_path / "file").touch()
    settings.ROADS_DIR = tmp_path / "file" / "roads"
    with pytest.raises(CommandError, match="cannot be written"):
        call_command("roads", "build")


# ---------------------------------------------------------------------------------------------- rollback


@pytest.fixture(scope="session")
def village_twice(built_village: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("twice")
    write_pbf(village(), folder / "village.osm.pbf")
    run_build(copied(built_village, folder / "roads"), folder / "village.osm.pbf", force=True)
    return folder / "roads"


@pytest.fixture
def two_builds(roads: Path, village_twice: Path) -> tuple[Path, Path]:
    """The folders of an earlier build, and of the one in use."""
    copied(village_twice, roads)
    earlier, current = sorted((roads / "builds").iterdir())
    assert current == (roads / "current").resolve()
    return earlier, current


def truncate(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


@pytest.mark.parametrize(
    ("file", "harm"),
    [
        ("osrm/roads.osrm.mldgr", Path.unlink),
        ("osrm/roads.osrm.geometry", Path.unlink),
        ("osrm/roads.osrm.mldgr", truncate),
        ("streets.pmtiles", Path.unlink),
        ("streets.pmtiles", truncate),
    ],
)
def test_no_rollback_to_a_build_that_is_not_whole(
    roads: Path, two_builds: tuple[Path, Path], file: str, harm: Callable[[Path], None]
) -> None:
    earlier, current = two_builds
    harm(earlier / file)
    with pytest.raises(
        RoadsError, match=f"The build {earlier.name} can't be used .*: build these roads again"
    ):
        rollback(roads)
    assert in_use(roads) == current.name


def test_no_rollback_to_a_build_for_another_osrm(roads: Path, two_builds: tuple[Path, Path]) -> None:
    earlier, current = two_builds
    facts = earlier / "roads.json"
    facts.write_text(json.dumps(json.loads(facts.read_text()) | {"osrm_version": "5.27"}))
    with pytest.raises(RoadsError, match=r"for OSRM 5\.27, .*run `manage.py roads build /.*village.osm.pbf`"):
        rollback(roads)
    assert in_use(roads) == current.name


def test_no_rollback_to_a_build_that_is_not_finished(roads: Path, two_builds: tuple[Path, Path]) -> None:
    earlier, _ = two_builds
    (earlier / "roads.json").unlink()
    with pytest.raises(RoadsError, match="no earlier build"):
        rollback(roads)


def test_back_to_an_input_of_before_is_a_rollback(
    roads: Path, two_builds: tuple[Path, Path], extract: Path, tmp_path: Path
) -> None:
    _, village_build = two_builds
    network = village()
    network.add([Point(40.1, -105.1), Point(40.1, -105.09)], highway="residential", name="New Street")
    write_pbf(network, tmp_path / "grown.osm.pbf")
    run_build(roads, tmp_path / "grown.osm.pbf")
    told = run_build(roads, extract)
    found = current_build(roads)
    assert found
    assert told == [f"built before: {found.source}"]
    assert in_use(roads) == village_build.name
    truncate(roads / rolled_back(roads) / "streets.pmtiles")
    steps = run_build(roads, tmp_path / "grown.osm.pbf")
    assert "is cut short" in steps[1]
    assert steps[-1] == "7/7 trying them out"


def rolled_back(roads: Path) -> Path:
    """The build that is not in use."""
    (other,) = (folder for folder in (roads / "builds").iterdir() if folder.name != in_use(roads))
    return other


# --------------------------------------------------------------------------------------- no use in building


def test_an_extract_without_roads(roads: Path, tmp_path: Path) -> None:
    network = Network()
    network.mark(DENVER, place="city", name="Denver")
    network.add([DENVER, MEAD], highway="footway")
    write_pbf(network, tmp_path / "paths.osm.pbf")
    with pytest.raises(RoadsError, match=r"paths.osm.pbf has no road for cars: take an extract of the area"):
        run_build(roads, tmp_path / "paths.osm.pbf")
    assert list((roads / "builds").iterdir()) == []


@pytest.mark.parametrize("part", [0.1, 0.5, 0.9, 0.99])
def test_an_extract_that_was_cut_short(default_pbf: bytes, roads: Path, tmp_path: Path, part: float) -> None:
    (tmp_path / "cut.osm.pbf").write_bytes(default_pbf[: int(len(default_pbf) * part)])
    with pytest.raises(
        RoadsError, match=r"cut.osm.pbf cannot be read as OpenStreetMap data .*: download it again"
    ):
        run_build(roads, tmp_path / "cut.osm.pbf")


@pytest.fixture(scope="session")
def default_pbf(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("pbf") / "default.osm.pbf"
    write_pbf(default_network(), path)
    return path.read_bytes()


def test_an_extract_that_is_too_big_for_the_disk(
    roads: Path, extract: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("routing.roads.build.ROOM_FACTOR", 1 << 50)
    with pytest.raises(
        RoadsError, match=r"building from village.osm.pbf needs .* MB, and .*: make room, or set"
    ):
        run_build(roads, extract)
