"""Which rows PostgreSQL reads for the queries of a piece of code, and along which indexes."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import connection


@dataclass(frozen=True)
class Scan:
    """Of a table. `indexes`: none where it was read from end to end. `rows`: those that a filter turned away too."""

    table: str
    indexes: tuple[str, ...]
    rows: int


@contextmanager
def scans() -> Iterator[list[Scan]]:
    """Those of the SELECTs in the block, as EXPLAIN ANALYZE has them: each is run once more."""
    found: list[Scan] = []

    def explain(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.lstrip().startswith(("SELECT", "WITH")) and "FOR UPDATE" not in sql:
            with connection.connection.cursor() as cursor:
                cursor.execute(f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {sql}", params)
                [[[explained]]] = cursor.fetchall()
            found.extend(_scans(explained["Plan"]))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(explain):
        yield found


def _scans(plan: dict[str, Any]) -> Iterator[Scan]:
    """Of this node of a plan and those below it."""
    below = plan.get("Plans", ())
    if "Relation Name" in plan:
        turned_away = ("Rows Removed by Filter", "Rows Removed by Index Recheck")
        rows = plan["Actual Rows"] + sum(plan.get(reason, 0) for reason in turned_away)
        indexes = tuple(_indexes(plan))
        yield Scan(plan["Relation Name"], indexes, round(rows * plan["Actual Loops"]))
    for child in below:
        yield from _scans(child)


def _indexes(plan: dict[str, Any]) -> Iterator[str]:
    """Its own index, or those of the bitmaps below it."""
    if "Index Name" in plan:
        yield plan["Index Name"]
    if plan["Node Type"].startswith("Bitmap"):
        for child in plan.get("Plans", ()):
            yield from _indexes(child)
