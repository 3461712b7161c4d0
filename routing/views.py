import gzip

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
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
        raise Http404("No map was built: run `manage.py roads build`.") from None
    try:
        data = tiles.get(z, x, y)
    except (ValueError, OverflowError):
        raise Http404("There is no such tile.") from None

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
