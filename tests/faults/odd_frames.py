"""Frames that nobody should send: broken on the wire, broken JSON, and odd but right. Pure, seeded."""

import json
import struct
from collections.abc import Callable
from random import Random
from typing import Any
from uuid import UUID

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
DEPTH = 8_000


def frame(
    opcode: int,
    payload: bytes,
    *,
    mask: bytes | None = b"\x00\x00\x00\x00",
    fin: bool = True,
    reserved: int = 0,
) -> bytes:
    """A frame on the wire. An all-zero mask leaves the payload readable and is as good as any."""
    first = (0x80 if fin else 0) | reserved << 4 | opcode
    bit = 0x80 if mask is not None else 0
    if len(payload) < 126:
        head = struct.pack("!BB", first, bit | len(payload))
    elif len(payload) < 65_536:
        head = struct.pack("!BBH", first, bit | 126, len(payload))
    else:
        head = struct.pack("!BBQ", first, bit | 127, len(payload))
    return head + (mask or b"") + payload


def text_or_binary(rng: Random, payload: bytes) -> bytes:
    return frame(rng.choice([TEXT, TEXT, TEXT, BINARY]), payload)


def bad_frame(rng: Random) -> bytes:
    return text_or_binary(rng, bad_json(rng)) if rng.random() < 0.6 else rng.choice(BROKEN)(rng)


_CLOSE_CODES = [0, 999, 1000, 1004, 1005, 1006, 1011, 1015, 2999, 4409, 4999, 5000, 65_535]

BROKEN: list[Callable[[Random], bytes]] = [
    lambda rng: frame(TEXT, b'{"type":"location","lat":1,"lng":"\xe2\x82'),
    lambda rng: frame(TEXT, b"\xff\xfe\xfd"),
    lambda rng: frame(TEXT, b"\xed\xa0\x80"),
    lambda rng: frame(TEXT, b"{}", mask=None),
    lambda rng: frame(TEXT, b"{}", reserved=rng.randint(1, 7)),
    lambda rng: frame(rng.choice([3, 4, 5, 6, 7, 11, 12, 13, 14, 15]), b"x"),
    lambda rng: frame(0, b"and so on"),
    lambda rng: frame(TEXT, b'{"type":', fin=False) + frame(0, b'"shift"', fin=False) + frame(0, b"}"),
    lambda rng: frame(TEXT, b"a", fin=False) + frame(TEXT, b"b"),
    lambda rng: (
        frame(TEXT, b"", fin=False) + frame(0, b"", fin=False) * rng.choice([1, 50, 500]) + frame(0, b"")
    ),
    lambda rng: frame(TEXT, b"\xe2", fin=False) + frame(PING, b"?") + frame(0, b"\x82\xac"),
    lambda rng: (
        frame(TEXT, b"a" * 6_000, fin=False) + frame(0, b"b" * 6_000, fin=False) + frame(0, b"c" * 6_000)
    ),
    lambda rng: frame(TEXT, b" " * 17 * 1024),
    lambda rng: frame(BINARY, b"\x00" * 17 * 1024),
    lambda rng: frame(TEXT, b"x" * 1024 * 1024),
    lambda rng: struct.pack("!BBQ", 0x81, 0xFF, rng.choice([2**20, 2**31, 2**63 - 1, 2**64 - 1])) + b"abcd",
    lambda rng: struct.pack("!BBH", 0x81, 0xFE, 1) + b"\x00\x00\x00\x00x",
    lambda rng: frame(PING, rng.randbytes(rng.choice([0, 125, 126, 1_000]))),
    lambda rng: frame(PING, b"", fin=False),
    lambda rng: frame(PONG, rng.randbytes(rng.choice([0, 125, 200]))),
    lambda rng: frame(
        CLOSE, struct.pack("!H", rng.choice([0, 999, 1004, 1005, 1006, 1015, 2999, 4999, 5000, 65_535]))
    ),
    lambda rng: frame(CLOSE, b"\x03"),
    lambda rng: frame(CLOSE, b"\x03\xe8\xff\xff"),
    lambda rng: frame(CLOSE, b"\x03\xe8" + b"y" * 200),
    lambda rng: frame(CLOSE, b""),
    lambda rng: frame(BINARY, b""),
    lambda rng: frame(TEXT, b""),
    lambda rng: frame(TEXT, b"{}")[: rng.randint(1, 7)],
    lambda rng: rng.randbytes(rng.randint(1, 300)),
]


def _odd_json(rng: Random) -> Any:
    return rng.choice(
        [
            None,
            True,
            [],
            {},
            "",
            "39.7",
            "\x00",
            "𐏿" * 20,
            -1,
            0,
            91,
            -181.5,
            1e308,
            2**31,
            2**53 + 1,
            2**63,
            2**64,
            10**300,
            -(10**300),
            [None] * 60,
            [[1, 2], {"a": []}],
            {"lat": {"lat": {}}},
        ]
    )


_GOOD: list[dict[str, Any]] = [
    {
        "type": "location",
        "lat": 39.75,
        "lng": -104.99,
        "speed": 8,
        "heading": 9,
        "accuracy": 5,
        "ts": 1,
        "seq": 1,
    },
    {"type": "locations", "fixes": [{"lat": 39.75, "lng": -104.99, "ts": 1_700_000_000_000, "seq": 4}]},
    {"type": "status", "orderId": str(UUID(int=1)), "status": "picked_up", "ts": 5},
    {"type": "shift", "on": True},
]

_RAW = [
    b"null",
    b"[]",
    b"[" * DEPTH,
    b"[" * DEPTH + b"]" * DEPTH,
    b'{"a":' * 2_500 + b"1" + b"}" * 2_500,
    b'{"type":"locations","fixes":' + b"[" * DEPTH + b"]" * DEPTH + b"}",
    b'{"type":"location","x":' + b"[" * DEPTH + b"]" * DEPTH + b',"lat":1,"lng":1}',
    b'{"type":"location","lat":1e999,"lng":-1e999}',
    b'{"type":"location","lat":NaN,"lng":Infinity}',
    b'{"type":"location","lat":' + b"9" * 15_000 + b',"lng":1}',
    b'{"type":"location","lat":1,"lng":1,"ts":' + b"1" * 400 + b"}",
    b'{"type":"location","lat":1,"lng":1,"seq":-0}',
    b'{"type":"location","lat":1,"lng":1,"seq":1.0e2}',
    b'{"type":"location","lat":0.' + b"3" * 10_000 + b',"lng":1}',
    b'{"type":"location","type":"shift","on":true,"lat":1}',
    b'{"type":"loc\\u0061tion","lat":1,"lng":1}',
    b'{"type":"\\ud800","lat":1}',
    b'{"type":"status","orderId":"\\udfff","status":"picked_up"}',
    b'{"\\u0000":"\\u0000"}',
    b'{"type":null}',
    b'{"type":["location"]}',
    b'{"type":"location"',
    b'"location"',
    b"{}{}",
    b"\xef\xbb\xbf{}",
    b"\x00",
    b" ",
    b"1e5",
    b"-",
]


def bad_json(rng: Random) -> bytes:
    """A message that is wrong, or odd and right."""
    if rng.random() < 0.4:
        return rng.choice(_RAW)
    message: dict[str, Any] = json.loads(json.dumps(rng.choices(_GOOD, [4, 3, 1, 1])[0]))
    for _ in range(rng.choice([0, 1, 1, 1, 2, 2])):
        target = message
        match message.get("fixes"):
            case [dict() as fix, *_] if rng.random() < 0.5:
                target = fix
        match rng.choice(["odd", "odd", "absent", "more", "repeated"]):
            case "odd":
                target[rng.choice(list(target))] = _odd_json(rng)
            case "absent":
                target.pop(rng.choice(list(target)))
            case "more":
                target[rng.choice(["", "x", "__class__", "driverId"])] = _odd_json(rng)
            case "repeated" if isinstance(message.get("fixes"), list):
                message["fixes"] = message["fixes"] * rng.choice([0, 2, 50, 51])
        if not target:
            break
    text = json.dumps(message, ensure_ascii=rng.random() < 0.5).encode(errors="surrogatepass")
    return text[: rng.randrange(len(text))] if rng.random() < 0.1 else text
