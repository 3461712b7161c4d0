"""OSRM over HTTP: how long, how far, along which streets, in which order.

Durations are seconds, distances metres. Every call may raise, from `routing.errors`: Unavailable (try again),
NoRoute, NoSegment, TooBig, BadPoint, BadRequest (final). Neither errors nor logs hold a position.
"""

import os
import re
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any

import requests
from django.conf import settings

from routing import metrics
from routing.breaker import Breaker
from routing.errors import BadRequest, NoRoute, NoSegment, RoutingError, TooBig, Unavailable
from routing.geo import Point, distance_m, from_lnglat, to_lnglat
from routing.profiles import PROFILES, Profile

CONNECT_TIMEOUT_S = 0.5
READ_TIMEOUT_S = 3.0
# A position may be off the road by a wrong fix, a parking lot or a long drive. Without any limit OSRM
# routes from Paris to Denver's nearest street and calls that Ok.
SNAP_RADIUS_M = 500

# The medians of some 800 legs that OSRM routed between random places in downtown Denver.
DETOUR_FACTOR = 1.4
STRAIGHT_LINE_SPEED = 8.0  # m/s
#: The same of those who are slower (m/s): what OSRM's profiles take for usual.
SLOWER: Mapping[Profile, float] = {"bicycle": 4.2, "foot": 1.4}

_ERRORS: dict[str, type[RoutingError]] = {
    "NoRoute": NoRoute,
    "NoTable": NoRoute,
    "NoTrips": NoRoute,
    "NoSegment": NoSegment,
    "TooBig": TooBig,
}


@dataclass(frozen=True, slots=True)
class Leg:
    """From one place to the next. With geometry, `seconds[i]` is the time from `line[i]` to `line[i + 1]`,
    and their sum is `duration_s`: waiting at lights and turns is spread over the stretch before them.
    """

    duration_s: float
    distance_m: float
    line: tuple[Point, ...] = ()
    seconds: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Route:
    """Through all places in the order given. `approximate`: estimated along straight lines, not routed."""

    duration_s: float
    distance_m: float
    legs: tuple[Leg, ...]
    approximate: bool = False

    @property
    def line(self) -> tuple[Point, ...]:
        """All legs' lines as one; empty without geometry."""
        return joined(leg.line for leg in self.legs)


@dataclass(frozen=True, slots=True)
class Table:
    """`seconds[i][j]` from source i to destination j, None where no road leads there; and `metres[i][j]`, where they
    were asked for.
    """

    seconds: list[list[float | None]]
    metres: list[list[float | None]]


@dataclass(frozen=True, slots=True)
class Trip:
    """`order[k]` is the index of the stop that is visited k-th."""

    order: tuple[int, ...]
    duration_s: float
    distance_m: float


@dataclass(frozen=True, slots=True)
class Snapped:
    """The nearest place on a road, and how far away it is."""

    point: Point
    distance_m: float
    name: str


class Osrm:
    """One OSRM server, of one profile. Safe to share between threads: a `requests.Session` is not, so each thread has
    its own.
    """

    def __init__(
        self,
        base_url: str,
        *,
        timeout: tuple[float, float] = (CONNECT_TIMEOUT_S, READ_TIMEOUT_S),
        snap_radius_m: int = SNAP_RADIUS_M,
        breaker: Breaker | None = None,
        profile: Profile = "car",
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self.timeout = timeout
        self.snap_radius_m = snap_radius_m
        self.profile = profile
        self._breaker = breaker or Breaker()
        self._local = threading.local()

    @property
    def is_away(self) -> bool:
        """Whether OSRM did not answer when it was last asked."""
        return self._breaker.is_away

    @property
    def may_be_asked(self) -> bool:
        """Whether it answers, or it is time to see whether it does again."""
        return self._breaker.lets_through

    def route(self, points: Sequence[Point], *, geometry: bool = False) -> Route:
        """The fastest way through two or more places in this order."""
        if len(points) < 2:
            raise BadRequest("A route needs at least two places.")
        # Who has stopped may turn around; without this a route is longer than a table and a trip say.
        options = {"overview": "false", "continue_straight": "false"}
        if geometry:
            options |= {"steps": "true", "annotations": "duration", "geometries": "geojson"}
        with self._asked("route", points, options) as answer:
            route = answer["routes"][0]
            legs: list[Leg] = []
            for leg in route["legs"]:
                line, seconds = _drawn(leg) if geometry else ((), ())
                if line and legs:  # OSRM drops pieces below a metre, so that legs may miss each other
                    line = (legs[-1].line[-1], *line[1:])
                legs.append(Leg(leg["duration"], leg["distance"], line, seconds))
            return Route(route["duration"], route["distance"], tuple(legs))

    def table(
        self,
        sources: Sequence[Point],
        destinations: Sequence[Point] | None = None,
        *,
        distances: bool = False,
    ) -> Table:
        """From every source to every destination, or between all sources. `distances` make it a third slower."""
        if not sources or (destinations is not None and not destinations):
            raise BadRequest("A table needs at least one source and one destination.")
        points = list(sources)
        options = {"annotations": "duration,distance" if distances else "duration"}
        if destinations is not None:
            points += destinations
            options["sources"] = _numbers(range(len(sources)))
            options["destinations"] = _numbers(range(len(sources), len(points)))
        if len(points) == 1:
            return Table([[0.0]], [[0.0]] if distances else [])  # OSRM wants two places
        with self._asked("table", points, options) as answer:
            return Table(answer["durations"], answer["distances"] if distances else [])

    def trip(self, start: Point, stops: Sequence[Point]) -> Trip:
        """The fastest order of visiting all stops, from `start` and ending at any of them."""
        if not stops:
            raise BadRequest("A trip needs at least one stop.")
        options = {"source": "first", "roundtrip": "false", "overview": "false"}
        with self._asked("trip", [start, *stops], options) as answer:
            trip = answer["trips"][0]
            # waypoint_index is the position that an input takes in the trip, not the input at a position.
            positions = [waypoint["waypoint_index"] for waypoint in answer["waypoints"]]
            visited = sorted(range(len(positions)), key=positions.__getitem__)
            order = tuple(place - 1 for place in visited[1:])
            return Trip(order, trip["duration"], trip["distance"])

    def nearest(self, point: Point) -> Snapped:
        """The nearest place on a road within the snapping radius."""
        with self._asked("nearest", [point], {}) as answer:
            found = answer["waypoints"][0]
            return Snapped(from_lnglat(found["location"]), found["distance"], found["name"])

    @contextmanager
    def _asked(
        self, service: str, points: Iterable[Point], options: dict[str, str]
    ) -> Iterator[dict[str, Any]]:
        """Around whoever reads what OSRM says: what does not have its shape did not come from it."""
        coordinates = [f"{lng:.6f},{lat:.6f}" for lng, lat in (to_lnglat(Point.checked(*p)) for p in points)]
        url = f"{self.base_url}/{service}/v1/driving/{';'.join(coordinates)}"
        options["radiuses"] = ";".join([str(self.snap_radius_m)] * len(coordinates))
        with metrics.osrm_request(service):
            with self._breaker.question(), metrics.OSRM_SECONDS.labels(service).time():
                answer = self._answer(url, options)
            if answer["code"] != "Ok":
                raise _error(answer["code"], str(answer.get("message", "")))
            try:
                yield answer
            except (LookupError, TypeError, ValueError):
                raise Unavailable(
                    "What answered is no OSRM, or one that we do not know; check OSRM_URL."
                ) from None

    def _answer(self, url: str, options: dict[str, str]) -> dict[str, Any]:
        """What OSRM says, be it a refusal. Unavailable: it is not OSRM that answers, or nobody does."""
        try:
            response = self._get(url, options)
            answer = response.json()
        except requests.Timeout:
            raise Unavailable("The road service took too long to answer.") from None
        except requests.JSONDecodeError:
            raise Unavailable(
                f"What answered with HTTP {response.status_code} is no OSRM; check OSRM_URL."
            ) from None
        except requests.RequestException as error:  # its text and its cause hold the URL, so the positions
            raise Unavailable(f"The road service cannot be reached ({type(error).__name__}).") from None
        if response.status_code >= 500 or not isinstance(answer, dict) or "code" not in answer:
            raise Unavailable(f"The road service failed with HTTP {response.status_code}.")
        return answer

    def _get(self, url: str, options: dict[str, str]) -> requests.Response:
        session = self._session()
        try:
            return session.get(url, params=options, timeout=self.timeout)
        except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError):
            # osrm-routed closes each connection after 512 requests, at times under the next one. urllib3's
            # own retry would do, but it logs the URL and so where people are.
            return session.get(url, params=options, timeout=self.timeout)

    def _session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            session = self._local.session = requests.Session()
            session.trust_env = False  # no proxy or .netrc look-up for each request to a service of ours
            session.headers["Accept-Encoding"] = "identity"  # packing takes longer than the way to it
        return session


def straight_line(points: Sequence[Point], profile: Profile = "car") -> Route:
    """What to say while no router answers: straight lines, a usual detour, a usual speed in a city."""
    speed = SLOWER.get(profile, STRAIGHT_LINE_SPEED)
    legs = tuple(
        Leg(metres / speed, metres, (a, b), (metres / speed,))
        for a, b in pairwise(points)
        for metres in [distance_m(a, b) * DETOUR_FACTOR]
    )
    duration, distance = sum(leg.duration_s for leg in legs), sum(leg.distance_m for leg in legs)
    return Route(duration, distance, legs, approximate=True)


def joined(lines: Iterable[Sequence[Point]]) -> tuple[Point, ...]:
    """Lines that follow each other as one, the points where they meet kept once."""
    whole: list[Point] = []
    for line in lines:
        whole += line[1:] if whole and line and line[0] == whole[-1] else line
    return tuple(whole)


def osrm_from_settings(profile: Profile = "car") -> Osrm:
    """The client for the OSRM of this profile, or for the car's where it has none: one for the process."""
    own = served(profile)
    return _client(_url(own), own)


def served(profile: Profile) -> Profile:
    """By whose roads a profile goes: its own, where there is an OSRM of it, or else the car's."""
    return profile if _url(profile) else "car"


def every_osrm() -> list[Osrm]:
    """The clients for all that there are."""
    return [osrm_from_settings(profile) for profile in PROFILES if served(profile) == profile]


def _url(profile: Profile) -> str:
    url: str = settings.OSRM_URL if profile == "car" else getattr(settings, f"OSRM_URL_{profile.upper()}")
    return url


@lru_cache(maxsize=8)
def _client(url: str, profile: Profile) -> Osrm:
    return Osrm(url, profile=profile)


os.register_at_fork(after_in_child=_client.cache_clear)  # two processes must not share a connection


def _drawn(leg: dict[str, Any]) -> tuple[tuple[Point, ...], tuple[float, ...]]:
    """The line of a leg and the seconds for each piece of it, from OSRM's steps and annotation.

    The annotation has the driving time of each piece, the step also the time lost at its end (a turn, a light):
    each step's pieces are stretched to fill it. The last step, arriving, is the end point twice.
    """
    line: list[Point] = [from_lnglat(leg["steps"][0]["geometry"]["coordinates"][0])]
    seconds: list[float] = []
    driving: list[float] = leg["annotation"]["duration"]
    for step in leg["steps"][:-1]:
        stretch = step["geometry"]["coordinates"][1:]
        pieces = driving[len(seconds) : len(seconds) + len(stretch)]
        line += map(from_lnglat, stretch)
        total = sum(pieces)
        seconds += [
            piece * step["duration"] / total if total else step["duration"] / len(pieces) for piece in pieces
        ]
    if not len(driving) == len(seconds) == len(line) - 1:
        raise ValueError
    return tuple(line), tuple(seconds)


def _numbers(numbers: Iterable[int]) -> str:
    return ";".join(map(str, numbers))


def _error(code: str, message: str) -> RoutingError:
    kind = _ERRORS.get(code)
    if kind is NoSegment:
        at = re.search(r"coordinate (\d+)", message)
        return NoSegment(place=int(at[1]) if at else None)
    return kind() if kind else BadRequest(f"The road service refused the request: {code}.")
