"""docs/performance.md: each table has its place, and its run leaves the others alone."""

import pytest

from delivery.devtools.bench import live, routing, scale, volume
from delivery.devtools.bench.page import PAGE, Machine, insert, judged, markdown
from delivery.errors import StackError

WALLS = "# Title\n\n<!-- {0}: begin -->\n{1}\n<!-- {0}: end -->\n\nprose\n"


def test_a_table_takes_the_place_of_the_last_one() -> None:
    once = insert(WALLS.format("bench", "old"), "bench", "new")
    assert once == WALLS.format("bench", "new")
    assert insert(once, "bench", "new") == once
    with pytest.raises(StackError, match="no place for the table"):
        insert("# Title", "bench", "new")


@pytest.mark.parametrize("tables", [("bench", "bench-routing"), ("bench-routing", "bench")])
def test_tables_leave_each_other_alone(tables: tuple[str, str]) -> None:
    page = "".join(WALLS.format(name, "old") for name in tables)
    first, second = tables
    assert insert(page, first, "new") == WALLS.format(first, "new") + WALLS.format(second, "old")
    assert insert(page, second, "new") == WALLS.format(first, "old") + WALLS.format(second, "new")


@pytest.mark.parametrize("name", [live.TABLE, routing.TABLE, scale.TABLE, volume.TABLE])
def test_our_page_has_the_place(name: str) -> None:
    assert f"<!-- {name}: begin -->\nnew\n<!-- {name}: end -->" in insert(PAGE.read_text(), name, "new")


def test_a_row_says_whether_the_goal_was_reached_and_what_it_lacks_is_empty() -> None:
    rows = [judged("speed", "1", "2", reached=False), judged("size", "", "3", reached=True), ("load", "0")]
    assert list(markdown(["", "measured", "goal", ""], rows)) == [
        "| | measured | goal | |",
        "|---|---|---|---|",
        "| speed | 1 | 2 | ✗ |",
        "| size | | 3 | ✓ |",
        "| load | 0 | | |",
    ]


def test_this_machine_can_be_described() -> None:
    machine = Machine.here(0.5, ["django", "msgspec"])
    assert machine.load == 0.5
    assert machine.cores > 0
    assert machine.memory_gib > 0
    assert all([machine.cpu, machine.kernel, machine.python, *machine.packages.values()])
    assert f"{machine.cores} cores" in machine.described()
