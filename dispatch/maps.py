"""What every page with a map (static/js/map.js) is told about it."""

from typing import Any

from django.conf import settings

from routing.roads.builds import current_build

#: Of a tile server that is not ours: most of them go this deep.
USUAL_MAX_ZOOM = 15


def map_config() -> dict[str, Any]:
    """The tiles' address, their deepest zoom and who is to be named as their source."""
    build = current_build(settings.ROADS_DIR)
    own_tiles = settings.MAP_TILE_URL.startswith("/")
    return {
        "tileUrl": settings.MAP_TILE_URL,
        "attribution": build.attribution if build and own_tiles else settings.MAP_ATTRIBUTION,
        "maxDataZoom": build.zooms[1] if build and own_tiles else USUAL_MAX_ZOOM,
    }
