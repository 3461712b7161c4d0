"""An address as people type it, taken apart so that it can be compared. Pure.

“1867 E. Lawrence St, Apt 4, Denver CO 80202”, “Hauptstraße 12a, 69117 Heidelberg”: house number, street, town and
postcode, whatever of them there is. Flats, floors and suites are left out: they are behind the same door.
"""

import re
import unicodedata
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from routing.addresses.vocabulary import (
    COUNTRIES,
    DIRECTIONS,
    LEADING_TYPES,
    NAMES,
    ORDINALS,
    STATES,
    STATES_LIKE_STREETS,
    SYNONYMS,
    TITLES,
    TYPES,
    UNITS,
    WHOLE_UNITS,
)

#: Of a longer text the rest is no address.
MOST_CHARACTERS = 300
#: A town's name has no more words.
TOWN_WORDS = 4

_HOUSE = re.compile(r"(\d{1,6})(bis|ter|quater|[a-z])?(?:[-/]\d{1,6}[a-z]?)?")
_RANGE = re.compile(r"(\d[a-z]?)\s*[-–]\s*(?=\d)")
_ORDINAL = re.compile(r"0*(\d{1,3})(?:st|nd|rd|th|er|e)")
_POSTCODE = re.compile(r"\d{4,5}(-\d{3,4})?")
_UNIT_ID = re.compile(r"[a-z]?\d{1,5}[a-z]?|[a-z]{1,2}|\d{1,3}(st|nd|rd|th)")
_NOT_OF_WORDS = re.compile(r"[^a-z0-9#/-]+")
_BETWEEN_PARTS = re.compile(r"[,;\n|]+")


@dataclass(frozen=True)
class StreetName:
    """`base`: what is left without `type` (“ave”) and `directions` (“e”, in their order), which may be ""."""

    base: str
    type: str = ""
    directions: str = ""

    @classmethod
    def of(cls, words: Sequence[str]) -> "StreetName":
        """Of the words of a name, as `words_of` has them."""
        rest = list(words)
        directions: list[str] = []
        while len(rest) > 1 and rest[0] in DIRECTIONS:
            directions.append(DIRECTIONS[rest.pop(0)])
        behind: list[str] = []
        while len(rest) > 1 and rest[-1] in DIRECTIONS:
            behind.insert(0, DIRECTIONS[rest.pop()])
        kind = ""
        if len(rest) > 1 and rest[-1] in TYPES:
            kind = TYPES[rest.pop()]
        elif len(rest) > 1 and rest[0] in LEADING_TYPES:
            kind = LEADING_TYPES[rest.pop(0)]
        if directions and rest and rest[0] in TYPES and len(rest) == 1:
            # “North Street”: the direction is the name.
            kind, rest = TYPES[rest[0]], [directions.pop()]
        named = [_as_in_names(word) for word in rest]
        base = " ".join([word for word in named if word not in TITLES] or named)
        return cls(SYNONYMS.get(base, base), kind, " ".join(directions + behind))


@dataclass(frozen=True)
class Address:
    """`letter`: behind the number; `extra`: text that is none of these. Each may be "", but number and street."""

    number: int
    letter: str
    street: StreetName
    #: The words of the street, as they were.
    written: str
    postcode: str = ""
    town: str = ""
    extra: str = ""


def words_of(text: str) -> list[str]:
    """In small letters without accents and punctuation; hyphens within words part them."""
    folded = (
        unicodedata.normalize("NFKD", _RANGE.sub(r"\1-", text.casefold())).replace("'", "").replace("’", "")
    )
    plain = "".join(mark for mark in folded if not unicodedata.combining(mark))
    found: list[str] = []
    for word in _NOT_OF_WORDS.sub(" ", plain.replace("#", " # ")).split():
        found += [word] if word[0].isdigit() else [part for part in re.split(r"[-/]", word) if part]
    return found


def canonical(name: str) -> str:
    """Of a town or a postcode, to be compared."""
    return " ".join(words_of(name))


def possible_towns(text: str) -> set[str]:
    """Whatever in the text could be the name of a town."""
    found: set[str] = set()
    for part in _parts(text):
        for start in range(len(part)):
            for end in range(start + 1, min(start + TOWN_WORDS, len(part)) + 1):
                found.add(" ".join(part[start:end]))
    return found


def parse(text: str, towns: Collection[str] = ()) -> Address | None:
    """None where no house number with a street is to be found. `towns`: names (`canonical`) that count as towns."""
    parts = [_without_units(part) for part in _parts(text)]
    parts = [part for part in parts if part]
    for k, part in enumerate(parts):
        if len(part) == 1 and _HOUSE.fullmatch(part[0]) and k + 1 < len(parts):  # “1867, Lawrence Street”
            part, behind = part + parts[k + 1], parts[k + 2 :]
        else:
            behind = parts[k + 1 :]
        if found := _house_and_street(part, towns):
            number, letter, street, tail = found
            postcode, town, extra = _whereabouts([tail, *behind], towns)
            return Address(number, letter, StreetName.of(street), " ".join(street), postcode, town, extra)
    return None


def _parts(text: str) -> list[list[str]]:
    return [words_of(part) for part in _BETWEEN_PARTS.split(text[:MOST_CHARACTERS])]


def _without_units(words: Sequence[str]) -> list[str]:
    left: list[str] = []
    rest = list(words)
    while rest:
        word = rest.pop(0)
        following = rest[0] if rest else ""
        if word == "#" or (word in UNITS and _UNIT_ID.fullmatch(following)):
            if _UNIT_ID.fullmatch(following):
                rest.pop(0)
        elif word in WHOLE_UNITS and left:
            continue
        elif _ORDINAL.fullmatch(word) and following in ("floor", "fl"):
            rest.pop(0)
        else:
            left.append(word)
    return left


def _house_and_street(
    words: Sequence[str], towns: Collection[str]
) -> tuple[int, str, list[str], list[str]] | None:
    """Number, letter, the words of the street, and what comes behind them."""
    number = _HOUSE.fullmatch(words[0])
    if number and len(words) > 1:
        rest = list(words[1:])
        letter = number[2] or ""
        if rest[0] in ("1/2", "½") and len(rest) > 1:
            rest.pop(0)
        elif not letter and len(rest) > 2 and rest[0] in ("a", "b", "c", "d") and rest[1] not in TYPES:
            letter = rest.pop(0)
        street, tail = _split(rest, towns)
        return int(number[1]), letter, street, tail
    for k, word in enumerate(words):
        if k and (behind := _HOUSE.fullmatch(word)):
            letter, after = behind[2] or "", list(words[k + 1 :])
            if not letter and after and re.fullmatch(r"[a-z]", after[0]):
                letter = after.pop(0)
            return int(behind[1]), letter, list(words[:k]), after
    return None


def _split(words: list[str], towns: Collection[str]) -> tuple[list[str], list[str]]:
    """What is the street and what comes behind it, where no comma says so."""
    end = len(words)
    while (shorter := _without_last(words[:end], towns)) < end:
        end = shorter
    if end < len(words) and any(_known_town_at_end(words[:k], towns) for k in range(end + 1, len(words) + 1)):
        return words[:end], words[end:]
    for k in range(end - 1, 0, -1):
        if words[k] in TYPES:
            stop = k + 1
            while stop < end and words[stop] in DIRECTIONS:
                stop += 1
            return words[:stop], words[stop:]
    return words[:end], words[end:]


def _without_last(words: Sequence[str], towns: Collection[str]) -> int:
    """How many of them are left without a country, postcode, state or town at their end."""
    end = len(words)
    if end > 1 and (words[-1] in COUNTRIES or _POSTCODE.fullmatch(words[-1])):
        return end - 1
    if end > 1 and words[-1] in STATES - STATES_LIKE_STREETS:
        before = words[:-1]
        if _known_town_at_end(before, towns) or any(word in TYPES for word in before[1:]):
            return end - 1
    return end - _known_town_at_end(words, towns)


def _known_town_at_end(words: Sequence[str], towns: Collection[str]) -> int:
    """Of how many words it is; a street has one at least before it, and more than a direction."""
    for length in range(min(TOWN_WORDS, len(words) - 1), 0, -1):
        before = words[:-length]
        if " ".join(words[-length:]) in towns and not all(word in DIRECTIONS for word in before):
            return length
    return 0


def _whereabouts(parts: Sequence[Sequence[str]], towns: Collection[str]) -> tuple[str, str, str]:
    """Postcode, town, and what is neither."""
    postcode, town, extra = "", "", ""
    for part in parts:
        words = list(part)
        for k in reversed(range(len(words))):
            if _POSTCODE.fullmatch(words[k]) and not postcode:
                postcode = words.pop(k).partition("-")[0] if len(words[k]) != 8 else words.pop(k)
        while words and words[-1] in STATES | COUNTRIES:
            words.pop()
        if not words:
            continue
        named = next(_towns_in(words, towns), "")
        if named and not town:
            town = named
        elif not named:
            extra = extra or " ".join(words)
    return postcode, town, "" if town else extra


def _towns_in(words: Sequence[str], towns: Collection[str]) -> Iterator[str]:
    """The longest first."""
    for length in range(min(TOWN_WORDS, len(words)), 0, -1):
        for start in range(len(words) - length + 1):
            if (name := " ".join(words[start : start + length])) in towns:
                yield name


def _as_in_names(word: str) -> str:
    if ordinal := _ORDINAL.fullmatch(word):
        return ordinal[1]
    if word.endswith("str") and len(word) > len("str"):
        return f"{word}asse"
    return ORDINALS.get(word) or NAMES.get(word) or word
