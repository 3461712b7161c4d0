"""What every page with a map (static/js/map.js) is told about it."""

from typing import Any

from django.conf import settings
from msgspec import Struct

from routing.roads.builds import current_build

#: Of a tile server that is not ours: most of them go this deep.
USUAL_MAX_ZOOM = 15
#: Where the map's source says under which terms it may be used.
ATTRIBUTION_URL = "https://www.openstreetmap.org/copyright"


class LatLng(Struct, frozen=True):
    """Degrees."""

    lat: float
    lng: float


class MapConfig(Struct, rename="camel", frozen=True):
    """The tiles' address, their deepest zoom, and who is to be named as their source."""

    tile_url: str
    attribution: str
    attribution_url: str
    max_data_zoom: int


class Circle(LatLng, frozen=True):
    """A restaurant and its geofence (metres)."""

    radius: int


class PlaceMap(Struct, rename="camel", frozen=True):
    """Of a restaurant's page in the admin: where it is, None for a new one; where cities are, by their ids."""

    map: MapConfig
    restaurant: Circle | None
    cities: dict[str, LatLng]


class AreaMap(Struct, rename="camel", frozen=True):
    """Of a city's page in the admin: where it is, None for a new one, and the GeoJSON of its area, if it has one."""

    map: MapConfig
    center: LatLng | None
    area: dict[str, Any] | None


def map_config() -> MapConfig:
    build = current_build(settings.ROADS_DIR)
    own_tiles = settings.MAP_TILE_URL.startswith("/")
    return MapConfig(
        tile_url=settings.MAP_TILE_URL,
        attribution=build.attribution if build and own_tiles else settings.MAP_ATTRIBUTION,
        attribution_url=ATTRIBUTION_URL,
        max_data_zoom=build.zooms[1] if build and own_tiles else USUAL_MAX_ZOOM,
    )
