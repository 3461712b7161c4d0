"""A platform's server: takes what it is sent, or answers as a test wants it to."""

import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread
from typing import Any

from standardwebhooks import Webhook

from tests.waiting import PATIENCE_S


@dataclass(frozen=True)
class Request:
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    def verified(self, secret: str) -> dict[str, Any]:
        """Raises WebhookVerificationError."""
        told: dict[str, Any] = Webhook(secret).verify(self.body, self.headers)
        return told


@dataclass
class Receiver:
    url: str = ""
    requests: list[Request] = field(default_factory=list)
    status: int = 204
    headers: dict[str, str] = field(default_factory=dict)
    text: bytes = b""
    #: Instead of an answer: what to do with the handler.
    answer: Callable[[BaseHTTPRequestHandler], None] | None = None
    #: Requests are answered when it is set.
    free: Event = field(default_factory=Event)
    lock: Lock = field(default_factory=Lock)

    def has(self, count: int) -> bool:
        """Whether so many requests have come."""
        return len(self.requests) >= count

    def told(self, secret: str) -> list[dict[str, Any]]:
        """All of it, in the order it came, each with a signature that is right."""
        return [request.verified(secret) for request in self.requests]


@contextmanager
def receiving(tls: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    receiver = Receiver()
    receiver.free.set()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            body = self.rfile.read(length)
            if len(body) < length:
                return  # whoever sent it was killed meanwhile
            headers = {name.lower(): value for name, value in self.headers.items()}
            with receiver.lock:
                receiver.requests.append(Request(self.path, headers, body))
            assert receiver.free.wait(PATIENCE_S)
            if receiver.answer:
                receiver.answer(self)
                return
            self.send_response(receiver.status)
            for name, value in receiver.headers.items():
                self.send_header(name, value)
            if receiver.status != 204:
                self.send_header("Content-Length", str(len(receiver.text)))
            self.end_headers()
            self.wfile.write(receiver.text)

        def log_message(self, format: str, *args: Any) -> None:
            """Quiet."""

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: Any, client_address: Any) -> None:
            """Who hangs up is what some tests are about."""

    server = Server(("127.0.0.1", 0), Handler)
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    receiver.url = f"{'https' if tls else 'http'}://127.0.0.1:{server.server_port}/hook"
    Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield receiver
    finally:
        receiver.free.set()
        server.shutdown()
        server.server_close()
