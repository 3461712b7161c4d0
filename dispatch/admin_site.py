"""The admin's site. Not in dispatch/admin, which registers with it as soon as it is imported."""

from typing import Any

from django.contrib import messages
from django.contrib.admin import AdminSite
from django.contrib.admin.views.autocomplete import AutocompleteJsonView
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from dispatch.models import WebhookEndpoint


class Site(AdminSite):
    site_header = "Doorstep"
    site_title = "Doorstep"
    index_title = "Restaurants, drivers, orders"

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        """Says first what staff should see to."""
        if request.user.has_perm("dispatch.view_webhookendpoint"):
            for webhook in WebhookEndpoint.objects.exclude(disabled_at=None):
                messages.warning(request, f"The webhook {webhook} is disabled. {webhook.disabled_because}")
        return super().index(request, extra_context)

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
