"""Addresses as people type them, taken apart."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.addresses.parse import Address, StreetName, canonical, parse, possible_towns, words_of
from routing.addresses.vocabulary import DIRECTIONS, TYPES

TOWNS = {"denver", "fort collins", "heidelberg", "calendario"}


def taken_apart(text: str) -> tuple[int, str, StreetName, str, str, str]:
    found = parse(text, TOWNS)
    assert found is not None
    return found.number, found.letter, found.street, found.town, found.postcode, found.extra


LAWRENCE = StreetName("lawrence", "st")


@pytest.mark.parametrize(
    "text",
    [
        "1867 Lawrence Street",
        "1867 lawrence st",
        "1867 LAWRENCE ST.",
        "1867, Lawrence Street",
        "Lawrence Street 1867",
        "1867 Lawrence St Apt 4",
        "1867 Lawrence St, Apt. 4B",
        "1867 Lawrence St #12",
        "1867 Lawrence St, Suite 300",
        "Apt 4, 1867 Lawrence St",
        "1867 Lawrence St FL 3",
        "1867 Lawrence St, 3rd floor",
        "1867-1869 Lawrence St",
        "1867 1/2 Lawrence St",
        "  1867\tLawrence   Street  ",
    ],
)
def test_one_street_in_many_ways(text: str) -> None:
    assert taken_apart(text) == (1867, "", LAWRENCE, "", "", "")


@pytest.mark.parametrize(
    ("text", "town", "postcode", "extra"),
    [
        ("1867 Lawrence St, Denver, CO 80202", "denver", "80202", ""),
        ("1867 lawrence st denver co", "denver", "", ""),
        ("1867 Lawrence St Fort Collins CO 80524-1234 USA", "fort collins", "80524", ""),
        ("Union Station, 1867 Lawrence St, Denver", "denver", "", ""),
        ("1867 Lawrence St, 80202", "", "80202", ""),
        ("1867 Lawrence St, gate code 12, Denver", "denver", "", ""),
        ("1867 Lawrence St, Aurora CO", "", "", "aurora"),
        ("1867 lawrence st aurora co 80010", "", "80010", "aurora"),
        ("1867 Lawrence St, ring twice", "", "", "ring twice"),
    ],
)
def test_what_stands_behind_the_street(text: str, town: str, postcode: str, extra: str) -> None:
    assert taken_apart(text) == (1867, "", LAWRENCE, town, postcode, extra)


@pytest.mark.parametrize(
    ("text", "number", "letter", "street"),
    [
        ("1600 E. 17th Ave", 1600, "", StreetName("17", "ave", "e")),
        ("1600 east seventeenth avenue", 1600, "", StreetName("17", "ave", "e")),
        ("1550 17 Street", 1550, "", StreetName("17", "st")),
        ("100 Park Avenue West", 100, "", StreetName("park", "ave", "w")),
        ("12 North Street", 12, "", StreetName("n", "st")),
        ("5 Court Place", 5, "", StreetName("court", "pl")),
        ("1420 Cherry Ct", 1420, "", StreetName("cherry", "ct")),
        ("100 Main St NE", 100, "", StreetName("main", "st", "ne")),
        ("100 St Paul St", 100, "", StreetName("st paul", "st")),
        ("100 Saint Paul Street", 100, "", StreetName("st paul", "st")),
        ("3300 Broadway", 3300, "", StreetName("broadway")),
        ("2200 MLK Jr Blvd", 2200, "", StreetName("martin luther king", "blvd")),
        ("2200 Dr. Martin Luther King Jr. Boulevard", 2200, "", StreetName("martin luther king", "blvd")),
        ("2200 Martn Luther King Jr Blvd", 2200, "", StreetName("martn luther king", "blvd")),
        ("12 Doctor Street", 12, "", StreetName("doctor", "st")),
        ("12b Pearl St", 12, "b", StreetName("pearl", "st")),
        ("Hauptstr. 12a, 69117 Heidelberg", 12, "a", StreetName("hauptstrasse")),
        ("Hauptstraße 12 a 69117 Heidelberg", 12, "a", StreetName("hauptstrasse")),
        ("Grabengasse 14 - 18", 14, "", StreetName("grabengasse")),
        ("6 Quai Antoine 1er", 6, "", StreetName("antoine 1", "quai")),
        ("Rue de la Colle 4bis", 4, "bis", StreetName("de la colle", "rue")),
        ("51 rua brito camacho 4760-277 calendário", 51, "", StreetName("brito camacho", "rua")),
    ],
)
def test_streets(text: str, number: int, letter: str, street: StreetName) -> None:
    assert taken_apart(text)[:3] == (number, letter, street)


@pytest.mark.parametrize(
    "text", ["", "  ", "Lawrence Street", "#12", "Apt 4", "12", "80202", "—", ",,,", "the corner"]
)
def test_where_there_is_no_house_number_there_is_nothing_to_find(text: str) -> None:
    assert parse(text) is None


@given(st.text(max_size=400))
def test_whatever_is_typed_is_taken_apart_or_is_none(text: str) -> None:
    found = parse(text, possible_towns(text))
    assert found is None or (isinstance(found, Address) and found.number >= 0 and found.street.base)


@given(st.text(max_size=60))
def test_what_is_canonical_stays_so(text: str) -> None:
    assert canonical(canonical(text)) == canonical(text)


@given(
    st.integers(1, 99_999),
    st.sampled_from(["lawrence", "larimer", "wynkoop", "glenarm", "17th", "martin luther king"]),
    st.sampled_from(sorted(set(TYPES) - {"mall", "walk", "row", "pass", "path", "mews", "rua", "rue"})),
    st.sampled_from(["", *sorted(DIRECTIONS)]),
    st.sampled_from(["", "apt 4", "#12", "suite 300", "unit b"]),
    st.sampled_from(["", ", Denver", " denver co", ", Fort Collins, CO 80524"]),
)
def test_spelling_unit_and_tail_change_no_street(
    number: int, base: str, kind: str, direction: str, unit: str, tail: str
) -> None:
    plain = StreetName.of(words_of(f"{direction} {base} {TYPES[kind]}"))
    found = parse(f"{number} {direction} {base.upper()} {kind} {unit}{tail}", TOWNS)
    assert found is not None
    assert (found.number, found.street, found.extra) == (number, plain, "")
