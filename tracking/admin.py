"""Where drivers have been, to look at."""

from functools import reduce
from operator import or_
from uuid import UUID

from django.contrib import admin
from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest

from dispatch.admin.pages import ManyRows, ReadOnly
from dispatch.models import Driver
from tracking.models import LocationHistory

#: So many drivers of a name are found, and of each of several so many fixes.
MOST_DRIVERS, FIXES_EACH = 50, 100


@admin.register(LocationHistory)
class LocationHistoryAdmin(ReadOnly, ManyRows):
    list_display = ["recorded_at", "driver", "lat", "lng", "speed", "heading", "accuracy", "received_at"]
    list_filter = ["recorded_at", "driver__city"]
    list_select_related = ["driver"]
    sortable_by = ["recorded_at"]
    search_fields = ["id"]  # see get_search_results
    search_help_text = "A driver's name or id; of several drivers the newest fixes"

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[LocationHistory], search_term: str
    ) -> tuple[QuerySet[LocationHistory], bool]:
        """The drivers first: their history has an index by driver, and a name among millions of rows has none.

        Of several drivers the newest fixes each. Else PostgreSQL may look for drivers who left weeks ago from the
        newest fix to the oldest.
        """
        if not search_term:
            return queryset, False
        try:
            known = Q(pk=UUID(search_term))
        except ValueError:
            known = Q(name__icontains=search_term)
        fixes = LocationHistory.objects.filter(driver=OuterRef("pk"))
        newest = fixes.order_by("-recorded_at").values("recorded_at")
        since = Coalesce(
            Subquery(newest[FIXES_EACH - 1 : FIXES_EACH]),
            Subquery(fixes.order_by("recorded_at").values("recorded_at")[:1]),
        )
        found = Driver.objects.filter(known, Exists(fixes)).annotate(since=since)
        drivers = list(found.values_list("pk", "since")[:MOST_DRIVERS])
        if len(drivers) == 1:
            return queryset.filter(driver=drivers[0][0]), False
        of_each = (Q(driver=pk, recorded_at__gte=moment) for pk, moment in drivers)
        return queryset.filter(reduce(or_, of_each, Q(pk__in=[]))), False
