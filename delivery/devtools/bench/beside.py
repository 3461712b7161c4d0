"""What PostgreSQL shows of a load test, looked at beside it."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import psycopg

SAMPLE_S = 0.05
#: Rounds end every half minute.
SAMPLE_ROUNDS_S = 0.5

#: Ours alone: other databases and our own look at them don't count.
CONNECTIONS = """
    SELECT count(*) FROM pg_stat_activity
    WHERE backend_type = 'client backend' AND datname = current_database() AND pid <> pg_backend_pid()
        AND application_name <> 'beside'
"""
#: The last round of ETAs that is over: when it began, and its seconds.
LAST_ROUND = """
    SELECT since, extract(epoch FROM done_at - since)::float8 FROM leases
    WHERE job = 'refresh_etas' AND done_at > since AND since > %s
"""


@contextmanager
def most_connections(database: str) -> Iterator[list[int]]:
    """Looks at the connections of a database while the block runs; the list's one item is the most there were."""
    most = [0]

    def look(connection: psycopg.Connection[Any]) -> None:
        row = connection.execute(CONNECTIONS).fetchone()
        most[0] = max(most[0], row[0] if row else 0)

    with _looking(database, look, SAMPLE_S):
        yield most


@contextmanager
def eta_rounds(database: str) -> Iterator[list[float]]:
    """The seconds of each round of ETAs that begins, and ends, while the block runs."""
    rounds: list[float] = []
    last: list[datetime] = []

    def look(connection: psycopg.Connection[Any]) -> None:
        if not last:
            row = connection.execute("SELECT clock_timestamp()").fetchone()
            last.extend(row or ())
        if row := connection.execute(LAST_ROUND, last).fetchone():
            last[0] = row[0]
            rounds.append(row[1])

    with _looking(database, look, SAMPLE_ROUNDS_S):
        yield rounds


@contextmanager
def _looking(
    database: str, look: Callable[[psycopg.Connection[Any]], None], every_s: float
) -> Iterator[None]:
    ended = threading.Event()

    def run() -> None:
        with psycopg.connect(database, autocommit=True, application_name="beside") as connection:
            while True:
                look(connection)
                if ended.wait(every_s):
                    return

    looking = threading.Thread(target=run)
    looking.start()
    try:
        yield
    finally:
        ended.set()
        looking.join()
