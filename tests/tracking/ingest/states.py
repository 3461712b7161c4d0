"""States of a real PostgreSQL in which it takes no fixes, until somebody mends it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.db import connection


@dataclass(frozen=True)
class State:
    """SQL that brings it about for connections that begin afterwards, and SQL that ends it."""

    begins: tuple[str, ...]
    ends: tuple[str, ...]


#: By what PostgreSQL says then. `{db}` is the database's name.
STATES = {
    "ReadOnlySqlTransaction": State(
        ("ALTER DATABASE {db} SET default_transaction_read_only = on",),
        (
            "SET default_transaction_read_only = off",
            "ALTER DATABASE {db} RESET default_transaction_read_only",
        ),
    ),
    "InsufficientPrivilege": State(
        (
            "CREATE ROLE {db}_reader",
            "GRANT SELECT ON ALL TABLES IN SCHEMA public TO {db}_reader",
            "ALTER DATABASE {db} SET role = '{db}_reader'",
        ),
        (
            "SET ROLE NONE",
            "ALTER DATABASE {db} RESET role",
            "DROP OWNED BY {db}_reader",
            "DROP ROLE {db}_reader",
        ),
    ),
    "UndefinedTable": State(
        ("ALTER TABLE drivers RENAME TO drivers_of_old",), ("ALTER TABLE drivers_of_old RENAME TO drivers",)
    ),
    "UndefinedColumn": State(
        ("ALTER TABLE drivers RENAME last_seen_at TO heard_of_at",),
        ("ALTER TABLE drivers RENAME heard_of_at TO last_seen_at",),
    ),
}
#: One that only the history knows: nowhere to put a row of this day.
NO_PARTITION = State(
    ("ALTER TABLE location_history DETACH PARTITION location_history_default",),
    ("ALTER TABLE location_history ATTACH PARTITION location_history_default DEFAULT",),
)


@contextmanager
def state(of: State) -> Iterator[Callable[[], None]]:
    """Begins it, and hands out what ends it; at the latest it ends with the block."""
    over = False

    def run(statements: tuple[str, ...]) -> None:
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement.format(db=connection.settings_dict["NAME"]))
        # Connections that lie in the pool know nothing of it.
        connection.close_pool()

    def end() -> None:
        nonlocal over
        if not over:
            over = True
            run(of.ends)

    try:
        run(of.begins)
        yield end
    finally:
        end()
