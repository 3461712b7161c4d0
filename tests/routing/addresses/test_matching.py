"""Which street and house is meant, and how sure that is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.addresses import matching
from routing.addresses.matching import Candidate, Likeness, Place, Precision, Street
from routing.addresses.parse import Address, StreetName
from routing.geo import Point, destination, distance_m

HERE = Point(39.75, -104.99)
ASKED = Address(1867, "", StreetName("lawrence", "st"), "lawrence st")
EXACT = Likeness(0, 0, 0)

words = st.text("abcdefghij", min_size=1, max_size=12)


@pytest.mark.parametrize(
    ("asked", "known", "expected"),
    [
        (StreetName("lawrence", "st"), StreetName("lawrence", "st"), Likeness(0, 0, 0)),
        (StreetName("lawrnce", "st"), StreetName("lawrence", "st"), Likeness(1, 0, 0)),
        (StreetName("larwence", "st"), StreetName("lawrence", "st"), Likeness(1, 0, 0)),
        (StreetName("lawrence"), StreetName("lawrence", "st"), Likeness(0, 1, 0)),
        (StreetName("lawrence", "ave"), StreetName("lawrence", "st"), Likeness(0, 0, 1)),
        (StreetName("colfax", "ave", "e"), StreetName("colfax", "ave", "w"), Likeness(0, 0, 1)),
        (StreetName("colfax", "ave"), StreetName("colfax", "ave", "w"), Likeness(0, 1, 0)),
        (StreetName("larimer", "st"), StreetName("lawrence", "st"), None),
        (StreetName("17", "st"), StreetName("18", "st"), None),
        (StreetName("elm", "st"), StreetName("elk", "st"), None),
        (StreetName("green wood", "st"), StreetName("greenwood", "st"), Likeness(0, 0, 0)),
        (StreetName("antine 1", "quai"), StreetName("antoine 1", "quai"), Likeness(1, 0, 0)),
        (StreetName("antoine 2", "quai"), StreetName("antoine 1", "quai"), None),
    ],
)
def test_likeness(asked: StreetName, known: StreetName, expected: Likeness | None) -> None:
    assert matching.likeness(asked, known) == expected


@given(words, words)
def test_what_is_like_a_name_has_a_key_in_common_with_it(a: str, b: str) -> None:
    if matching.likeness(StreetName(a), StreetName(b)) is not None:
        assert matching.keys(a) & matching.keys(b)


@given(words, words, st.integers(0, 4))
def test_typos_are_counted_alike_in_both_directions(a: str, b: str, most: int) -> None:
    found = matching.typos_between(a, b, most)
    assert found == matching.typos_between(b, a, most)
    assert (found == 0) == (a == b) or found is None


def at(
    metres: float, precision: Precision = Precision.DOOR, like: Likeness = EXACT, **known: str
) -> Candidate:
    """A place so far east, on a street of its own."""
    point = destination(HERE, 90, metres)
    street = Street(round(metres), "Lawrence Street", ASKED.street, point, houses=1)
    place = Place(precision, point, known.get("postcode", ""), known.get("town", ""))
    return matching.candidate(asked(**known), street, like, place, HERE, lambda _: [])


def asked(**known: str) -> Address:
    return Address(1867, "", ASKED.street, "", known.get("asked_postcode", ""), known.get("asked_town", ""))


def first(*candidates: Candidate, of: Address = ASKED) -> tuple[int, bool]:
    """How far away the first one is, and whether it is sure."""
    hit = matching.hits(of, candidates)[0]
    return round(distance_m(HERE, hit.point)), hit.sure


def test_the_only_one_is_sure() -> None:
    assert first(at(500)) == (500, True)


@pytest.mark.parametrize(
    "like", [Likeness(0, 0, 1), Likeness(1, 0, 1)], ids=["another kind of street", "and misspelt"]
)
def test_another_kind_of_street_is_a_guess(like: Likeness) -> None:
    assert first(at(500, like=like)) == (500, False)


@pytest.mark.parametrize("precision", [Precision.BLOCK, Precision.STREET])
def test_what_is_reckoned_from_crossings_is_a_guess(precision: Precision) -> None:
    assert first(at(500, precision)) == (500, False)


def test_two_that_fit_as_well_are_a_guess_and_the_nearer_comes_first() -> None:
    assert first(at(3000), at(500)) == (500, False)


def test_two_doors_of_one_house_are_one_place() -> None:
    assert first(at(500), at(560)) == (500, True)


def test_one_in_another_part_of_the_country_is_no_rival() -> None:
    assert first(at(500), at(40_000)) == (500, True)


def test_who_orders_from_far_away_names_the_town() -> None:
    assert first(at(20_000)) == (20_000, False)


def test_a_known_number_on_a_like_street_beats_a_guess_on_the_same_kind_only_where_it_is_spelt_as_well() -> (
    None
):
    assert first(at(500, Precision.BLOCK), at(3000, like=Likeness(1, 0, 0))) == (500, False)
    assert first(at(500, Precision.BLOCK), at(3000, like=Likeness(0, 1, 0))) == (3000, True)


def test_a_nearer_street_of_that_name_without_any_number_makes_it_a_guess() -> None:
    bare = at(500, Precision.STREET)
    bare = Candidate(
        Street(1, "Lawrence Street", ASKED.street, bare.place.point), EXACT, bare.place, 500.0, 0
    )
    assert first(bare, at(3000)) == (3000, False)


@pytest.mark.parametrize(
    ("known", "sure"),
    [
        ({"town": "denver", "asked_town": "denver"}, True),
        ({"town": "boulder", "asked_town": "denver"}, False),
        ({"postcode": "80202", "asked_postcode": "80202"}, True),
        ({"postcode": "80302", "asked_postcode": "80202"}, False),
        ({"town": "denver", "asked_town": "denver", "postcode": "80205", "asked_postcode": "80202"}, True),
        ({"asked_postcode": "80202"}, True),
    ],
)
def test_town_and_postcode_must_not_contradict(known: dict[str, str], sure: bool) -> None:
    assert first(at(500, **known), of=asked(**known)) == (500, sure)


def test_words_that_nobody_understands_make_it_a_guess() -> None:
    of = Address(1867, "", ASKED.street, "", extra="aurora")
    assert first(at(500), of=of) == (500, False)


def test_between_neighbours() -> None:
    low, high = Place(Precision.DOOR, HERE), Place(Precision.DOOR, destination(HERE, 90, 100))
    found = matching.between((10, low), 14, (20, high))
    assert found is not None
    assert distance_m(HERE, found.point) == pytest.approx(40, abs=0.5)
    assert matching.between((10, low), 500, (1000, high)) is None


def test_the_letter_chooses_among_doors_of_a_number() -> None:
    a, b = Place(Precision.DOOR, HERE), Place(Precision.DOOR, destination(HERE, 90, 300))
    assert list(matching.doors("b", [("a", a), ("b", b)])) == [b]
    assert list(matching.doors("", [("a", a), ("b", b)])) == [a, b]
