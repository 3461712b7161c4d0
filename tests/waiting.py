"""For tests that wait for what others do."""

import time
from collections.abc import Callable

PATIENCE_S = 30.0
POLL_S = 0.05


def wait_until(ready: Callable[[], bool], what: str, seconds: float = PATIENCE_S) -> None:
    """Looks again and again. AssertionError: it was not within so many seconds."""
    deadline = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < deadline, f"{what}: not within {seconds:g} s"
        time.sleep(POLL_S)
