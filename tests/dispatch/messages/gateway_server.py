"""A gateway that takes texts over HTTP, as Apprise's json:// sends them, or fails in a way of its own."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class GatewayServer:
    """`does`: “take”, “refuse”, “drop” (the connection, without an answer) or “hang”."""

    def __init__(self) -> None:
        self.does = "take"
        self.taken: list[tuple[str, str]] = []
        self.asked = 0
        self._over = threading.Event()
        ours = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                said = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                ours._answer(self, said)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port: int = self._server.server_port

    @property
    def url(self) -> str:
        """As in NOTIFY_URLS; patient for half a second."""
        return f"json://user:s3cr3t-pass@127.0.0.1:{self.port}/texts?rto=0.5&:to={{phone}}"

    def _answer(self, handler: BaseHTTPRequestHandler, said: dict[str, str]) -> None:
        self.asked += 1
        if self.does == "hang":
            self._over.wait(30)
        if self.does == "take":
            self.taken.append((said["to"], said["message"]))
        if self.does in ("take", "refuse"):
            handler.send_response(200 if self.does == "take" else 503)
            handler.end_headers()

    @contextmanager
    def serving(self) -> Iterator["GatewayServer"]:
        thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._over.set()
            self._server.shutdown()
            self._server.server_close()
            thread.join()
