"""docs/performance.md: what its tables, each written by a run of its own, have in common."""

import os
import platform
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import msgspec
import psycopg
import redis
from msgspec import Struct

from delivery.devtools.loadtest.report import Report
from delivery.devtools.stack.state import ROOT
from delivery.errors import StackError

PAGE = ROOT / "docs" / "performance.md"
FENCES_PAGE = ROOT / "docs" / "geofences.md"


class Machine(Struct, frozen=True):
    """Where and when. `load` is the load average of the last minute before: of a quiet machine it is near 0."""

    when: str
    load: float
    cpu: str
    cores: int
    memory_gib: float
    kernel: str
    python: str
    packages: dict[str, str]
    servers: dict[str, str] = {}

    @classmethod
    def here(cls, load: float, packages: Iterable[str]) -> "Machine":
        memory = re.search(r"MemTotal:\s+(\d+)", Path("/proc/meminfo").read_text())
        cpu = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text())
        return cls(
            when=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
            load=load,
            cpu=cpu[1] if cpu else platform.machine(),
            cores=len(os.sched_getaffinity(0)),
            memory_gib=int(memory[1]) / 2**20 if memory else 0.0,
            kernel=f"{platform.system()} {platform.release()}",
            python=platform.python_version(),
            packages={name: version(name) for name in packages},
        )

    def with_servers(self, database: str, redis_url: str, *, node: bool) -> "Machine":
        with psycopg.connect(database) as connection:
            row = connection.execute("SHOW server_version").fetchone()
        with redis.Redis.from_url(redis_url) as client:
            info = client.info("server")
        servers = {"PostgreSQL": str(row[0] if row else ""), "Valkey": str(info.get("valkey_version", "?"))}
        if node:
            program = shutil.which("node") or "node"
            output = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
            servers["Node"] = output.strip().removeprefix("v")
        return msgspec.structs.replace(self, servers=servers)

    def described(self) -> str:
        servers = ", ".join(f"{name} {number}" for name, number in self.servers.items())
        packages = ", ".join(f"{name} {number}" for name, number in self.packages.items())
        return (
            f"{self.when}, {self.cpu}, {self.cores} cores, {self.memory_gib:.1f} GiB, {self.kernel}; "
            f"load average before: {self.load:.2f}. Python {self.python}, {packages}; {servers}."
        )


type TableRow = Sequence[str]


def judged(*cells: str, reached: bool) -> TableRow:
    """What, the figures, the goal, and whether it was reached."""
    return *cells, "✓" if reached else "✗"


def markdown(headings: TableRow, rows: Iterable[TableRow]) -> Iterator[str]:
    """The lines of a table. What a row does not have is an empty cell, at its end too."""
    for number, cells in enumerate([headings, *rows]):
        padded = [*cells, *[""] * (len(headings) - len(cells))]
        yield "".join(f"| {cell} " if cell else "| " for cell in padded) + "|"
        if number == 0:
            yield "|" + "---|" * len(headings)


def doubts(runs: Mapping[str, Report]) -> Iterator[str]:
    """Lines about what takes the worth from the figures of a load test."""
    for name, report in runs.items():
        if not report.generator.trustworthy:
            yield f"\nDistrust “{name}”: the load generator was too busy."
        if faults := {**report.connecting.refused, **report.closes, **report.errors}:
            listed = ", ".join(f"{count} × {what}" for what, count in faults.items())
            yield f"\nDistrust “{name}”: {listed}."


def publish(result: Struct, artifact: Path, name: str, table: str, *, write: bool) -> None:
    """Everything into the artifact, the table onto the terminal and, to `write`, between its markers on the page."""
    artifact.parent.mkdir(exist_ok=True)
    artifact.write_bytes(msgspec.json.format(msgspec.json.encode(result)) + b"\n")
    print(f"\n{table}\n\nAll figures are in {artifact.relative_to(ROOT)}.")
    if write:
        PAGE.write_text(insert(PAGE.read_text(), name, table))


def insert(page: str, name: str, table: str) -> str:
    """The page with the table between the markers of this name. StackError: it has none."""
    first, last = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    before, begin, rest = page.partition(first)
    _, end, after = rest.partition(last)
    if not begin or not end:
        raise StackError(f"the page has no place for the table: put {first} and {last} into it")
    return f"{before}{first}\n{table}\n{last}{after}"
