"""`make bench`: a fixed series of load tests against servers of its own, as `artifacts/bench.json` and a table."""

import os
import resource
import shutil
import socket
import threading
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec
import psycopg
from psycopg import sql

from delivery.devtools.bench import live_page
from delivery.devtools.bench.live_page import Bench, Comparison, Storm
from delivery.devtools.bench.options import parse
from delivery.devtools.bench.page import Machine, publish
from delivery.devtools.loadtest.report import Limit, Report
from delivery.devtools.loadtest.targets import CustomerTarget, DriverTarget, Targets
from delivery.devtools.stack import valkey
from delivery.devtools.stack.demo import answers_ok, celery, web, worker
from delivery.devtools.stack.postgres import NAME, PORT
from delivery.devtools.stack.progress import step
from delivery.devtools.stack.servers import MANAGE, for_libpq, start_servers
from delivery.devtools.stack.state import ROOT, StateFolder, default_folder, open_state
from delivery.errors import ChildDied, Interrupted, StackError
from delivery.processes import Child, Processes

DRIVERS, ORDERS = 200, 80
#: At the limit each driver sends far more often than any app would.
MESSAGES_PER_S = 1000
OPEN_FILES = 8192
READY_S = 60
SAMPLE_S = 0.05

ARTIFACT = ROOT / "artifacts" / "bench.json"
TABLE = "bench"
PLAIN = "BENCH_PLAIN"
PLAIN_DATABASE = "plain"

#: Ours alone: other databases and our own look at them don't count.
CONNECTIONS = """
    SELECT count(*) FROM pg_stat_activity
    WHERE backend_type = 'client backend' AND datname = current_database() AND pid <> pg_backend_pid()
"""


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


@dataclass(frozen=True)
class Server:
    """One that is running. `roots`: name → pid of the process trees to measure."""

    url: str
    dialect: str
    targets: Path
    roots: dict[str, int]


def bench(arguments: Sequence[str]) -> int:
    """Run the series; returns the exit status. StackError: a server does not start, or a load test fails."""
    parser = ArgumentParser(prog="make bench ARGS=…", allow_abbrev=False)
    options = parse(parser, arguments, short="a few seconds each")
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (OPEN_FILES if hard < 0 else min(OPEN_FILES, hard), hard))
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


class Series:
    """The load tests, one after the other; only the server that is measured runs, beside its stores."""

    def __init__(
        self, processes: Processes, state: StateFolder, lengths: Lengths, plain: Path | None
    ) -> None:
        self.processes, self.state, self.lengths, self.plain = processes, state, lengths, plain
        self.port = free_port()
        self.seeded = state.folder / "seed.json"
        settings = {
            "DEBUG": "false",
            "PORT": str(self.port),
            "PUBLIC_URL": f"http://127.0.0.1:{self.port}",
            "ALLOWED_HOSTS": "localhost,127.0.0.1",
            "SOCKET_MESSAGES_PER_S": str(MESSAGES_PER_S),
        }
        seed = ["--drivers", str(DRIVERS), "--orders", str(ORDERS), "--json", str(self.seeded)]
        # What an earlier run left is in the way of equal conditions.
        commands = [[name, "--no-input"] for name in ("collectstatic", "migrate", "flush")] + [
            ["seed", *seed]
        ]
        self.machine = Machine.here(os.getloadavg()[0], live_page.PACKAGES)
        self.env = start_servers(processes, state, settings, commands, throwaway=True).env
        self.database = for_libpq(self.env["DATABASE_URL"])

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

    # --------------------------------------------------------------------------------------- one load test

    def load(self, name: str, server: Server, **options: float) -> Report:
        return self.measure(name, server, Report, **options)

    def measure[T: (Report, Limit)](
        self, name: str, server: Server, kind: type[T], *flags: str, **options: float
    ) -> T:
        """StackError: the load test failed. Sockets that were not let in are told in the report."""
        out = self.state.folder / "report.json"
        command = [*MANAGE, "loadtest", "--url", server.url, "--dialect", server.dialect, *flags]
        command += ["--targets", str(server.targets), "--json", str(out)]
        command += [f"--{option}={value}" for option, value in options.items()]
        command += [f"--process={root}={pid}" for root, pid in server.roots.items()]
        out.unlink(missing_ok=True)
        with step(name):
            try:
                self.processes.run("loadtest", command, self.env)
            except ChildDied:
                if not out.exists():
                    raise
        return msgspec.json.decode(out.read_bytes(), type=kind)

    # --------------------------------------------------------------------------------------------- servers

    @contextmanager
    def doorstep(self, processes: int = 1) -> Iterator[Server]:
        schedule = str(self.state.folder / "celerybeat-schedule")
        with self.stopped_at_the_end():
            server = self.processes.start("web", web(self.port, processes), self.env)
            ready = self.env["PUBLIC_URL"] + "/readyz"
            self.processes.wait_for(server, lambda: answers_ok(ready), READY_S)
            jobs = self.processes.start("worker", worker(2), self.env, stop_s=5)
            beat = self.processes.start("beat", celery("beat", "--schedule", schedule), self.env)
            # Their own start takes more CPU than all that comes after it.
            self.processes.wait_for(jobs, lambda: has_logged(jobs, " ready."), READY_S)
            self.processes.wait_for(beat, lambda: has_logged(beat, "beat: Starting"), READY_S)
            names = ["web", "valkey", "postgres", "worker", "beat", "osrm"]
            yield Server(f"ws://127.0.0.1:{self.port}", "doorstep", self.seeded, self.pids(*names))

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

    @contextmanager
    def stopped_at_the_end(self) -> Iterator[None]:
        before = len(self.processes.children)
        try:
            yield
        finally:
            while len(self.processes.children) > before:
                self.processes.children.pop().stop()

    def pids(self, *names: str) -> dict[str, int]:
        by_name: dict[str, Child] = {child.name: child for child in self.processes.children}
        return {name: by_name[name].process.pid for name in names}

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


@contextmanager
def most_connections(database: str) -> Iterator[list[int]]:
    """Looks at the connections of a database while the block runs; the list's one item is the most there were."""
    most, ended = [0], threading.Event()

    def look() -> None:
        with psycopg.connect(database, autocommit=True) as connection:
            while True:
                row = connection.execute(CONNECTIONS).fetchone()
                most[0] = max(most[0], row[0] if row else 0)
                if ended.wait(SAMPLE_S):
                    return

    looking = threading.Thread(target=look)
    looking.start()
    try:
        yield most
    finally:
        ended.set()
        looking.join()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def has_logged(child: Child, text: str) -> bool:
    return text in child.log.read_text(errors="replace")


def listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False  # not up yet; a process that died is noticed by Processes
    return True
