"""How many rows of a table queries read, found or not: what a query costs, however busy the machine is."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection, transaction


@contextmanager
def rows_read(table: str) -> Iterator[Callable[[], int]]:
    """Counts the rows of `table` that SELECTs read in the block, those that a filter turned away too.

    As in a large table: the planner never reads a small one from end to end because that is cheap. What it does
    read so, it has no index for.
    """
    counted = 0

    def explain(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        nonlocal counted
        if sql.lstrip().startswith(("SELECT", "WITH")) and "FOR UPDATE" not in sql:
            with connection.connection.cursor() as cursor:
                cursor.execute(f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {sql}", params)
                [[[explained]]] = cursor.fetchall()
            counted += _rows(explained["Plan"], table)
        return execute(sql, params, many, context)

    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")
        with connection.execute_wrapper(explain):
            yield lambda: counted


def _rows(plan: dict[str, Any], table: str) -> int:
    """Of this node of a plan and those below it."""
    below = sum(_rows(child, table) for child in plan.get("Plans", ()))
    name = plan.get("Relation Name", "")
    if name != table and not name.startswith(f"{table}_"):
        return below
    turned_away = ("Rows Removed by Filter", "Rows Removed by Index Recheck")
    rows = plan["Actual Rows"] + sum(plan.get(reason, 0) for reason in turned_away)
    return below + round(rows * plan["Actual Loops"])
