"""Texts: which are let in, and what is made of them."""

import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.locales import Clock, Locale, Units
from dispatch.messages import texts
from dispatch.messages.segments import Alphabet, measure
from dispatch.messages.texts import BadText, Facts, check, fill, primary, values
from dispatch.models import MessageKind

LINK = "https://track.doorstep.example/track/?t=0123456789abcdef0123456789abcdef"
EVENING = datetime(2026, 11, 29, 2, 30, tzinfo=UTC)
LATER = datetime(2026, 11, 29, 2, 42, 50, tzinfo=UTC)


def facts(**others: str) -> Facts:
    told = {
        "number": "A-17",
        "restaurant": "Larimer Noodles",
        "city": "Denver",
        "driver": "Grace Hopper",
        "link": LINK,
    }
    locale = Locale("America/Denver", Clock.TWELVE, Units.MILES)
    return Facts(**told | others, promised_at=EVENING, arrival=LATER, locale=locale)


@pytest.mark.parametrize(
    ("text", "kind", "complaint"),
    [
        ("", MessageKind.NEARBY, "Write a text"),
        (" \n", MessageKind.NEARBY, "Write a text"),
        ("x" * 601, MessageKind.NEARBY, "601 characters; 600 is the most"),
        ("Hello {name}", MessageKind.NEARBY, "no placeholder {name}; there are {number}, {restaurant}"),
        ("Hello {Driver}", MessageKind.NEARBY, "no placeholder {Driver}"),
        ("Hello { driver }", MessageKind.NEARBY, "no placeholder { driver }"),
        ("Hello {}", MessageKind.NEARBY, "no placeholder {}"),
        ("Hello {driver.name}", MessageKind.NEARBY, "no placeholder {driver.name}"),
        ("Hello {driver!r}", MessageKind.NEARBY, "no placeholder {driver!r}"),
        ("A { by itself", MessageKind.NEARBY, "a single “{”"),
        ("A } by itself", MessageKind.NEARBY, "a single “}”"),
        ("{{driver}}", MessageKind.NEARBY, "a single “{”"),
        ("It comes at {eta}", MessageKind.NEARBY, "{eta} is not known when this text is sent"),
        ("Your order was taken.", MessageKind.LINK, "it needs {link}"),
        ("{link} by {driver}", MessageKind.LINK, "{driver} is not known"),
    ],
)
def test_what_can_not_be_filled_is_refused_with_what_to_change(
    text: str, kind: MessageKind, complaint: str
) -> None:
    with pytest.raises(BadText, match=re.escape(complaint)):
        check(text, kind)


@pytest.mark.parametrize("language", texts.DEFAULTS)
@pytest.mark.parametrize("kind", MessageKind)
def test_doorsteps_own_texts_are_good_and_cheap(language: str, kind: MessageKind) -> None:
    text = texts.DEFAULTS[language][kind]
    check(text, kind)
    length = measure(fill(text, values(facts())))
    assert length.alphabet == Alphabet.GSM_7, length.others
    assert length.segments == 1


def test_times_are_the_citys_as_it_tells_them() -> None:
    told = values(facts())
    assert (told["promised"], told["eta"], told["minutes"]) == ("7:30 PM", "7:42 PM", "12")


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("{driver} brings {number}.", "Grace brings A-17."),
        ("{link}", LINK),
        ("{restaurant},\n\n{city}", "Larimer Noodles, Denver"),
        ("{restaurant}{restaurant}", "Larimer NoodlesLarimer Noodles"),
    ],
)
def test_placeholders_are_filled(text: str, filled: str) -> None:
    assert fill(text, values(facts())) == filled


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("{link}", "(link)"),
        ("Joe’s “Best” – Café", 'Joe\'s "Best" - Café'),
        ("Two\nlines\tand\u00a0more", "Two lines and more"),
        ("N" * 50, "N" * 40),
        ("\x00\x07Bell\u202e", "Bell"),
        ("", ""),
    ],
)
def test_a_name_stays_within_its_place(name: str, told: str) -> None:
    assert values(facts(restaurant=name))["restaurant"] == told


@given(st.text(max_size=80), st.sampled_from(MessageKind), st.sampled_from(sorted(texts.DEFAULTS)))
def test_no_value_brings_a_placeholder_or_a_line_with_it(name: str, kind: MessageKind, language: str) -> None:
    told = values(facts(restaurant=name, driver=name, number=name, city=name))
    filled = fill(texts.DEFAULTS[language][kind], told)
    assert not set("{}\n\r") & set(filled)
    assert filled.count(LINK) == texts.DEFAULTS[language][kind].count("{link}")


@given(st.text(max_size=40), st.sampled_from(MessageKind))
def test_what_is_let_in_can_be_filled_whole(text: str, kind: MessageKind) -> None:
    try:
        check(text, kind)
    except BadText:
        return
    assert not set("{}") & set(fill(text, values(facts())))


@pytest.mark.parametrize(
    ("tag", "language"),
    [("es", "es"), ("es-MX", "es"), ("ES_mx", "es"), (" en ", "en"), ("", ""), ("zh-Hant-TW", "zh")],
)
def test_a_language_is_its_primary_tag(tag: str, language: str) -> None:
    assert primary(tag) == language
