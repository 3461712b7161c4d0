"""`make bench-routing`: the planner and the ETAs, each beside what they have to beat.

What is measured, and the rulers (VROOM, the simulated week, crowded moments), are those of the tests:
tests/routing/bench/, run in a process of its own as pytest is. No production code needs any of it.
"""

import os
import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path

import msgspec

from delivery.devtools.bench import routing_page
from delivery.devtools.bench.options import parse
from delivery.devtools.bench.page import Machine, publish
from delivery.devtools.bench.routing_page import PACKAGES, Findings, RoutingBench
from delivery.devtools.replay.tables import BadTable
from delivery.devtools.replay.towns import denver_requests, read_requests
from delivery.devtools.stack.servers import for_libpq, start_servers
from delivery.devtools.stack.state import ROOT, default_folder, open_state
from delivery.errors import Interrupted, StackError
from delivery.processes import Processes

TABLE = "bench-routing"
ARTIFACT = ROOT / "artifacts" / "bench-routing.json"
VROOM_S = 60.0


def bench_routing(arguments: Sequence[str]) -> int:
    """Measure; returns the exit status. StackError: a server does not start, there is no demand, a part fails."""
    parser = ArgumentParser(prog="make bench-routing ARGS=…", allow_abbrev=False)
    parser.add_argument(
        "--vroom-seconds",
        type=float,
        default=VROOM_S,
        metavar="S",
        help=f"for each tour, at most (default {VROOM_S:g})",
    )
    parser.add_argument(
        "--requests",
        type=Path,
        metavar="FILE.csv",
        help="other trips than those of nrel.hive, with its columns",
    )
    options = parse(parser, arguments, short="a little of each part")
    try:
        requests = (options.requests or denver_requests()).absolute()
        read_requests(requests)
    except BadTable as error:
        raise StackError(f"{error}") from error
    load = os.getloadavg()[0]
    with open_state(default_folder() / "bench") as state, Processes(state.logs) as processes:
        try:
            # What an earlier run left is in the way of equal conditions.
            commands = [["migrate", "--no-input"], ["flush", "--no-input"]]
            env = start_servers(processes, state, {"DEBUG": "false"}, commands, throwaway=True).env
            out = state.folder / "findings.json"
            command = [sys.executable, "-m", "tests.routing.bench", str(requests), str(out)]
            command += [f"--vroom-seconds={options.vroom_seconds}", *(["--short"] if options.short else [])]
            processes.run("bench-routing", command, env, echo=True)
            findings = msgspec.json.decode(out.read_bytes(), type=Findings)
            packages = [*PACKAGES, *(["pyvroom"] if findings.vroom else [])]
            machine = Machine.here(load, packages).with_servers(
                for_libpq(env["DATABASE_URL"]), env["REDIS_URL"], node=False
            )
        except Interrupted:
            return 130
    result = RoutingBench(machine, findings)
    publish(result, ARTIFACT, TABLE, routing_page.table(result), write=options.write)
    return 0
