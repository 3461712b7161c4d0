"""Sends what is due, in threads of the worker's process: no task waits for anybody's server.

Each thread serves one receiver and takes its next entry when it is done with one; whoever hangs holds no more than
the threads that one receiver may have. A process that is told to end lets them finish; one that is killed leaves
leases behind, which run out.
"""

import logging
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Condition, Thread
from uuid import UUID

from django.db import DatabaseError, connection

from dispatch.metrics import OUTBOX_SENDS
from dispatch.models import OutboxEntry
from dispatch.outbox import claims, registry
from dispatch.outbox.registry import Pointless, Refused, TryLater

logger = logging.getLogger(__name__)

#: For receivers that hang at once, PER_RECEIVER threads each.
MOST_THREADS = 64


class Senders:
    """The threads of this process."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(MOST_THREADS, thread_name_prefix="outbox")
        self._changed = Condition()
        self._at_work: Counter[str] = Counter()
        self._leases: set[UUID] = set()
        self._renewing: Thread | None = None
        self._stopping = False

    def send_due(self) -> None:
        """Sees to it that all that is due is sent; does not wait for it."""
        for receiver, entries in claims.due().items():
            for _ in range(entries):
                if not self._begin(receiver):
                    break
                self._pool.submit(self._serve, receiver)

    def wait(self, seconds: float) -> bool:
        """Until nothing is being sent; False where that took too long."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._at_work.total(), seconds)

    def stop(self) -> None:
        """Takes on no more, and waits for what is under way."""
        self._stopping = True
        self.wait(registry.SEND_S)

    def _begin(self, receiver: str) -> bool:
        with self._changed:
            if self._stopping or self._at_work[receiver] >= claims.PER_RECEIVER:
                return False
            self._at_work[receiver] += 1
            return True

    def _serve(self, receiver: str) -> None:
        try:
            while not self._stopping and (entry := _claimed(receiver)) is not None:
                with self._renewed(entry):
                    _send(entry)
        except DatabaseError as error:
            logger.warning("the database is away, what %s is told waits: %s", receiver, error)
        finally:
            connection.close()
            with self._changed:
                self._at_work[receiver] -= 1
                self._changed.notify_all()

    @contextmanager
    def _renewed(self, entry: OutboxEntry) -> Iterator[None]:
        assert entry.lease is not None  # noqa: S101 (it was claimed)
        with self._changed:
            self._leases.add(entry.lease)
            if self._renewing is None:
                self._renewing = Thread(target=self._renew, name="leases of the outbox", daemon=True)
                self._renewing.start()
        try:
            yield
        finally:
            with self._changed:
                self._leases.discard(entry.lease)

    def _renew(self) -> None:
        """As long as there is any. Most tries are over long before."""
        while True:
            time.sleep(claims.RENEW_S)
            with self._changed:
                leases = frozenset(self._leases)
                if not leases:
                    self._renewing = None
                    return
            try:
                claims.renew(leases)
            except DatabaseError as error:
                logger.warning("what is being sent could not be kept for us: %s", error)
            finally:
                connection.close()


def _claimed(receiver: str) -> OutboxEntry | None:
    entry = claims.claim(receiver)
    connection.close()  # back to the pool: others want it while we wait for the receiver
    return entry


def _send(entry: OutboxEntry) -> None:
    try:
        answer = registry.sender(entry.kind)(entry)
    except TryLater as error:
        outcome = "later" if claims.put_off(entry, error) else "dead"
    except Refused as error:
        claims.refused(entry, error.answer)
        outcome = "dead"
    except Pointless as error:
        claims.dropped(entry, error.answer)
        outcome = "dropped"
    except DatabaseError:
        raise  # of a sender that reads; its lease runs out
    except Exception as error:
        logger.exception("%s could not be sent, and is tried again", entry.message_id)
        outcome = "later" if claims.put_off(entry, TryLater(type(error).__name__)) else "dead"
    else:
        claims.sent(entry, answer)
        outcome = "sent"
    OUTBOX_SENDS.labels(entry.kind, outcome).inc()


senders = Senders()
