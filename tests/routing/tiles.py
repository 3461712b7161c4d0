import math

from routing.geo import Point


def tile_at(place: Point, zoom: int) -> tuple[int, int, int]:
    """The web-map tile (z, x, y) that shows a place."""
    across = 2**zoom
    mercator = math.asinh(math.tan(math.radians(place.lat))) / math.pi
    return zoom, int((place.lng + 180) / 360 * across), int((1 - mercator) / 2 * across)
