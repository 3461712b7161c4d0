"""What admin pages of ours share."""

import json
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils.functional import cached_property
from django.views.decorators.cache import never_cache

from dispatch.admin.addresses import OfferedList, Typed
from dispatch.locales import Locale
from dispatch.models import City


class ReadOnly:
    """Nothing is added, changed or deleted by hand."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class NewestRows(Paginator):
    """Pages through the newest rows that match: counting or skipping millions takes longer than showing some."""

    most = 10_000

    @cached_property
    def count(self) -> int:
        rows: QuerySet[Any] = self.object_list[: self.most]  # type: ignore[assignment]
        return rows.count()


class NewestRowsList(OfferedList):
    """Says of how many the rows are the newest, as PostgreSQL estimates it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.result_count >= NewestRows.most:
            [explained] = json.loads(self.queryset.order_by().explain(format="json"))
            about = float(f"{explained['Plan']['Plan Rows']:.2g}")
            self.title = (
                f"The newest {self.result_count:,} of about {about:,.0f} {self.opts.verbose_name_plural}"
            )


class ManyRows(Typed, admin.ModelAdmin):
    """A list of millions: newest first, read along an index, and nothing that reads all of them for one page."""

    paginator = NewestRows
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return NewestRowsList


def local_time(at: datetime | None, city: City | None) -> str:
    """To the second, by the clocks of the city, as it tells times."""
    if at is None:
        return ""
    locale = city.locale if city else Locale.of_no_city()
    there = at.astimezone(locale.zone)
    return f"{there:%Y-%m-%d} {locale.time_with_seconds(at)} {there:%Z}"


@never_cache
def page(
    request: HttpRequest, model_admin: admin.ModelAdmin, template: str, **context: Any
) -> TemplateResponse:
    """A page of a model's admin: templates/admin/dispatch/`template`."""
    context |= {**model_admin.admin_site.each_context(request), "opts": model_admin.model._meta}
    return TemplateResponse(request, f"admin/dispatch/{template}", context)
