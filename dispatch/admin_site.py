"""The admin's site. Not in dispatch/admin, which registers with it as soon as it is imported."""

from typing import Any

from django.contrib.admin import AdminSite
from django.contrib.admin.views.autocomplete import AutocompleteJsonView
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse


class Site(AdminSite):
    site_header = "Doorstep"
    site_title = "Doorstep"
    index_title = "Restaurants, drivers, orders"

    def autocomplete_view(self, request: HttpRequest) -> HttpResponse:
        return _Autocomplete.as_view(admin_site=self)(request)  # type: ignore[return-value]

    def completes(self, request: HttpRequest, field: Any) -> bool:
        """Whether a form does."""
        if not self.is_registered(field.model):
            return False
        return field.name in self.get_model_admin(field.model).get_autocomplete_fields(request)


class _Autocomplete(AutocompleteJsonView):
    """Completes the fields that a form completes, and no other relation between tables."""

    admin_site: Site

    def process_request(self, request: HttpRequest) -> tuple[Any, ...]:
        parts: tuple[Any, ...] = super().process_request(request)
        _, _, field, _ = parts
        if not self.admin_site.completes(request, field):
            raise PermissionDenied
        return parts
