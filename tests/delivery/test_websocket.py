"""What uvicorn's protocol writes for us, on a transport that remembers it."""

import asyncio
from typing import Any

import pytest
from uvicorn.config import Config
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.server import ServerState

from delivery.websocket import LiveProtocol

HANDSHAKE = (
    b"GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
CLOSE = b"\x88\x80\x00\x00\x00\x00"


class Transport(asyncio.Transport):
    def __init__(self) -> None:
        super().__init__({"peername": ("127.0.0.1", 1), "sockname": ("127.0.0.1", 2)})
        self.written: list[bytes] = []

    def write(self, data: Any) -> None:
        self.written.append(bytes(data))

    def is_closing(self) -> bool:
        return False

    def close(self) -> None: ...

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


def text(content: bytes) -> bytes:
    """A frame of a server."""
    return b"\x81" + bytes([len(content)]) + content


async def open_protocol() -> tuple[LiveProtocol, Transport]:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "websocket.accept"})
        accepted.set()
        await asyncio.Event().wait()

    accepted = asyncio.Event()
    config = Config(application, ws=LiveProtocol, lifespan="off", ws_ping_interval=None)
    config.load()
    protocol, transport = LiveProtocol(config, ServerState(), {}), Transport()
    protocol.connection_made(transport)
    protocol.data_received(HANDSHAKE)
    await accepted.wait()
    transport.written.clear()
    return protocol, transport


async def test_frames_that_follow_one_another_are_one_write() -> None:
    protocol, transport = await open_protocol()
    await protocol.send({"type": "websocket.send", "text": "one", "more": True})
    await protocol.send({"type": "websocket.send", "text": "two", "more": True})
    assert transport.written == []
    await protocol.send({"type": "websocket.send", "text": "three", "more": False})
    await protocol.send({"type": "websocket.send", "text": "four"})
    assert transport.written == [text(b"one") + text(b"two") + text(b"three"), text(b"four")]


async def test_what_waits_for_the_next_frame_goes_before_the_end() -> None:
    protocol, transport = await open_protocol()
    await protocol.send({"type": "websocket.send", "text": "last", "more": True})
    await protocol.send({"type": "websocket.close", "code": 1000})
    assert b"".join(transport.written) == text(b"last") + b"\x88\x02\x03\xe8"


async def test_who_has_left_is_sent_nothing_more() -> None:
    protocol, _ = await open_protocol()
    protocol.data_received(CLOSE)
    with pytest.raises(ClientDisconnected):
        await protocol.send({"type": "websocket.send", "text": "late", "more": True})
