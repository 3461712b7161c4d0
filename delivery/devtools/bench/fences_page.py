"""What `make bench-fences` found: as data, and as the tables of docs/geofences.md."""

from collections.abc import Iterator, Sequence
from statistics import median

from msgspec import Struct

from delivery.devtools.bench.page import TableRow, judged, markdown

# What we mean to reach of a phone that sends every GOAL_EVERY_S.
GOAL_EVERY_S = 5
FOUND = 41 / 42
TAKEN = 0.03
DELAY_S = 30.0


class Replays(Struct, frozen=True):
    """All places, as one kind of phone shows them to fences so wide. Counts of places; `delays_s`: from standing to
    the arrival, of each visit that was seen. `taken`: an order would have been picked up; `believed`: an arrival was
    seen, and taken back later.
    """

    radius_m: float
    every_s: int
    knows_speed: bool
    error_m: float
    visits: int
    visits_found: int
    delays_s: list[float]
    halts: int
    halts_taken: int
    halts_believed: int
    passes: int
    passes_taken: int
    passes_believed: int


class Spikes(Struct, frozen=True):
    """Visits with two wrong fixes one after the other, `spike_m` off; `exits`: seen while the driver was there."""

    every_s: int
    knows_speed: bool
    spike_m: float
    visits: int
    exits: int


class Fences(Struct, frozen=True):
    drives: list[str]
    hours: float
    replays: list[Replays]
    spikes: list[Spikes]


def table(found: Fences) -> str:
    places = found.replays[0]
    return "\n".join(
        [
            f"{len(found.drives)} recorded drives ({', '.join(found.drives)}), {found.hours:.1f} hours: "
            f"{places.visits} visits, {places.halts} halts, {places.passes} places that were only passed.",
            "",
            *markdown(
                ["fence", "fixes", "σ of errors", "visits found", "arrival seen after", "halts taken for visits",
                 "passes taken", "arrivals taken back: halts, passes", ""],
                _replays(found.replays),
            ),
            "",
            *markdown(["two wrong fixes in a row", "visits", "false exits", ""], _spikes(found.spikes)),
        ]
    )  # fmt: skip


def _replays(replays: Sequence[Replays]) -> Iterator[TableRow]:
    for one in replays:
        cells = (
            f"{one.radius_m:g} m",
            _fixes(one.every_s, knows_speed=one.knows_speed),
            f"{one.error_m:g} m" if one.error_m else "as recorded",
            f"{one.visits_found} of {one.visits}",
            f"{median(one.delays_s):.0f} s" if one.delays_s else "",
            f"{one.halts_taken} of {one.halts}",
            f"{one.passes_taken} of {one.passes}",
            f"{one.halts_believed}, {one.passes_believed}",
        )
        yield (
            judged(*cells, reached=_reached(one))
            if one.every_s == GOAL_EVERY_S and not one.error_m
            else cells
        )


def _reached(one: Replays) -> bool:
    return (
        one.visits_found >= FOUND * one.visits
        and one.halts_taken <= TAKEN * one.halts
        and one.passes_taken == 0
        and median(one.delays_s) <= DELAY_S
    )


def _spikes(spikes: Sequence[Spikes]) -> Iterator[TableRow]:
    for one in spikes:
        fixes = _fixes(one.every_s, knows_speed=one.knows_speed)
        yield judged(
            f"{one.spike_m:g} m off, {fixes}", str(one.visits), str(one.exits), reached=not one.exits
        )


def _fixes(every_s: int, *, knows_speed: bool) -> str:
    return f"every {every_s} s, " + ("with speed and accuracy" if knows_speed else "only where")
