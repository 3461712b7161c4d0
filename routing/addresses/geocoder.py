"""A geocoder over HTTP, where our own streets do not know an address: Photon or Nominatim, yours or somebody's.

What it says is judged as what the index says is (matching.py): it is sure only where it names the very number and
street. What makes no sense (no coordinates, 0, 0, another country) counts for nothing. Neither errors nor logs hold
an address or a position.
"""

import json
import os
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import requests
from django.conf import settings

from routing.addresses import matching
from routing.addresses.index import Area
from routing.addresses.matching import Candidate, Hit, Place, Precision, Street
from routing.addresses.parse import Address, StreetName, canonical, parse, possible_towns, words_of
from routing.addresses.services import USUAL_PER_S, Service, parse_service
from routing.breaker import Breaker
from routing.errors import BadPoint, Unavailable
from routing.geo import Point, distance_m, is_null_island

CONNECT_TIMEOUT_S = 2.0
#: Of a longer answer (bytes) nothing is read.
MOST_BYTES = 262_144
#: So many places are asked for.
PLACES = 5
#: The question itself is what is wrong: another one may be answered.
NOT_UNDERSTOOD = {400, 414, 422}


@dataclass(frozen=True)
class Named:
    """One place of an answer."""

    point: Point
    number: str
    street: str
    postcode: str
    town: str


class Geocoder:
    """Safe to share between threads."""

    def __init__(
        self, service: Service, *, user_agent: str, timeout_s: float, breaker: Breaker | None = None
    ) -> None:
        self.service = service
        self.timeout_s = timeout_s
        self._breaker = breaker or Breaker(told=("the geocoder is away", "the geocoder answers again"))
        self._user_agent = user_agent
        self._local = threading.local()

    def find(self, text: str, area: Area) -> Hit | None:
        """What it takes an address for; None where it finds nothing in this area. Unavailable."""
        known = {canonical(name) for name in area.towns}
        asked = parse(text, known)
        with self._breaker.question():
            answer = self._asked(self._question(text, asked, area))
            places = [place for place in self._read(answer) if _makes_sense(place.point, area)]
        # Now it is known which of the words were a town's name.
        towns = known | ({canonical(place.town) for place in places} & possible_towns(text))
        asked = parse(text, towns)
        if asked is not None:
            near = [one for place in places if (one := _candidate(asked, place, area)) is not None]
            if found := matching.hits(asked, near):
                return found[0]
        first = next(iter(places), None)
        return None if first is None else Hit(first.point, False, Precision.STREET, first.street)

    # ------------------------------------------------------------------------------------------- asking

    def _question(self, text: str, asked: Address | None, area: Area) -> tuple[str, dict[str, Any]]:
        """Without flat and floor, which geocoders do not know; and with the town, where the address has none."""
        words = text[:300]
        if asked is not None:
            town = asked.town or asked.extra or next(iter(area.towns), "")
            words = f"{asked.number}{asked.letter} {asked.written}, {town} {asked.postcode}".strip(" ,")
        if self.service.protocol == "photon":
            return "/api", {"q": words, "limit": PLACES, "lat": area.near.lat, "lon": area.near.lng}
        north, south, east, west = area.box
        return "/search", {
            "q": words,
            "format": "jsonv2",
            "addressdetails": 1,
            "limit": PLACES,
            "viewbox": f"{west:.5f},{north:.5f},{east:.5f},{south:.5f}",
            "bounded": 1,
        }

    def _asked(self, question: tuple[str, dict[str, Any]]) -> Any:
        """JSON; None where the question was not understood. Unavailable."""
        path, options = question
        deadline = time.monotonic() + self.timeout_s
        try:
            with self._session().get(
                self.service.url + path,
                params=options,
                timeout=(min(CONNECT_TIMEOUT_S, self.timeout_s), self.timeout_s),
                stream=True,
                allow_redirects=False,
            ) as response:
                if response.status_code in NOT_UNDERSTOOD:
                    return None
                if response.status_code != requests.codes.ok:
                    raise Unavailable(f"The geocoder failed with HTTP {response.status_code}.")
                return json.loads(_read_by(response, deadline))
        except requests.Timeout:
            raise Unavailable("The geocoder took too long to answer.") from None
        except requests.RequestException as error:  # its text and its cause hold the URL, so the address
            raise Unavailable(f"The geocoder cannot be reached ({type(error).__name__}).") from None
        except (ValueError, RecursionError):
            raise Unavailable("What answered is no geocoder that we know of; check GEOCODER_URL.") from None

    def _session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            session = self._local.session = requests.Session()
            session.headers["User-Agent"] = self._user_agent
        return session

    # ------------------------------------------------------------------------------------------ reading

    def _read(self, answer: Any) -> Iterator[Named]:
        if answer is None:
            return
        photon = self.service.protocol == "photon"
        places = answer.get("features") if photon and isinstance(answer, dict) else answer
        if not isinstance(places, list):
            raise Unavailable("What answered is no geocoder that we know of; check GEOCODER_URL.")
        for place in places[:PLACES]:
            try:
                yield _of_photon(place) if photon else _of_nominatim(place)
            except (LookupError, TypeError, ValueError, AttributeError):
                continue  # a place without coordinates is none


def _read_by(response: requests.Response, deadline: float) -> bytes:
    """However slowly it drips."""
    read = b""
    for chunk in response.iter_content(16_384):
        read += chunk
        if len(read) > MOST_BYTES:
            raise Unavailable("The geocoder's answer is too long.")
        if time.monotonic() > deadline:
            raise requests.Timeout
    return read


def _of_photon(place: Any) -> Named:
    lng, lat = place["geometry"]["coordinates"][:2]
    said: Mapping[str, Any] = place["properties"]
    return Named(
        _point(lat, lng),
        _text(said, "housenumber"),
        _text(said, "street", "name"),
        _text(said, "postcode"),
        _text(said, "city", "district"),
    )


def _of_nominatim(place: Any) -> Named:
    said: Mapping[str, Any] = place.get("address") or {}
    return Named(
        _point(place["lat"], place["lon"]),
        _text(said, "house_number"),
        _text(said, "road", "pedestrian", "footway"),
        _text(said, "postcode"),
        _text(said, "city", "town", "village", "municipality"),
    )


def _point(lat: Any, lng: Any) -> Point:
    """Raises BadPoint (a ValueError), ValueError, TypeError."""
    if isinstance(lat, bool) or isinstance(lng, bool):
        raise BadPoint
    return Point.checked(float(lat), float(lng))


def _text(said: Mapping[str, Any], *names: str) -> str:
    return next((value for name in names if isinstance(value := said.get(name), str) and value), "")


def _makes_sense(point: Point, area: Area) -> bool:
    return not is_null_island(point) and distance_m(point, area.near) <= area.within_m


def _candidate(asked: Address, place: Named, area: Area) -> Candidate | None:
    parts = StreetName.of(words_of(place.street)) if words_of(place.street) else None
    like = matching.likeness(asked.street, parts) if parts else None
    if parts is None or like is None:
        return None
    same = words_of(place.number)[:1] in ([str(asked.number)], [f"{asked.number}{asked.letter}"])
    known = Place(
        Precision.DOOR if same else Precision.STREET,
        place.point,
        canonical(place.postcode),
        canonical(place.town),
    )
    street = Street(0, place.street, parts, place.point)
    return matching.candidate(asked, street, like, known, area.near, _nowhere)


def _nowhere(_: str) -> list[Point]:
    """Where towns are the geocoder knows by itself."""
    return []


# --------------------------------------------------------------------------------------------- by settings


def geocoder_from_settings() -> Geocoder | None:
    """One for the process; None where none is to be asked."""
    return _geocoder(settings.GEOCODER_URL, settings.GEOCODER_USER_AGENT, settings.GEOCODER_TIMEOUT_S)


def gap_s() -> float:
    """How long the geocoder is left in peace between two questions."""
    service = parse_service(settings.GEOCODER_URL)
    per_s = settings.GEOCODER_PER_S or (USUAL_PER_S[service.protocol] if service else 1.0)
    return float(1 / per_s)


@lru_cache(maxsize=4)
def _geocoder(url: str, user_agent: str, timeout_s: float) -> Geocoder | None:
    service = parse_service(url)
    return None if service is None else Geocoder(service, user_agent=user_agent, timeout_s=timeout_s)


os.register_at_fork(after_in_child=_geocoder.cache_clear)  # two processes must not share a connection
