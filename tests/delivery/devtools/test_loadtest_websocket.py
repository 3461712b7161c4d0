"""The client's half of WebSocket, against a complete implementation of the other half."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode
from websockets.server import ServerProtocol

from delivery.devtools.loadtest import websocket
from delivery.devtools.loadtest.sockets import Address, Client
from delivery.devtools.loadtest.websocket import CLOSE, TEXT, FrameReader, ProtocolError

#: Around the lengths at which a header grows.
lengths = st.sampled_from([0, 1, 125, 126, 300, 65_535, 65_536])
messages = st.lists(
    st.builds(lambda length, byte: bytes([byte]) * length, lengths, st.integers(0, 255)), max_size=5
)


def from_server(payload: bytes, opcode: Opcode = Opcode.TEXT, fin: bool = True) -> bytes:
    return bytes(Frame(opcode, payload, fin).serialize(mask=False))


@given(messages, st.integers(50, 70_000))
def test_whole_messages_whatever_the_pieces(payloads: list[bytes], size: int) -> None:
    stream = b"".join(map(from_server, payloads))
    reader = FrameReader()
    pieces = [stream[at : at + size] for at in range(0, len(stream), size)]
    assert [each for piece in pieces for each in reader.feed(piece)] == [(TEXT, each) for each in payloads]


def test_byte_by_byte() -> None:
    stream = from_server(b"x" * 126) + from_server(b"")
    reader = FrameReader()
    arrived = [(at, each) for at in range(len(stream)) for each in reader.feed(stream[at : at + 1])]
    assert arrived == [(129, (TEXT, b"x" * 126)), (131, (TEXT, b""))]


def test_a_message_in_fragments_with_a_ping_between() -> None:
    stream = (
        from_server(b"hel", fin=False)
        + from_server(b"?", Opcode.PING)
        + from_server(b"lo", Opcode.CONT)
        + from_server(b"next")
    )
    assert FrameReader().feed(stream) == [(websocket.PING, b"?"), (TEXT, b"hello"), (TEXT, b"next")]


def accepted(server: ServerProtocol, asked: bytes) -> bytes:
    server.receive_data(asked)
    request = server.events_received()[0]
    assert (request.path, request.headers["X-Test"]) == ("/ws?role=driver", "yes")
    server.send_response(server.accept(request))
    return b"".join(server.data_to_send())


@pytest.mark.parametrize("length", [0, 1, 125, 126, 1023, 1024, 65_535, 65_536])
def test_a_server_reads_our_handshake_and_frames(length: int) -> None:
    server = ServerProtocol()
    key = websocket.new_key()
    answer = accepted(server, websocket.request("localhost:1", "/ws?role=driver", key, {"X-Test": "yes"}))
    head, _, rest = answer.partition(b"\r\n\r\n")
    websocket.check_answer(head, key)
    assert rest == b""
    server.receive_data(websocket.text_frame(b"x" * length))
    assert [(frame.opcode, frame.data) for frame in server.events_received()] == [
        (Opcode.TEXT, b"x" * length)
    ]


@pytest.mark.parametrize(
    ("head", "why"),
    [
        (b"HTTP/1.1 403 Forbidden", "answered 403 Forbidden"),
        (b"", "answered nothing"),
        (b"HTTP/1.1 101 Switching Protocols", "key"),
        (b"HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: bm9wZQ==", "key"),
    ],
)
def test_an_answer_that_opens_nothing(head: bytes, why: str) -> None:
    with pytest.raises(ProtocolError, match=why):
        websocket.check_answer(head, b"dGhlIHNhbXBsZSBub25jZQ==")


@pytest.mark.parametrize("stream", [b"\x81\x80\0\0\0\0", b"\xc1\x00"])
def test_what_no_server_may_send(stream: bytes) -> None:
    with pytest.raises(ProtocolError):
        FrameReader().feed(stream)


def test_close_codes() -> None:
    [(opcode, payload)] = FrameReader().feed(from_server(b"\x11\x49gone", Opcode.CLOSE))
    assert (opcode, websocket.close_code(payload)) == (CLOSE, 4425)
    assert websocket.close_code(b"") == websocket.NO_CODE


async def test_an_answer_that_comes_too_late_opens_nothing() -> None:
    asked: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
    hung_up = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.set_result(await reader.readuntil(b"\r\n\r\n"))
        assert await reader.read() == b""
        hung_up.set()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server, asyncio.timeout(10):
        address = Address.of(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        opening = "/ws?role=driver", {"X-Test": "yes"}
        client = Client(address, opening, waits_for_ready=False, hear=print, lost=print)
        connecting = asyncio.create_task(client.connect(5))
        answer = accepted(ServerProtocol(), await asked)
        connecting.cancel()
        client.data_received(answer)
        with pytest.raises(asyncio.CancelledError):
            await connecting
        await hung_up.wait()
