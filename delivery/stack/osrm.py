"""OSRM's HTTP server from the wheel `osrm-bindings`, on the loopback interface."""

import importlib.util
import os
import socket
from pathlib import Path

from delivery.stack.errors import StackError
from delivery.stack.processes import Processes

START_S = 60
#: A position farther than this from every street has no route: the nearest street may be in another country.
SNAP_RADIUS_M = 2000


def start(processes: Processes, roads: Path) -> str:
    """Start osrm-routed on the data set whose files begin with `roads`, and return its OSRM_URL."""
    port = free_port()
    options = {
        "--ip": "127.0.0.1",
        "--port": str(port),
        "--algorithm": "mld",
        "--max-table-size": "500",
        "--max-trip-size": "100",
        "--default-radius": str(SNAP_RADIUS_M),
        "--verbosity": "WARNING",  # INFO would log every position asked about
    }
    command = [str(program()), str(roads), *(part for pair in options.items() for part in pair)]
    server = processes.start("osrm", command, os.environ)
    processes.wait_for(server, lambda: accepts(port), START_S)
    return f"http://127.0.0.1:{port}"


def program() -> Path:
    spec = importlib.util.find_spec("osrm")
    if spec is None or not spec.submodule_search_locations:
        raise StackError("no OSRM for this machine comes with pip: set OSRM_URL to one of yours")
    return Path(spec.submodule_search_locations[0]) / "bin" / "osrm-routed"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def accepts(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=2).close()
    except OSError:
        return False  # not up yet; a server that died is noticed by Processes
    return True
