"""The time on the wire."""

import time


def now_ms() -> int:
    """Milliseconds since the epoch, by this server's clock."""
    return time.time_ns() // 1_000_000
