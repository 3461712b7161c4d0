"""One POST to somebody else's server, of which nothing is believed: it has a bounded time for all of it, no more than
a bounded part of its answer is read, and no redirect is followed.

The address that is connected to is the one that was checked: between a check of a name and a connection to it the
name may lead elsewhere.
"""

import http.client
import ipaddress
import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from threading import Event, Timer
from urllib.parse import urlsplit

from dispatch.webhooks.addresses import is_public

#: Bytes of an answer that are read.
MOST_BYTES = 4096


class Unreachable(Exception):
    """Nobody answered, or not as HTTP wants it, or not in time; the message says which."""


class Forbidden(Exception):
    """The address belongs to a network where nobody is to be asked."""


@dataclass(frozen=True)
class Answered:
    status: int
    text: str
    retry_after: str = ""


def post(
    url: str, body: bytes, headers: Mapping[str, str], *, timeout_s: float, private: bool = False
) -> Answered:
    """Raises Unreachable, Forbidden. `private`: our own network is nothing special."""
    parts = urlsplit(url)
    assert parts.hostname  # noqa: S101 (`addresses.check_url` has seen to it)
    path = f"{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}"
    connection = _Connection(parts.hostname, parts.port or (443 if parts.scheme == "https" else 80))
    with _deadline(timeout_s) as deadline:
        try:
            connection.open(deadline, tls=parts.scheme == "https", private=private)
            connection.request("POST", path, body, {**headers, "Connection": "close"})
            response = connection.getresponse()
            if deadline.is_over:  # headers that are cut off pass for whole ones
                raise TimeoutError
            text = _beginning(response)
        except (OSError, http.client.HTTPException, UnicodeError) as error:
            if deadline.is_over:
                raise Unreachable(f"No answer within {timeout_s:g} s.") from None
            raise Unreachable(_why(error)) from None
        finally:
            connection.close()
    return Answered(response.status, text, response.headers.get("Retry-After", ""))


class _Deadline:
    """When it is over, the connection is cut: a socket's own time-out begins anew with each byte."""

    def __init__(self, timeout_s: float) -> None:
        self._ends = time.monotonic() + timeout_s
        self._over = Event()
        self._line: socket.socket | None = None
        self._timer = Timer(timeout_s, self._cut)
        self._timer.daemon = True

    @property
    def is_over(self) -> bool:
        return self._over.is_set() or time.monotonic() >= self._ends

    @property
    def left_s(self) -> float:
        return max(0.01, self._ends - time.monotonic())

    def watch(self, line: socket.socket) -> None:
        """A second handle of the same connection, which is still there when TLS has taken the first."""
        self._line = line.dup()
        self._timer.start()

    def _cut(self) -> None:
        self._over.set()
        if self._line is not None:
            with suppress(OSError):  # it is closed already
                self._line.shutdown(socket.SHUT_RDWR)

    def end(self) -> None:
        self._timer.cancel()
        if self._line is not None:
            self._line.close()


@contextmanager
def _deadline(timeout_s: float) -> Iterator[_Deadline]:
    deadline = _Deadline(timeout_s)
    try:
        yield deadline
    finally:
        deadline.end()


class _Connection(http.client.HTTPConnection):
    """To an address that was looked at."""

    def open(self, deadline: _Deadline, *, tls: bool, private: bool) -> None:
        line = _connected(self.host, self.port, deadline, private=private)
        try:
            deadline.watch(line)
            # Certificates as this machine trusts them, of this very name.
            self.sock = (
                ssl.create_default_context().wrap_socket(line, server_hostname=self.host) if tls else line
            )
        except BaseException:
            line.close()
            raise
        self.default_port = 443 if tls else 80


def _connected(host: str, port: int, deadline: _Deadline, *, private: bool) -> socket.socket:
    """To the first of the addresses behind the name that may be asked, and answers. Raises Forbidden, OSError."""
    error: OSError | None = None
    for family, kind, protocol, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        if not private and not is_public(ipaddress.ip_address(address[0])):
            continue
        line = socket.socket(family, kind, protocol)
        line.settimeout(deadline.left_s)
        try:
            line.connect(address)
        except OSError as failed:
            line.close()
            error = failed
        else:
            return line
    if error is None:
        raise Forbidden("The name leads into a private network.")
    raise error


def _beginning(response: http.client.HTTPResponse) -> str:
    """Of its text. That it took the message its status has said already: a body that breaks off is no failure."""
    read = b""
    with suppress(OSError, http.client.HTTPException):
        while len(read) < MOST_BYTES and (more := response.read1(MOST_BYTES - len(read))):
            read += more
    return read.decode(errors="replace")


def _why(error: Exception) -> str:
    """Without addresses, which are the business of nobody who may read it."""
    match error:
        case ssl.SSLCertVerificationError():
            return f"Its certificate is not trusted: {error.verify_message}."
        case ssl.SSLError():
            return "It does not speak TLS as we do."
        case socket.gaierror():
            return "Its name leads nowhere."
        case ConnectionRefusedError():
            return "It refuses connections."
        case http.client.HTTPException():
            return "It does not answer as HTTP wants it."
        case UnicodeError():
            return "Its name is none of a server."
        case TimeoutError():
            return "It does not answer."
        case _:
            return "The connection broke off."
