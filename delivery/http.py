"""uvicorn's HTTP protocol, and what it leaves open to clients that break theirs."""

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol


class HttpProtocol(H11Protocol):
    def send_400_response(self, msg: str) -> None:
        try:
            super().send_400_response(msg)
        except h11.LocalProtocolError:
            # A body where none may follow: in answer to a HEAD, or when another answer has begun.
            self.transport.abort()
