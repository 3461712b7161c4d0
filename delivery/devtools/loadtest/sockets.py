"""One client's socket on the event loop: connects, waits until it is ready, hands over what it hears."""

import asyncio
import resource
import ssl
from collections.abc import Callable, Mapping
from time import monotonic
from typing import NamedTuple, cast
from urllib.parse import urlsplit

import msgspec

from delivery.devtools.loadtest import websocket
from delivery.devtools.loadtest.targets import Heard, decode_heard
from delivery.devtools.loadtest.websocket import CLOSE, PING, PONG, TEXT, FrameReader, ProtocolError

GOING_AWAY = (1001).to_bytes(2)
LONGEST_HEAD = 16_384


class Refused(Exception):
    """The server did not let a socket in; the message is short and the same for the same reason."""


class Address(NamedTuple):
    """Where the server listens."""

    host: str
    port: int
    secure: bool
    #: As in the URL.
    netloc: str

    @classmethod
    def of(cls, url: str) -> "Address":
        """ValueError: not ws://host[:port] or wss://host[:port]."""
        parts = urlsplit(url)
        if parts.scheme not in ("ws", "wss") or not parts.hostname or parts.path not in ("", "/"):
            raise ValueError(f"{url} is no address: give ws://host:port, without a path")
        secure = parts.scheme == "wss"
        return cls(parts.hostname, parts.port or (443 if secure else 80), secure, parts.netloc)

    @property
    def origin(self) -> str:
        return f"{'https' if self.secure else 'http'}://{self.netloc}"


class Client(asyncio.Protocol):
    """`hear` gets every text frame, with the time (monotonic) of its arrival; `lost` the close code of a socket that
    ends on its own after it was ready. `ready` is a future of the time when it was, or of Refused."""

    def __init__(
        self,
        address: Address,
        opening: tuple[str, Mapping[str, str]],
        *,
        waits_for_ready: bool,
        hear: Callable[[Heard, float], None],
        lost: Callable[[int], None],
    ) -> None:
        self._address = address
        self._path, self._headers = opening
        self._waits_for_ready = waits_for_ready
        self._hear = hear
        self._lost = lost
        self.ready: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        self._gone = asyncio.Event()
        self._key = websocket.new_key()
        self._head: bytes | None = b""
        self._reader = FrameReader()
        self._transport: asyncio.Transport | None = None
        self._close_code = websocket.ABNORMAL
        self._closing = False
        #: What came until it was ready: text frames, and bytes in them.
        self.snapshot_frames = 0
        self.snapshot_bytes = 0

    async def connect(self, seconds: float) -> float:
        """Returns how long (seconds) it took until the socket was ready. Refused: it was not let in."""
        began = monotonic()
        context = ssl.create_default_context() if self._address.secure else None
        try:
            async with asyncio.timeout(seconds):
                await asyncio.get_running_loop().create_connection(
                    lambda: self, self._address.host, self._address.port, ssl=context
                )
                return await self.ready - began
        except TimeoutError:
            self.abort()
            raise Refused(f"not ready within {seconds:g} s") from None
        except OSError as error:
            raise Refused(error.strerror or type(error).__name__) from error
        except asyncio.CancelledError:
            self.abort()
            raise

    @property
    def is_open(self) -> bool:
        if self._transport is None or self._closing or self._head is not None:
            return False
        return not self._transport.is_closing()  # as one is that was not let in

    def send(self, text: bytes) -> None:
        assert self._transport is not None  # noqa: S101 (whoever sends has waited for `ready`)
        self._transport.write(websocket.text_frame(text))

    async def close(self) -> None:
        """Says goodbye and waits until the connection has ended."""
        if self.is_open and self._transport is not None:
            self._closing = True
            self._transport.write(websocket.frame(CLOSE, GOING_AWAY))
        if self._transport is not None:
            await self._gone.wait()

    def abort(self) -> None:
        self._closing = True
        self.ready.cancel()  # nobody waits for it any more
        if self._transport is not None:
            self._transport.abort()

    # ---------------------------------------------------------------------------------- from the event loop

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's has no such base
        self._transport.write(websocket.request(self._address.netloc, self._path, self._key, self._headers))

    def data_received(self, data: bytes) -> None:
        now = monotonic()
        try:
            if self._head is not None:
                data = self._open(data, now)
            for opcode, payload in self._reader.feed(data):
                if opcode == TEXT:
                    heard = decode_heard(payload)
                    if not self.ready.done():
                        self.snapshot_frames += 1
                        self.snapshot_bytes += len(payload)
                        if heard.type == "ready":
                            self.ready.set_result(now)
                    self._hear(heard, now)
                else:
                    self._control(opcode, payload)
        except (ProtocolError, msgspec.MsgspecError) as error:
            if not self.ready.done():
                self.ready.set_exception(Refused(str(error)))
            elif not self._closing:
                self._lost(websocket.UNREADABLE)
            self.abort()

    def connection_lost(self, _: Exception | None) -> None:
        was_open = self._head is None
        self._gone.set()
        if not self.ready.done():
            self.ready.set_exception(Refused(f"closed {self._close_code}" if was_open else "hung up"))
        elif not self._closing:
            self._closing = True
            self._lost(self._close_code)

    def _open(self, data: bytes, now: float) -> bytes:
        """Takes the answer to the handshake and returns what follows it."""
        assert self._head is not None  # noqa: S101 (asked for until the answer is complete)
        head, end, rest = (self._head + data).partition(b"\r\n\r\n")
        if not end:
            if len(head) > LONGEST_HEAD:
                raise ProtocolError("answered without end")
            self._head = head
            return b""
        websocket.check_answer(head, self._key)
        self._head = None
        if not self._waits_for_ready and not self.ready.done():
            self.ready.set_result(now)
        return rest

    def _control(self, opcode: int, payload: bytes) -> None:
        assert self._transport is not None  # noqa: S101 (data comes from it)
        if opcode == PING:
            self._transport.write(websocket.frame(PONG, payload))
        elif opcode == CLOSE:
            self._close_code = websocket.close_code(payload)
            if not self._closing:
                self._transport.write(websocket.frame(CLOSE, payload[:2]))
            self._transport.close()


def allow_files(wanted: int, *, or_fewer: bool = False) -> None:
    """So many open files to this process and those that it starts. ValueError: this machine does not allow them
    (`or_fewer`: as many as it does will do).
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and wanted > hard:
        if not or_fewer:
            raise ValueError(f"{wanted} open files are more than this machine allows (ulimit -Hn is {hard})")
        wanted = hard
    if soft != resource.RLIM_INFINITY and wanted > soft:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
