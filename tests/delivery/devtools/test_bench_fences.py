"""`make bench-fences`: its tables, and that the page has their place."""

from msgspec.structs import replace

from delivery.devtools.bench import fences
from delivery.devtools.bench.fences_page import Fences, Replays, Spikes, table
from delivery.devtools.bench.page import FENCES_PAGE, insert

GOOD = Replays(200, 5, True, 0.0, 42, 41, [-3.0, 4.0, 30.0], 100, 3, 90, 500, 0, 200)
FOUND = Fences(["car-1"], 1.5, [GOOD], [Spikes(5, False, 490, 504, 0)])


def test_the_tables_say_what_was_reached() -> None:
    shown = table(FOUND)
    assert shown.startswith("1 recorded drives (car-1), 1.5 hours: 42 visits, 100 halts, 500 places")
    assert (
        "| 200 m | every 5 s, with speed and accuracy | as recorded | 41 of 42 | 4 s | 3 of 100 | 0 of 500 "
        "| 90, 200 | ✓ |"
    ) in shown
    assert "| 490 m off, every 5 s, only where | 504 | 0 | ✓ |" in shown


def test_each_goal_can_be_missed() -> None:
    for missed in (
        replace(GOOD, visits_found=40),
        replace(GOOD, halts_taken=4),
        replace(GOOD, passes_taken=1),
        replace(GOOD, delays_s=[31.0]),
    ):
        assert "| ✗ |" in table(replace(FOUND, replays=[missed]))
    assert "| ✗ |" in table(replace(FOUND, spikes=[replace(FOUND.spikes[0], exits=1)]))


def test_other_phones_have_no_goal() -> None:
    other = replace(GOOD, every_s=30, visits_found=0)
    shown = table(replace(FOUND, replays=[other]))
    assert "| every 30 s, with speed and accuracy | as recorded | 0 of 42 |" in shown
    assert "✗" not in shown


def test_our_page_has_the_place() -> None:
    page = insert(FENCES_PAGE.read_text(), fences.TABLE, "new")
    assert "<!-- bench-fences: begin -->\nnew\n<!-- bench-fences: end -->" in page
