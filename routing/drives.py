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
class Drive:
    """`legs[k]` leads to place k + 1. `guessed`: the legs (by k) along straight lines. `off_road`: the places that no
    road leads to. `away`: the roads did not answer, and all legs are guessed.
    """

    legs: Sequence[Leg]
    guessed: frozenset[int] = frozenset()
    off_road: frozenset[int] = frozenset()
    away: bool = False


def drive(osrm: Osrm, way: Sequence[Point], *, geometry: bool = False) -> Drive:
    """The fastest way through two or more places in this order."""
    try:
        return Drive(osrm.route(way, geometry=geometry).legs)
    except RoutingError as refusal:
        return _straight(way) if refusal.retryable else _leg_by_leg(osrm, way, geometry=geometry)


def _straight(way: Sequence[Point]) -> Drive:
    legs = straight_line(way).legs
    return Drive(legs, frozenset(range(len(legs))), away=True)


def _leg_by_leg(osrm: Osrm, way: Sequence[Point], *, geometry: bool) -> Drive:
    legs: list[Leg] = []
    guessed: set[int] = set()
    off_road: set[Point] = set()
    for n, ends in enumerate(pairwise(way)):
        try:
            legs += osrm.route(ends, geometry=geometry).legs
            continue
        except NoSegment as refusal:
            off_road.add(ends[1 if refusal.place is None else refusal.place])
        except NoRoute:
            # Of two places that no road joins it is the first, if that could not be reached either.
            if ends[0] not in off_road:
                off_road.add(ends[1])
        except RoutingError as refusal:
            if refusal.retryable:
                return _straight(way)
            logger.warning("a drive is estimated along a straight line: %s", refusal)
        guessed.add(n)
        legs += straight_line(ends).legs
    places = (k for k, place in enumerate(way) if place in off_road)
    return Drive(legs, frozenset(guessed), frozenset(places))
