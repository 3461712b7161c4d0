"""From an extract to an answer, in a real database."""

from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from pytest_django.fixtures import Settings

from routing.addresses import index, store
from routing.addresses.index import Area
from routing.addresses.matching import Hit, Precision
from routing.geo import Point, destination, distance_m
from routing.models import AddressHouse, AddressIndex, AddressStreet
from routing.roads.addresses import FILE, numbers_of
from routing.roads.cities import DENVER
from routing.roads.denver import downtown_denver
from routing.roads.network import Network
from tests.routing.conftest import copied, village

#: Lawrence Street at 18th and 19th, as OpenStreetMap has them.
CORNERS = Point(39.750399, -104.994127), Point(39.751333, -104.99292)
NIWOT = Point(40.1, -105.11)

type Fill = Callable[[Network | Path], None]


def found(text: str, near: Point = DENVER.center, town: str = "Denver") -> list[Hit]:
    return index.look_up(text, Area(near, 50_000, {town: near}))


def first(text: str, near: Point = NIWOT) -> Hit:
    return found(text, near, "Niwot")[0]


def house(network: Network, place: Point, number: str, street: str, **tags: str) -> None:
    network.mark(place, **{"addr:housenumber": number, "addr:street": street, **tags})


def test_without_an_index_nothing_is_found(db: None) -> None:
    assert found("1867 Lawrence Street") == []
    assert index.loaded_at() is None


@pytest.mark.parametrize(
    "text", ["1867 Lawrence Street", "1867 lawrnce st, denver co 80202", "1867 Lawrence St #4"]
)
def test_denver_has_no_house_numbers_and_its_blocks_are_counted(index_of: Fill, text: str) -> None:
    index_of(downtown_denver())
    [hit] = found(text)
    assert (hit.street, hit.number, hit.precision, hit.sure) == (
        "Lawrence Street",
        "1867",
        Precision.BLOCK,
        False,
    )
    assert distance_m(hit.point, CORNERS[0]) / distance_m(*CORNERS) == pytest.approx(0.67, abs=0.01)


def test_a_street_without_known_blocks_is_found_as_a_street(index_of: Fill) -> None:
    index_of(downtown_denver())
    assert [(hit.street, hit.precision, hit.sure) for hit in found("1550 17th St")] == [
        ("17th Street", Precision.STREET, False),
        ("East 17th Avenue", Precision.STREET, False),
    ]


def test_house_numbers_of_nodes_buildings_and_lines(index_of: Fill) -> None:
    network = village()
    house(network, destination(NIWOT, 90, 100), "10", "Murray Street")
    corners = [destination(destination(NIWOT, 90, 200), bearing, 20) for bearing in (0, 90, 180, 270)]
    tags = {"addr:housenumber": "20a", "addr:street": "Murray Street", "building": "yes"}
    network.add([*corners, corners[0]], **tags)
    ends = destination(NIWOT, 0, 100), destination(NIWOT, 0, 500)
    house(network, ends[0], "101", "Franklin Street")
    house(network, ends[1], "109", "Franklin Street")
    network.add(ends, **{"addr:interpolation": "odd"})
    index_of(network)
    for text, metres, bearing in (
        ("10 Murray St", 100, 90),
        ("20a murray street", 200, 90),
        ("20 Murray St", 200, 90),
        ("103 Franklin St, Niwot", 200, 0),
        ("107 franklin", 400, 0),
    ):
        hit = first(text)
        assert (hit.precision, hit.sure) == (Precision.DOOR, True), text
        assert distance_m(hit.point, destination(NIWOT, bearing, metres)) < 2, text


def test_a_missing_number_is_reckoned_from_its_neighbours(index_of: Fill) -> None:
    network = village()
    house(network, destination(NIWOT, 90, 100), "10", "Murray Street")
    house(network, destination(NIWOT, 90, 200), "20", "Murray Street")
    house(network, destination(NIWOT, 90, 600), "60", "Murray Street")
    index_of(network)
    near, far = first("14 Murray St"), first("40 Murray St")
    assert (near.precision, near.sure) == (Precision.BETWEEN, True)
    assert distance_m(near.point, destination(NIWOT, 90, 140)) < 2
    assert (far.precision, far.sure) == (Precision.BETWEEN, False)
    assert (first("900 Murray St").precision, first("900 Murray St").sure) == (Precision.STREET, False)


@pytest.mark.parametrize("text", ["10 Murray Avenue", "10 Murray St, Longmont", "10 East Franklin Road"])
def test_what_contradicts_is_a_guess(index_of: Fill, text: str) -> None:
    network = village()
    house(network, NIWOT, "10", "Murray Street", **{"addr:city": "Niwot"})
    house(network, NIWOT, "10", "West Franklin Street")
    index_of(network)
    assert not first(text).sure


def test_streets_of_one_name_in_two_towns(index_of: Fill) -> None:
    network, longmont = village(), destination(NIWOT, 45, 14_000)
    network.mark(longmont, place="town", name="Longmont")
    house(network, NIWOT, "10", "Murray Street")
    house(network, there := destination(longmont, 0, 300), "10", "Murray Street")
    index_of(network)
    assert AddressStreet.objects.filter(name="Murray Street").count() == 2
    assert (first("10 Murray St").sure, first("10 Murray St").point) == (False, NIWOT)
    hit = first("10 Murray St, Longmont")
    assert hit.sure
    assert distance_m(hit.point, there) < 2


def test_nothing_like_it_is_nothing(index_of: Fill) -> None:
    index_of(village())
    assert found("10 Colfax Avenue", NIWOT) == found("Murray Street", NIWOT) == found("", NIWOT) == []


def test_who_searches_sees_streets_that_begin_so(index_of: Fill) -> None:
    index_of(downtown_denver())
    area = Area(DENVER.center, 50_000)
    assert {hit.street for hit in index.search("1867 lawr", area)} == {"Lawrence Street"}
    assert index.search("%", area) == index.search("", area) == []


def test_a_new_index_takes_the_place_of_the_old_one(index_of: Fill) -> None:
    index_of(downtown_denver())
    before = index.loaded_at()
    network = village()
    house(network, NIWOT, "10", "Murray Street")
    AddressIndex.objects.update(fingerprint="another")
    index_of(network)
    assert AddressIndex.objects.count() == AddressHouse.objects.count() == 1
    assert index.loaded_at() != before or connection.in_atomic_block
    assert found("1867 Lawrence Street") == []
    assert first("10 Murray St").sure


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("12", [(12, "")]),
        ("12a", [(12, "a")]),
        ("12 A;14", [(12, "a"), (14, "")]),
        ("12-16", [(12, ""), (14, ""), (16, "")]),
        ("12-13", [(12, ""), (13, "")]),
        ("4bis", [(4, "bis")]),
        ("12-9000", [(12, "")]),
        ("home", []),
        ("", []),
    ],
)
def test_house_numbers_as_they_are_tagged(text: str, numbers: list[tuple[int, str]]) -> None:
    assert list(numbers_of(text)) == numbers


@pytest.mark.slow
def test_roads_bring_their_addresses(
    db: None, built_village: Path, tmp_path: Path, settings: Settings
) -> None:
    settings.ROADS_DIR = copied(built_village, tmp_path / "roads")
    call_command("roads", "index")
    assert index.loaded_at() is not None
    assert first("10 Murray St").street == "Murray Street"
    assert store.load(settings.ROADS_DIR) is False
    (settings.ROADS_DIR / "current" / FILE).unlink()
    with pytest.raises(CommandError, match="roads build"):
        call_command("roads", "index")
