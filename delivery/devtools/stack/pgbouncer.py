"""PgBouncer in transaction mode, from PATH, in front of a PostgreSQL on a Unix socket: for tests."""

import os
from pathlib import Path

import psycopg

from delivery.devtools.stack.programs import system_program
from delivery.devtools.stack.state import StateFolder
from delivery.devtools.stack.unprivileged import way_to_run
from delivery.processes import Processes

PORT = 6432  # the number in the name of the socket
START_S = 20


def start(
    processes: Processes,
    state: StateFolder,
    *,
    host: str,
    port: int,
    user: str,
    pool_size: int,
    address: str = "",
) -> Path:
    """Start PgBouncer in front of the PostgreSQL whose socket is in the folder `host`, and return the folder of its
    own socket (its number: PORT). Whatever database is asked for is reached as `user`, over `pool_size` connections.
    With an `address` it listens there as well, at PORT.

    StackError: there is none on this machine.
    """
    config = state.folder / "pgbouncer.ini"
    config.write_text(
        "[databases]\n"
        f"* = host={host} port={port} user={user}\n"
        "[pgbouncer]\n"
        "pool_mode = transaction\n"
        "auth_type = any\n"
        f"unix_socket_dir = {state.sockets}\n"
        f"listen_addr = {address}\n"
        f"listen_port = {PORT}\n"
        f"default_pool_size = {pool_size}\n"
        # The server that was used least recently is next: a client meets another one as often as can be.
        "server_round_robin = 1\n"
    )
    binary = system_program("PgBouncer", "pgbouncer")
    server = processes.start(
        "pgbouncer", [binary, config], os.environ, become=way_to_run(binary, state.sockets)
    )

    def answers() -> bool:
        try:
            psycopg.connect(
                host=str(state.sockets), port=PORT, user=user, dbname="postgres", connect_timeout=2
            ).close()
        except psycopg.OperationalError:
            return False  # not up yet; a server that died is noticed by Processes
        return True

    processes.wait_for(server, answers, START_S)
    return state.sockets
