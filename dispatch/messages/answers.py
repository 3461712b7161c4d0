"""What customers answer, as gateways hand it on. Pure."""

import unicodedata
from collections.abc import Mapping
from enum import Enum
from typing import Any, NamedTuple

import msgspec


class Wish(Enum):
    STOP = "no more texts"
    START = "texts again"


_STOP = "STOP STOPALL UNSUBSCRIBE CANCEL END QUIT REVOKE OPTOUT ALTO PARAR PARE DETENER CANCELAR BAJA TERMINAR FIN"
_START = "START UNSTOP YES RESUME SI INICIAR EMPEZAR COMENZAR ALTA"
_WORDS: Mapping[str, Wish] = dict.fromkeys(_STOP.split(), Wish.STOP) | dict.fromkeys(
    _START.split(), Wish.START
)

#: How gateways call who sent it, and what it says; the first name that is there.
_SENDERS = ("From", "from", "msisdn", "originator", "originationNumber", "sender", "source")
_TEXTS = ("Body", "text", "body", "messageBody", "message", "payload")


class Answer(NamedTuple):
    sender: str
    text: str


def wish(text: str) -> Wish | None:
    """Of a text that is one of the words and nothing else, whatever its case, accents, blanks and dots."""
    letters = unicodedata.normalize("NFKD", text).upper()
    return _WORDS.get("".join(char for char in letters if char.isalpha()))


def of_json(body: bytes) -> Answer | None:
    """None for what is no JSON object with a sender and a text."""
    try:
        said = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return of_fields(said) if isinstance(said, dict) else None


def of_fields(said: Mapping[str, Any]) -> Answer | None:
    sender, text = _first(said, _SENDERS), _first(said, _TEXTS)
    return Answer(sender, text) if sender and text is not None else None


def _first(said: Mapping[str, Any], names: tuple[str, ...]) -> str | None:
    found = next((said[name] for name in names if name in said), None)
    return str(found) if isinstance(found, str | int) else None
