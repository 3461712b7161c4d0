"""How many rows of a table queries read, found or not: what a query costs, however busy the machine is."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.db import connection, transaction

from delivery.devtools.volume.plans import scans


@contextmanager
def rows_read(table: str, *, sorting: bool = True) -> Iterator[Callable[[], int]]:
    """Counts the rows of `table` (its partitions too) that SELECTs read in the block, those that a filter turned away
    as well.

    As in a large table: the planner never reads a small one from end to end because that is cheap. What it does
    read so, it has no index for. Without `sorting` the same holds of rows that are put in order.
    """
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")
            if not sorting:
                cursor.execute("SET LOCAL enable_sort = off")
        with scans() as found:
            yield lambda: sum(scan.rows for scan in found if (scan.table + "_").startswith(f"{table}_"))
