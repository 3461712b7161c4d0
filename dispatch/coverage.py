"""Whether roads that are about to be used reach the cities that are served."""

from collections.abc import Callable
from typing import Any

from django.db import DatabaseError

from dispatch.models import City
from routing.errors import RoadsError
from routing.signals import roads_offered


def connect() -> None:
    roads_offered.connect(check_cities, dispatch_uid="cities")


def check_cities(*, bounds: list[list[float]], warn: Callable[[str], None], **_: Any) -> None:
    """RoadsError: no city lies within these bounds. Warns of those that do not, where some do."""
    (south, west), (north, east) = bounds
    try:
        cities = list(City.objects.order_by("name"))
    except DatabaseError as error:
        warn(f"Whether your cities lie on these roads could not be checked: {str(error).partition('\n')[0]}")
        return
    outside = [city.name for city in cities if not (south <= city.lat <= north and west <= city.lng <= east)]
    names = ", ".join(outside)
    if outside and len(outside) == len(cities):
        raise RoadsError(
            f"These roads lie between {south:.2f}, {west:.2f} and {north:.2f}, {east:.2f} (lat, lng), and none of "
            f"your cities does ({names}): take the extract of your area, or use these all the same with --elsewhere."
        )
    if outside:
        warn(f"These roads do not reach {names}: no routes there.")
