"""Builds that are killed: nothing half-built is ever used, and what was done is not done again."""

import json
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from delivery.devtools.stack.state import ROOT
from routing.errors import RoadsError
from routing.roads.build import build
from routing.roads.builds import current_build, rollback
from routing.roads.cities import CITIES
from routing.roads.programs import await_end
from routing.roads.progress import ProgressLog
from routing.roads.tiles import Tiles
from tests.routing.conftest import copied
from tests.routing.tiles import tile_at
from tests.waiting import wait_until

pytestmark = pytest.mark.slow

STEPS = {
    "network": "laying out the default roads",
    "features": "reading roads.osm.pbf",
    "addresses": "reading addresses",
    "extract": "preparing OSRM: osrm-extract",
    "partition": "preparing OSRM: osrm-partition",
    "customize": "preparing OSRM: osrm-customize",
    "map": "drawing the map",
    "trial": "trying them out",
}


@pytest.fixture
def roads(tmp_path: Path, built_village: Path) -> Path:
    """A roads folder where those of the village are in use."""
    return copied(built_village, tmp_path / "state" / "roads")


def steps_done(roads: Path) -> list[str]:
    return [
        step
        for file in (roads / "builds").glob("*/steps.json")
        for step in json.loads(file.read_text())["done"]
    ]


def build_and_end(roads: Path, after: str, how: signal.Signals) -> None:
    """Builds the default roads in a process that is sent a signal as soon as a step is done."""
    command = [sys.executable, str(ROOT / "manage.py"), "roads", "build", "--force"]
    env = os.environ | {"DOORSTEP_STATE": str(roads.parent)}
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as building:
        wait_until(lambda: building.poll() is not None or after in steps_done(roads), f"{after} is done")
        building.send_signal(how)
    assert building.returncode, "it came to its end"


def all_but(done: list[str]) -> list[str]:
    """What is told of the other steps."""
    steps = enumerate(STEPS.items(), start=1)
    return [f"{number}/{len(STEPS)} {doing}" for number, (name, doing) in steps if name not in done]


def files_of(folder: Path) -> set[Path]:
    return {file.relative_to(folder) for file in folder.rglob("*")}


def go_on(roads: Path) -> list[str]:
    told: list[str] = []
    build(roads, None, force=True, progress=ProgressLog(told.append))
    # Who was forked for a program when the build was killed holds its lock until the program begins.
    return [line for line in told if line != "waiting for another build of these roads to end"]


@pytest.mark.parametrize("step", ["features", "extract", "customize"])
def test_a_killed_build_goes_on_behind_the_last_step_that_was_done(
    roads: Path, default_roads: Path, step: str
) -> None:
    village = (roads / "current").resolve()
    build_and_end(roads, step, signal.SIGKILL)
    assert (roads / "current").resolve() == village
    with pytest.raises(RoadsError, match="no earlier build"):
        rollback(roads)
    done = steps_done(roads)
    (unfinished,) = (folder for folder in (roads / "builds").iterdir() if folder != village)
    told = go_on(roads)
    assert told[0] == "going on where an earlier build stopped"
    assert told[1:] == all_but(done)
    assert (roads / "current").resolve() == unfinished
    whole = default_roads / "current"
    assert files_of(unfinished) == files_of(whole)
    for at in (tile_at(city.center, 14) for city in CITIES):
        tiles = [Tiles(folder / "streets.pmtiles").get(*at) for folder in (unfinished, whole)]
        assert tiles[0] == tiles[1] is not None


def test_osrm_partition_may_be_killed_while_it_writes_over_its_input(roads: Path) -> None:
    build_and_end(roads, "partition", signal.SIGKILL)
    (journal,) = (roads / "builds").glob("*/steps.json")
    noted = json.loads(journal.read_text())
    del noted["done"]["partition"]
    noted["done"].pop("customize", None)
    journal.write_text(json.dumps(noted))
    for file in (journal.parent / "osrm").iterdir():
        file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    assert go_on(roads)[1] == "5/8 preparing OSRM: osrm-partition"  # and OSRM could read it in the end


def test_a_build_may_be_killed_again_and_again(roads: Path) -> None:
    for step in ("network", "extract", "customize"):
        build_and_end(roads, step, signal.SIGKILL)
    assert len(list((roads / "builds").iterdir())) == 2
    done = steps_done(roads)
    assert {"network", "features", "extract", "partition", "customize"} <= set(done)
    assert go_on(roads)[1:] == all_but(done)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_so_does_one_that_was_asked_to_end(roads: Path, how: signal.Signals) -> None:
    build_and_end(roads, "features", how)
    assert go_on(roads)[0] == "going on where an earlier build stopped"


def test_what_is_left_of_a_build_of_something_else_is_removed(roads: Path, extract: Path) -> None:
    build_and_end(roads, "features", signal.SIGKILL)
    told: list[str] = []
    build(roads, extract, algorithm="ch", force=False, progress=ProgressLog(told.append))
    assert told[0] == "1/6 reading village.osm.pbf"
    assert steps_done(roads) == []
    assert len(list((roads / "builds").iterdir())) == 2


def test_a_build_that_was_killed_right_before_it_would_be_used(roads: Path, extract: Path) -> None:
    (roads / "current").unlink()
    told: list[str] = []
    build(roads, extract, force=False, progress=ProgressLog(told.append))
    found = current_build(roads)
    assert found
    assert told == [f"built before: {found.source}"]


def test_a_program_that_outlives_its_build_is_waited_for(tmp_path: Path) -> None:
    """It may still write where the next build is about to."""
    log, gate, proof = (tmp_path / name for name in ("build.log", "gate", "proof"))
    os.mkfifo(gate)
    program = f"echo begun; read line < {gate}; echo done > {proof}"
    command = "import sys; from pathlib import Path; from routing.roads.programs import run\n"
    command += "run(['sh', '-c', sys.argv[1]], Path(sys.argv[2]))"
    with subprocess.Popen([sys.executable, "-c", command, program, str(log)], cwd=ROOT) as building:
        wait_until(lambda: log.exists() and log.read_text() == "begun\n", "the program runs")
        building.kill()

    def proof_at_its_end() -> bool:
        await_end(log)
        return proof.exists()

    with ThreadPoolExecutor(1) as waiting:
        ended = waiting.submit(proof_at_its_end)
        gate.write_text("go on\n")
        assert ended.result()
