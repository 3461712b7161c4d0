"""Ways that roads lead along only in part."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import pytest
import requests

from routing.best_effort import BestEffortRoute, best_effort_route
from routing.geo import Point, destination
from routing.osrm import Osrm, straight_line
from tests.conftest import DENVER

START, A, B, C = (destination(DENVER, bearing, 700) for bearing in (270, 0, 90, 180))
#: Kilometres from any road of the map.
FIELD, MEADOW = (destination(DENVER, bearing, 9000) for bearing in (90, 100))


def by_road(found: BestEffortRoute) -> list[bool]:
    return [n not in found.guessed for n in range(len(found.legs))]


def seconds(found: BestEffortRoute) -> list[float]:
    return [leg.duration_s for leg in found.legs]


def straight_s(*way: Point) -> list[float]:
    return [leg.duration_s for leg in straight_line(way).legs]


@pytest.mark.parametrize("geometry", [False, True])
def test_where_roads_lead_everywhere_it_is_the_route(osrm: Osrm, geometry: bool) -> None:
    way = [START, A, B, C]
    assert best_effort_route(osrm, way, geometry=geometry) == BestEffortRoute(
        osrm.route(way, geometry=geometry).legs
    )


@pytest.mark.parametrize(
    ("way", "roads", "off_road"),
    [
        ([START, A, FIELD, B, C], [True, False, False, True], {2}),
        ([FIELD, A, B], [False, True], {0}),
        ([START, A, FIELD], [True, False], {2}),
        ([START, FIELD, FIELD, A], [False, False, False], {1, 2}),
        ([FIELD, MEADOW, A], [False, False], {0, 1}),
    ],
)
def test_a_place_off_the_roads_spoils_only_the_ways_to_and_from_it(
    osrm: Osrm, way: list[Point], roads: list[bool], off_road: set[int]
) -> None:
    found = best_effort_route(osrm, way, geometry=True)
    assert by_road(found) == roads
    assert found.off_road == off_road
    assert not found.away
    for n, (leg, guessed) in enumerate(zip(found.legs, straight_s(*way), strict=True)):
        between = osrm.route(way[n : n + 2], geometry=True).legs[0] if roads[n] else None
        assert leg == between if between else leg.duration_s == guessed


@contextmanager
def roads_but(osrm: Osrm, island: Point) -> Iterator[Osrm]:
    """The real OSRM, but for a place whose streets no bridge joins to the others."""
    name = f"{island.lng:.6f},{island.lat:.6f}"

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            places = urlsplit(self.path).path.rsplit("/", 1)[1].split(";")
            if name in places and set(places) != {name}:
                status, body = 400, json.dumps({"code": "NoRoute", "message": "Impossible route"}).encode()
            else:
                answer = requests.get(osrm.base_url + self.path, timeout=30)
                status, body = answer.status_code, answer.content
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield Osrm(f"http://127.0.0.1:{server.server_port}")
        server.shutdown()


@pytest.mark.parametrize(
    ("way", "roads", "off_road"),
    [
        ([START, A, B, C], [False, False, True], {1}),
        ([START, B, A], [True, False], {2}),
        ([START, A, A, B, C], [False, True, False, True], {1, 2}),
    ],
)
def test_an_island(osrm: Osrm, way: list[Point], roads: list[bool], off_road: set[int]) -> None:
    with roads_but(osrm, A) as broken:
        found = best_effort_route(broken, way)
    assert by_road(found) == roads
    assert found.off_road == off_road


def test_roads_that_do_not_answer_are_away_and_asked_once() -> None:
    way = [START, A, B]
    found = best_effort_route(Osrm("http://127.0.0.1:9"), way, geometry=True)
    assert found.away
    assert by_road(found) == [False, False]
    assert seconds(found) == straight_s(*way)
    assert found.off_road == set()
