"""Where drivers have been, to look at."""

from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.utils.functional import cached_property

from dispatch.admin.pages import ReadOnly
from tracking.models import LocationHistory


class NewestRows(Paginator):
    """Pages through the newest rows that match: counting millions would take longer than showing them."""

    most = 10_000

    @cached_property
    def count(self) -> int:
        rows: QuerySet[LocationHistory] = self.object_list[: self.most]  # type: ignore[assignment]
        return rows.count()


@admin.register(LocationHistory)
class LocationHistoryAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["recorded_at", "driver", "lat", "lng", "speed", "heading", "accuracy", "received_at"]
    list_filter = ["recorded_at", "driver__city"]
    list_select_related = ["driver"]
    search_fields = ["driver__name", "=driver__id"]
    search_help_text = "A driver's name or id"
    show_full_result_count = False
    paginator = NewestRows
