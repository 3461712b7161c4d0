"""uvicorn's WebSocket protocol, and what it leaves open to clients that keep to none."""

from typing import Any

from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.exceptions import InvalidState
from websockets.frames import CloseCode, Frame

#: Pings, pongs and parts of messages that one client may send in a second. The application, which has its own limit,
#: hears of none of them.
QUIET_FRAMES_PER_S = 100


class LiveProtocol(WebSocketsSansIOProtocol):
    _second = 0
    _quiet_frames = 0

    async def send(self, message: Any) -> None:
        await self.writable.wait()
        if self.close_sent:
            # A broken frame ended the connection, of which the application hears next.
            raise ClientDisconnected
        if not message.get("more"):
            await super().send(message)
            return
        # Written with the next one, which follows in the same turn of the event loop: the snapshot of ten thousand
        # drivers was 22,000 writes, each of them a call of the kernel.
        try:
            self.conn.send_text(message["text"].encode())
        except InvalidState:
            raise ClientDisconnected from None

    def send_receive_event_to_app(self) -> None:
        if self.curr_msg_data_type == "text":
            try:
                b"".join(self.frames).decode()
            except UnicodeDecodeError:
                self._fail(CloseCode.INVALID_DATA, "not UTF-8")
                return
        super().send_receive_event_to_app()

    def handle_ping(self) -> None:
        pong = self.conn.data_to_send()
        # Only the latest ping of a client that reads no pongs wants an answer.
        if self._counted() and self.writable.is_set():
            self.transport.write(b"".join(pong))

    def handle_pong(self, event: Frame) -> None:
        if self._counted():
            super().handle_pong(event)

    def handle_cont(self, event: Frame) -> None:
        if self._counted():
            super().handle_cont(event)

    def _counted(self) -> bool:
        """Whether one more such frame is within the limit; the connection ends if it is not."""
        second = int(self.loop.time())
        if second != self._second:
            self._second, self._quiet_frames = second, 0
        self._quiet_frames += 1
        if self._quiet_frames > QUIET_FRAMES_PER_S:
            self._fail(CloseCode.POLICY_VIOLATION, "too many control frames")
        return self._quiet_frames <= QUIET_FRAMES_PER_S

    def _fail(self, code: CloseCode, reason: str) -> None:
        self.frames = []
        if self.close_sent:
            return
        self.conn.fail(code, reason)
        if self.conn.close_sent is None:  # the client was the one to close
            self.transport.close()
        else:
            self.handle_parser_exception()
