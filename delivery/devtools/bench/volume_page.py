"""What `make bench-volume` found: as data, and as the table of docs/performance.md."""

from collections.abc import Iterator

from msgspec import Struct

from delivery.devtools.bench.page import Machine, TableRow, judged, markdown

PACKAGES = ("django", "psycopg", "celery")

# What we mean to reach.
PAGE_S = 0.3
ROUND_S = 10.0
LESSON_MB = 200


class Reading(Struct, frozen=True):
    """A page, or a part of planning. `rows`: that PostgreSQL reads in large tables; `ways`: along which indexes."""

    what: str
    seconds: float
    rows: int
    ways: list[str]


class Round(Struct, frozen=True):
    """New ETAs of so many orders; `workers`: the processes that shared them."""

    orders: int
    drivers: int
    workers: int
    seconds: float


class Lesson(Struct, frozen=True):
    """Of orders of so many days; `megabytes`: of the process, at most."""

    seconds: float
    megabytes: float
    days: int


class Findings(Struct, frozen=True):
    orders: int
    fixes: int
    readings: list[Reading]
    rounds: list[Round]
    lesson: Lesson


class VolumeBench(Struct, frozen=True):
    machine: Machine
    findings: Findings


def table(bench: VolumeBench) -> str:
    headings = ["", "measured", "rows read", "along", "goal", ""]
    return "\n".join([bench.machine.described(), "", *markdown(headings, _rows(bench.findings))])


def _rows(found: Findings) -> Iterator[TableRow]:
    for one in found.readings:
        ways = ", ".join(one.ways)
        measured = f"{1000 * one.seconds:.0f} ms"
        yield judged(one.what, measured, f"{one.rows:,}", ways, "< 300 ms", reached=one.seconds < PAGE_S)
    slowest = max(found.rounds, key=lambda one: one.seconds)
    yield judged(
        f"ETAs of {slowest.orders:,} orders on {slowest.drivers:,} drivers, the slowest of {len(found.rounds)}",
        f"{slowest.seconds:.1f} s on {slowest.workers} processes",
        "",
        "",
        "≤ 10 s",
        reached=slowest.seconds <= ROUND_S,
    )
    lesson = found.lesson
    yield judged(
        f"the nightly lesson of {found.orders:,} orders",
        f"{lesson.megabytes:.0f} MB at most, {lesson.seconds:.0f} s",
        "",
        "",
        "< 200 MB",
        reached=lesson.megabytes < LESSON_MB,
    )
