"""OSRM's HTTP server from the wheel `osrm-bindings`: at one address, on whichever roads are in use.

It changes over to new roads without a failed request: the new server listens beside the old one at the same port,
which osrm-routed allows, and the old one ends once the new one is ready (docs/adr/0007-changing-roads.md).
"""

import importlib.util
import os
import socket
import sys
from collections.abc import Mapping
from pathlib import Path

from delivery.errors import StackError
from delivery.processes import Child, Processes
from routing.profiles import Profile
from routing.roads.builds import Build, osrm_data, read

START_S = 60
LOOPBACK = "127.0.0.1"
#: A position farther than this from every street has no route: the nearest street may be in another country.
SNAP_RADIUS_M = 2000


class Routed:
    """osrm-routed on the roads that are in use, among the processes of a run. StackError: it does not start."""

    def __init__(
        self, processes: Processes, roads_dir: Path, host: str, port: int, profile: Profile = "car"
    ) -> None:
        self.url = f"http://{host}:{port}"
        self._profile = profile
        self._processes = processes
        self._current = roads_dir / "current"
        self._address = {"--ip": host, "--port": str(port)}
        self._folder = self._current.resolve()
        self._child = self._start(os.environ)
        processes.wait_for(self._child, lambda: accepts(port, host), START_S)

    def follow(self) -> None:
        """Changes over where other roads are in use by now; to be called now and then, with the processes entered.

        If OSRM does not start on them, says so and stays with the roads it has until others are in use.
        """
        if (folder := self._current.resolve()) == self._folder:
            return
        self._folder = folder
        try:
            following = self._start_beside()
        except StackError as error:
            print(f"doorstep: OSRM stays with the roads it has: {error}", file=sys.stderr)
            return
        self._processes.end(self._child)
        self._child = following
        print(f"OSRM has changed over to the roads of {self._roads().source}", flush=True)

    def _start_beside(self) -> Child:
        """A second server, ready. That something accepts connections does not say which of the two it is."""
        before = self._processes.signals_received
        server = self._start(os.environ | {"SIGNAL_PARENT_WHEN_READY": "1"})
        try:
            self._processes.wait_for(server, lambda: self._processes.signals_received > before, START_S)
        except BaseException:
            self._processes.kill(server)
            raise
        return server

    def _start(self, env: Mapping[str, str]) -> Child:
        options = {
            **self._address,
            "--algorithm": self._roads().algorithm,
            "--max-table-size": "500",
            "--max-trip-size": "100",
            "--default-radius": str(SNAP_RADIUS_M),
            "--verbosity": "WARNING",  # INFO would log every position asked about
        }
        data = osrm_data(self._folder, self._profile)
        command = [str(program()), str(data), *(part for pair in options.items() for part in pair)]
        name = "osrm" if self._profile == "car" else f"osrm-{self._profile}"
        return self._processes.start(name, command, env)

    def _roads(self) -> Build:
        build = read(self._folder)
        if build is None:
            raise StackError(f"{self._folder} holds no roads: `manage.py roads build` makes them")
        if self._profile not in build.profiles:
            raise StackError(
                f"the roads of {build.source} are not by {self._profile}: "
                "name it in ROADS_PROFILES and build them again"
            )
        return build


def start(
    processes: Processes,
    roads_dir: Path,
    *,
    host: str = LOOPBACK,
    port: int | None = None,
    profile: Profile = "car",
) -> Routed:
    """Start osrm-routed on the roads in use, of one profile.

    StackError: there are none, it does not start on them, or the port is in use: two at one port would take turns.
    """
    if port and accepts(port, host):
        raise StackError(f"port {port} is in use: choose another, and set {variable(profile)} to it")
    return Routed(processes, roads_dir, host, port or free_port(), profile)


def variable(profile: Profile) -> str:
    """The setting that says where the OSRM of a profile is."""
    return "OSRM_URL" if profile == "car" else f"OSRM_URL_{profile.upper()}"


def program() -> Path:
    spec = importlib.util.find_spec("osrm")
    if spec is None or not spec.submodule_search_locations:
        raise StackError("no OSRM for this machine comes with pip: set OSRM_URL to one of yours")
    return Path(spec.submodule_search_locations[0]) / "bin" / "osrm-routed"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def accepts(port: int, host: str = LOOPBACK) -> bool:
    try:
        socket.create_connection((host, port), timeout=2).close()
    except OSError:
        return False  # not up yet; a server that died is noticed by Processes
    return True
