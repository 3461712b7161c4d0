"""osrm-routed changes over to other roads while it is asked, by either algorithm, and nobody notices."""

import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from delivery import osrm_server
from delivery.devtools.stack.state import ROOT
from delivery.errors import StackError
from delivery.processes import Processes
from routing.errors import RoutingError
from routing.geo import Point
from routing.osrm import Osrm
from routing.roads.build import build
from routing.roads.builds import Algorithm, current_build, rollback
from routing.roads.denver import downtown_denver
from routing.roads.network import write_pbf
from routing.roads.progress import ProgressLog
from tests.routing.conftest import copied, village
from tests.routing.places import places
from tests.waiting import wait_until

pytestmark = pytest.mark.slow

NOTHING = ProgressLog([].append)
HERE = Point(40.105, -105.12)


def build_street(roads: Path, name: str, algorithm: Algorithm = "mld") -> None:
    """The village's roads, with one more street, which only this build has."""
    network = village()
    network.add([Point(40.104, -105.12), HERE, Point(40.106, -105.12)], highway="residential", name=name)
    extract = roads.with_name("village.osm.pbf")
    write_pbf(network, extract)
    build(roads, extract, algorithm=algorithm, force=False, progress=NOTHING)


@pytest.fixture(scope="session")
def two_streets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("streets") / "roads"
    build_street(folder, "Second Street")
    build_street(folder, "First Street")
    return folder


@pytest.fixture
def roads(two_streets: Path, tmp_path: Path) -> Path:
    """Two builds: First Street's is in use, Second Street's is to be had by rollback."""
    return copied(two_streets, tmp_path / "state" / "roads")


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    with Processes(tmp_path) as processes:
        yield processes


@contextmanager
def asking(url: str, threads: int = 4) -> Iterator[Counter[str]]:
    """Threads that ask for the street all the time; counts what they are told, street or error."""
    client, told, over = Osrm(url), Counter[str](), threading.Event()

    def ask() -> None:
        while not over.is_set():
            try:
                answer = client.nearest(HERE).name
            except RoutingError as error:
                answer = f"failed: {error.message}"
            told[answer] += 1

    asking = [threading.Thread(target=ask) for _ in range(threads)]
    for thread in asking:
        thread.start()
    try:
        yield told
    finally:
        over.set()
        for thread in asking:
            thread.join()


def test_no_request_fails_while_the_roads_change(roads: Path, processes: Processes) -> None:
    routed = osrm_server.start(processes, roads)
    with asking(routed.url) as told:
        for street in ["Second Street", "First Street"] * 5:
            rollback(roads)
            routed.follow()
            before = told[street]
            wait_until(lambda b=before, s=street: told[s] > b + 20, f"{street} is told")
    assert set(told) == {"First Street", "Second Street"}
    assert told.total() > 400
    assert [child.name for child in processes.children] == ["osrm"]


def test_the_next_roads_may_be_for_the_other_algorithm(roads: Path, processes: Processes) -> None:
    routed = osrm_server.start(processes, roads)
    with asking(routed.url) as told:
        build_street(roads, "Third Street", algorithm="ch")
        routed.follow()
        wait_until(lambda: told["Third Street"] > 20, "Third Street is told")
        rollback(roads)
        routed.follow()
    assert set(told) == {"First Street", "Third Street"}


def test_roads_that_osrm_cannot_read_leave_the_others_in_service(
    roads: Path, processes: Processes, capsys: pytest.CaptureFixture[str]
) -> None:
    routed = osrm_server.start(processes, roads)
    rollback(roads)
    (roads / "current" / "osrm" / "roads.osrm.mldgr").unlink()
    with asking(routed.url) as told:
        for _ in range(3):
            routed.follow()
            processes.pause()
    assert set(told) == {"First Street"}
    assert capsys.readouterr().err.count("OSRM stays with the roads it has: osrm ended by itself") == 1
    rollback(roads)
    routed.follow()
    assert "OSRM has changed over to the roads of" in capsys.readouterr().out


def test_the_command_follows_by_itself(roads: Path) -> None:
    env = os.environ | {"DOORSTEP_STATE": str(roads.parent)}
    port = str(osrm_server.free_port())
    command = [sys.executable, str(ROOT / "manage.py")]
    with subprocess.Popen(
        [*command, "osrm", "--port", port], env=env, stdout=subprocess.PIPE, text=True
    ) as serving:
        assert serving.stdout
        assert serving.stdout.readline() == f"OSRM answers at http://127.0.0.1:{port}\n"
        with asking(f"http://127.0.0.1:{port}") as told:
            said = subprocess.check_output([*command, "roads", "rollback"], env=env, text=True)
            wait_until(lambda: told["Second Street"] > 20, "Second Street is told")
        serving.send_signal(signal.SIGTERM)
        assert serving.wait(10) == 0
    assert "village.osm.pbf" in said
    assert set(told) == {"First Street", "Second Street"}
    assert not osrm_server.accepts(int(port))


def test_each_profile_has_a_server_of_its_own(tmp_path: Path, processes: Processes) -> None:
    extract, roads = tmp_path / "village.osm.pbf", tmp_path / "roads"
    network = village()
    network.add([Point(40.1, -105.12), HERE], highway="footway", name="Mill Lane")
    write_pbf(network, extract)
    build(roads, extract, profiles=("car", "foot"), force=False, progress=NOTHING)
    car, foot = (osrm_server.start(processes, roads, profile=profile) for profile in ("car", "foot"))
    assert [child.name for child in processes.children] == ["osrm", "osrm-foot"]
    nearest = [Osrm(routed.url, snap_radius_m=2000).nearest(HERE).name for routed in (car, foot)]
    assert nearest == ["Murray Street", "Mill Lane"]
    with pytest.raises(StackError, match="are not by bicycle: name it in ROADS_PROFILES"):
        osrm_server.start(processes, roads, profile="bicycle")


def test_a_port_that_another_has(roads: Path, processes: Processes) -> None:
    """osrm-routed itself would share it, and every other answer come from the other roads."""
    port = int(osrm_server.start(processes, roads).url.rpartition(":")[2])
    with pytest.raises(StackError, match=f"port {port} is in use"):
        osrm_server.start(processes, roads, port=port)


def test_both_algorithms_find_the_same_ways(tmp_path: Path, processes: Processes) -> None:
    extract = tmp_path / "denver.osm.pbf"
    write_pbf(downtown_denver(), extract)
    clients = []
    for algorithm in ("mld", "ch"):
        roads = tmp_path / algorithm
        build(roads, extract, algorithm=algorithm, force=False, progress=NOTHING)
        found = current_build(roads)
        assert found
        assert found.algorithm == algorithm
        clients.append(Osrm(osrm_server.start(processes, roads).url))
    mld, ch = clients
    for seed in range(30):
        stops = places(4, seed)
        a, b = mld.route(stops), ch.route(stops)
        assert a.duration_s == pytest.approx(b.duration_s, abs=0.5)
        assert a.distance_m == pytest.approx(b.distance_m, rel=0.02)
    assert mld.table(stops).seconds == ch.table(stops).seconds
