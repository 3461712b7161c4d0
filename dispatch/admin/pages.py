"""What admin pages of ours share."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.views.decorators.cache import never_cache


class ReadOnly:
    """Nothing is added, changed or deleted by hand."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@never_cache
def page(
    request: HttpRequest, model_admin: admin.ModelAdmin, template: str, **context: Any
) -> TemplateResponse:
    """A page of a model's admin: templates/admin/dispatch/`template`."""
    context |= {**model_admin.admin_site.each_context(request), "opts": model_admin.model._meta}
    return TemplateResponse(request, f"admin/dispatch/{template}", context)
