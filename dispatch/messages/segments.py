"""How long a text is, as phone networks count and charge it (3GPP TS 23.038, 23.040). Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
#: Each takes the place of two.
_EXTENSION = frozenset("\f^{}\\[~]|€")
_GSM_7 = _BASIC | _EXTENSION


class Alphabet(StrEnum):
    GSM_7 = "GSM-7"
    #: Of the whole text, as soon as it has one character that GSM-7 has not.
    UCS_2 = "UCS-2"


#: Places in a text that is one segment, and in each segment of one that is more.
_ROOM = {Alphabet.GSM_7: (160, 153), Alphabet.UCS_2: (70, 67)}


@dataclass(frozen=True, slots=True)
class Length:
    """`places`: of which a segment has so many; `others`: the characters that made it UCS-2, each once."""

    alphabet: Alphabet
    places: int
    segments: int
    others: str = ""


def measure(text: str) -> Length:
    others = "".join(dict.fromkeys(char for char in text if char not in _GSM_7))
    alphabet = Alphabet.UCS_2 if others else Alphabet.GSM_7
    widths = [_width(char, alphabet) for char in text]
    whole, part = _ROOM[alphabet]
    segments = 1 if sum(widths) <= whole else _parts(widths, part)
    return Length(alphabet, sum(widths), segments, others)


def _width(char: str, alphabet: Alphabet) -> int:
    if alphabet == Alphabet.GSM_7:
        return 2 if char in _EXTENSION else 1
    return 2 if ord(char) > 0xFFFF else 1


def _parts(widths: Iterable[int], room: int) -> int:
    """Of two places that make one character neither begins the next segment."""
    parts, used = 1, 0
    for width in widths:
        if used + width > room:
            parts, used = parts + 1, 0
        used += width
    return parts
