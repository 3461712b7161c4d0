"""What can go wrong between us and the roads.

Every error has a `code` for programs, a `message` for the log and for who builds roads, and says whether trying again
helps.

    RoutingError
    ├── Unavailable      the router cannot be reached, is too slow or answers nonsense   retryable
    │   └── NotAsked     it was away a moment ago, and is left in peace (breaker.py)         retryable
    ├── NoRoute          both ends are on roads, but no road joins them                  final
    ├── NoSegment        a place is too far from any road                                final
    ├── TooBig           more places than the router accepts in one request              final
    ├── BadRequest       the question itself is wrong: a bug on our side                 final
    │   ├── BadPoint     no place on earth: absent, not a number, out of range           final
    │   └── BadArea      no area: the message says what is wrong with its GeoJSON        final
    └── RoadsError       road data or map cannot be built; the message says what to do   final
"""

from typing import ClassVar


class RoutingError(Exception):
    code: ClassVar[str] = "routing_error"
    retryable: ClassVar[bool] = False
    default: ClassVar[str] = "The road service failed."

    def __init__(self, message: str = "") -> None:
        self.message = message or self.default
        super().__init__(self.message)


class Unavailable(RoutingError):
    code = "routing_unavailable"
    retryable = True
    default = "The road service does not answer; try again shortly."


class NotAsked(Unavailable):
    code = "not_asked"
    default = "The road service was away a moment ago; it is asked again soon."


class NoRoute(RoutingError):
    code = "no_route"
    default = "No road joins these places."


class NoSegment(RoutingError):
    code = "off_the_map"
    default = "A place is too far from any road of this map; check its position."

    def __init__(self, message: str = "", *, place: int | None = None) -> None:
        """`place`: which of the places asked about, counted from 0, where that is known."""
        super().__init__(message)
        self.place = place


class TooBig(RoutingError):
    code = "too_many_places"
    default = "Too many places in one request."


class BadRequest(RoutingError):
    code = "bad_routing_request"
    default = "The road service did not understand the request."


class BadPoint(BadRequest, ValueError):
    code = "bad_point"
    default = "This is no position: latitude must be −90 to 90 and longitude −180 to 180 degrees."


class BadArea(BadRequest, ValueError):
    code = "bad_area"
    default = "This is no area."


class RoadsError(RoutingError):
    code = "roads_not_built"
    default = "There is no road data: run `manage.py roads build`."
