"""Questions to servers that may be away or hang, asked by whoever has to answer in time all the same."""

from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait

import psycopg
from psycopg.rows import TupleRow

from tracking.ingest.history import connection_params


def all_at_once[Answer](
    questions: Mapping[str, Callable[[], Answer]], timeout_s: float
) -> dict[str, Future[Answer]]:
    """Each of the questions in a thread of its own. Of one without an answer in time the future is not done; its
    thread is left to itself.
    """
    pool = ThreadPoolExecutor(len(questions))
    asked = {name: pool.submit(question) for name, question in questions.items()}
    wait(asked.values(), timeout=timeout_s)
    pool.shutdown(wait=False)
    return asked


def own_connection(timeout_s: int = 2) -> psycopg.Connection[TupleRow]:
    """To PostgreSQL. The ORM's would wait for a server that hangs, and its pool must not be open when a worker forks.

    Raises psycopg.Error.
    """
    return psycopg.connect(**connection_params() | {"connect_timeout": timeout_s})
