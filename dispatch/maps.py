"""What every page with a map is told about it."""

from typing import Any

from django.conf import settings


def map_config() -> dict[str, Any]:
    """The configuration that static/js/map.js takes. `maxDataZoom`: the deepest zoom of our own tiles."""
    return {"tileUrl": settings.MAP_TILE_URL, "attribution": settings.MAP_ATTRIBUTION, "maxDataZoom": 14}
