"""Where drivers have been, to look at."""

from uuid import UUID

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from dispatch.admin.pages import ManyRows, ReadOnly
from dispatch.models import Driver
from tracking.models import LocationHistory

#: So many drivers of a name are searched for.
MOST_DRIVERS = 50


@admin.register(LocationHistory)
class LocationHistoryAdmin(ReadOnly, ManyRows):
    list_display = ["recorded_at", "driver", "lat", "lng", "speed", "heading", "accuracy", "received_at"]
    list_filter = ["recorded_at", "driver__city"]
    list_select_related = ["driver"]
    sortable_by = ["recorded_at"]
    search_fields = ["id"]  # see get_search_results
    search_help_text = "A driver's name or id"

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[LocationHistory], search_term: str
    ) -> tuple[QuerySet[LocationHistory], bool]:
        """The drivers first: their history has an index by driver, and a name among millions of rows has none."""
        if not search_term:
            return queryset, False
        try:
            known = Q(pk=UUID(search_term))
        except ValueError:
            known = Q(name__icontains=search_term)
        drivers = list(Driver.objects.filter(known).values_list("pk", flat=True)[:MOST_DRIVERS])
        return queryset.filter(driver__in=drivers), False
