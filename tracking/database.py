"""The ORM's way out of the event loop."""

from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from channels.db import DatabaseSyncToAsync

#: So many questions and actions of one process at a time; one that waits for a lock must not hold up the others.
THREADS = 4
_executor = ThreadPoolExecutor(THREADS, thread_name_prefix="database")


def in_thread[**P, Result](work: Callable[P, Result]) -> Callable[P, Coroutine[Any, Any, Result]]:
    """`work`, which uses the ORM, as something to await; its connection goes back to the pool."""
    awaitable: Callable[P, Coroutine[Any, Any, Result]] = DatabaseSyncToAsync(
        work, thread_sensitive=False, executor=_executor
    )
    return awaitable
