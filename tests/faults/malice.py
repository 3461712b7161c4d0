"""What nobody should send: connections that are broken in every way we could think of. Pure, seeded.

Bytes are made by hand, since a WebSocket library would refuse to.
"""

from dataclasses import dataclass, field
from random import Random
from uuid import UUID

from tests.faults.odd_frames import BROKEN, bad_frame, bad_json, text_or_binary

CRLF = b"\r\n"


@dataclass(frozen=True)
class Keys:
    """What signs somebody in: header lines and query strings that the server knows."""

    host: str
    driver_token: str
    tracking_token: str
    cookie: str


@dataclass(frozen=True)
class Attack:
    """One connection. `frames` follow once the handshake has been answered."""

    kind: str
    opening: bytes
    frames: tuple[bytes, ...] = ()
    #: Ends with a reset instead of an orderly end.
    resets: bool = False

    @property
    def is_whole(self) -> bool:
        """The opening is a request that any server has an answer to."""
        return self.kind in ("query", "frames")


@dataclass
class Handshake:
    """A request for a WebSocket, good until something is changed."""

    path: bytes
    lines: dict[str, bytes] = field(default_factory=dict)
    more: list[bytes] = field(default_factory=list)
    start: bytes = b"GET %s HTTP/1.1"

    def encode(self) -> bytes:
        lines = [name.encode() + b": " + value for name, value in self.lines.items()]
        return CRLF.join(
            [self.start % self.path if b"%s" in self.start else self.start, *lines, *self.more, b"", b""]
        )


def attack(rng: Random, keys: Keys) -> Attack:
    kind = rng.choices(["garbage", "page", "handshake", "half-open", "query", "frames"], [2, 1, 4, 1, 4, 8])[
        0
    ]
    resets = rng.random() < 0.2
    match kind:
        case "garbage":
            return Attack(kind, _garbage(rng), resets=resets)
        case "page":
            return Attack(kind, _page(rng, keys), resets=resets)
        case "handshake":
            return Attack(kind, _bad_handshake(rng, keys), (text_or_binary(rng, b"{}"),), resets)
        case "half-open":
            whole = _handshake(rng, keys).encode()
            return Attack(kind, whole[: rng.randrange(len(whole))], resets=resets)
        case "query":
            return Attack(kind, _bad_query(rng, keys).encode(), (bad_frame(rng),), resets)
        case _:
            # What is broken on the wire ends the connection, and so comes last.
            frames = tuple(text_or_binary(rng, bad_json(rng)) for _ in range(rng.randint(0, 20)))
            frames += tuple(rng.choice(BROKEN)(rng) for _ in range(rng.randint(1, 3)))
            return Attack(kind, _handshake(rng, keys).encode(), frames, resets)


# ------------------------------------------------------------------------------------------------ handshakes


def _handshake(rng: Random, keys: Keys) -> Handshake:
    shake = Handshake(
        b"/ws?role=driver",
        {
            "Host": keys.host.encode(),
            "Upgrade": b"websocket",
            "Connection": b"Upgrade",
            "Sec-WebSocket-Version": b"13",
            "Sec-WebSocket-Key": b"dGhlIHNhbXBsZSBub25jZQ==",
        },
    )
    match rng.choices(["driver", "customer", "dispatcher"], [12, 4, 1])[0]:
        case "driver":
            shake.path += rng.choice([b"", b"&session=fuzz"])
            shake.lines["Authorization"] = b"Bearer " + keys.driver_token.encode()
        case "customer":
            shake.path = b"/ws?role=customer&token=" + keys.tracking_token.encode()
        case "dispatcher":
            shake.path = b"/ws?role=dispatcher"
            shake.lines |= {"Cookie": keys.cookie.encode(), "Origin": b"http://" + keys.host.encode()}
    return shake


def _odd_values(rng: Random) -> bytes:
    return rng.choice(
        [
            b"",
            b" ",
            b",",
            b"\xff\xfe",
            b"\x00",
            b"%00",
            b"\xc3(",
            "ü".encode(),
            b"null",
            b"-1",
            b"1e999",
            b"a" * rng.choice([65, 1_000, 9_000, 70_000]),
            rng.randbytes(rng.randint(1, 40)).replace(b"\r", b"").replace(b"\n", b""),
            b"websocket, h2c",
            b"keep-alive",
            b"[::1",
            b"evil.example",
            b"localhost:99999999",
            b"http://[",
            b"http://localhost@evil.example",
            b"Bearer",
            b"Bearer \xff\xff",
            b"Basic Og==",
            b"permessage-deflate; server_max_window_bits=99",
            b"permessage-deflate; client_max_window_bits=x, permessage-deflate",
            b"doorstep, bearer.",
            b"bearer.\xe9",
            b"sessionid=\xff; sessionid=; =; ;;",
        ]
    )


_HEADERS = [
    "Host",
    "Upgrade",
    "Connection",
    "Sec-WebSocket-Version",
    "Sec-WebSocket-Key",
    "Sec-WebSocket-Protocol",
    "Sec-WebSocket-Extensions",
    "Origin",
    "Cookie",
    "Authorization",
    "Content-Length",
    "Transfer-Encoding",
    "X-Forwarded-For",
    "Expect",
]


def _bad_handshake(rng: Random, keys: Keys) -> bytes:
    shake = _handshake(rng, keys)
    for _ in range(rng.choice([1, 1, 2])):
        name = rng.choice(_HEADERS)
        match rng.choice(["odd", "odd", "absent", "twice", "many", "broken", "start"]):
            case "odd":
                shake.lines[name] = _odd_values(rng)
            case "absent":
                shake.lines.pop(name, None)
            case "twice":
                shake.more.append(name.encode() + b": " + _odd_values(rng))
            case "many":
                shake.more += [b"X-%d: y" % n for n in range(rng.choice([90, 300, 3_000]))]
            case "broken":
                shake.more.append(
                    rng.choice([b"no colon", b": nothing", b" folded", b"a b: c", b"\xff: \xff", b"\x00"])
                )
            case "start":
                shake.start = rng.choice(
                    [
                        b"POST %s HTTP/1.1",
                        b"GET %s HTTP/1.0",
                        b"GET %s HTTP/3.14",
                        b"GET %s",
                        b"GET  %s  HTTP/1.1",
                        b"get %s HTTP/1.1",
                        b"CONNECT %s HTTP/1.1",
                        b"\x00 %s HTTP/1.1",
                        b"GET http://evil.example%s HTTP/1.1",
                        b"PRI * HTTP/2.0",
                    ]
                )
    return shake.encode()


_PATHS = [
    b"/ws/",
    b"/ws%00",
    b"/ws/..",
    b"//ws",
    b"/%ff%fe",
    b"/%",
    b"/%zz",
    b"/\xff",
    b"/../../etc/passwd",
    b"/..%2f..%2fmanage.py",
    b"/static/%00",
    b"/static/../delivery/settings.py",
    b"/static/" + b"a" * 5_000,
    b"/track/",
    b"/track/?t=",
    b"/track/?t=%ff%00",
    b"/track/?t=" + b"0" * 9_000,
    b"/admin/%ff/",
    b"/admin/dispatch/order/%00/change/",
    b"/dispatch/",
    b"/tiles/99/99999999999999999999/1.mvt",
    b"/tiles/-1/0/0.mvt",
    b"/tiles/0/0/0.mvt?" + b"x=1&" * 2_000,
    b"*",
    b"",
    b"?",
    b"/healthz?" + b"%" * 300,
    b"/" + b"a/" * 10_000,
]


def _page(rng: Random, keys: Keys) -> bytes:
    shake = Handshake(rng.choice(_PATHS), {"Host": keys.host.encode()})
    shake.start = (
        rng.choice([b"GET", b"HEAD", b"POST", b"PUT", b"BREW", b"OPTIONS", b"TRACE"]) + b" %s HTTP/1.1"
    )
    if rng.random() < 0.5:
        shake.lines[rng.choice(_HEADERS)] = _odd_values(rng)
    if rng.random() < 0.3:
        shake.more.append(b"Content-Length: " + rng.choice([b"5", b"-5", b"99999999999999999999", b"x"]))
    if rng.random() < 0.1:
        shake.more.append(b"Transfer-Encoding: chunked")
    return shake.encode() + rng.choice([b"", b"hello", b"zz\r\n", b"5\r\nhel", b"0\r\n\r\n", b"a=%ff&b=%"])


def _garbage(rng: Random) -> bytes:
    return rng.choice(
        [
            b"\n",
            b"\r\n\r\n",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + rng.randbytes(200),
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            b"SSH-2.0-x\r\n",
            b"*1\r\n$4\r\nPING\r\n",
            b"GET /ws\r\n\r\n",
            b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 20_000,
            b"GET /" + b"a" * 100_000,
            b"\x81\x85\x00\x00\x00\x00hello",
            rng.randbytes(rng.randint(1, 3_000)),
        ]
    )


_ROLES = [b"driver", b"driver", b"customer", b"dispatcher", b"", b"admin", b"%64river", b"\xff", b"driver%00"]


def _bad_query(rng: Random, keys: Keys) -> Handshake:
    shake = _handshake(rng, keys)
    role = rng.choice(
        [b"driver", b"customer", b"dispatcher", b"", b"admin", b"%64river", b"\xff", b"driver%00"]
    )
    parts = [b"role=" + role]
    names = [b"token", b"session", b"driverId", b"role", b"t", b"", b"%ff", b"session[]"]
    for _ in range(rng.choice([0, 1, 1, 2, 200])):
        parts.append(rng.choice(names) + rng.choice([b"=", b"", b"=="]) + _odd_parameter(rng, keys))
    shake.path = b"/ws?" + rng.choice([b"&", b"&&", b";"]).join(parts)
    return shake


def _odd_parameter(rng: Random, keys: Keys) -> bytes:
    return rng.choice(
        [
            b"",
            b"%",
            b"%zz",
            b"%ff%fe",
            b"%00",
            b"%F0%9F%98%80",
            b"+" * 50,
            b"a" * rng.choice([64, 65, 7_000]),
            b"%2e%2e%2f" * 20,
            b"'%20OR%201=1--",
            b"0" * 32,
            str(UUID(int=rng.getrandbits(128))).encode(),
            keys.tracking_token.encode() + b"%00",
            keys.tracking_token.upper().encode(),
            b"\xed\xa0\x80",
            b"%ED%A0%80",
            b"null",
        ]
    )
