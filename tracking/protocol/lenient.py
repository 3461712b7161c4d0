"""A driver's frame as phones really send it: read field by field, where the strict decoder gives up.

A position counts, whatever is wrong beside it, and one bad fix costs itself alone. Pure.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec
from msgspec import ValidationError

from tracking.protocol.messages import (
    LATEST_MS,
    MILLISECONDS_FROM,
    MOST_FIXES,
    Accuracy,
    Battery,
    DriverFrame,
    Heading,
    Location,
    Locations,
    Number,
    Speed,
    decode_json,
)

#: Times (2001 to 5138) are seconds from here on, and milliseconds from MILLISECONDS_FROM on.
SECONDS_FROM = 10**9
#: What is left out of a fix where it makes no sense.
_DISPENSABLE = {
    "speed": Speed,
    "heading": Heading,
    "accuracy": Accuracy,
    "battery": Battery,
    "background": bool,
}
_TIME = "`ts`: milliseconds since the epoch, please"
_WAITED = "A fix that waited needs its time: send `ts` with each"


@dataclass
class Reading:
    """What could be read of a frame. `unreadable`: of each fix that could not its number, as far as it has one, and
    why. `left_out`: the fields that were, of any of the fixes.
    """

    frame: DriverFrame
    unreadable: list[tuple[int | None, str]] = field(default_factory=list)
    left_out: set[str] = field(default_factory=set)


def read_driver_frame(text: str | bytes) -> Reading:
    """`msgspec.MsgspecError` says why nothing of it can be read. A fix alone in its frame is read as one of many."""
    frame = decode_json(text)
    match frame:
        case {"type": "location"}:
            return read_fixes([frame], waited=False)
        case {"type": "locations", "fixes": [_, *_] as fixes} if len(fixes) <= MOST_FIXES:
            return read_fixes(fixes, waited=True)
        case {"type": str(), "ts": ts}:
            frame = frame | {"ts": _time(ts)}
    return Reading(msgspec.convert(frame, DriverFrame, strict=False))


def read_fixes(fixes: Iterable[Any], *, waited: bool) -> Reading:
    """Fixes with the fields of a `location`, each with its time where they `waited`. The frame is a `Locations`."""
    good: list[Location] = []
    reading = Reading(Locations(good))
    for fix in fixes:
        try:
            good.append(_read_fix(fix, reading.left_out, waited=waited))
        except ValidationError as wrong:
            reading.unreadable.append((_number(fix), str(wrong)))
    return reading


def _read_fix(fix: Any, left_out: set[str], *, waited: bool) -> Location:
    if not isinstance(fix, dict):
        raise ValidationError("A fix is an object")
    sent = fix | {"ts": _time(fix.get("ts"))}
    if waited and sent["ts"] is None:
        raise ValidationError(_WAITED)
    odd = {name for name, kind in _DISPENSABLE.items() if not _is_like(sent.get(name), kind)}
    location = msgspec.convert(sent | dict.fromkeys(odd), Location, strict=False)
    left_out |= odd
    return location


def _is_like(value: Any, kind: Any) -> bool:
    try:
        msgspec.convert(value, kind | None, strict=False)
    except ValidationError:
        return False
    return True


def _number(fix: Any) -> int | None:
    if isinstance(fix, dict) and fix.get("seq") is not None and _is_like(fix["seq"], Number):
        return msgspec.convert(fix["seq"], int, strict=False)
    return None


def _time(ts: Any) -> int | None:
    """Milliseconds, of a time in those, in seconds or as ISO 8601 with its zone."""
    if ts is None:
        return None
    at = _seconds(ts) if isinstance(ts, str) else ts
    if not isinstance(at, int | float) or isinstance(at, bool) or not SECONDS_FROM <= at <= LATEST_MS:
        raise ValidationError(_TIME)
    return round(at * 1000 if at < MILLISECONDS_FROM else at)


def _seconds(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        pass
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise ValidationError(_TIME) from None
    if at.tzinfo is None:
        raise ValidationError(_TIME)
    return at.timestamp()
