"""CPU time and memory of process trees, from /proc (Linux)."""

import os
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

_TICK_S = 1 / os.sysconf("SC_CLK_TCK")
_PAGE_KB = os.sysconf("SC_PAGE_SIZE") / 1024


class Usage(NamedTuple):
    """Of a process and all below it: CPU seconds since they began, those of ended children too; resident kilobytes
    (memory that they share counts for each); how many there are."""

    cpu_s: float
    rss_kb: float
    processes: int


class Stat(NamedTuple):
    """What counts of a line in /proc/PID/stat."""

    pid: int
    parent: int
    ticks: int
    rss_pages: int


def parse_stat(line: str) -> Stat:
    """The name in parentheses may hold spaces and parentheses itself."""
    before, _, after = line.rpartition(")")
    fields = after.split()
    return Stat(
        pid=int(before.partition(" ")[0]),
        parent=int(fields[1]),
        ticks=sum(map(int, fields[11:15])),
        rss_pages=int(fields[21]),
    )


def usage_of(roots: Mapping[str, int], stats: Iterable[Stat]) -> dict[str, Usage]:
    """The usage of each named tree; `roots`: name → pid. A tree that is gone has used nothing."""
    by_pid: dict[int, Stat] = {}
    children: defaultdict[int, list[int]] = defaultdict(list)
    for stat in stats:
        by_pid[stat.pid] = stat
        children[stat.parent].append(stat.pid)

    def tree(pid: int) -> list[Stat]:
        if pid not in by_pid:
            return []
        return [by_pid[pid], *(each for child in children[pid] for each in tree(child))]

    def total(members: list[Stat]) -> Usage:
        return Usage(
            sum(each.ticks for each in members) * _TICK_S,
            sum(each.rss_pages for each in members) * _PAGE_KB,
            len(members),
        )

    return {name: total(tree(pid)) for name, pid in roots.items()}


def measure(roots: Mapping[str, int]) -> dict[str, Usage]:
    """As it is now."""
    return usage_of(roots, _all_processes()) if roots else {}


def _all_processes() -> Iterable[Stat]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                yield parse_stat((entry / "stat").read_text())
            except (FileNotFoundError, ProcessLookupError):
                continue  # it ended while we looked
