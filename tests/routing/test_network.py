"""The default roads before anything is made of them."""

from collections import Counter, defaultdict
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import osmium
import pytest

from routing.geo import Point, distance_m
from routing.roads.cities import CITIES, DefaultCity
from routing.roads.default import default_network
from routing.roads.denver import downtown_denver
from routing.roads.generated import BOULDER_PLAN, FORT_COLLINS_PLAN, TownPlan, corner_at, town
from routing.roads.highways import smooth
from routing.roads.network import Network, Way, write_pbf

PLANS = pytest.mark.parametrize("plan", [BOULDER_PLAN, FORT_COLLINS_PLAN], ids=lambda plan: plan.city.name)


def streets(network: Network) -> list[Way]:
    return [way for way in network.ways if way.tags.get("highway", "footway") != "footway"]


def test_denver_has_each_direction_of_each_block_once() -> None:
    ways = downtown_denver().ways
    assert sum(1 if way.tags["oneway"] == "yes" else 2 for way in ways) == 1342
    assert len({frozenset((way.line, way.line[::-1])) for way in ways}) == len(ways)
    assert Counter(way.tags["oneway"] for way in ways) == {"yes": 356, "no": 493}


def test_denver_has_names_limits_and_lights() -> None:
    network = downtown_denver()
    names = {way.tags.get("name") for way in network.ways}
    assert {"Larimer Street", "East Colfax Avenue", "Park Avenue West"} <= names
    assert not any(str(value).startswith("[") for way in network.ways for value in way.tags.values())
    assert all(way.tags["maxspeed"] for way in network.ways)
    assert sum(tags == {"highway": "traffic_signals"} for tags in network.nodes.values()) == 200
    assert "note" not in {tag for way in network.ways for tag in way.tags}


@PLANS
def test_a_town_is_in_one_piece_and_marked_as_generated(plan: TownPlan) -> None:
    network = town(plan)
    neighbours: defaultdict[Point, set[Point]] = defaultdict(set)
    for way in streets(network):
        for a, b in pairwise(way.line):
            neighbours[a].add(b)
            neighbours[b].add(a)
    reached, frontier = set(), [next(iter(neighbours))]
    while frontier:
        place = frontier.pop()
        if place not in reached:
            reached.add(place)
            frontier += neighbours[place]
    assert len(reached) == len(neighbours)
    assert all(way.tags["note"] == "generated" for way in network.ways)
    assert {way.tags["name"] for way in streets(network)} >= {*plan.columns, *plan.rows}


@PLANS
@pytest.mark.parametrize("seed", range(12))
def test_no_corner_is_cut_off_where_blocks_are_missing(plan: TownPlan, seed: int) -> None:
    corners = {p for way in streets(town(replace(plan, seed=seed))) for p in way.line[::2]}
    west, south, east, north = plan.park
    in_park = (east - west - 1) * (north - south - 1)
    assert len(corners) == len(plan.columns) * len(plan.rows) - in_park


@PLANS
def test_a_town_is_no_regular_grid(plan: TownPlan) -> None:
    blocks = [distance_m(a, b) for way in streets(town(plan)) for a, b in pairwise(way.line[::2])]
    assert 300 < len(blocks) < 900
    assert max(blocks) > 1.5 * min(blocks)
    assert len({round(metres) for metres in blocks}) > 60
    corners = Counter(p for way in streets(town(plan)) for p in way.line[::2])
    assert len(blocks) < 1.9 * len(corners)  # 2 in a full grid


@PLANS
def test_a_town_is_the_same_every_time(plan: TownPlan) -> None:
    assert town(plan) == town(plan)


def test_the_corner_of_two_streets() -> None:
    network = town(BOULDER_PLAN)
    corner = corner_at(network, "28th Street", "Baseline Road")
    assert sum(corner in way.line for way in streets(network)) == 2
    with pytest.raises(ValueError, match="max"):
        corner_at(network, "28th Street", "4th Street")


def test_highways_run_both_ways_and_pass_through_their_waypoints() -> None:
    ways = [
        way
        for way in default_network().ways
        if way.tags.get("ref") == "I 25" and "link" not in way.tags["highway"]
    ]
    there, back = (way.line for way in ways)
    assert there[0] == back[-1]
    assert there[-1] == back[0]
    assert all(10 < distance_m(a, b) < 40 for a, b in zip(there[1:-1], back[-2:0:-1], strict=True))
    course = (Point(40, -105), Point(40.1, -105.1), Point(40.3, -105))
    assert set(course) <= set(smooth(course))


@pytest.mark.parametrize("city", CITIES, ids=lambda city: city.name)
def test_the_map_names_each_city_at_its_centre(city: DefaultCity) -> None:
    assert default_network().nodes[city.center] == {"place": "city", "name": city.name}


def test_what_is_written_can_be_read(tmp_path: Path) -> None:
    network = Network()
    a, b, c = Point(40.12345674, -105.1), Point(40.2, -105.2), Point(40.3, -105.3)
    network.mark(b, highway="traffic_signals")
    network.add([a, b], highway="residential", name="Grünstraße")
    network.add([b, c], highway="service")
    write_pbf(network, tmp_path / "x.osm.pbf")
    read = osmium.FileProcessor(tmp_path / "x.osm.pbf").with_locations()
    nodes, ways = {}, []
    for item in read:
        if item.is_node():
            nodes[item.id] = (item.lat, item.lon, dict(item.tags))
        else:
            ways.append(([node.ref for node in item.nodes], dict(item.tags)))
    assert sorted(nodes.values()) == [
        (40.1234567, -105.1, {}),
        (40.2, -105.2, {"highway": "traffic_signals"}),
        (40.3, -105.3, {}),
    ]
    (first, first_tags), (second, _) = ways
    assert first_tags == {"highway": "residential", "name": "Grünstraße"}
    assert first[1] == second[0]
