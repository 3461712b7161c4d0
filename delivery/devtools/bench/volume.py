"""`make bench-volume`: a million orders, five million fixes, and what they make slow (delivery/devtools/volume/)."""

import os
from argparse import ArgumentParser
from collections.abc import Sequence

import msgspec

from delivery.devtools.bench import volume_page
from delivery.devtools.bench.options import parse
from delivery.devtools.bench.page import Machine, publish
from delivery.devtools.bench.volume_page import PACKAGES, Findings, VolumeBench
from delivery.devtools.stack.demo import worker
from delivery.devtools.stack.servers import MANAGE, for_libpq, start_servers
from delivery.devtools.stack.state import ROOT, default_folder, open_state
from delivery.errors import Interrupted
from delivery.processes import Processes

TABLE = "bench-volume"
ARTIFACT = ROOT / "artifacts" / "bench-volume.json"
SHORT = ["--orders", "20000", "--fixes", "50000", "--under-way", "40"]
WORKERS = 2


def bench_volume(arguments: Sequence[str]) -> int:
    """Measure; returns the exit status. StackError: a server does not start, or a part fails."""
    parser = ArgumentParser(prog="make bench-volume ARGS=…", allow_abbrev=False)
    options = parse(parser, arguments, short="some rows")
    load = os.getloadavg()[0]
    with open_state(default_folder() / "bench-volume") as state, Processes(state.logs) as processes:
        try:
            commands = [["migrate", "--no-input"], ["flush", "--no-input"], ["collectstatic", "--no-input"]]
            env = start_servers(processes, state, {"DEBUG": "false"}, commands, throwaway=True).env
            processes.start("worker", worker(WORKERS), env, stop_s=5)
            out = state.folder / "findings.json"
            sizes = SHORT if options.short else []
            processes.run("volume", [*MANAGE, "volume", *sizes, "--json", out], env, echo=True)
            findings = msgspec.json.decode(out.read_bytes(), type=Findings)
            machine = Machine.here(load, PACKAGES).with_servers(
                for_libpq(env["DATABASE_URL"]), env["REDIS_URL"], node=False
            )
        except Interrupted:
            return 130
    result = VolumeBench(machine, findings)
    publish(result, ARTIFACT, TABLE, volume_page.table(result), write=options.write)
    return 0
