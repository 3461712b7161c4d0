"""What the person at the terminal sees: a line for each step, with a tick and the seconds it took."""

import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def step(name: str) -> Iterator[Callable[[str], None]]:
    """Announce a step while the block runs and tick it off at its end; the block may tell what it is at."""
    live = sys.stdout.isatty()
    began = time.monotonic()

    def show(doing: str) -> None:
        if live:
            line = f"  {name}  {doing}"[: shutil.get_terminal_size().columns - 1]
            print(f"\r\033[K{line}", end="", flush=True)

    show("")
    try:
        yield show
    except BaseException:
        if live:
            print("\r\033[K", end="", flush=True)
        raise
    back = "\r\033[K" if live else ""
    print(f"{back}✓ {name:28} {time.monotonic() - began:5.1f} s", flush=True)
