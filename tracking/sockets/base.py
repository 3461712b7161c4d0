"""What the three roles have in common: a Channels consumer that signs in, sends, and hears its groups."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qsl

from channels.consumer import AsyncConsumer, get_handler_name
from channels.exceptions import StopConsumer
from channels.layers import get_channel_layer
from django.conf import settings
from django.db.utils import Error as DatabaseError
from redis.exceptions import RedisError

from tracking import metrics
from tracking.clock import now_ms
from tracking.database import refusal, refuses_data
from tracking.protocol.close_codes import INTERNAL_ERROR, TOO_BIG, TOO_MUCH, TOO_SLOW, TRY_AGAIN_LATER
from tracking.protocol.messages import PROTOCOL_VERSION, Error, Frame, Hello, Ready, encode
from tracking.sockets.outbox import Outbox
from tracking.sockets.process import Process, this_process
from tracking.sockets.rate_limiter import RateLimiter

logger = logging.getLogger(__name__)

#: What has to wait for something.
type Work = Callable[[], Awaitable[None]]

#: Who sends faster than that is read without a break for so long (seconds) is shown out.
STUBBORN_S = 60.0
#: And is told of it so often.
TOLD_EVERY_S = 10.0


class Denied(Exception):
    """The socket is not let in, or not any longer."""

    def __init__(self, close_code: int, code: str, message: str) -> None:
        super().__init__(message)
        self.close_code = close_code
        self.frame = Error(code=code, message=message)


class LiveConsumer(AsyncConsumer):
    """Base of the roles. Handlers are named by message type, as in any consumer: `websocket_receive` for what the
    client sends, `order_changed` for `{"type": "order.changed"}` from a group.
    """

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        # AsyncConsumer's own loop makes a task for every message and cancels it again, and its dispatch hops to a
        # thread for every message to look after database connections: 70 to 150 µs, more than all else a fix costs.
        # Here the client and the channel layer have one reader each; the ORM is used in tracking/database.py alone.
        self.scope, self.base_send = scope, send
        self.channel_layer: Any = get_channel_layer(self.channel_layer_alias)
        self._prepare()
        try:
            while True:
                await self.dispatch(await receive())
        except StopConsumer:
            pass
        finally:
            await self._leave()

    async def dispatch(self, message: dict[str, Any]) -> None:
        handler = getattr(self, get_handler_name(message), None)
        if handler is None:
            raise ValueError(f"No handler for message type {message['type']}")
        await handler(message)

    def _prepare(self) -> None:
        self.query = dict(parse_qsl(self.scope["query_string"].decode("latin-1")))
        self.process: Process = this_process()
        self.outbox = Outbox(self._send_now, self.latest, self._too_slow)
        self.channel_name = ""
        self.groups: set[str] = set()
        #: Key → newest version that this socket was sent.
        self.versions: dict[str, int] = {}
        self.closed = False
        #: Nothing may be joined any more: nobody would leave it.
        self.left = False
        self._most_bytes = settings.SOCKET_FRAME_BYTES
        self._limiter = RateLimiter(settings.SOCKET_MESSAGES_PER_S)
        self._told_of_limit_at = float("-inf")
        self._jobs: set[asyncio.Task[None]] = set()

    # ---------------------------------------------------------------------------------- handlers of all roles

    async def websocket_connect(self, message: dict[str, Any]) -> None:
        await self.send({"type": "websocket.accept", "subprotocol": self.subprotocol()})
        self._job(self._write())
        if await self._guard(self._sign_in):
            self.process.sockets.add(self)

    async def websocket_receive(self, message: dict[str, Any]) -> None:
        await self._wait_its_turn()
        if not self.closed and (work := self._take(message)) is not None:
            await self._guard(work)

    async def websocket_disconnect(self, message: dict[str, Any]) -> None:
        raise StopConsumer

    async def send_frame(self, message: dict[str, Any]) -> None:
        """`{"type": "send.frame", "frame": {…}}`, sent to a group, is on its members' sockets as it is."""
        self.send_text(encode(message["frame"]))

    # ----------------------------------------------------------------------------- what the roles fill in

    async def enter(self) -> None:
        """Checks access, joins groups, sends the snapshot. Raises `Denied`."""
        raise NotImplementedError

    def take(self, data: str | bytes) -> Work | None:
        """A frame from the client. Most need no waiting; the others return what has to wait."""
        self.send_error("read_only", "This socket only listens; nothing that it sends is read.")
        return None

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
        """Before the snapshot is read: what comes later and is older than the snapshot is dropped by version.

        The subscription is written to Redis without waiting for an answer, with those of all sockets that come at the
        same time. Raises redis.RedisError.
        """
        self.groups.add(group)
        self.process.subscriptions.add(group, self)
        await self.channel_layer.group_add(group, self.channel_name)

    def later(self, work: Work) -> None:
        """Does something that waits, beside what the client sends."""
        self._job(self._guard(work))

    def send_text(self, frame: str) -> None:
        """Queues a frame that is encoded already."""
        self.outbox.put(frame)

    def send_message(self, frame: Frame) -> None:
        self.outbox.put(encode(frame))

    def send_error(self, code: str, message: str, *numbers: int | None) -> None:
        """`numbers`: of the fixes that it is about."""
        known = [number for number in numbers if number is not None]
        seq, seqs = (known[-1] if known else None), (known if len(known) > 1 else None)
        self.send_message(Error(code=code, message=message, seq=seq, seqs=seqs))

    def knows(self, key: str, v: int) -> bool:
        return self.versions.get(key, 0) >= v

    def lacks(self, key: str, v: int) -> bool:
        """Whether it should have been sent this version. Who is not ready lacks nothing: the snapshot is to come."""
        return self in self.process.sockets and not self.knows(key, v)

    def deny(self, denied: Denied) -> None:
        self.send_message(denied.frame)
        self.close(denied.close_code)

    def close(self, code: int) -> None:
        """Ends the socket once what was queued before has been sent."""
        if not self.closed:
            self.closed = True
            self.outbox.finish(code)
            metrics.closed(code)

    # ---------------------------------------------------------------------------------------------- inside

    async def _sign_in(self) -> None:
        self.send_message(Hello(v=PROTOCOL_VERSION, now=now_ms()))
        try:
            async with asyncio.timeout(settings.SOCKET_SIGN_IN_S):
                self.channel_name = await self.channel_layer.new_channel()
                self._job(self._guard(self._listen))
                await self.enter()
        except TimeoutError:
            raise Denied(TRY_AGAIN_LATER, "unavailable", "Signing in took too long. Try again.") from None
        self.send_message(Ready())

    async def _listen(self) -> None:
        """What was sent to its channel and its groups."""
        while True:
            await self.dispatch(await self.channel_layer.receive(self.channel_name))

    async def _leave(self) -> None:
        self.left = True
        # A server that shuts down cancels us: a disconnect may never come.
        for job in self._jobs:
            job.cancel()
        self.process.sockets.discard(self)
        for group in self.groups:
            self.process.subscriptions.discard(group, self)
        self.gone()
        try:
            await self.channel_layer.end_channel(self.channel_name, self.groups)
        except RedisError as away:
            logger.warning("Redis is away, a socket leaves without its knowing: %s", type(away).__name__)

    def _take(self, message: dict[str, Any]) -> Work | None:
        """A frame from the client; returns what of it has to wait."""
        data = message.get("text") or message.get("bytes") or ""
        if len(data) > self._most_bytes:
            self.deny(Denied(TOO_BIG, "too_big", f"A frame has at most {self._most_bytes} bytes."))
            return None
        return self.take(data)

    async def _wait_its_turn(self) -> None:
        """Nothing more of the connection is read meanwhile: what the client sends waits on its way."""
        now = time.monotonic()
        wait_s, slowed_s = self._limiter.count(now)
        if not wait_s or self.closed:
            return
        most = settings.SOCKET_MESSAGES_PER_S
        if slowed_s > STUBBORN_S:
            self.deny(Denied(TOO_MUCH, "too_fast", f"Over {most} messages a second, for a minute."))
        elif now - self._told_of_limit_at > TOLD_EVERY_S:
            self._told_of_limit_at = now
            hint = "Send fixes that waited in `locations`, many in one."
            self.send_error("too_fast", f"At most {most} messages a second are read; others wait. {hint}")
        await asyncio.sleep(wait_s)

    async def _guard(self, work: Work) -> bool:
        """Does `work`; whether it was done. The client is told why not."""
        try:
            await work()
        except Denied as denied:
            self.deny(denied)
        except Exception as error:
            if not _may_pass(error):
                logger.exception("a %s failed", type(self).__name__)
                self.close(INTERNAL_ERROR)
                return False
            logger.warning("a %s could not be served: %s", type(self).__name__, refusal(error))
            self.send_error("unavailable", "This can't be done right now. Try again in a few seconds.")
            if self not in self.process.sockets:
                self.close(TRY_AGAIN_LATER)
        else:
            return True
        return False

    def _too_slow(self) -> None:
        self.close(TOO_SLOW)

    async def _send_now(self, frame: str, more: bool) -> None:
        await self.base_send({"type": "websocket.send", "text": frame, "more": more})

    async def _write(self) -> None:
        try:
            code = await self.outbox.run()
            await self.base_send({"type": "websocket.close", "code": code})
        except OSError:
            # The other side went away while we were writing; its disconnect is on the way to us.
            self.closed = True
        except Exception:
            logger.exception("a %s failed to write", type(self).__name__)
            await self.base_send({"type": "websocket.close", "code": INTERNAL_ERROR})

    def _job(self, work: Any) -> None:
        job = asyncio.create_task(work)
        self._jobs.add(job)
        job.add_done_callback(self._jobs.discard)


def _may_pass(error: Exception) -> bool:
    """Redis is away, or PostgreSQL is or takes no writes: later it may work."""
    return isinstance(error, RedisError) or (isinstance(error, DatabaseError) and not refuses_data(error))


class DenyingConsumer(LiveConsumer):
    """Says why nobody can come in, and closes."""

    def __init__(self, denial: tuple[int, str, str]) -> None:
        self.denial = denial

    async def enter(self) -> None:
        # A new one: an exception's traceback holds on to the sockets of all whom it was raised for.
        raise Denied(*self.denial)
