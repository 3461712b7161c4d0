"""Lengths as networks count them, against values that are known."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.messages.segments import Alphabet, Length, measure

GSM, UCS = Alphabet.GSM_7, Alphabet.UCS_2
GSM_TEXT = st.text(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà\f^{}\\[~]|€",
    max_size=500,
)


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("", Length(GSM, 0, 1)),
        ("a" * 160, Length(GSM, 160, 1)),
        ("a" * 161, Length(GSM, 161, 2)),
        ("a" * 306, Length(GSM, 306, 2)),
        ("a" * 307, Length(GSM, 307, 3)),
        ("a" * 459, Length(GSM, 459, 3)),
        ("a" * 460, Length(GSM, 460, 4)),
        ("€" * 80, Length(GSM, 160, 1)),
        ("€" * 81, Length(GSM, 162, 2)),
        # The euro sign would be the 153rd and 154th place: it goes to the second segment whole.
        ("a" * 152 + "€" + "a" * 152, Length(GSM, 306, 3)),
        ("a" * 151 + "€" + "a" * 153, Length(GSM, 306, 2)),
        ("¿Dónde está?", Length(UCS, 12, 1, "óá")),
        ("¿Quién fue? ¡Ñoño, señor!", Length(GSM, 25, 1)),
        ("ж" * 70, Length(UCS, 70, 1, "ж")),
        ("ж" * 71, Length(UCS, 71, 2, "ж")),
        ("ж" * 134, Length(UCS, 134, 2, "ж")),
        ("ж" * 135, Length(UCS, 135, 3, "ж")),
        ("🛵" * 35, Length(UCS, 70, 1, "🛵")),
        ("🛵" * 36, Length(UCS, 72, 2, "🛵")),
        # The 67th place is half a scooter's.
        ("ж" * 66 + "🛵" + "ж" * 66, Length(UCS, 134, 3, "ж🛵")),
        ("it’s", Length(UCS, 4, 1, "’")),
        ("ç", Length(UCS, 1, 1, "ç")),
        ("Ç", Length(GSM, 1, 1)),
    ],
)
def test_known_lengths(text: str, length: Length) -> None:
    assert measure(text) == length


@given(GSM_TEXT)
def test_what_gsm_7_has_never_costs_as_ucs_2_does(text: str) -> None:
    length = measure(text)
    assert length.alphabet == GSM
    assert len(text) <= length.places <= 2 * len(text)
    assert length.segments >= max(1, length.places / 160)


@given(st.text(max_size=400))
def test_a_longer_text_never_takes_fewer_segments(text: str) -> None:
    whole = measure(text)
    assert whole.segments >= 1
    assert measure(text[:-1]).segments <= whole.segments
    assert measure(text + "a").segments - whole.segments in (0, 1)


@given(st.text(min_size=1, max_size=400))
def test_one_other_character_makes_the_whole_text_ucs_2(text: str) -> None:
    units = len((text + "ж").encode("utf-16-le", "surrogatepass")) // 2
    length = measure(text + "ж")
    assert (length.alphabet, length.places) == (UCS, units)
    assert (length.segments == 1) == (units <= 70)
    assert length.segments >= units / 67 or units <= 70
