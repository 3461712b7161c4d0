"""Which connections to PostgreSQL the pool of a process hands out."""

import time
from typing import Any

import psycopg
from django.db import connections
from psycopg_pool import ConnectionPool

#: A session that is read-only is handed out for so long (seconds) after it began.
READ_ONLY_S = 1.0


class Connection(psycopg.Connection[Any]):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.begun = time.monotonic()

    @property
    def is_read_only(self) -> bool:
        """As PostgreSQL keeps telling its clients by itself: by its settings, or as a standby."""
        told = self.info.parameter_status
        return "on" in (told("default_transaction_read_only"), told("in_hot_standby"))


def check(connection: Connection) -> None:
    """Raises psycopg.Error for one that is broken, or that began while PostgreSQL was read-only: after a failover it
    would stay so until it ages out. Then all that wait in the pool are replaced, and a fresh one is handed out,
    read-only or not.
    """
    ConnectionPool.check_connection(connection)
    if connection.is_read_only and time.monotonic() - connection.begun > READ_ONLY_S:
        connections["default"].pool.drain()  # type: ignore[attr-defined]
        raise psycopg.OperationalError("This session is read-only: perhaps a new one is not.")
