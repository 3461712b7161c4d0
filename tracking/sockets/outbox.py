"""What waits to be sent to one socket. Memory stays bounded, however slowly the other side reads."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable

#: Events behind the one being sent; beyond it the client is closed and comes back for a snapshot.
MAX_EVENTS = 512


class Outbox:
    """One send in flight; behind it a bounded queue of events, and behind that the latest positions.

    `send` writes one text frame and returns when the socket can take another. `latest` is asked for a frame of
    positions when nothing else waits, and answers None when there is none. `overflow` is called once, when the
    reader is too slow for the events.
    """

    def __init__(
        self,
        send: Callable[[str], Awaitable[None]],
        latest: Callable[[], str | None],
        overflow: Callable[[], None],
    ) -> None:
        self._send = send
        self._latest = latest
        self._overflow = overflow
        self._events: deque[str] = deque()
        self._bound = MAX_EVENTS
        self._wake = asyncio.Event()
        self._close_code: int | None = None

    def put(self, frame: str) -> None:
        """Queues an event; events keep their order."""
        if self._close_code is not None:
            return
        if len(self._events) >= self._bound:
            self._events.clear()
            self._overflow()
            return
        self._events.append(frame)
        self._wake.set()

    def put_snapshot(self, frames: Iterable[str]) -> None:
        """Queues a snapshot, however many frames it has: they are shared by all who asked at the same time."""
        self._events.extend(frames)
        self._bound = len(self._events) + MAX_EVENTS
        self._wake.set()

    def finish(self, close_code: int) -> None:
        """Takes nothing more; `run` ends when what waits has been sent."""
        self._close_code = close_code
        self._wake.set()

    @property
    def idle(self) -> bool:
        """Nothing waits and nothing is being sent."""
        return not self._events and not self._wake.is_set()

    def wake(self) -> None:
        """There are new positions to ask `latest` for."""
        self._wake.set()

    async def run(self) -> int:
        """Sends for as long as the socket lives; returns the close code given to `finish`."""
        while True:
            if self._events:
                await self._send(self._events.popleft())
            elif self._close_code is not None:
                return self._close_code
            elif (positions := self._latest()) is not None:
                await self._send(positions)
            else:
                self._bound = MAX_EVENTS
                self._wake.clear()
                await self._wake.wait()
