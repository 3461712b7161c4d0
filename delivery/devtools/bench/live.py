"""`make bench`: a fixed series of load tests against servers of its own, as `artifacts/bench.json` and a table."""

import os
import shutil
import socket
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec
import psycopg
from psycopg import sql

from delivery.devtools.bench import live_page
from delivery.devtools.bench.beside import most_connections
from delivery.devtools.bench.live_page import Bench, Comparison, Storm
from delivery.devtools.bench.load_tests import READY_S, LoadTests, Server, free_port
from delivery.devtools.bench.options import parse
from delivery.devtools.bench.page import Machine, publish
from delivery.devtools.loadtest.report import Limit, Report
from delivery.devtools.loadtest.sockets import allow_files
from delivery.devtools.loadtest.targets import CustomerTarget, DriverTarget, Targets
from delivery.devtools.stack import valkey
from delivery.devtools.stack.postgres import NAME, PORT
from delivery.devtools.stack.progress import step
from delivery.devtools.stack.state import ROOT, StateFolder, default_folder, open_state
from delivery.errors import Interrupted, StackError
from delivery.processes import Processes

DRIVERS, ORDERS = 200, 80
#: At the limit each driver sends far more often than any app would.
MESSAGES_PER_S = 1000
OPEN_FILES = 8192

ARTIFACT = ROOT / "artifacts" / "bench.json"
TABLE = "bench"
PLAIN = "BENCH_PLAIN"
PLAIN_DATABASE = "plain"


@dataclass(frozen=True)
class Lengths:
    """Measured seconds."""

    headline: float
    steady: float
    trial: float
    idle: float
    turns: int


FULL = Lengths(headline=60, steady=20, trial=8, idle=10, turns=2)
SHORT = Lengths(headline=5, steady=3, trial=2, idle=2, turns=1)


def bench(arguments: Sequence[str]) -> int:
    """Run the series; returns the exit status. StackError: a server does not start, or a load test fails."""
    parser = ArgumentParser(prog="make bench ARGS=…", allow_abbrev=False)
    options = parse(parser, arguments, short="a few seconds each")
    allow_files(OPEN_FILES, or_fewer=True)
    plain = plain_folder(os.environ.get(PLAIN))
    with open_state(default_folder() / "bench") as state, Processes(state.logs) as processes:
        try:
            result = Series(processes, state, SHORT if options.short else FULL, plain).run()
        except Interrupted:
            return 130
    publish(result, ARTIFACT, TABLE, live_page.table(result), write=options.write)
    return 0


def plain_folder(named: str | None) -> Path | None:
    """StackError: there is no such server, or nothing to run it with."""
    if not named:
        return None
    folder = Path(named).expanduser().absolute()
    for needed in ("server.mjs", "seed-data.sh", "node_modules"):
        if not (folder / needed).exists():
            raise StackError(f"{PLAIN}={named} has no {needed}: name the plain server's folder, or unset it")
    for program in ("node", "psql"):
        if not shutil.which(program):
            raise StackError(f"the plain server needs {program}: install it, or unset {PLAIN}")
    return folder


class Series(LoadTests):
    """What `make bench` measures."""

    def __init__(
        self, processes: Processes, state: StateFolder, lengths: Lengths, plain: Path | None
    ) -> None:
        self.lengths, self.plain = lengths, plain
        self.machine = Machine.here(os.getloadavg()[0], live_page.PACKAGES)
        seed = ["--drivers", str(DRIVERS), "--orders", str(ORDERS), "--json", str(state.folder / "seed.json")]
        # What an earlier run left is in the way of equal conditions.
        commands = [[name, "--no-input"] for name in ("collectstatic", "migrate", "flush")]
        settings = {"SOCKET_MESSAGES_PER_S": str(MESSAGES_PER_S)}
        super().__init__(processes, state, settings, [*commands, ["seed", *seed]])

    def run(self) -> Bench:
        print(
            f"SOCKET_MESSAGES_PER_S={MESSAGES_PER_S}: at the limit each driver sends faster than any app",
            flush=True,
        )
        steady = {}
        with self.doorstep() as server:
            headline = self.load(
                "headline load",
                server,
                rate=DRIVERS / 5,
                dispatchers=5,
                seconds=self.lengths.headline,
                warmup=10,
            )
            steady[1] = self.steady("2,000 fixes/s, 1 process", server)
        with self.doorstep(2) as server:
            steady[2] = self.steady("2,000 fixes/s, 2 processes", server)
        with self.doorstep() as server:
            storm = self.storm(server)
        with self.doorstep() as server:
            self.load("first sockets", server, rate=0, drivers=10, customers=10, dispatchers=1, seconds=1)
            idle = self.load(
                "1,000 idle sockets", server, rate=0, customers=790, dispatchers=10, seconds=self.lengths.idle
            )
        ours, theirs = self.in_turn()
        node = self.plain is not None
        return Bench(
            machine=self.machine.with_servers(self.database, self.env["REDIS_URL"], node=node),
            messages_per_s=MESSAGES_PER_S,
            headline=headline,
            steady=steady,
            storm=storm,
            idle=idle,
            doorstep=ours,
            plain=theirs,
        )

    def in_turn(self) -> tuple[Comparison, Comparison | None]:
        """Doorstep and, if there is one, the plain server."""
        ours, theirs = Comparison([], []), Comparison([], [])
        targets = self.seed_plain(self.plain) if self.plain else None
        for turn in range(1, self.lengths.turns + 1):
            with self.doorstep() as server:
                self.compare(f"Doorstep, turn {turn}", server, 2000, ours)
            if self.plain and targets:
                with self.plain_server(self.plain, targets) as server:
                    self.compare(f"plain server, turn {turn}", server, 500, theirs)
        return ours, theirs if self.plain else None

    def compare(self, name: str, server: Server, first: float, comparison: Comparison) -> None:
        equal, dispatchers, seconds = live_page.EQUAL_RATE, 10, self.lengths.trial
        comparison.equal.append(
            self.load(f"{name}: equal load", server, rate=equal, dispatchers=dispatchers, seconds=seconds)
        )
        comparison.limits.append(
            self.measure(
                f"{name}: limit",
                server,
                Limit,
                "--find-limit",
                rate=first,
                dispatchers=dispatchers,
                seconds=seconds,
            )
        )

    def steady(self, name: str, server: Server) -> Report:
        return self.load(name, server, rate=2000, dispatchers=10, seconds=self.lengths.steady)

    def storm(self, server: Server) -> Storm:
        """What comes back at once to a server that has just started, with the sessions of before."""
        with most_connections(self.database) as most:
            report = self.measure(
                "500 sockets at once",
                server,
                Report,
                "--at-once",
                rate=0,
                customers=290,
                dispatchers=10,
                seconds=1,
            )
        return Storm(report, most[0])

    @contextmanager
    def plain_server(self, folder: Path, targets: Path) -> Iterator[Server]:
        port, redis_port = free_port(), free_port()
        env = os.environ | {
            "PORT": str(port),
            "DATABASE_URL": self.plain_database(),
            "REDIS_URL": f"redis://127.0.0.1:{redis_port}",
        }
        store = [
            "--bind",
            "127.0.0.1",
            "--port",
            str(redis_port),
            "--save",
            "",
            "--dir",
            str(self.state.folder),
        ]
        with self.stopped_at_the_end():
            redis = self.processes.start("plain-valkey", [valkey.program(), *store], os.environ)
            self.processes.wait_for(redis, lambda: listens(redis_port), READY_S)
            node = self.processes.start("plain", ["node", folder / "server.mjs"], env)
            self.processes.wait_for(node, lambda: listens(port), READY_S)
            roots = self.pids("plain", "plain-valkey", "postgres")
            yield Server(f"ws://127.0.0.1:{port}", "plain", targets, roots)

    def plain_database(self) -> str:
        """Its URL as node reads it too."""
        return f"postgres://{NAME}@/{PLAIN_DATABASE}?host={self.state.sockets}&port={PORT}"

    def seed_plain(self, folder: Path) -> Path:
        """A database of its own, filled by the folder's own script; returns the targets. StackError: that failed."""
        with step("seed of the plain server"):
            with psycopg.connect(self.database, autocommit=True) as connection:
                name = sql.Identifier(PLAIN_DATABASE)
                connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))
                connection.execute(sql.SQL("CREATE DATABASE {}").format(name))
            out = self.state.folder / "plain"
            env = os.environ | {"DATABASE_URL": self.plain_database()}
            command = ["bash", str(folder / "seed-data.sh"), str(out), str(DRIVERS), str(ORDERS)]
            self.processes.run("plain-seed", command, env)
        drivers = [DriverTarget(id=line) for line in (out / "drivers.txt").read_text().split()]
        pairs = [line.split() for line in (out / "customers.txt").read_text().splitlines()]
        customers = [CustomerTarget(token=token, driver_id=driver) for token, driver in pairs]
        targets = out / "targets.json"
        targets.write_bytes(msgspec.json.encode(Targets(drivers, customers)))
        return targets


def listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False  # not up yet; a process that died is noticed by Processes
    return True
