"""The daily partitions of location_history: made ahead, dropped when old."""

from datetime import UTC, date, datetime, timedelta

from django.db import connection, transaction

TABLE = "location_history"
#: Takes what no day has a partition for: a fix is never lost to a missing table.
DEFAULT = f"{TABLE}_default"
#: A partition is there this long before its first row: beat may be away for a weekend.
DAYS_AHEAD = 7


def make_partitions(first: date, days: int) -> None:
    """Partitions for `days` days from `first` on (UTC days); those that exist stay.

    A day that is made late takes its rows out of the default partition, which PostgreSQL would refuse otherwise.
    """
    for day in (first + timedelta(days=n) for n in range(days)):
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"LOCK TABLE {DEFAULT} IN ACCESS EXCLUSIVE MODE")
            cursor.execute("SELECT to_regclass(%s)", [_name(day)])
            if cursor.fetchone() != (None,):
                continue
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


def drop_partitions(before: date) -> list[str]:
    """Drops whole days older than `before` (UTC), and such rows of the default; returns the dropped tables' names."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = %s::regclass ORDER BY 1",
            [TABLE],
        )
        old = [name for (name,) in cursor.fetchall() if name < _name(before) and name != DEFAULT]
        for name in old:
            cursor.execute(f"DROP TABLE {name}")
        cursor.execute(f"DELETE FROM {DEFAULT} WHERE recorded_at < %s", [_midnight(before)])  # noqa: S608
    return old


def today() -> date:
    return datetime.now(UTC).date()


def _name(day: date) -> str:
    return f"{TABLE}_{day:%Y%m%d}"


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
