"""What the three roles have in common: an ASGI application that signs in, tells, hears, and leaves no trace.

Not a Channels consumer: what one costs a message is more than all that a fix needs (docs/adr/0005).
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qsl

from django.conf import settings
from django.db import InterfaceError, OperationalError
from redis.exceptions import RedisError

from tracking import metrics
from tracking.protocol.messages import PROTOCOL_VERSION, Error, Frame, Hello, Ready, encode
from tracking.sockets.live import Live, live, now_ms
from tracking.sockets.outbox import Outbox
from tracking.sockets.rate_limiter import Meter, Pace

logger = logging.getLogger(__name__)

# Close codes; docs/protocol.md says what a client does about each.
TOO_BIG = 1009
INTERNAL_ERROR = 1011
TRY_AGAIN_LATER = 1013
BAD_REQUEST = 4400
NOT_SIGNED_IN = 4401
NOT_FOUND = 4404
REPLACED = 4409
TOO_SLOW = 4408
TOO_MUCH = 4429

#: A process that does not hear what others announce within this time lets nobody in.
LISTENING_S = 2.0

#: What has to wait for something.
type Work = Callable[[], Awaitable[None]]


class Refused(Exception):
    """The socket is not let in, or not any longer."""

    def __init__(self, close_code: int, code: str, message: str) -> None:
        super().__init__(message)
        self.close_code = close_code
        self.frame = Error(code=code, message=message)


class LiveSocket:
    """Base of the roles. `as_asgi` is the application."""

    def __init__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        self.scope = scope
        self.query = dict(parse_qsl(scope["query_string"].decode("latin-1")))
        self.live: Live = live()
        self.outbox = Outbox(self._send_text, self.latest, self._too_slow)
        self.groups: list[str] = []
        #: Key → newest version that this socket was told of.
        self.versions: dict[str, int] = {}
        self.closed = False
        self._receive = receive
        self._send = send
        self._most_bytes = settings.SOCKET_FRAME_BYTES
        self._meter = Meter(settings.SOCKET_MESSAGES_PER_S)
        self._jobs: set[asyncio.Task[None]] = set()

    @classmethod
    async def as_asgi(cls, scope: dict[str, Any], receive: Any, send: Any) -> None:
        await cls(scope, receive, send).run()

    async def run(self) -> None:
        await self._receive()  # websocket.connect
        await self._send({"type": "websocket.accept", "subprotocol": self.subprotocol()})
        self._job(self._write())
        try:
            if await self._guard(self._sign_in):
                self.live.sockets.add(self)
            while (message := await self._receive())["type"] != "websocket.disconnect":
                if not self.closed and (work := self._take(message)) is not None:
                    await self._guard(work)
        finally:
            # A server that shuts down cancels us: a disconnect may never come.
            for job in self._jobs:
                job.cancel()
            self.live.sockets.discard(self)
            for group in self.groups:
                self.live.audience.leave(group, self)
            self.gone()

    async def _sign_in(self) -> None:
        self.tell(Hello(v=PROTOCOL_VERSION, now=now_ms()))
        try:
            async with asyncio.timeout(settings.SOCKET_SIGN_IN_S):
                await asyncio.wait_for(self.live.listening.wait(), LISTENING_S)
                await self.enter()
        except TimeoutError:
            raise Refused(TRY_AGAIN_LATER, "unavailable", "Signing in took too long. Try again.") from None
        self.tell(Ready())

    def _take(self, message: dict[str, Any]) -> Work | None:
        """A frame from the client; returns what of it has to wait."""
        data = message.get("text") or message.get("bytes") or ""
        if len(data) > self._most_bytes:
            self.refuse(Refused(TOO_BIG, "too_big", f"A frame has at most {self._most_bytes} bytes."))
            return None
        pace = self._meter.count(time.monotonic())
        if pace is Pace.FINE:
            return self.take(data)
        match pace:
            case Pace.WARN:
                self.complain("too_fast", f"At most {settings.SOCKET_MESSAGES_PER_S} messages a second.")
            case Pace.CLOSE:
                self.refuse(Refused(TOO_MUCH, "too_fast", "Too many messages after a warning."))
        return None

    async def _guard(self, work: Work) -> bool:
        """Does `work`; whether it was done. The client is told why not."""
        try:
            await work()
        except Refused as refused:
            self.refuse(refused)
        except (OperationalError, InterfaceError, RedisError) as away:
            logger.warning("a %s could not be served: %s", type(self).__name__, type(away).__name__)
            self.complain("unavailable", "This can't be done right now. Try again in a few seconds.")
            if self not in self.live.sockets:
                self.close(TRY_AGAIN_LATER)
        except Exception:
            logger.exception("a %s failed", type(self).__name__)
            self.close(INTERNAL_ERROR)
        else:
            return True
        return False

    # ----------------------------------------------------------------------------- what the roles fill in

    async def enter(self) -> None:
        """Checks access, joins groups, sends the snapshot. Raises `Refused`."""
        raise NotImplementedError

    def take(self, data: str | bytes) -> Work | None:
        """A frame from the client. Most need no waiting; the others return what has to wait."""
        self.complain("read_only", "This socket only listens; nothing that it sends is read.")
        return None

    def hear(self, message: dict[str, Any]) -> None:
        """What was announced to one of its groups (tracking/sockets/broadcast.py)."""

    def subprotocol(self) -> str | None:
        """Of those the client offers, the one to answer with."""
        return None

    def latest(self) -> str | None:
        """Positions to send when no event waits."""
        return None

    def gone(self) -> None:
        """The socket has ended."""

    # ------------------------------------------------------------------------------------ what they share

    def join(self, group: str) -> None:
        """Before the snapshot is read: what is announced later and older than the snapshot is dropped by version."""
        self.groups.append(group)
        self.live.audience.join(group, self)

    def later(self, work: Work) -> None:
        """Does something that waits, beside what the client sends."""
        self._job(self._guard(work))

    def say(self, frame: str) -> None:
        self.outbox.put(frame)

    def tell(self, frame: Frame) -> None:
        self.outbox.put(encode(frame))

    def complain(self, code: str, message: str, seq: int | None = None) -> None:
        self.tell(Error(code=code, message=message, seq=seq))

    def knows(self, key: str, v: int) -> bool:
        return self.versions.get(key, 0) >= v

    def refuse(self, refused: Refused) -> None:
        self.tell(refused.frame)
        self.close(refused.close_code)

    def close(self, code: int) -> None:
        """Ends the socket once what it was told before has been sent."""
        if not self.closed:
            self.closed = True
            self.outbox.finish(code)
            metrics.closed(code)

    def _too_slow(self) -> None:
        self.close(TOO_SLOW)

    async def _send_text(self, frame: str) -> None:
        await self._send({"type": "websocket.send", "text": frame})

    async def _write(self) -> None:
        try:
            code = await self.outbox.run()
            await self._send({"type": "websocket.close", "code": code})
        except OSError:
            # The other side went away while we were writing; its disconnect is on the way to us.
            self.closed = True
        except Exception:
            logger.exception("a %s failed to write", type(self).__name__)
            await self._send({"type": "websocket.close", "code": INTERNAL_ERROR})

    def _job(self, work: Any) -> None:
        job = asyncio.create_task(work)
        self._jobs.add(job)
        job.add_done_callback(self._jobs.discard)
