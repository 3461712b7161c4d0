"""The daily partitions of location_history: made ahead, dropped when old."""

from datetime import UTC, date, datetime, timedelta

from django.db import connection

TABLE = "location_history"
#: A partition is there this long before its first row: beat may be away for a weekend.
DAYS_AHEAD = 7


def make_partitions(first: date, days: int) -> None:
    """Partitions for `days` days from `first` on (UTC days); those that exist stay."""
    with connection.cursor() as cursor:
        for day in (first + timedelta(days=n) for n in range(days)):
            cursor.execute(
                f"CREATE TABLE IF NOT EXISTS {_name(day)} PARTITION OF {TABLE} FOR VALUES FROM (%s) TO (%s)",
                [_midnight(day), _midnight(day + timedelta(days=1))],
            )


def drop_partitions(before: date) -> list[str]:
    """Drops whole days older than `before` (UTC); returns the names of the dropped tables."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = %s::regclass ORDER BY 1",
            [TABLE],
        )
        old = [name for (name,) in cursor.fetchall() if name < _name(before) and name != f"{TABLE}_default"]
        for name in old:
            cursor.execute(f"DROP TABLE {name}")
    return old


def today() -> date:
    return datetime.now(UTC).date()


def _name(day: date) -> str:
    return f"{TABLE}_{day:%Y%m%d}"


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
