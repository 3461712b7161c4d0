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


class PinFields(Struct, frozen=True):
    """The form's fields that a pin follows, by their ids; "" where there is none."""

    lat: str
    lng: str
    address: str
    radius: str = ""
    city: str = ""


class PlaceMap(Struct, rename="camel", frozen=True):
    """Of a page in the admin that has a place: where it is, None for a new one, its geofence (metres), if it has one,
    and what it is called. `around`: where to look as long as there is none; `cities`: where they are, by their ids.
    """

    map: MapConfig
    pin: LatLng | None
    radius: int | None
    title: str
    fields: PinFields
    around: LatLng | None
    cities: dict[str, LatLng]
    search_url: str


class FoundAddress(LatLng, frozen=True):
    """`label`: as people read it."""

    label: str
    sure: bool


class FoundAddresses(Struct, frozen=True):
    """What may be meant by an address that somebody searches for, the best first."""

    places: list[FoundAddress]


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
