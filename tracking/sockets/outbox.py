"""What waits to be sent to one socket. Memory stays bounded, however slowly the other side reads."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from itertools import count

#: Events behind the one being sent; beyond it the client is closed and comes back for a snapshot.
MAX_EVENTS = 512
#: Frames that are sent before everybody else of the process has a turn, even if the reader would take more.
AT_A_TIME = 128


class Outbox:
    """One send in flight; behind it states and events in the order in which they came, and behind those the latest
    positions.

    A state takes the place of an older one of the same thing: there are never more of them than things, and a
    reader who is behind catches up. Events are all sent, and bounded in number.

    `send` writes one text frame and returns when the socket can take another; it is told whether more follow at once,
    with which this one may be written. `latest` is asked for a frame of positions when nothing else waits, and
    answers None when there is none. `overflow` is called once, when the reader is too slow for the events.
    """

    def __init__(
        self,
        send: Callable[[str, bool], Awaitable[None]],
        latest: Callable[[], str | None],
        overflow: Callable[[], None],
    ) -> None:
        self._send = send
        self._latest = latest
        self._overflow = overflow
        #: A state by its key, an event by its number.
        self._waiting: OrderedDict[str | int, str] = OrderedDict()
        self._numbers = count()
        self._events = 0
        self._wake = asyncio.Event()
        self._close_code: int | None = None

    def put(self, frame: str) -> None:
        """Queues an event."""
        if self._close_code is not None:
            return
        if self._events >= MAX_EVENTS:
            self._waiting.clear()
            self._overflow()
            return
        self._events += 1
        self._waiting[next(self._numbers)] = frame
        self._wake.set()

    def put_state(self, key: str, frame: str) -> None:
        """Queues the whole state of something, in the place of an older one that waits."""
        if self._close_code is not None:
            return
        self._waiting[key] = frame
        self._wake.set()

    def finish(self, close_code: int) -> None:
        """Takes nothing more; `run` ends when what waits has been sent."""
        self._close_code = close_code
        self._wake.set()

    @property
    def idle(self) -> bool:
        """Nothing waits and nothing is being sent."""
        return not self._waiting and not self._wake.is_set()

    def wake(self) -> None:
        """There are new positions to ask `latest` for."""
        self._wake.set()

    async def run(self) -> int:
        """Sends for as long as the socket lives; returns the close code given to `finish`."""
        sent = 0
        while True:
            if self._waiting:
                key, frame = self._waiting.popitem(last=False)
                self._events -= isinstance(key, int)
                sent += 1
                turn_ends = sent % AT_A_TIME == 0
                await self._send(frame, bool(self._waiting) and not turn_ends)
                if turn_ends:
                    # A socket with room takes a frame without any waiting: a whole snapshot would be one turn.
                    await asyncio.sleep(0)
            elif self._close_code is not None:
                return self._close_code
            elif (positions := self._latest()) is not None:
                await self._send(positions, False)
            else:
                self._wake.clear()
                await self._wake.wait()
