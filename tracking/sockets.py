"""What the three roles have in common: sign-in answers, frames out, closing, leaving no trace when gone."""

import asyncio
import logging
import time
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qsl

from channels.consumer import AsyncConsumer, get_handler_name
from channels.exceptions import StopConsumer
from django.conf import settings
from django.db import InterfaceError, OperationalError
from redis.exceptions import RedisError

from tracking.limits import Meter, Pace
from tracking.live import Live, live, now_ms
from tracking.messages import PROTOCOL_VERSION, Error, Frame, Hello, Ready, encode
from tracking.outbox import Outbox

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


class Refused(Exception):
    """The socket is not let in, or not any longer."""

    def __init__(self, close_code: int, code: str, message: str) -> None:
        super().__init__(message)
        self.close_code = close_code
        self.frame = Error(code=code, message=message)


class LiveConsumer(AsyncConsumer):
    """Base of the roles.

    Channels' own `dispatch` hops to a thread before each message to close old database connections, which costs
    more than everything else that a fix needs; here only code that uses the database pays for it.
    """

    def __init__(self) -> None:
        self.live: Live = live()
        self.outbox = Outbox(self._send_text, self.latest, self._too_slow)
        self.groups: list[str] = []
        #: Key → newest version that this socket was told of.
        self.versions: dict[str, int] = {}
        self.closed = False
        self._meter = Meter(settings.SOCKET_MESSAGES_PER_S)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        writer = asyncio.create_task(self._write())
        try:
            await super().__call__(scope, receive, send)
        except RedisError:
            # Not even a channel of its own could be had: the socket was never accepted.
            await send({"type": "websocket.close", "code": TRY_AGAIN_LATER})
        finally:
            # A server that shuts down cancels consumers: websocket.disconnect may never come.
            writer.cancel()
            self.live.sockets.discard(self)
            self.gone()
            for group in self.groups:
                self.live.members[group].discard(self)
                if not self.live.members[group]:
                    del self.live.members[group]
                with suppress(RedisError):  # while Redis is away nobody is in a group
                    await self.channel_layer.group_discard(group, self.channel_name)

    async def dispatch(self, message: dict[str, Any]) -> None:
        if self.closed and message["type"] != "websocket.disconnect":
            return
        try:
            await getattr(self, get_handler_name(message))(message)
        except Refused as refused:
            self.tell(refused.frame)
            self.close(refused.close_code)
        except (OperationalError, InterfaceError, RedisError) as away:
            logger.warning("a %s could not be served: %s", type(self).__name__, type(away).__name__)
            self.complain("unavailable", "This can't be done right now. Try again in a few seconds.")
            if self not in self.live.sockets:
                self.close(TRY_AGAIN_LATER)

    async def websocket_connect(self, _: dict[str, Any]) -> None:
        await self.send({"type": "websocket.accept", "subprotocol": self.subprotocol()})
        self.tell(Hello(v=PROTOCOL_VERSION, now=now_ms()))
        try:
            async with asyncio.timeout(settings.SOCKET_SIGN_IN_S):
                await self.enter()
        except TimeoutError:
            raise Refused(TRY_AGAIN_LATER, "unavailable", "Signing in took too long. Try again.") from None
        self.tell(Ready())
        self.live.sockets.add(self)

    async def websocket_receive(self, message: dict[str, Any]) -> None:
        data = message.get("text") or message.get("bytes") or ""
        if len(data) > settings.SOCKET_FRAME_BYTES:
            raise Refused(TOO_BIG, "too_big", f"A frame has at most {settings.SOCKET_FRAME_BYTES} bytes.")
        match self._meter.count(time.monotonic()):
            case Pace.FINE:
                await self.receive(data)
            case Pace.WARN:
                self.complain("too_fast", f"At most {settings.SOCKET_MESSAGES_PER_S} messages a second.")
            case Pace.CLOSE:
                raise Refused(TOO_MUCH, "too_fast", "Too many messages after a warning.")

    async def websocket_disconnect(self, _: dict[str, Any]) -> None:
        raise StopConsumer

    # ----------------------------------------------------------------------------- what the roles fill in

    async def enter(self) -> None:
        """Checks access, joins groups, sends the snapshot. Raises `Refused`."""
        raise NotImplementedError

    async def receive(self, data: str | bytes) -> None:
        """A frame from the client."""
        self.complain("read_only", "This socket only listens; nothing that it sends is read.")

    def subprotocol(self) -> str | None:
        """Of those the client offers, the one to answer with."""
        return None

    def latest(self) -> str | None:
        """Positions to send when no event waits."""
        return None

    def gone(self) -> None:
        """The socket has ended."""

    # ------------------------------------------------------------------------------------ what they share

    async def join(self, group: str) -> None:
        """Subscribes, before the snapshot is read; what is older than the snapshot is dropped by its version."""
        await self.channel_layer.group_add(group, self.channel_name)
        self.groups.append(group)
        self.live.members[group].add(self)

    def say(self, frame: str) -> None:
        self.outbox.put(frame)

    def tell(self, frame: Frame) -> None:
        self.outbox.put(encode(frame))

    def complain(self, code: str, message: str, seq: int | None = None) -> None:
        self.tell(Error(code=code, message=message, seq=seq))

    def knows(self, key: str, v: int) -> bool:
        return self.versions.get(key, 0) >= v

    def close(self, code: int) -> None:
        """Ends the socket once what it was told before has been sent."""
        if not self.closed:
            self.closed = True
            self.outbox.finish(code)

    def _too_slow(self) -> None:
        self.close(TOO_SLOW)

    async def _send_text(self, frame: str) -> None:
        await self.send({"type": "websocket.send", "text": frame})

    async def _write(self) -> None:
        try:
            code = await self.outbox.run()
            await self.send({"type": "websocket.close", "code": code})
        except OSError:
            # The other side went away while we were writing; its disconnect is on the way to us.
            self.closed = True
        except Exception:
            logger.exception("a %s failed to write", type(self).__name__)
            await self.send({"type": "websocket.close", "code": INTERNAL_ERROR})


def query(scope: dict[str, Any]) -> dict[str, str]:
    """The query string's parameters; of a repeated one the last."""
    return dict(parse_qsl(scope["query_string"].decode("latin-1")))
