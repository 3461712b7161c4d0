"""Finding an address from the map of an admin page: for staff who may change what the page shows."""

import time
from collections import deque
from typing import Any

import msgspec
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.urls import path, reverse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from dispatch.maps import FoundAddress, FoundAddresses
from dispatch.models import City
from routing.addresses import index
from routing.addresses.index import Area
from routing.addresses.matching import Hit, Precision
from routing.errors import BadPoint
from routing.geo import Point

MOST_CHARACTERS = 200
#: So often in so many seconds somebody may search, in each process.
MOST_SEARCHES, WINDOW_S = 30, 10.0

_PRECISION = {
    Precision.DOOR: "",
    Precision.BETWEEN: "between its neighbours",
    Precision.BLOCK: "somewhere in its block",
    Precision.STREET: "somewhere on the street",
}
_searches: dict[Any, deque[float]] = {}


class AddressSearch:
    """For a ModelAdmin with a map (static/js/admin-map.js)."""

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(require_safe(cache_control(no_store=True)(self.search_addresses)))  # type: ignore[attr-defined]
        return [path("addresses/", view, name=_name(self)), *super().get_urls()]  # type: ignore[misc]

    @property
    def search_url(self) -> str:
        return reverse(f"admin:{_name(self)}")

    def search_addresses(self, request: HttpRequest) -> HttpResponse:
        """`q`: an address, or the beginning of a street; `lat`, `lng`: around where."""
        if not (self.has_change_permission(request) or self.has_add_permission(request)):  # type: ignore[attr-defined]
            raise PermissionDenied
        if _is_too_often(request.user.pk):
            return HttpResponse(status=429, headers={"Retry-After": str(round(WINDOW_S))})
        try:
            near = Point.checked(*(float(request.GET.get(name, "")) for name in ("lat", "lng")))
        except (BadPoint, ValueError):
            return HttpResponse(status=400)
        towns = {city.name: city.point for city in City.objects.all()}
        area = Area(near, settings.FAR_DOOR_M, towns)
        found = index.search(request.GET.get("q", "")[:MOST_CHARACTERS], area)
        answer = FoundAddresses([FoundAddress(*hit.point, _label(hit), hit.sure) for hit in found])
        return HttpResponse(msgspec.json.encode(answer), content_type="application/json")


def _name(model_admin: Any) -> str:
    return f"dispatch_{model_admin.opts.model_name}_addresses"


def _is_too_often(user_id: Any) -> bool:
    now = time.monotonic()
    lately = _searches.setdefault(user_id, deque(maxlen=MOST_SEARCHES))
    if len(lately) == MOST_SEARCHES and now - lately[0] < WINDOW_S:
        return True
    lately.append(now)
    return False


def _label(hit: Hit) -> str:
    where = " ".join((hit.town.title(), hit.postcode)).strip()
    label = ", ".join(filter(None, (f"{hit.number} {hit.street}".strip(), where)))
    how = _PRECISION[hit.precision]
    return f"{label} ({how})" if how else label
