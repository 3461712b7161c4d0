"""One request, to servers that are up to no good."""

import datetime
import ipaddress
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from dispatch.webhooks import posting
from dispatch.webhooks.posting import Forbidden, Unreachable, post
from tests.dispatch.webhooks.receiver import Receiver, receiving

#: Real servers, and the seconds after which one gives up on them.
pytestmark = pytest.mark.slow


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


def send(url: str, *, timeout_s: float = 30.0, private: bool = True) -> posting.Answered:
    return post(url, b'{"a": 1}', {"X-A": "b"}, timeout_s=timeout_s, private=private)


def test_a_request_and_its_answer(receiver: Receiver) -> None:
    receiver.status, receiver.text, receiver.headers = 503, b"busy \xff", {"Retry-After": "120"}
    answered = send(f"{receiver.url}?a=b%20c")
    assert (answered.status, answered.text, answered.retry_after) == (503, "busy \ufffd", "120")
    [request] = receiver.requests
    assert (request.path, request.body) == ("/hook?a=b%20c", b'{"a": 1}')
    assert request.headers["x-a"] == "b"
    assert request.headers["host"] == receiver.url.split("/")[2]


def test_a_redirect_is_an_answer_and_is_not_followed(receiver: Receiver) -> None:
    with receiving() as other:
        receiver.status, receiver.headers = 307, {"Location": other.url}
        assert send(receiver.url).status == 307
        assert other.requests == []


def test_no_more_of_a_body_is_read_than_is_kept(receiver: Receiver) -> None:
    receiver.status, receiver.text = 200, b"x" * 10_000_000
    assert send(receiver.url).text == "x" * posting.MOST_BYTES


def dribble(say: Callable[[int], bytes], over: Event) -> Callable[[BaseHTTPRequestHandler], None]:
    """A byte now and then, for ever."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        n = 0
        while not over.wait(0.05):
            try:
                handler.wfile.write(say(n))
            except OSError:
                return
            n += 1

    return answer


@pytest.mark.parametrize(
    "begins", [b"", b"HTTP/1.1 200 OK\r\nX-A: "], ids=["with the status", "with a header"]
)
def test_who_answers_byte_by_byte_has_no_longer_for_it(receiver: Receiver, begins: bytes) -> None:
    over = Event()
    receiver.answer = dribble(lambda n: begins[n : n + 1] or b"x", over)
    began = time.monotonic()
    with pytest.raises(Unreachable, match=r"No answer within 1 s\."):
        send(receiver.url, timeout_s=1.0)
    over.set()
    # Unbounded it would go on until the test is given up.
    assert time.monotonic() - began < 30


def test_endless_interim_answers_are_cut_off(receiver: Receiver) -> None:
    over = Event()
    receiver.answer = dribble(lambda _: b"HTTP/1.1 100 Continue\r\n\r\n", over)
    with pytest.raises(Unreachable):
        send(receiver.url, timeout_s=1.0)
    over.set()


def test_a_body_that_never_ends_makes_no_failure_of_a_success(receiver: Receiver) -> None:
    over = Event()
    head = b"HTTP/1.1 200 OK\r\n\r\n"
    receiver.answer = dribble(lambda n: head if n == 0 else b"x", over)
    assert send(receiver.url, timeout_s=1.0).status == 200
    over.set()


@pytest.mark.parametrize("said", [b"", b"SSH-2.0-OpenSSH_9.2\r\n", b"HTTP/1.1 abc\r\n\r\n"])
def test_what_is_no_http(receiver: Receiver, said: bytes) -> None:
    receiver.answer = lambda handler: handler.wfile.write(said) and None
    with pytest.raises(Unreachable, match=r"HTTP|broke off"):
        send(receiver.url)


def test_nobody_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(Unreachable, match="refuses"):
        send(f"http://127.0.0.1:{port}/")
    with pytest.raises(Unreachable, match="leads nowhere"):
        send("http://nowhere.invalid/")


# ------------------------------------------------------------------------------------ into our own network


def test_our_own_network_is_not_connected_to(receiver: Receiver) -> None:
    with pytest.raises(Forbidden):
        send(receiver.url, private=False)
    assert receiver.requests == []


class Names:
    """A name server that changes its mind: the first look-up is answered with the first of these addresses."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = list(addresses)
        self.asked = 0

    def getaddrinfo(self, host: str, port: int, *args: Any, **kwargs: Any) -> list[Any]:
        address = self.addresses[min(self.asked, len(self.addresses) - 1)]
        self.asked += 1
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        where = (address, port) if family == socket.AF_INET else (address, port, 0, 0)
        return [(family, socket.SOCK_STREAM, 6, "", where)]


@pytest.mark.parametrize("address", ["127.0.0.1", "::ffff:127.0.0.1", "169.254.169.254", "10.0.0.7"])
def test_a_name_that_leads_into_our_network_is_not_connected_to(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", Names(address).getaddrinfo)
    with pytest.raises(Forbidden):
        send(receiver.url.replace("127.0.0.1", "shop.example"), private=False)
    assert receiver.requests == []


def test_a_name_is_looked_up_once_and_what_was_checked_is_connected_to(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rebinding: public when it is checked, ours when it is connected to. With one look-up there is no between."""
    names = Names("127.0.0.1", "127.0.0.2")
    monkeypatch.setattr(socket, "getaddrinfo", names.getaddrinfo)
    assert send(receiver.url.replace("127.0.0.1", "shop.example")).status == 204
    assert names.asked == 1
    assert receiver.requests[0].headers["host"].startswith("shop.example:")


# ----------------------------------------------------------------------------------------------------- TLS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of 127.0.0.1, signed by itself, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "shop")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "shop.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


@pytest.fixture
def secure(certificate: Path) -> Iterator[Receiver]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with receiving(context) as receiver:
        yield receiver


def test_a_certificate_that_nobody_vouches_for_is_refused(secure: Receiver) -> None:
    with pytest.raises(Unreachable, match="certificate is not trusted"):
        send(secure.url)
    assert secure.requests == []


def test_one_that_this_machine_trusts_is_taken_for_its_own_name(
    secure: Receiver, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    assert send(secure.url).status == 204
    with pytest.raises(Unreachable, match="certificate is not trusted"):
        send(secure.url.replace("127.0.0.1", "localhost"))


def test_plain_http_where_tls_is_wanted(receiver: Receiver) -> None:
    with pytest.raises(Unreachable, match="TLS"):
        send(receiver.url.replace("http:", "https:"))


def test_a_handshake_that_hangs_is_cut_off() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        pytest.raises(Unreachable, match="No answer within"),
    ):
        send(f"https://127.0.0.1:{silent.getsockname()[1]}/", timeout_s=0.5)
