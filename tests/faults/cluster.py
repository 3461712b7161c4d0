"""The whole of Doorstep on servers of its own, any part of which can be killed, wiped and started again."""

import asyncio
import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import psycopg
import redis
import requests

from delivery import osrm_server
from delivery.devtools.stack import postgres, valkey
from delivery.devtools.stack.demo import answers_ok, celery, web, worker
from delivery.devtools.stack.servers import for_libpq
from delivery.devtools.stack.state import StateFolder, open_state
from delivery.osrm_server import accepts, free_port
from delivery.processes import Child, Processes
from tests.faults.office import Office
from tests.waiting import wait_until

READY_S = 30.0
#: What thousands of stories asked of the one worker is worked off by then, or has expired.
WHOLE_S = 90.0
POLL_S = 0.05
#: Between two counts of connections.
SAMPLE_S = 0.02
#: A socket's state in /proc/net/tcp.
LISTENS = "0A"
INSTANCE = "faults"
USERNAME, PASSWORD = "dispatcher", "under-faults"
#: What a worker logs that falls over a flaw of kombu's: when Redis dies while kombu connects, closing that connection
#: fails on an attribute, which ends the worker.
KOMBU_FLAW = "Unrecoverable error: AttributeError"

type Part = Literal["postgres", "valkey", "osrm", "web-1", "web-2", "worker", "beat"]
PARTS: tuple[Part, ...] = ("postgres", "valkey", "osrm", "web-1", "web-2", "worker", "beat")


@dataclass
class Cluster:
    """What runs. `urls`: the web processes, each by its own address, such as http://127.0.0.1:8000."""

    state: StateFolder
    processes: Processes
    env: dict[str, str]
    urls: list[str] = field(default_factory=list)
    children: dict[Part, Child] = field(default_factory=dict)
    down: set[Part] = field(default_factory=set)
    #: How often the worker has fallen over kombu's flaw.
    falls: int = 0
    office: Office = field(init=False, repr=False)

    # ------------------------------------------------------------------------------------------ the faults

    def kill(self, part: Part) -> None:
        """SIGKILL to all processes of a part. Valkey keeps nothing; PostgreSQL has to recover."""
        child = self.children[part]
        # Each of PostgreSQL's processes has a session of its own.
        family = [child.process.pid, *descendants(child.process.pid)]
        self.processes.kill(child)
        self.down.add(part)
        for pid in family:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        deadline = time.monotonic() + READY_S
        while any(runs(pid) for pid in family):
            assert time.monotonic() < deadline, f"{part} outlives SIGKILL"
            time.sleep(0.005)

    def stop(self, part: Part) -> None:
        """As its supervisor would, in good order."""
        child = self.children[part]
        child.stop()
        self.processes.kill(child)
        self.down.add(part)

    def start(self, part: Part) -> None:
        """Starts a part that was killed, where it was before, as its supervisor would; does not wait for it."""
        if part == "postgres":
            (self.state.folder / "postgres" / "postmaster.pid").unlink(missing_ok=True)
        self.children[part] = self.processes.restart(self.children[part])
        self.down.discard(part)

    async def up(self, part: Part, seconds: float = READY_S) -> None:
        """Waits until a part answers."""
        deadline = time.monotonic() + seconds
        while not await asyncio.to_thread(self.answers, part):
            assert time.monotonic() < deadline, f"{part} is not back after {seconds:g} s"
            await asyncio.sleep(POLL_S)

    @contextmanager
    def without(self, part: Part) -> Iterator[None]:
        """The part is dead while the block runs, and started at its end."""
        self.kill(part)
        try:
            yield
        finally:
            self.start(part)

    @contextmanager
    def read_only(self) -> Iterator[None]:
        """PostgreSQL takes no writes of any connection while the block runs, as a standby before it is promoted."""
        self._set("default_transaction_read_only = on")
        try:
            yield
        finally:
            self._set("default_transaction_read_only = off")

    def _set(self, setting: str) -> None:
        with psycopg.connect(for_libpq(self.env["DATABASE_URL"]), autocommit=True) as connection:
            connection.execute("SET default_transaction_read_only = off")
            connection.execute(f"ALTER SYSTEM SET {setting}")
            connection.execute("SELECT pg_reload_conf()")

    # ------------------------------------------------------------------------------------------- its state

    def answers(self, part: Part) -> bool:
        match part:
            case "postgres":
                return postgres.database_is_there(self.state.sockets)
            case "valkey":
                try:
                    with redis.Redis.from_url(self.env["REDIS_URL"], socket_timeout=2) as client:
                        return bool(client.ping())
                except redis.RedisError:
                    return False
            case "osrm":
                return accepts(int(self.env["OSRM_URL"].rpartition(":")[2]))
            case "web-1" | "web-2":
                return answers_ok(self.urls[int(part[-1]) - 1] + "/healthz")
            case "worker" | "beat":
                return self.children[part].process.poll() is None

    def supervise(self) -> None:
        """Starts a worker again that fell over a flaw of kombu's, as whoever runs it would (see the README)."""
        worker = self.children["worker"]
        if "worker" in self.down or worker.process.poll() is None:
            return
        # All of its log: what its child was at may go on for pages after it.
        falls = worker.log.read_text(errors="replace").count(KOMBU_FLAW)
        if falls > self.falls:
            self.falls = falls
            self.kill("worker")
            self.start("worker")

    async def keep_the_worker_alive(self) -> None:
        """What its supervisor does."""
        while True:
            self.supervise()
            await asyncio.sleep(0.5)

    def make_whole(self) -> None:
        """Starts what a test has left dead, and waits until the web processes say that all is there."""
        if "worker" in self.children:
            self.supervise()
        for part in PARTS:
            if part in self.down:
                self.start(part)
        deadline = time.monotonic() + WHOLE_S
        while True:
            try:
                return self.check_ready()
            except (AssertionError, requests.RequestException):
                if time.monotonic() > deadline:
                    raise
            time.sleep(POLL_S)

    def forget_everybody(self) -> None:
        """Empties the domain's tables: thousands of drivers of earlier stories are not what is to be measured."""
        wait_until(self._truncated, "the tables are empty")

    def _truncated(self) -> bool:
        with psycopg.connect(for_libpq(self.env["DATABASE_URL"]), autocommit=True) as connection:
            try:
                connection.execute("TRUNCATE cities, restaurants, drivers, orders, location_history CASCADE")
            except psycopg.errors.DeadlockDetected:
                return False  # the jobs, which go on, had locked the same tables in another order
        return True

    def ended(self) -> list[str]:
        """What has ended by itself, with its last words."""
        self.supervise()
        return [
            child.died().args[0]
            for part, child in self.children.items()
            if part not in self.down and child.process.poll() is not None
        ]

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """The rows of a query; psycopg.OperationalError while PostgreSQL is away."""
        with psycopg.connect(for_libpq(self.env["DATABASE_URL"]), autocommit=True) as connection:
            return connection.execute(query, values).fetchall()

    async def count_connections(self, counts: list[int]) -> None:
        """Those of others to PostgreSQL, again and again."""
        url = for_libpq(self.env["DATABASE_URL"])
        async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
            while True:
                cursor = await connection.execute(
                    "SELECT count(*) FROM pg_stat_activity"
                    " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
                )
                (count,) = await cursor.fetchone() or (0,)
                counts.append(count)
                await asyncio.sleep(SAMPLE_S)

    def ready(self, url: str) -> int:
        """The status of a web process's /readyz; 0 while it does not answer."""
        try:
            return requests.get(url + "/readyz", timeout=5).status_code
        except requests.RequestException:
            return 0

    def check_ready(self) -> None:
        """AssertionError: what a web process says that it lacks."""
        for url in self.urls:
            answer = requests.get(url + "/readyz", timeout=5)
            assert answer.status_code == 200, f"{url}: {answer.text}"

    def tracebacks(self) -> dict[str, int]:
        """How many each web process has logged so far."""
        mark = "Traceback (most recent call last)"
        return {
            part: self.children[part].log.read_text(errors="replace").count(mark)
            for part in ("web-1", "web-2")
        }

    def descriptors(self, part: Part) -> Counter[str]:
        """The open descriptors of a part's first process by what they lead to: "client" (a connection to its own
        port), "tcp", "unix", or what the kernel calls it.
        """
        process = Path(f"/proc/{self.children[part].process.pid}")
        sockets = {}
        for line in (process / "net/unix").read_text().splitlines()[1:]:
            sockets[line.split()[6]] = "unix"
        port = (
            f":{int(self.urls[int(part[-1]) - 1].rpartition(':')[2]):04X}" if part.startswith("web") else ""
        )
        for line in (process / "net/tcp").read_text().splitlines()[1:]:
            _, local, _, state, *_, inode = line.split()[:10]
            sockets[inode] = "client" if local.endswith(port) and port and state != LISTENS else "tcp"
        kinds: Counter[str] = Counter()
        for descriptor in (process / "fd").iterdir():
            with suppress(FileNotFoundError):  # closed meanwhile
                kind, _, number = os.readlink(descriptor).partition(":")
                kinds[sockets.get(number.strip("[]"), "socket") if kind == "socket" else kind] += 1
        return kinds

    def memory(self, part: Part) -> int:
        """Resident bytes of a part's first process."""
        status = Path(f"/proc/{self.children[part].process.pid}/status").read_text()
        (kb,) = (line.split()[1] for line in status.splitlines() if line.startswith("VmRSS"))
        return int(kb) * 1024


@contextmanager
def running_cluster(folder: Path) -> Iterator[Cluster]:
    """Everything started, with an empty database, on the roads that the suite has built."""
    with open_state(folder) as state:
        # Not entered as a context: a Ctrl-C is pytest's to handle.
        cluster = Cluster(state, Processes(state.logs), dict(os.environ))
        try:
            _start_servers(cluster)
            with closing(Office(cluster.env)) as cluster.office:
                _start_doorstep(cluster)
                yield cluster
        finally:
            for part in cluster.children.keys() - cluster.down:
                cluster.kill(part)
            cluster.processes.stop()  # what was still starting


def _start_servers(cluster: Cluster) -> None:
    state, processes, env, children = cluster.state, cluster.processes, cluster.env, cluster.children
    # One, however its processes reach the database.
    env["INSTANCE_NAME"] = INSTANCE
    # A story is over in less than two minutes.
    env["GEOFENCE_MIN_VISIT_S"] = "25"
    # A platform's server is on this machine, too.
    env["WEBHOOKS_ALLOW_PRIVATE"] = "true"
    # Real durability: what a throwaway PostgreSQL leaves out is what a crash is about.
    env["DATABASE_URL"] = postgres.start(processes, state)
    children["postgres"] = processes.children[-1]
    env["REDIS_URL"] = valkey.start(processes, state, throwaway=True)
    children["valkey"] = processes.children[-1]
    env["OSRM_URL"] = osrm_server.start(processes, Path(env["DOORSTEP_STATE"]) / "roads").url
    children["osrm"] = processes.children[-1]


def _start_doorstep(cluster: Cluster) -> None:
    def start(part: Part, command: list[str]) -> None:
        cluster.children[part] = cluster.processes.start(part, command, cluster.env)

    cluster.office.migrate()
    cluster.office.dispatcher(USERNAME, PASSWORD)
    webs: tuple[Part, ...] = ("web-1", "web-2")
    for part in webs:
        port = free_port()
        cluster.urls.append(f"http://127.0.0.1:{port}")
        start(part, web(port))
    cluster.make_whole()
    start("worker", worker(1))
    start("beat", celery("beat", "--schedule", str(cluster.state.folder / "schedule")))


def descendants(pid: int) -> list[int]:
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            for child in map(int, task.read_text().split()):
                found += [child, *descendants(child)]
    return found


def runs(pid: int) -> bool:
    """Whether a process runs: one that waits to be reaped does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def sign_in(cluster: Cluster, username: str = USERNAME, password: str = PASSWORD) -> str:
    """A user's Cookie header; without a name the dispatcher's."""
    with requests.Session() as browser:
        page = cluster.urls[0] + "/admin/login/"
        browser.get(page, timeout=10)
        form = {
            "username": username,
            "password": password,
            "csrfmiddlewaretoken": browser.cookies["csrftoken"],
        }
        answer = browser.post(page, form, headers={"Referer": page}, timeout=10, allow_redirects=False)
        assert answer.status_code == 302, answer.text
        return f"sessionid={browser.cookies['sessionid']}"
