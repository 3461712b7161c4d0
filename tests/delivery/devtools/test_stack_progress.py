"""The steps of `make demo` and its like: what a log and a terminal get to see of them."""

import os
import pty
import subprocess
import sys

import pytest

from delivery.devtools.stack.progress import step
from delivery.devtools.stack.state import ROOT

PROGRAM = """
from delivery.devtools.stack.progress import step
with step("roads") as report:
    report("osrm-extract")
try:
    with step("map"):
        raise OSError
except OSError:
    print("no map")
"""


def test_a_log_gets_a_line_for_each_step_that_is_done(capsys: pytest.CaptureFixture[str]) -> None:
    with step("roads") as report:
        report("osrm-extract")
    with pytest.raises(OSError, match="full"), step("map"):
        raise OSError("full")
    assert capsys.readouterr().out.split() == ["✓", "roads", "0.0", "s"]


def test_a_terminal_sees_what_goes_on_in_one_line() -> None:
    ours, theirs = pty.openpty()
    subprocess.run([sys.executable, "-c", PROGRAM], cwd=ROOT, stdout=theirs, check=True, timeout=60)
    os.close(theirs)
    shown = os.read(ours, 65_536).decode().rstrip().split("\r\n")
    os.close(ours)
    done, failed = (line.split("\r\x1b[K")[1:] for line in shown)
    assert [" ".join(text.split()) for text in done] == ["roads", "roads osrm-extract", "✓ roads 0.0 s"]
    assert [" ".join(text.split()) for text in failed] == ["map", "no map"]
