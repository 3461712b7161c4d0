"""OSRM's HTTP server from the wheel `osrm-bindings`: at one address, on whichever roads are in use.

It changes over to new roads without a failed request: the new server listens beside the old one at the same port,
which osrm-routed allows, and the old one ends once the new one is ready (docs/adr/0007-changing-roads.md).
"""

import importlib.util
import os
import socket
import sys
from pathlib import Path

from delivery.stack.errors import StackError
from delivery.stack.processes import Child, Processes
from routing.roads.builds import read

START_S = 60
LOOPBACK = "127.0.0.1"
#: A position farther than this from every street has no route: the nearest street may be in another country.
SNAP_RADIUS_M = 2000


class Routed:
    """osrm-routed on the roads that are in use, among the processes of a run."""

    def __init__(self, processes: Processes, roads_dir: Path, host: str, port: int) -> None:
        self.url = f"http://{host}:{port}"
        self._processes = processes
        self._current = roads_dir / "current"
        self._address = {"--ip": host, "--port": str(port)}
        self._folder = self._current.resolve()
        self._child, _ = self._start()

    def follow(self) -> None:
        """Changes over where other roads are in use by now; to be called now and then.

        If OSRM does not start on them, says so and stays with the roads it has until others are in use.
        """
        if (folder := self._current.resolve()) == self._folder:
            return
        self._folder, old = folder, self._child
        try:
            self._child, source = self._start()
        except StackError as error:
            print(f"doorstep: OSRM stays with the roads it has: {error}", file=sys.stderr)
            return
        self._processes.end(old)
        print(f"OSRM has changed over to the roads of {source}", flush=True)

    def _start(self) -> tuple[Child, str]:
        """The server, once it is ready, and what its roads were built from."""
        build = read(self._folder)
        if build is None:
            raise StackError(f"{self._folder} holds no roads: `manage.py roads build` makes them")
        options = {
            **self._address,
            "--algorithm": build.algorithm,
            "--max-table-size": "500",
            "--max-trip-size": "100",
            "--default-radius": str(SNAP_RADIUS_M),
            "--verbosity": "WARNING",  # INFO would log every position asked about
        }
        data = self._folder / "osrm" / "roads.osrm"
        command = [str(program()), str(data), *(part for pair in options.items() for part in pair)]
        # That something accepts connections does not tell which of two servers it is.
        told = self._processes.signals_told
        server = self._processes.start("osrm", command, os.environ | {"SIGNAL_PARENT_WHEN_READY": "1"})
        try:
            self._processes.wait_for(server, lambda: self._processes.signals_told > told, START_S)
        except StackError:
            self._processes.kill(server)
            raise
        return server, build.source


def start(processes: Processes, roads_dir: Path, *, host: str = LOOPBACK, port: int | None = None) -> Routed:
    """Start osrm-routed on the roads in use. StackError: there are none, or it does not start on them."""
    return Routed(processes, roads_dir, host, port or free_port())


def program() -> Path:
    spec = importlib.util.find_spec("osrm")
    if spec is None or not spec.submodule_search_locations:
        raise StackError("no OSRM for this machine comes with pip: set OSRM_URL to one of yours")
    return Path(spec.submodule_search_locations[0]) / "bin" / "osrm-routed"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def accepts(port: int) -> bool:
    try:
        socket.create_connection((LOOPBACK, port), timeout=2).close()
    except OSError:
        return False  # not up yet; a server that died is noticed by Processes
    return True
