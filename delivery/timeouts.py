"""Limits to what a statement takes, which hold behind PgBouncer too: each is SET LOCAL, in the transaction that it is
for. What is SET for a session stays there in transaction mode, for whoever has it next.
"""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg.pq import TransactionStatus

type Execute = Callable[..., Any]


def waits_for_locks(seconds: float) -> Execute:
    """For `connection.execute_wrapper`: in a transaction no statement waits for a lock for longer. Outside of one,
    where an index is built CONCURRENTLY, nobody is kept waiting.
    """

    def execute_without_waiting(
        execute: Execute, sql: str, params: Any, many: bool, context: dict[str, Any]
    ) -> Any:
        connection = context["connection"]
        if connection.in_atomic_block and not _is_aborted(connection):
            context["cursor"].cursor.execute(f"SET LOCAL lock_timeout = '{seconds:f}s'")
        return execute(sql, params, many, context)

    return execute_without_waiting


def ends_by(deadline: float) -> Execute:
    """For `connection.execute_wrapper`: PostgreSQL cancels what is not done by `deadline` (time.monotonic()), also
    where nobody is left to hear of it. A statement outside of a transaction gets one of its own.
    """

    def execute_by_then(execute: Execute, sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        connection = context["connection"]
        if _is_aborted(connection):
            return execute(sql, params, many, context)
        left_ms = max(1, round((deadline - time.monotonic()) * 1000))  # 0 would be no limit at all
        own: AbstractContextManager[Any] = (
            nullcontext() if connection.in_atomic_block else transaction.atomic(connection.alias)
        )
        with own:
            context["cursor"].cursor.execute(f"SET LOCAL statement_timeout = {left_ms}")
            return execute(sql, params, many, context)

    return execute_by_then


def _is_aborted(connection: BaseDatabaseWrapper) -> bool:
    """Whether the transaction takes a rollback and nothing else."""
    return bool(connection.connection.info.transaction_status == TransactionStatus.INERROR)
