"""Geocoders over HTTP: what they answer, and what answers in their place."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from routing.addresses import answers
from routing.addresses.geocoder import Geocoder
from routing.addresses.index import Area
from routing.addresses.matching import Hit
from routing.addresses.services import Service, parse_service
from routing.breaker import Breaker
from routing.errors import NotAsked, Unavailable
from routing.geo import Point, distance_m
from routing.models import GeocoderAnswer

CENTER = Point(39.7495, -104.9865)
DOOR = Point(39.75104, -104.99356)
AREA = Area(CENTER, 50_000, {"Denver": CENTER})
ADDRESS = "1867 Lawrence St Apt 4, Denver CO 80202"


def photon(lat: Any = DOOR.lat, lng: Any = DOOR.lng, **properties: Any) -> dict[str, Any]:
    """As komoot's Photon answers."""
    told = {
        "osm_type": "W",
        "osm_key": "building",
        "type": "house",
        "countrycode": "US",
        "country": "United States",
        "state": "Colorado",
        "city": "Denver",
        "postcode": "80202",
        "street": "Lawrence Street",
        "housenumber": "1867",
    }
    place = {
        "type": "Feature",
        "geometry": {"type": "Point", "coordinates": [lng, lat]},
        "properties": told | properties,
    }
    return {"type": "FeatureCollection", "features": [place]}


def nominatim(lat: Any = f"{DOOR.lat}", lng: Any = f"{DOOR.lng}", **address: Any) -> list[dict[str, Any]]:
    """As Nominatim answers in its jsonv2."""
    told = {
        "house_number": "1867",
        "road": "Lawrence Street",
        "city": "Denver",
        "state": "Colorado",
        "postcode": "80202",
        "country_code": "us",
    }
    place = {
        "place_id": 1,
        "licence": "Data © OpenStreetMap contributors, ODbL 1.0. http://osm.org/copyright",
        "lat": lat,
        "lon": lng,
        "category": "building",
        "type": "yes",
        "display_name": "1867, Lawrence Street, Denver",
        "address": told | address,
    }
    return [place]


@dataclass
class Server:
    """Answers every question alike, and remembers them."""

    url: str = ""
    status: int = 200
    body: bytes = b"[]"
    drips: bool = False
    asked: list[tuple[str, dict[str, list[str]], str]] = field(default_factory=list)
    closing: Event = field(default_factory=Event)

    def says(self, answer: Any) -> None:
        self.body = json.dumps(answer).encode()


@pytest.fixture
def server() -> Iterator[Server]:
    found = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            found.asked.append((parts.path, parse_qs(parts.query), self.headers["User-Agent"]))
            self.send_response(found.status)
            self.send_header("Location", "http://127.0.0.1:1/")
            self.end_headers()
            if found.drips:
                while not found.closing.wait(0.02):
                    try:
                        self.wfile.write(b" " * 20_000)
                    except OSError:
                        return
            self.wfile.write(found.body)

        def log_message(self, *_: Any) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.url = f"http://127.0.0.1:{http.server_port}"
    thread = Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield found
    found.closing.set()
    http.shutdown()
    thread.join()
    http.server_close()


@pytest.fixture(params=["photon", "nominatim"])
def geocoder(request: pytest.FixtureRequest, server: Server) -> Geocoder:
    return of(request.param, server)


def of(protocol: Any, server: Server, **options: Any) -> Geocoder:
    known = {"user_agent": "Doorstep (test)", "timeout_s": 5.0}
    return Geocoder(Service(protocol, server.url), **(known | options))


def answering(geocoder: Geocoder, **changes: Any) -> Any:
    return (photon if geocoder.service.protocol == "photon" else nominatim)(**changes)


def number(geocoder: Geocoder, text: str) -> dict[str, str]:
    return {"housenumber" if geocoder.service.protocol == "photon" else "house_number": text}


def street(geocoder: Geocoder, text: str) -> dict[str, str]:
    return {"street" if geocoder.service.protocol == "photon" else "road": text}


def test_the_very_house_is_sure(geocoder: Geocoder, server: Server) -> None:
    server.says(answering(geocoder))
    hit = geocoder.find(ADDRESS, AREA)
    assert hit is not None
    assert hit.sure
    assert distance_m(hit.point, DOOR) < 1


def test_it_is_asked_politely_and_without_the_flat(geocoder: Geocoder, server: Server) -> None:
    server.says(answering(geocoder))
    geocoder.find(ADDRESS, AREA)
    [(path, asked, agent)] = server.asked
    assert path == ("/api" if geocoder.service.protocol == "photon" else "/search")
    assert asked["q"] == ["1867 lawrence st, denver 80202"]
    assert agent == "Doorstep (test)"


@pytest.mark.parametrize("other", ["house", "street", "town"])
def test_anything_else_is_a_guess(geocoder: Geocoder, server: Server, other: str) -> None:
    changes = {
        "house": number(geocoder, "1800"),
        "street": street(geocoder, "Larimer Street"),
        "town": {"city": "Boulder", "postcode": "80302"},
    }[other]
    server.says(answering(geocoder, **changes))
    hit = geocoder.find(ADDRESS, AREA)
    assert hit is not None
    assert not hit.sure


@pytest.mark.parametrize(
    ("lat", "lng"),
    [
        ("abc", -104.99),
        (0, 0),
        (0.0001, -0.0001),
        (48.8566, 2.3522),
        (91, 0),
        (None, None),
        (True, True),
        ([], {}),
        ("NaN", "NaN"),
        ("1e400", -104.99),
    ],
)
def test_places_that_make_no_sense_count_for_nothing(
    geocoder: Geocoder, server: Server, lat: Any, lng: Any
) -> None:
    server.says(answering(geocoder, lat=lat, lng=lng))
    assert geocoder.find(ADDRESS, AREA) is None


def test_nothing_found(geocoder: Geocoder, server: Server) -> None:
    server.says(
        {"type": "FeatureCollection", "features": []} if geocoder.service.protocol == "photon" else []
    )
    assert geocoder.find(ADDRESS, AREA) is None


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"null", b'{"features": 7}', b'"no"', b"[" * 100_000, b"\xff\xfe", b" " * 300_000],
    ids=["nothing", "a page", "null", "no list", "text", "nested", "no text", "too long"],
)
def test_what_is_no_answer_is_said_to_be_none(geocoder: Geocoder, server: Server, body: bytes) -> None:
    server.body = body
    if body == b"null":
        assert geocoder.find(ADDRESS, AREA) is None
        return
    with pytest.raises(Unavailable) as raised:
        geocoder.find(ADDRESS, AREA)
    assert "Lawrence" not in str(raised.value)


@pytest.mark.parametrize("broken", [[None], [7], ["x"], [{}], [[]], [{"lat": "1"}], [{"geometry": {}}]])
def test_broken_places_in_a_whole_answer_count_for_nothing(
    geocoder: Geocoder, server: Server, broken: list[Any]
) -> None:
    server.says({"features": broken} if geocoder.service.protocol == "photon" else broken)
    assert geocoder.find(ADDRESS, AREA) is None


@pytest.mark.parametrize("status", [301, 403, 404, 429, 500, 503])
def test_refusals_are_told_without_the_address(geocoder: Geocoder, server: Server, status: int) -> None:
    server.status = status
    with pytest.raises(Unavailable, match=str(status)) as raised:
        geocoder.find(ADDRESS, AREA)
    assert "awrence" not in str(raised.value)


def test_a_question_that_it_does_not_understand_is_no_outage(geocoder: Geocoder, server: Server) -> None:
    server.status = 400
    assert geocoder.find(ADDRESS, AREA) is None
    server.status = 200
    server.says(answering(geocoder))
    assert geocoder.find(ADDRESS, AREA) is not None


def test_however_slowly_it_drips_nobody_waits_longer(server: Server) -> None:
    server.drips = True
    began = time.monotonic()
    with pytest.raises(Unavailable):
        of("photon", server, timeout_s=0.1).find(ADDRESS, AREA)
    assert time.monotonic() - began < 60


def test_while_it_is_away_it_is_left_in_peace(server: Server) -> None:
    now = [0.0]
    geocoder = of("photon", server, breaker=Breaker(clock=lambda: now[0]))
    server.status = 503
    with pytest.raises(Unavailable):
        geocoder.find(ADDRESS, AREA)
    with pytest.raises(NotAsked):
        geocoder.find(ADDRESS, AREA)
    assert len(server.asked) == 1
    now[0] = 11.0
    server.status = 200
    server.says(photon())
    assert geocoder.find(ADDRESS, AREA) is not None


def test_nobody_there(geocoder: Geocoder) -> None:
    away = Geocoder(geocoder.service._replace(url="http://127.0.0.1:1"), user_agent="x", timeout_s=1.0)
    with pytest.raises(Unavailable):
        away.find(ADDRESS, AREA)


# ------------------------------------------------------------------------------------------------ its answers


@pytest.fixture
def asked_twice(db: None, server: Server) -> Callable[[str, str], list[Hit | None]]:
    def ask(first: str, second: str) -> list[Hit | None]:
        geocoder = of("photon", server)
        return [
            answers.hit_of(answers.known(geocoder, text, AREA) or answers.ask(geocoder, text, AREA))
            for text in (first, second)
        ]

    return ask


def test_the_same_address_is_asked_once(
    asked_twice: Callable[[str, str], list[Hit | None]], server: Server
) -> None:
    server.says(photon())
    first, second = asked_twice(ADDRESS, ADDRESS.upper())
    assert first is not None
    assert second is not None
    assert (first.point, first.sure) == (second.point, second.sure)
    assert len(server.asked) == 1
    assert "awrence" not in str(GeocoderAnswer.objects.values().get())


def test_that_it_found_nothing_is_an_answer_too(
    asked_twice: Callable[[str, str], list[Hit | None]], server: Server
) -> None:
    server.says({"features": []})
    assert asked_twice(ADDRESS, ADDRESS) == [None, None]
    assert len(server.asked) == 1


def test_old_answers_are_forgotten(
    asked_twice: Callable[[str, str], list[Hit | None]], server: Server, settings: Any
) -> None:
    server.says(photon())
    asked_twice(ADDRESS, "1 Larimer St")
    assert answers.forget_old() == 0
    settings.GEOCODER_CACHE_DAYS = 0
    assert answers.forget_old() == 2


# ---------------------------------------------------------------------------------------------- its address


@pytest.mark.parametrize(
    ("text", "service"),
    [
        ("", None),
        ("photon+https://photon.example", Service("photon", "https://photon.example")),
        ("nominatim+http://127.0.0.1:8080/", Service("nominatim", "http://127.0.0.1:8080")),
    ],
)
def test_a_geocoder_is_named(text: str, service: Service | None) -> None:
    assert parse_service(text) == service


@pytest.mark.parametrize(
    "text", ["https://photon.example", "google+https://x", "photon+ftp://x", "photon", "photon+"]
)
def test_what_names_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"photon\+https"):
        parse_service(text)
