"""`make evening`: a whole Doorstep of its own, and a simulated evening on it with all that goes wrong. The verdict is
whether each order is over, or says what is wrong with it.
"""

import subprocess
from argparse import ArgumentParser
from collections.abc import Sequence

from delivery.devtools.stack.demo import Fleet, start
from delivery.devtools.stack.servers import MANAGE
from delivery.devtools.stack.state import default_folder, open_state
from delivery.errors import Interrupted
from delivery.osrm_server import free_port
from delivery.processes import Processes


def evening(arguments: Sequence[str]) -> int:
    """Runs it in real time; returns the exit status, which is 0 where it ended well."""
    parser = ArgumentParser(prog="make evening ARGS=…", allow_abbrev=False)
    parser.add_argument("--orders", type=int, default=1000, help="how many (default 1000)")
    parser.add_argument("--drivers", type=int, default=250, help="how many (default 250)")
    parser.add_argument("--orders-per-hour", type=float, default=2400.0, help="default 2400")
    parser.add_argument("--seed", type=int, help="for the same random choices in each run")
    options = parser.parse_args(arguments)
    size = ["--drivers", options.drivers, "--orders-per-hour", options.orders_per_hour]
    if options.seed is not None:
        size += ["--seed", options.seed]
    with open_state(default_folder() / "evening") as state, Processes(state.logs) as processes:
        port = free_port()
        try:
            servers = start(processes, state, port, Fleet(0, 0))
            command = [*MANAGE, "simulate", "--mishaps", "--orders", options.orders, *size]
            simulated = subprocess.run([str(word) for word in command], env=servers.env, check=False)
        except Interrupted:
            return 130
    return simulated.returncode
