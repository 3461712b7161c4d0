"""Load tests against a Doorstep whose web processes, worker and beat start anew each time, beside its stores."""

import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from delivery.devtools.loadtest.report import Limit, Report
from delivery.devtools.stack.demo import answers_ok, celery, web, worker
from delivery.devtools.stack.progress import step
from delivery.devtools.stack.servers import MANAGE, for_libpq, start_servers
from delivery.devtools.stack.state import StateFolder
from delivery.errors import ChildDied
from delivery.processes import Child, Processes

READY_S = 60
#: Processes of the worker.
WORKERS = 2


@dataclass(frozen=True)
class Server:
    """One that is running. `roots`: name → pid of the process trees to measure."""

    url: str
    dialect: str
    targets: Path
    roots: dict[str, int]


class LoadTests:
    """One after the other; only the server that is measured runs, beside its stores. `seeded`: whom they play."""

    def __init__(
        self,
        processes: Processes,
        state: StateFolder,
        settings: Mapping[str, str],
        commands: Sequence[Sequence[str]],
    ) -> None:
        """Starts the stores and runs the Django commands. StackError: a server does not start."""
        self.processes, self.state = processes, state
        self.port = free_port()
        self.seeded = state.folder / "seed.json"
        own = {
            "DEBUG": "false",
            "PORT": str(self.port),
            "PUBLIC_URL": f"http://127.0.0.1:{self.port}",
            "ALLOWED_HOSTS": "localhost,127.0.0.1",
        }
        self.env = start_servers(processes, state, {**own, **settings}, commands, throwaway=True).env
        self.database = for_libpq(self.env["DATABASE_URL"])

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
            jobs = self.processes.start("worker", worker(WORKERS), self.env, stop_s=5)
            beat = self.processes.start("beat", celery("beat", "--schedule", schedule), self.env)
            # Their own start takes more CPU than all that comes after it.
            self.processes.wait_for(jobs, lambda: has_logged(jobs, " ready."), READY_S)
            self.processes.wait_for(beat, lambda: has_logged(beat, "beat: Starting"), READY_S)
            names = ["web", "valkey", "postgres", "worker", "beat", "osrm"]
            yield Server(f"ws://127.0.0.1:{self.port}", "doorstep", self.seeded, self.pids(*names))

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


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def has_logged(child: Child, text: str) -> bool:
    return text in child.log.read_text(errors="replace")
