"""What the person at the terminal sees: a line for each step, with a tick and the seconds it took."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from routing.roads.progress import StatusLine, done_line


@contextmanager
def step(name: str) -> Iterator[Callable[[str], None]]:
    """Announces a step while the block runs and ticks it off at its end; the block may report what it is at."""
    line = StatusLine(_write) if sys.stdout.isatty() else None
    began = time.monotonic()

    def report(doing: str) -> None:
        if line:
            line.draw(f"  {name}  {doing}")

    report("")
    try:
        yield report
    except BaseException:
        if line:
            line.clear()
        raise
    done = done_line(name, time.monotonic() - began)
    if line:
        line.message(done)
    else:
        _write(f"{done}\n")


def _write(text: str) -> None:
    print(text, end="", flush=True)
