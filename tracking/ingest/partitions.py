"""The daily partitions of location_history: made ahead, dropped when old; days are UTC's, by the database's clock.

Who waits for a table's lock keeps everybody waiting who wants that table later: while a dump reads the history, a
lock that excludes readers would shut it to all drivers. So a lock is asked for only where there is something to do,
and waited for no longer than LOCK_TIMEOUT_S. Each day is a transaction of its own; what was not possible is done the
next time.
"""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta

from django.db import OperationalError, connection, transaction
from django.db.backends.utils import CursorWrapper
from psycopg.errors import LockNotAvailable

from dispatch.clock import database_now

logger = logging.getLogger(__name__)

TABLE = "location_history"
#: Takes what no day has a partition for: a fix is never lost to a missing table.
DEFAULT = f"{TABLE}_default"
#: A partition is there this long before its first row: beat may be away for a weekend.
DAYS_AHEAD = 7
#: So many days are dropped at a time, unless by force: a clock that is wrong takes no history with it.
MOST_DROPPED = 2
#: Two locks are waited for at most, one after the other: together less than a second.
LOCK_TIMEOUT_S = 0.3

_OF_A_DAY = re.compile(rf"{TABLE}_\d{{8}}")
#: How many days from today on have a partition, up to the first that has none.
COUNT_AHEAD = f"""
SELECT coalesce(min(n) FILTER (
    WHERE to_regclass('{TABLE}_' || to_char((statement_timestamp() AT TIME ZONE 'UTC')::date + n, 'YYYYMMDD')) IS NULL
), {DAYS_AHEAD + 1}) FROM generate_series(0, {DAYS_AHEAD}) AS n
"""  # noqa: S608


class HistoryInUse(Exception):
    """Somebody reads or writes the history for so long that its tables can't be changed now. Try again later."""


def keep_partitions(history_days: int, *, force: bool = False) -> list[str]:
    """Makes the partitions of the next days, and of earlier ones that have rows in the default; drops days that are
    older than `history_days`, MOST_DROPPED of them at most unless `force`. Returns the dropped tables' names.

    Raises HistoryInUse.
    """
    now = today()
    oldest = now - timedelta(days=history_days)
    for day in _days_in_default(oldest, now):
        make_partitions(day, 1)
    make_partitions(now, DAYS_AHEAD)
    return drop_partitions(oldest, force=force)


def make_partitions(first: date, days: int) -> None:
    """Partitions for `days` days from `first` on; those that exist stay.

    A day that is made late takes its rows out of the default partition, which PostgreSQL would refuse otherwise; what
    is to be stored waits meanwhile. Raises HistoryInUse.
    """
    for day in _missing([first + timedelta(days=n) for n in range(days)]):
        with _changing_tables() as cursor:
            # Attaching wants the first lock, too. In the order of those who store fixes: no deadlock.
            cursor.execute("LOCK TABLE drivers IN SHARE ROW EXCLUSIVE MODE")
            cursor.execute(f"LOCK TABLE {DEFAULT} IN ACCESS EXCLUSIVE MODE")
            if not _missing([day]):
                continue  # another worker was here first
            start, end = _midnight(day), _midnight(day + timedelta(days=1))
            cursor.execute(
                f"CREATE TABLE {_name(day)} (LIKE {TABLE} INCLUDING DEFAULTS INCLUDING CONSTRAINTS)"
            )
            cursor.execute(
                f"WITH late AS (DELETE FROM {DEFAULT} WHERE recorded_at >= %s AND recorded_at < %s RETURNING *)"  # noqa: S608
                f" INSERT INTO {_name(day)} SELECT * FROM late",
                [start, end],
            )
            cursor.execute(
                f"ALTER TABLE {TABLE} ATTACH PARTITION {_name(day)} FOR VALUES FROM (%s) TO (%s)",
                [start, end],
            )


def drop_partitions(before: date, *, force: bool = False) -> list[str]:
    """Drops the oldest of the days before `before`, and deletes such rows of the default: MOST_DROPPED days of each
    at most, unless `force`. Returns the dropped tables' names. Raises HistoryInUse.
    """
    most = None if force else MOST_DROPPED
    old = [name for name in _partitions() if name < _name(before)]
    for name in old[:most]:
        with _changing_tables() as cursor:
            cursor.execute(f"DROP TABLE {name}")
    with connection.cursor() as cursor:
        cursor.execute(_DELETE_FROM_DEFAULT, {"before": _midnight(before), "most": most})
    if left := old[len(old[:most]) :]:
        logger.warning(
            "%d days of the history are too old, from %s to %s: the next rounds drop them, "
            "`manage.py history_partitions --force` does so at once",
            len(left),
            left[0],
            left[-1],
        )
    return old[:most]


_DAY = "(recorded_at AT TIME ZONE 'UTC')::date"
_DELETE_FROM_DEFAULT = f"""
DELETE FROM {DEFAULT} WHERE recorded_at < %(before)s AND {_DAY} IN (
    SELECT DISTINCT {_DAY} FROM {DEFAULT} WHERE recorded_at < %(before)s ORDER BY 1 LIMIT %(most)s
)
"""  # noqa: S608


def today() -> date:
    return database_now().astimezone(UTC).date()


@contextmanager
def _changing_tables() -> Iterator[CursorWrapper]:
    """A transaction that waits for no lock for long. Raises HistoryInUse."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT_S:f}s'")
            yield cursor
    except OperationalError as error:
        if not isinstance(error.__cause__, LockNotAvailable):
            raise
        raise HistoryInUse("the history is in use (by a dump?), its partitions stay as they are") from error


def _missing(days: list[date]) -> list[date]:
    """Those of the days for which there is no table."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass(name) FROM unnest(%s::text[]) AS name", [[_name(d) for d in days]])
        return [day for day, (found,) in zip(days, cursor.fetchall(), strict=True) if found is None]


def _partitions() -> list[str]:
    """The names of those of a day, the oldest first."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = %s::regclass ORDER BY 1",
            [TABLE],
        )
        return [name for (name,) in cursor.fetchall() if _OF_A_DAY.fullmatch(name)]


def _days_in_default(first: date, before: date) -> list[date]:
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT DISTINCT {_DAY} FROM {DEFAULT} WHERE recorded_at >= %s AND recorded_at < %s ORDER BY 1",  # noqa: S608
            [_midnight(first), _midnight(before)],
        )
        return [day for (day,) in cursor.fetchall()]


def _name(day: date) -> str:
    return f"{TABLE}_{day:%Y%m%d}"


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
