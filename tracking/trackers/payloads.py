"""What all formats have in common: how a request is read, and what is made of it. Pure."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

#: m/s.
KNOT = 1852 / 3600
KMH = 1000 / 3600


class Unreadable(ValueError):
    """The request is none that the app sends. The message says why."""


class Sent(NamedTuple):
    """A request: the parameters of its address, and its body."""

    query: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Payload:
    """`fixes`: with the names and units of a `location` (tracking/protocol/messages.py), and values as the app sent
    them, for tracking/protocol/lenient.py. `signs_of_life`: how often the app said that it is there, and not where.
    `unreadable`: how many of what should have been fixes can't be read. `token`: what the app calls its id.
    """

    fixes: list[dict[str, Any]] = field(default_factory=list)
    signs_of_life: int = 0
    unreadable: int = 0
    token: str = ""


type Read = Callable[[Sent], Payload]


def from_json(body: bytes) -> Any:
    """JSON as apps write it: NaN is a number. Raises Unreadable."""
    try:
        return json.loads(body)
    except RecursionError:
        raise Unreadable("The JSON is nested too deeply") from None
    except ValueError as wrong:
        raise Unreadable(f"This is not JSON: {wrong}") from None


def looks_like_json(body: bytes) -> bool:
    """Whatever its Content-Type says."""
    return body.lstrip()[:1] in (b"{", b"[")


def parameters(sent: Sent) -> dict[str, str]:
    """Those of the address and of a form in the body; empty ones are as good as none."""
    form = parse_qsl(sent.body.decode("latin-1")) if sent.body else []
    return {name: value for name, value in (*form, *sent.query.items()) if value}


def times(value: Any, factor: float) -> Any:
    """A quantity in another unit: below 0 it stays unknown (−1); what is no number is returned as it is."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return value
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return value
    if not isfinite(number):
        return value
    return -1 if number < 0 else number * factor
