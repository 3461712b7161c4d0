"""`make bench-fences`: recorded drives replayed with places on them that are visited, halted at or only passed.

The drives and what replays them are the tests': tests/tracking/ingest/recorded/. Nothing is timed, and no server
runs: the same code gives the same table anywhere.
"""

import sys
import tempfile
from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path

import msgspec

from delivery.devtools.bench import fences_page
from delivery.devtools.bench.fences_page import Fences
from delivery.devtools.bench.page import FENCES_PAGE, insert
from delivery.devtools.stack.state import ROOT
from delivery.errors import Interrupted
from delivery.processes import Processes

TABLE = "bench-fences"


def bench_fences(arguments: Sequence[str]) -> int:
    """Replay; returns the exit status. StackError: the replays fail, or the page has no place for the tables."""
    parser = ArgumentParser(prog="make bench-fences ARGS=…", allow_abbrev=False)
    parser.add_argument(
        "--write", action="store_true", help=f"the tables into {FENCES_PAGE.relative_to(ROOT)} too"
    )
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder, Processes(Path(folder)) as processes:
        out = Path(folder) / "found.json"
        try:
            processes.run(
                "bench-fences", [sys.executable, "-m", "tests.tracking.ingest.recorded", out], {}, echo=True
            )
        except Interrupted:
            return 130
        table = fences_page.table(msgspec.json.decode(out.read_bytes(), type=Fences))
    print(table)
    if options.write:
        FENCES_PAGE.write_text(insert(FENCES_PAGE.read_text(), TABLE, table))
    return 0
