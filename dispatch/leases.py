"""Of a periodic job one round runs at a time: whoever holds its lease, a row of `leases`.

A lease ends by the database's clock, and each statement about it is a transaction of its own. So it holds behind
PgBouncer in transaction mode, where a session, and an advisory lock of it, belongs to nobody: the unlock reaches
another session than the lock, which then stays for ever. A lock of a transaction would hold there too, but would keep
one open, and a connection of the pool taken, for as long as the round lasts. And the row tells who runs what since
when, and when a round last did its work (docs/adr/0008-leases.md).

A lease is short and renewed while its round lasts: after a worker that was killed the next one waits LEASE_S at most.
A worker that stood still for longer may find another one at work; rounds bear that, since each write is guarded.
"""

import logging
import os
import socket
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import wraps
from threading import Event, Thread
from uuid import uuid4

from django.db import DatabaseError, connection

from dispatch.metrics import ROUND_SECONDS
from dispatch.models import Lease

logger = logging.getLogger(__name__)

#: Seconds after which a lease ends that nobody renews, and between two renewals.
LEASE_S = 20.0
RENEW_S = 5.0

_TAKE = """
INSERT INTO leases AS held (job, holder, since, expires_at)
VALUES (%(job)s, %(holder)s, clock_timestamp(), clock_timestamp() + %(seconds)s * interval '1 s')
ON CONFLICT (job) DO UPDATE SET
    holder = excluded.holder, since = excluded.since, expires_at = excluded.expires_at
WHERE held.expires_at <= clock_timestamp()
    AND coalesce(held.done_at < %(unless_done_since)s, true)
"""
_RENEW = """
UPDATE leases SET expires_at = clock_timestamp() + %(seconds)s * interval '1 s'
WHERE job = %(job)s AND holder = %(holder)s
"""
_GIVE_BACK = """
UPDATE leases SET
    expires_at = clock_timestamp(),
    done_at = CASE WHEN %(done)s THEN clock_timestamp() ELSE done_at END
WHERE job = %(job)s AND holder = %(holder)s
"""
#: By job, how long ago (seconds) a round of it last did its work; infinite where none ever did. Parts of a job
#: ("job:part") are not told of: it is done when they are.
AGES = """
SELECT job, coalesce(extract(epoch FROM clock_timestamp() - done_at)::float8, 'infinity') FROM leases
WHERE position(':' IN job) = 0 ORDER BY job
"""


def alone(job: str) -> Callable[[Callable[[], None]], Callable[[], None]]:
    """Decorates a round of `job`: it runs unless another round of that job does, and does nothing otherwise."""

    def decorate(run: Callable[[], None]) -> Callable[[], None]:
        @wraps(run)
        def round_of_job() -> None:
            with lease(job) as held:
                if held:
                    began = time.monotonic()
                    run()
                    ROUND_SECONDS.labels(job).observe(time.monotonic() - began)

        return round_of_job

    return decorate


def done_since(jobs: Collection[str], moment: datetime) -> set[str]:
    """Those of the jobs of which a round did its work at this moment (by the database's clock) or later."""
    return set(Lease.objects.filter(job__in=jobs, done_at__gte=moment).values_list("job", flat=True))


@contextmanager
def lease(job: str, *, unless_done_since: datetime | None = None) -> Iterator[bool]:
    """Whether nobody else holds the lease of `job`, nor has done the work since that moment (by the database's
    clock); held until the end of the block.

    A block that ends without an exception has done its work, and the row says when.
    """
    holder = f"{socket.gethostname()} {os.getpid()} {uuid4().hex}"
    if not _execute(_TAKE, job=job, holder=holder, seconds=LEASE_S, unless_done_since=unless_done_since):
        yield False
        return
    done = False
    try:
        with _renewed(job, holder):
            yield True
        done = True
    finally:
        _execute(_GIVE_BACK, job=job, holder=holder, done=done)


@contextmanager
def _renewed(job: str, holder: str) -> Iterator[None]:
    over = Event()

    def renew() -> None:
        while not over.wait(RENEW_S):
            try:
                held = _execute(_RENEW, job=job, holder=holder, seconds=LEASE_S)
            except DatabaseError as error:
                logger.warning("the lease of %s could not be renewed: %s", job, error)
            else:
                if not held:
                    logger.warning("the lease of %s went to another worker, this round came too late", job)
                    return
            finally:
                connection.close()  # this thread's own, back to the pool

    thread = Thread(target=renew, name=f"lease of {job}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _execute(statement: str, **values: str | float | datetime | None) -> bool:
    """Whether the statement found its row."""
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return bool(cursor.rowcount)
