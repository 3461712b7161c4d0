"""Spares those who ask a server that is away the wait: while it is, one question every few seconds finds out."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from routing.errors import NotAsked, Unavailable

logger = logging.getLogger(__name__)

#: While the server is away it is asked no more often than this (seconds).
PROBE_S = 10.0


class Breaker:
    """After a question that found the server away, the next goes through `probe_s` later; others fail at once.

    Safe to share between threads.
    """

    def __init__(
        self,
        probe_s: float = PROBE_S,
        clock: Callable[[], float] = time.monotonic,
        *,
        told: tuple[str, str] = ("the roads are away", "the roads answer again"),
    ) -> None:
        """`told`: what the log says when the server is away, and when it is back."""
        self.probe_s = probe_s
        self._told = told
        self._clock = clock
        self._lock = threading.Lock()
        #: When the next question may go through; None while the server answers.
        self._probe_at: float | None = None

    @property
    def is_away(self) -> bool:
        """Whether the last answer is still owed."""
        return self._probe_at is not None

    @property
    def lets_through(self) -> bool:
        """Whether a question would be asked now."""
        return self._probe_at is None or self._clock() >= self._probe_at

    @contextmanager
    def question(self) -> Iterator[None]:
        """Around each question. Raises NotAsked; and sees Unavailable, where that comes from the server."""
        with self._lock:
            if self._probe_at is not None:
                if self._clock() < self._probe_at:
                    raise NotAsked
                self._probe_at = self._clock() + self.probe_s
        try:
            yield
        except Unavailable as error:
            self._away(error)
            raise
        self._back()

    def _away(self, error: Unavailable) -> None:
        with self._lock:
            news = self._probe_at is None
            self._probe_at = self._clock() + self.probe_s
        if news:
            logger.warning("%s: %s", self._told[0], error.message)

    def _back(self) -> None:
        with self._lock:
            news = self._probe_at is not None
            self._probe_at = None
        if news:
            logger.info(self._told[1])
