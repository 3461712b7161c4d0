"""For tests of who waits for whom in PostgreSQL."""

import time

from django.db import connection

PATIENCE_S = 30.0


def wait_for_a_waiter() -> None:
    """Returns as soon as another session waits for a lock that this one, in its transaction, holds."""
    deadline = time.monotonic() + PATIENCE_S
    with connection.cursor() as cursor:
        while time.monotonic() < deadline:
            cursor.execute(
                "SELECT 1 FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid))"
            )
            if cursor.fetchone():
                return
    raise AssertionError("nobody waits for us")
