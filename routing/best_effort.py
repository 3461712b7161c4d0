"""A driver's way through the stops, as far as roads lead.

One place that no road leads to spoils only what lies behind it: the way to it, and on from it, is estimated along
straight lines.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from routing.errors import NoRoute, NoSegment, RoutingError
from routing.geo import Point
from routing.osrm import Leg, Osrm, straight_line

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class BestEffortRoute:
    """`legs[k]` leads to place k + 1. `guessed`: the legs (by k) along straight lines. `off_road`: the places that no
    road leads to. `away`: the roads did not answer, and all legs are guessed.
    """

    legs: Sequence[Leg]
    guessed: frozenset[int] = frozenset()
    off_road: frozenset[int] = frozenset()
    away: bool = False


def best_effort_route(osrm: Osrm, way: Sequence[Point], *, geometry: bool = False) -> BestEffortRoute:
    """The fastest way through two or more places in this order."""
    try:
        return BestEffortRoute(osrm.route(way, geometry=geometry).legs)
    except RoutingError as error:
        return _straight(osrm, way) if error.retryable else _leg_by_leg(osrm, way, geometry=geometry)


def _straight(osrm: Osrm, way: Sequence[Point]) -> BestEffortRoute:
    legs = straight_line(way, osrm.profile).legs
    return BestEffortRoute(legs, frozenset(range(len(legs))), away=True)


def _leg_by_leg(osrm: Osrm, way: Sequence[Point], *, geometry: bool) -> BestEffortRoute:
    legs: list[Leg] = []
    guessed: set[int] = set()
    off_road: set[Point] = set()
    for n, ends in enumerate(pairwise(way)):
        try:
            legs += osrm.route(ends, geometry=geometry).legs
            continue
        except NoSegment as error:
            off_road.add(ends[1 if error.place is None else error.place])
        except NoRoute:
            # Of two places that no road joins it is the first, if that could not be reached either.
            if ends[0] not in off_road:
                off_road.add(ends[1])
        except RoutingError as error:
            if error.retryable:
                return _straight(osrm, way)
            logger.warning("a leg is estimated along a straight line: %s", error)
        guessed.add(n)
        legs += straight_line(ends, osrm.profile).legs
    places = (k for k, place in enumerate(way) if place in off_road)
    return BestEffortRoute(legs, frozenset(guessed), frozenset(places))
