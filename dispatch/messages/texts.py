"""What customers are told: the texts that Doorstep comes with, and how a text's placeholders are filled. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from dispatch.locales import Locale
from dispatch.models import MessageKind

#: Every placeholder that there is, and what stands in its place.
PLACEHOLDERS: Mapping[str, str] = {
    "number": "the order’s number, as people say it",
    "restaurant": "the restaurant’s name",
    "city": "the city’s name",
    "driver": "the driver’s first name",
    "link": "the tracking link",
    "promised": "when it was promised",
    "eta": "when it is expected now",
    "minutes": "how many minutes later than promised that is",
}
_OF_EVERY_ORDER = frozenset({"number", "restaurant", "city", "link"})
#: What is known when a text of this kind is made.
KNOWN: Mapping[MessageKind, frozenset[str]] = {
    MessageKind.LINK: _OF_EVERY_ORDER | {"promised"},
    MessageKind.NEARBY: _OF_EVERY_ORDER | {"driver"},
    MessageKind.LATER: _OF_EVERY_ORDER | {"promised", "eta", "minutes"},
    MessageKind.DELIVERED: _OF_EVERY_ORDER | {"driver"},
    MessageKind.CANCELLED: _OF_EVERY_ORDER,
    MessageKind.FAILED: _OF_EVERY_ORDER,
}

#: In characters that GSM-7 has: one accent that it has not would cost every text twice.
DEFAULTS: Mapping[str, Mapping[MessageKind, str]] = {
    "en": {
        MessageKind.LINK: "{restaurant} has your order. Follow it here: {link} Reply STOP for no texts.",
        MessageKind.NEARBY: "Your order from {restaurant} is almost there: {driver} is nearby.",
        MessageKind.LATER: "Sorry, your order from {restaurant} is running {minutes} min late. "
        "It should be with you at {eta}.",
        MessageKind.DELIVERED: "Your order from {restaurant} was delivered. Enjoy!",
        MessageKind.CANCELLED: "Your order from {restaurant} was cancelled. "
        "If this is news to you, please ask the restaurant.",
        MessageKind.FAILED: "Your order from {restaurant} could not be handed over. "
        "The restaurant can tell you more.",
    },
    "es": {
        MessageKind.LINK: "{restaurant} tiene tu pedido: {link} Responde STOP para no recibir mensajes.",
        MessageKind.NEARBY: "Tu pedido de {restaurant} ya casi llega: {driver} anda cerca.",
        MessageKind.LATER: "Lo sentimos: tu pedido de {restaurant} se retrasa {minutes} min. "
        "Debe llegar a las {eta}.",
        MessageKind.DELIVERED: "Tu pedido de {restaurant} fue entregado. ¡Buen provecho!",
        MessageKind.CANCELLED: "Tu pedido de {restaurant} fue cancelado. Si no lo esperabas, "
        "pregunta al restaurante.",
        MessageKind.FAILED: "No se pudo entregar tu pedido de {restaurant}. El restaurante te puede decir por qué.",
    },
}
FALLBACK_LANGUAGE = "en"

#: So long a text may be at most, as staff write it.
LONGEST = 600
#: A name longer than this is cut: it would make one text cost several.
LONGEST_VALUE = 40

_BRACES = re.compile(r"\{([^{}]*)\}|[{}]")
_BLANKS = re.compile(r"\s+")
#: What phones and office programs make of plain characters, back again: GSM-7 has the plain ones.
_PLAIN = str.maketrans(
    {"’": "'", "‘": "'", "“": '"', "”": '"', "–": "-", "—": "-", "…": "...", "\u00a0": " "}
)
_NO_BRACES = str.maketrans("{}", "()")


class BadText(ValueError):
    """The message says what to change."""


@dataclass(frozen=True, slots=True)
class Facts:
    """Of an order, as far as texts tell them. `arrival`: as it is expected now."""

    number: str
    restaurant: str
    city: str
    driver: str
    link: str
    promised_at: datetime | None
    arrival: datetime | None
    locale: Locale


def check(text: str, kind: MessageKind) -> None:
    """Raises BadText for a text that can't be filled, or that would not do what it is for."""
    if not text.strip():
        raise BadText("Write a text, or delete this row: then Doorstep’s own is sent.")
    if len(text) > LONGEST:
        raise BadText(f"The text has {len(text)} characters; {LONGEST} is the most.")
    for found in _BRACES.finditer(text):
        name = found[1]
        if name is None:
            raise BadText(
                f"There is a single “{found[0]}”: braces stand around a placeholder, and nowhere else."
            )
        if name not in PLACEHOLDERS:
            raise BadText(f"There is no placeholder {{{name}}}; there are {_listed(KNOWN[kind])}.")
        if name not in KNOWN[kind]:
            raise BadText(
                f"{{{name}}} is not known when this text is sent; use one of {_listed(KNOWN[kind])}."
            )
    if kind == MessageKind.LINK and "{link}" not in text:
        raise BadText("This text is there to bring the tracking link: it needs {link}.")


def _listed(names: frozenset[str]) -> str:
    return ", ".join(f"{{{name}}}" for name in PLACEHOLDERS if name in names)


def values(facts: Facts) -> dict[str, str]:
    """What stands in the place of each placeholder. No value can bring another placeholder with it."""
    minutes = lateness(facts.promised_at, facts.arrival) // timedelta(minutes=1)
    return {
        "number": _told(facts.number),
        "restaurant": _told(facts.restaurant),
        "city": _told(facts.city),
        "driver": _told(facts.driver.partition(" ")[0]),
        "link": facts.link,
        "promised": facts.locale.time(facts.promised_at) if facts.promised_at else "",
        "eta": facts.locale.time(facts.arrival) if facts.arrival else "",
        "minutes": str(minutes),
    }


def lateness(promised_at: datetime | None, arrival: datetime | None) -> timedelta:
    """By how much a promise will not be kept; never less than nothing."""
    if promised_at is None or arrival is None:
        return timedelta(0)
    return max(timedelta(0), arrival - promised_at)


def fill(text: str, told: Mapping[str, str]) -> str:
    """A text that `check` lets pass, with these values; what is left out stays as it stands."""
    filled = _BRACES.sub(lambda found: told.get(found[1] or "", found[0]), text)
    return _BLANKS.sub(" ", filled).strip()


def _told(value: str) -> str:
    """In one line, without braces, and no longer than a name should be."""
    line = _BLANKS.sub(" ", value.translate(_PLAIN).translate(_NO_BRACES)).strip()
    printable = "".join(char for char in line if char.isprintable())
    return printable[:LONGEST_VALUE].rstrip()


def primary(tag: str) -> str:
    """“es” of “es-MX” or “ES_mx”."""
    return re.split(r"[-_]", tag.strip().lower(), maxsplit=1)[0]


def default(language: str, kind: MessageKind) -> str | None:
    """What Doorstep says in a language, if it speaks that."""
    return DEFAULTS.get(language, {}).get(kind)
