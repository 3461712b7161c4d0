"""The ORM's way out of the event loop, and what PostgreSQL's refusals mean."""

from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from functools import wraps
from typing import Any

import psycopg
from channels.db import DatabaseSyncToAsync
from django.db import connection
from django.db.utils import Error

#: So many questions and actions of one process at a time; one that waits for a lock must not hold up the others.
THREADS = 4
_executor = ThreadPoolExecutor(THREADS, thread_name_prefix="database")

#: Classes of SQLSTATE that speak of the data: its form, integrity, the check of a view, what a trigger raises.
_OF_THE_DATA = ("22", "23", "44", "P0")
#: SQLSTATEs, or how they begin, of a PostgreSQL that serves nobody, or takes no writes: lost connections, no memory,
#: disk or connections left, shutting down or starting up, read-only.
_AWAY = ("08", "53", "57P", "25006")


def in_thread[**P, Result](work: Callable[P, Result]) -> Callable[P, Coroutine[Any, Any, Result]]:
    """`work`, which uses the ORM, as something to await; its connection goes back to the pool."""

    @wraps(work)
    def on_a_connection(*args: P.args, **kwargs: P.kwargs) -> Result:
        try:
            return work(*args, **kwargs)
        except Error as error:
            if not refuses_data(error):
                _discard_connection()
            raise

    awaitable: Callable[P, Coroutine[Any, Any, Result]] = DatabaseSyncToAsync(
        on_a_connection, thread_sensitive=False, executor=_executor
    )
    return awaitable


def _discard_connection() -> None:
    """Not back to the pool: it may be this session that is refused, and that stays read-only, or under another role,
    when others are no longer.
    """
    if connection.connection is not None:
        connection.connection.close()
    connection.close()


def refuses_data(error: Exception) -> bool:
    """Whether PostgreSQL refuses what it was given, which it always will (psycopg's error or Django's).

    All else that it says is of its own state, which a later moment changes: away, read-only after a failover, without
    a table, column or privilege that a migration or the operator brings.
    """
    cause = _cause(error)
    if isinstance(cause, psycopg.errors.CheckViolation) and cause.diag.constraint_name is None:
        return False  # no partition for a row, which is one more thing to be brought
    if isinstance(cause, psycopg.DataError):  # psycopg finds some itself
        return True
    return isinstance(cause, psycopg.Error) and (cause.sqlstate or "").startswith(_OF_THE_DATA)


def is_away(error: Exception) -> bool:
    """Whether PostgreSQL is away, or takes no writes at all (psycopg's error or Django's): nothing that was asked can
    be at fault, and the same may be tried again in a moment.
    """
    cause = _cause(error)
    if not isinstance(cause, psycopg.Error):
        return False
    if cause.sqlstate is None:  # nobody who could say one was reached
        return isinstance(cause, psycopg.OperationalError)
    return cause.sqlstate.startswith(_AWAY)


def refusal(error: Exception) -> str:
    """What PostgreSQL (or its absence) says, for the log: without the row, which it tells as well."""
    cause = _cause(error)
    words = None
    if isinstance(cause, psycopg.Error):
        words = cause.diag.constraint_name if refuses_data(cause) else cause.diag.message_primary
    name = type(cause).__name__
    return f"{name}: {words}" if words else name


def _cause(error: Exception) -> BaseException:
    return error.__cause__ if isinstance(error, Error) and error.__cause__ else error
