"""WebSockets by hand: for clients that do what no library would."""

import asyncio
import socket
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from tests.faults.odd_frames import CLOSE, TEXT

_ESTABLISHED = "01"


async def raw_socket(
    url: str, query: str, headers: Mapping[str, str], *, receive_buffer: int | None = None
) -> socket.socket:
    """A non-blocking socket on which the handshake is done, and of whose frames nothing was read.

    `receive_buffer`: bytes that the kernel takes for us, about.
    """
    parts = urlsplit(url)
    raw = socket.socket()
    raw.setblocking(False)
    if receive_buffer is not None:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(raw, (parts.hostname, parts.port))
    lines = {
        "Host": parts.netloc,
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        **headers,
    }
    request = [f"GET /ws?{query} HTTP/1.1", *(f"{name}: {value}" for name, value in lines.items()), "", ""]
    await loop.sock_sendall(raw, "\r\n".join(request).encode())
    answer = b""
    while not answer.endswith(b"\r\n\r\n"):
        byte = await loop.sock_recv(raw, 1)
        assert byte, f"no handshake: {answer!r}"
        answer += byte
    assert answer.startswith(b"HTTP/1.1 101"), answer
    return raw


class Frames:
    """What a server sent, cut into frames as it comes in. `bytes`: how many came so far."""

    def __init__(self) -> None:
        self.texts: list[bytes] = []
        self.close_code: int | None = None
        self.bytes = 0
        self._rest = b""

    def feed(self, data: bytes) -> None:
        self.bytes += len(data)
        self._rest += data
        for opcode, payload in self._whole():
            if opcode == TEXT:
                self.texts.append(payload)
            elif opcode == CLOSE:
                (self.close_code,) = struct.unpack("!H", payload[:2])

    def _whole(self) -> Iterator[tuple[int, bytes]]:
        while len(self._rest) >= 2:
            start, size = 2, self._rest[1]
            if size == 126:
                start, size = 4, int.from_bytes(self._rest[2:4])
            elif size == 127:
                start, size = 10, int.from_bytes(self._rest[2:10])
            if len(self._rest) < start + size:
                return
            opcode, payload = self._rest[0] & 15, self._rest[start : start + size]
            self._rest = self._rest[start + size :]
            yield opcode, payload


async def read_on(raw: socket.socket, frames: Frames) -> None:
    """Until the server ends the connection."""
    loop = asyncio.get_running_loop()
    try:
        while data := await loop.sock_recv(raw, 65_536):
            frames.feed(data)
    except OSError:
        return


def held_by_server(raw: socket.socket) -> bool:
    """Whether the server's end of the connection is open, as the kernel knows it."""
    local = _in_hex(raw.getpeername()), _in_hex(raw.getsockname()), _ESTABLISHED
    rows = (line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:])
    return any((row[1], row[2], row[3]) == local for row in rows)


def _in_hex(address: tuple[str, int]) -> str:
    host, port = address
    return f"{int.from_bytes(socket.inet_aton(host), 'little'):08X}:{port:04X}"
