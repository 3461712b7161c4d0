"""Against the real osrm-routed on the default roads."""

import os
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise, permutations
from math import nan

import pytest
from django.test import override_settings

from routing.errors import BadPoint, BadRequest, NoSegment, TooBig
from routing.geo import Point, destination, distance_m, distance_to_line_m
from routing.osrm import SNAP_RADIUS_M, Osrm, Table, every_osrm, joined, osrm_from_settings, straight_line
from routing.roads.cities import BOULDER, CITIES, DENVER, FORT_COLLINS, DefaultCity
from tests.routing.places import places

PARIS = Point(48.8566, 2.3522)


@pytest.mark.parametrize(
    ("start", "end"), [pytest.param(a, b, id=f"{a.name}-{b.name}") for a, b in permutations(CITIES, 2)]
)
def test_every_pair_of_cities_routes(osrm: Osrm, start: DefaultCity, end: DefaultCity) -> None:
    route = osrm.route([start.center, end.center])
    straight = distance_m(start.center, end.center)
    assert straight < route.distance_m < 1.6 * straight
    assert 12 < route.distance_m / route.duration_s < 33  # mostly highway, m/s
    assert not route.approximate


@pytest.mark.parametrize("city", CITIES, ids=lambda city: city.name)
def test_streets_reach_as_far_as_a_city_says(osrm: Osrm, city: DefaultCity) -> None:
    assert osrm.nearest(city.center).distance_m < 100
    offsets = [
        osrm.nearest(destination(city.center, bearing, city.radius_m)).distance_m
        for bearing in range(0, 360, 30)
    ]
    assert max(offsets) < 300


@pytest.mark.parametrize("seed", range(25))
def test_a_route_can_be_driven_along_its_geometry(osrm: Osrm, seed: int) -> None:
    stops = places(4, seed, CITIES[seed % 3])
    route = osrm.route(stops, geometry=True)
    assert route.duration_s == pytest.approx(sum(leg.duration_s for leg in route.legs), abs=0.5)
    assert len(route.legs) == 3
    for leg, (start, end) in zip(route.legs, pairwise(stops), strict=True):
        assert len(leg.seconds) == len(leg.line) - 1
        assert sum(leg.seconds) == pytest.approx(leg.duration_s, abs=0.01)
        assert sum(distance_m(a, b) for a, b in pairwise(leg.line)) == pytest.approx(
            leg.distance_m, rel=0.015, abs=3
        )
        assert distance_m(leg.line[0], start) < 300
        assert distance_m(leg.line[-1], end) < 300
        for (a, b), seconds in zip(pairwise(leg.line), leg.seconds, strict=True):
            assert seconds >= 0
            if distance_m(a, b) > 20:
                assert 0.3 < distance_m(a, b) / seconds < 36
    assert len(route.line) == sum(len(leg.seconds) for leg in route.legs) + 1


def test_legs_meet(osrm: Osrm) -> None:
    """In OSRM's own answer one in a hundred begins a metre after the end of the one before."""
    for seed in range(120):
        legs = osrm.route(places(6, seed), geometry=True).legs
        assert [leg.line[-1] for leg in legs[:-1]] == [leg.line[0] for leg in legs[1:]]


def test_a_route_without_geometry_is_the_same_route(osrm: Osrm) -> None:
    stops = places(3, seed=1)
    plain, drawn = osrm.route(stops), osrm.route(stops, geometry=True)
    assert plain.line == ()
    assert [leg.duration_s for leg in plain.legs] == [leg.duration_s for leg in drawn.legs]
    assert (plain.duration_s, plain.distance_m) == (drawn.duration_s, drawn.distance_m)


def test_a_route_to_where_one_is(osrm: Osrm) -> None:
    place = osrm.nearest(DENVER.center).point
    route = osrm.route([place, place, BOULDER.center], geometry=True)
    assert route.legs[0].duration_s == 0
    assert route.legs[0].seconds == (0.0,)
    assert route.legs[0].line[-1] == route.legs[1].line[0]


def test_a_table_agrees_with_routes(osrm: Osrm) -> None:
    sources, destinations = places(3, seed=2), places(4, seed=3)
    table = osrm.table(sources, destinations, distances=True)
    assert osrm.table(sources, destinations) == Table(table.seconds, [])
    assert [len(row) for row in table.seconds] == [len(row) for row in table.metres] == [4, 4, 4]
    for i, source in enumerate(sources):
        for j, target in enumerate(destinations):
            route = osrm.route([source, target])
            assert table.seconds[i][j] == pytest.approx(route.duration_s, abs=0.5)
            assert table.metres[i][j] == pytest.approx(route.distance_m, abs=5)


def test_a_table_between_all_places(osrm: Osrm) -> None:
    stops = places(5, seed=4)
    table = osrm.table(stops)
    assert table.seconds == osrm.table(stops, stops).seconds
    assert [table.seconds[k][k] for k in range(5)] == [0] * 5
    assert any(table.seconds[a][b] != table.seconds[b][a] for a in range(5) for b in range(a))
    assert osrm.table(stops[:1]).seconds == [[0]]


def test_a_trip_of_three_stops_in_a_cycle(osrm: Osrm) -> None:
    """Farthest first, then the nearest, then the middle: read the wrong way round this is another order."""
    near, middle, far = (destination(BOULDER.center, 90, metres) for metres in (400, 800, 1150))
    trip = osrm.trip(BOULDER.center, [far, near, middle])
    assert trip.order == (1, 2, 0)
    assert trip.duration_s == pytest.approx(osrm.route([BOULDER.center, near, middle, far]).duration_s, abs=1)


@pytest.mark.parametrize("seed", range(20))
def test_a_trip_is_driven_in_the_order_it_says(osrm: Osrm, seed: int) -> None:
    start, *stops = places(3 + seed % 4, seed + 100)
    trip = osrm.trip(start, stops)
    assert sorted(trip.order) == list(range(len(stops)))
    driven = osrm.route([start, *(stops[k] for k in trip.order)])
    assert trip.duration_s == pytest.approx(driven.duration_s, abs=1)
    assert trip.distance_m == pytest.approx(driven.distance_m, abs=10)
    best = min(osrm.route([start, *order]).duration_s for order in permutations(stops))
    assert trip.duration_s == pytest.approx(best, abs=1)


def test_a_trip_to_one_stop_and_to_one_place_three_times(osrm: Osrm) -> None:
    start, stop = places(2, seed=9)
    assert osrm.trip(start, [stop]).order == (0,)
    assert sorted(osrm.trip(start, [stop] * 3).order) == [0, 1, 2]


def test_nearest_names_the_street(osrm: Osrm) -> None:
    union_station = Point(39.7526, -104.9995)
    found = osrm.nearest(union_station)
    assert found.name in {"Wazee Street", "17th Street"}
    assert found.distance_m == pytest.approx(distance_m(union_station, found.point), abs=1)


def test_a_place_off_the_map_is_not_moved_onto_it(osrm: Osrm) -> None:
    here = DENVER.center
    with pytest.raises(NoSegment) as caught:
        osrm.route([here, here, PARIS])
    assert caught.value.place == 2
    assert not caught.value.retryable
    for ask in (
        lambda: osrm.nearest(PARIS),
        lambda: osrm.trip(here, [PARIS]),
        lambda: osrm.table([here], [PARIS]),
    ):
        with pytest.raises(NoSegment):
            ask()


def test_the_snapping_radius_is_as_stated(osrm: Osrm) -> None:
    street = osrm.route([FORT_COLLINS.center, BOULDER.center], geometry=True).line
    west_of_all = min(street, key=lambda p: p.lng)
    outside = next(
        p for metres in range(100, 9000, 50) if osrm_refuses(osrm, p := destination(west_of_all, 300, metres))
    )
    assert distance_to_line_m(outside, street) > SNAP_RADIUS_M
    assert Osrm(osrm.base_url, snap_radius_m=9000).nearest(outside).distance_m == pytest.approx(
        SNAP_RADIUS_M, abs=60
    )


def osrm_refuses(osrm: Osrm, place: Point) -> bool:
    try:
        osrm.nearest(place)
    except NoSegment:
        return True
    return False


def test_too_many_places(osrm: Osrm) -> None:
    with pytest.raises(TooBig):
        osrm.trip(DENVER.center, places(150, seed=5))


def test_positions_that_are_none(osrm: Osrm) -> None:
    with pytest.raises(BadPoint):
        osrm.route([DENVER.center, Point(nan, -105)])


def test_questions_without_places(osrm: Osrm) -> None:
    for ask in (
        lambda: osrm.route([DENVER.center]),
        lambda: osrm.table([]),
        lambda: osrm.table([DENVER.center], []),
        lambda: osrm.trip(DENVER.center, []),
    ):
        with pytest.raises(BadRequest):
            ask()


def test_outlives_the_connection_that_osrm_closes_after_512_requests(osrm: Osrm) -> None:
    client = Osrm(osrm.base_url)
    assert {client.nearest(DENVER.center) for _ in range(1100)} == {osrm.nearest(DENVER.center)}


def test_threads_share_a_client(osrm: Osrm) -> None:
    routes = [places(2, seed) for seed in range(80)]
    alone = [osrm.route(points) for points in routes]
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(osrm.route, routes)) == alone


def test_one_client_for_each_address() -> None:
    client = osrm_from_settings()
    assert osrm_from_settings() is client
    with override_settings(OSRM_URL="http://127.0.0.1:1/"):
        assert osrm_from_settings().base_url == "http://127.0.0.1:1"
    assert osrm_from_settings() is client


def test_who_has_no_roads_of_the_own_goes_by_the_car_s() -> None:
    car = osrm_from_settings()
    assert [osrm_from_settings("bicycle"), osrm_from_settings("foot")] == [car, car]
    assert every_osrm() == [car]
    with override_settings(OSRM_URL_BICYCLE="http://127.0.0.1:1"):
        bicycle = osrm_from_settings("bicycle")
        assert (bicycle.base_url, bicycle.profile) == ("http://127.0.0.1:1", "bicycle")
        assert (osrm_from_settings(), osrm_from_settings("foot")) == (car, car)
        assert every_osrm() == [car, bicycle]


def test_by_bicycle_it_takes_longer_along_other_streets(osrm: Osrm, by_bicycle: Osrm) -> None:
    ways = [places(2, seed) for seed in range(20)]
    by_car, others = ([roads.route(way) for way in ways] for roads in (osrm, by_bicycle))
    assert sum(route.duration_s for route in others) > 1.3 * sum(route.duration_s for route in by_car)
    assert any(a.distance_m < b.distance_m - 20 for a, b in zip(others, by_car, strict=True))
    speeds = [route.distance_m / route.duration_s for route in others]
    assert max(speeds) < 6
    guessed = sum(straight_line(way, "bicycle").duration_s for way in ways)
    assert guessed == pytest.approx(sum(route.duration_s for route in others), rel=0.25)


def test_a_child_process_has_connections_of_its_own() -> None:
    client = osrm_from_settings()
    if (child := os.fork()) == 0:
        os._exit(0 if osrm_from_settings() is not client else 1)
    assert os.waitpid(child, 0)[1] == 0


def test_straight_lines_are_marked_and_add_up() -> None:
    a, b, c = places(3, seed=6)
    route = straight_line([a, b, c])
    assert route.approximate
    assert route.distance_m == pytest.approx(1.4 * (distance_m(a, b) + distance_m(b, c)))
    assert route.duration_s == pytest.approx(route.distance_m / 8)
    assert [leg.seconds for leg in route.legs] == [(leg.duration_s,) for leg in route.legs]
    assert route.line == (a, b, c)


def test_straight_lines_are_about_right_downtown(osrm: Osrm) -> None:
    pairs = [places(2, seed) for seed in range(60)]
    guessed = sum(straight_line(pair).duration_s for pair in pairs)
    routed = sum(osrm.route(pair).duration_s for pair in pairs)
    assert guessed == pytest.approx(routed, rel=0.2)


def test_joined_keeps_the_points_where_lines_meet_once() -> None:
    a, b, c = places(3, seed=7)
    assert joined([[a, b], [b, c]]) == (a, b, c)
    assert joined([[], [a], [b, c]]) == (a, b, c)
