import gzip

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseNotFound
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response
from django.views.decorators.http import require_safe

from routing.roads.tiles import open_tiles

# Short enough that new roads show within the hour, long enough that panning costs no request.
CACHE_CONTROL = "public, max-age=3600, stale-while-revalidate=86400"


@require_safe
def tile(request: HttpRequest, z: int, x: int, y: int) -> HttpResponseBase:
    """One vector tile of the map; 204 where there is nothing to draw."""
    build = (settings.ROADS_DIR / "current").resolve()
    try:
        tiles = open_tiles(build / "streets.pmtiles")
    except FileNotFoundError:
        return _not_found("No map was built: run `manage.py roads build`.")
    try:
        data = tiles.get(z, x, y)
    except (ValueError, OverflowError):
        return _not_found("There is no such tile.")

    response = HttpResponse(content_type="application/vnd.mapbox-vector-tile")
    if data is None:
        response.status_code = 204
        del response["Content-Type"]
    elif not tiles.gzipped:
        response.content = data
    elif "gzip" in request.headers.get("Accept-Encoding", ""):
        response.content = data
        response["Content-Encoding"] = "gzip"
    else:
        response.content = gzip.decompress(data)
    etag = f'W/"{build.name}-{z}-{x}-{y}"'  # weak: compressed or not, it is the same tile
    response["ETag"] = etag
    response["Cache-Control"] = CACHE_CONTROL
    response["Vary"] = "Accept-Encoding"
    return get_conditional_response(request, etag=etag, response=response) or response


def _not_found(message: str) -> HttpResponse:
    """In plain text: a map asks for dozens of tiles at a time, and shows none of our pages."""
    return HttpResponseNotFound(message, content_type="text/plain")
