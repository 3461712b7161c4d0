"""What who builds roads gets to see."""

import io
import os
import pty
import re
import select
import subprocess
import sys
from pathlib import Path

import pytest

from delivery.devtools.stack.state import ROOT
from routing.roads.progress import ProgressBar, ProgressLog

pytestmark = pytest.mark.slow

ERASE = "\r\x1b[K"


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def drawn(terminal: io.StringIO) -> list[str]:
    """Everything that was ever written as a line."""
    return [line for line in re.split(r"\r\x1b\[K|\n", terminal.getvalue()) if line]


def test_the_bar_shows_which_step_and_for_how_long() -> None:
    terminal, clock = io.StringIO(), Clock()
    bar = ProgressBar(terminal.write, clock)
    bar.step(1, 4, "reading village.osm.pbf")
    clock.now = 2.5
    bar.step(2, 4, "osrm-extract")
    clock.now = 85
    bar.draw()
    assert drawn(terminal) == [
        "░░░░░░░░░░░░░░░░░░░░ 1/4 reading village.osm.pbf 0:00",
        "✓ reading village.osm.pbf                     2.5 s",
        "█████░░░░░░░░░░░░░░░ 2/4 osrm-extract 0:00",
        "█████░░░░░░░░░░░░░░░ 2/4 osrm-extract 1:22",
    ]


@pytest.mark.parametrize(
    ("total", "line"),
    [
        (200_000_000, "███████████████░░░░░ 150.0 of 200.0 MB downloading a.osm.pbf 0:00"),
        (None, "░░░░░░░░░░░░░░░░░░░░ 150.0 MB downloading a.osm.pbf 0:00"),
    ],
)
def test_the_bar_shows_how_much_of_a_download_is_here(total: int | None, line: str) -> None:
    terminal = io.StringIO()
    bar = ProgressBar(terminal.write, Clock())
    for done in (0, 50_000_000, 150_000_000):
        bar.loading("downloading a.osm.pbf", done, total)
    bar.draw()
    assert drawn(terminal) == [line]


def test_what_is_to_be_known_stays_above_the_bar() -> None:
    terminal = io.StringIO()
    with ProgressBar(terminal.write, Clock()) as bar:
        bar.step(1, 2, "reading")
        bar.message("The map lacks parks.")
    assert drawn(terminal)[1:3] == ["The map lacks parks.", "░░░░░░░░░░░░░░░░░░░░ 1/2 reading 0:00"]
    assert drawn(terminal)[3:] == [f"✓ {'reading':40}    0.0 s"]


def test_an_error_wipes_the_bar_away() -> None:
    terminal = io.StringIO()
    with pytest.raises(OSError, match="disk"), ProgressBar(terminal.write) as bar:
        bar.step(1, 2, "reading")
        raise OSError("disk full")
    assert terminal.getvalue().endswith(ERASE)
    assert "✓" not in terminal.getvalue()


def test_a_log_gets_a_line_for_each_step() -> None:
    logged: list[str] = []
    lines = ProgressLog(logged.append)
    for done in (0, 1, 2_000_000):
        lines.loading("downloading a.osm.pbf", done, 2_000_000)
    lines.step(1, 2, "reading a.osm.pbf")
    lines.message("The map lacks parks.")
    assert logged == ["downloading a.osm.pbf (2.0 MB)", "1/2 reading a.osm.pbf", "The map lacks parks."]


#: Wherever the cities of this database are.
BUILD = [sys.executable, str(ROOT / "manage.py"), "roads", "build", "--elsewhere"]


def test_the_command_draws_on_a_terminal(extract: Path, tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    env = os.environ | {"DOORSTEP_STATE": str(tmp_path), "COLUMNS": "80"}
    with subprocess.Popen([*BUILD, str(extract)], env=env, stdout=theirs, stderr=theirs) as building:
        os.close(theirs)
        shown = b""
        while select.select([ours], [], [], 60)[0]:
            try:
                shown += os.read(ours, 65_536)
            except OSError:
                break  # the other side is closed
    os.close(ours)
    assert building.returncode == 0
    text = shown.decode()
    assert "███████████░░░░░░░░░ 5/7 preparing OSRM: osrm-customize 0:00" in text
    assert re.search(r"✓ drawing the map +\d+\.\d s", text)
    assert "roads: ready in" in text


def test_and_writes_lines_elsewhere(extract: Path, tmp_path: Path) -> None:
    env = os.environ | {"DOORSTEP_STATE": str(tmp_path)}
    text = subprocess.check_output([*BUILD, str(extract)], env=env, text=True)
    assert "\x1b" not in text
    assert text.startswith("roads: 1/7 reading village.osm.pbf\nroads: 2/7 reading addresses\n")
