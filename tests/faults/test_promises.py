"""The checks themselves: each broken promise is found, and what is in order passes."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.faults import promises
from tests.faults.clients import Frame
from tests.faults.office import DriverRow

ANN = "ann"
#: Fixes 0 to 11 were sent; of ten acknowledged ones the first, every fifth and the last were kept.
KEPT = [0, 5, 9]


@dataclass
class Tables:
    """What the database says, by query."""

    answers: dict[str, list[tuple[Any, ...]]]

    def rows(self, query: str, *_: object) -> list[tuple[Any, ...]]:
        return self.answers[query]


@dataclass
class Sent:
    driver: DriverRow = field(default_factory=lambda: DriverRow(ANN, "token"))
    fixes: list[Frame] = field(
        default_factory=lambda: [{"ts": ts, "lat": ts / 10, "lng": 0.0} for ts in range(12)]
    )
    acked: int = 10


def history(kept: list[int], newest: int = 9, changed: tuple[int, ...] = ()) -> Tables:
    return Tables(
        {
            promises._HISTORY: [(ANN, ts, ts / 10, 0.0) for ts in kept],
            promises._ROWS: [(ANN, newest)],
            promises._BY_GEOFENCE: [(ANN, ts, "driver_at_restaurant") for ts in changed],
        }
    )


def test_a_whole_history_passes() -> None:
    promises.history_is_kept(history(KEPT, changed=(5,)), [Sent()])
    promises.history_is_kept(history([*KEPT, 10, 11], newest=11), [Sent()])


@pytest.mark.parametrize(
    ("tables", "broken"),
    [
        (history([0, 5, 5, 9]), "twice"),
        (history([0, 5, 9, 12]), "never sent"),
        (history([5, 9]), "lacks the first"),
        (history([0, 5]), "lacks the last"),
        (history([0, 9]), "lacks 5 acked fixes in a row"),
        (history(KEPT, newest=8), "row is older"),
        (history(KEPT, changed=(4,)), "lacks the fix that made"),
    ],
)
def test_a_broken_history_is_found(tables: Tables, broken: str) -> None:
    with pytest.raises(AssertionError, match=broken):
        promises.history_is_kept(tables, [Sent()])


def timeline(*steps: str, status: str | None = None) -> Tables:
    before = [None, *steps]
    final = status or steps[-1]
    return Tables(
        {promises._EVENTS: [("order", a, b, final) for a, b in zip(before, steps, strict=False)]},
    )


def test_a_legal_timeline_passes() -> None:
    tables = timeline("pending", "assigned", "pending", "assigned", "driver_at_restaurant", "picked_up")
    reached = promises.timelines_are_legal(tables, "denver")
    assert (reached["assigned"], reached["picked_up"]) == (2, 1)


@pytest.mark.parametrize(
    ("tables", "broken"),
    [
        (timeline("pending", "assigned", "picked_up", "picked_up"), "picked_up → picked_up is illegal"),
        (timeline("pending", "assigned", "picked_up", "driver_at_restaurant"), "is illegal"),
        (timeline("pending", "assigned", "cancelled", "assigned"), "is illegal"),
        (timeline("assigned"), "is no beginning"),
        (timeline("pending", "assigned", status="picked_up"), "its timeline ends with assigned"),
        (Tables({promises._EVENTS: [("order", "assigned", "picked_up", "picked_up")]}), "but it was None"),
    ],
)
def test_a_broken_timeline_is_found(tables: Tables, broken: str) -> None:
    with pytest.raises(AssertionError, match=broken):
        promises.timelines_are_legal(tables, "denver")


def test_a_step_that_was_taken_twice_is_found_although_each_was_legal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loop = {"pending": frozenset({None}), "assigned": frozenset({"pending"})}
    loop |= {"to_restaurant": frozenset({"assigned", "picked_up"}), "picked_up": frozenset({"to_restaurant"})}
    monkeypatch.setattr(promises, "TRANSITIONS", loop)
    with pytest.raises(AssertionError, match="to_restaurant twice"):
        promises.timelines_are_legal(
            timeline("pending", "assigned", "to_restaurant", "picked_up", "to_restaurant"), "denver"
        )
