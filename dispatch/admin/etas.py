"""What was learned for ETAs, and what staff set instead; how good ETAs are."""

from datetime import timedelta
from itertools import groupby
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from dispatch.admin.addresses import Typed
from dispatch.admin.pages import ReadOnly, page
from dispatch.etas import prediction_log
from dispatch.etas.charts import chart
from dispatch.models import EtaPrediction, HandoverTime, KitchenTime, SpeedFactor
from routing.eta import HOURS_A_WEEK

#: What the page of ETAs can look back on (days).
PERIODS = (1, 7, 28)


@admin.register(SpeedFactor)
class SpeedFactorAdmin(Typed, admin.ModelAdmin):
    list_display = ["when", "city", "learned_factor", "observations", "override"]
    list_editable = ["override"]
    list_filter = ["city"]
    list_select_related = ["city"]
    list_per_page = HOURS_A_WEEK
    ordering = ["city__name", "hour"]
    fields = ["city", "hour", "learned_factor", "observations", "override"]
    readonly_fields = ["learned_factor", "observations"]

    @admin.display(description="learned", ordering="learned")
    def learned_factor(self, factor: SpeedFactor) -> str:
        return f"{factor.learned:.2f}"


@admin.register(HandoverTime)
class HandoverTimeAdmin(Typed, admin.ModelAdmin):
    list_display = ["city", "learned", "observations", "override_s"]
    list_editable = ["override_s"]
    list_select_related = ["city"]
    fields = ["city", "learned", "observations", "override_s"]
    readonly_fields = ["learned", "observations"]

    @admin.display(description="at the door, learned (s)", ordering="learned_s")
    def learned(self, time: HandoverTime) -> str:
        return _seconds(time.learned_s)


@admin.register(KitchenTime)
class KitchenTimeAdmin(Typed, admin.ModelAdmin):
    list_display = [
        "restaurant",
        "handover",
        "handover_observations",
        "handover_override_s",
        "late",
        "late_observations",
        "late_override_s",
    ]
    list_editable = ["handover_override_s", "late_override_s"]
    list_filter = ["restaurant__city"]
    search_fields = ["restaurant__name"]
    autocomplete_fields = ["restaurant"]
    list_select_related = ["restaurant"]
    fields = [
        "restaurant",
        ("handover", "handover_observations", "handover_override_s"),
        ("late", "late_observations", "late_override_s"),
    ]
    readonly_fields = ["handover", "handover_observations", "late", "late_observations"]

    @admin.display(description="handover, learned (s)", ordering="handover_learned_s")
    def handover(self, time: KitchenTime) -> str:
        return _seconds(time.handover_learned_s)

    @admin.display(description="food late, learned (s)", ordering="late_learned_s")
    def late(self, time: KitchenTime) -> str:
        return _seconds(time.late_learned_s)


@admin.register(EtaPrediction)
class EtaPredictionAdmin(ReadOnly, Typed, admin.ModelAdmin):
    """Instead of a list of millions: how good they were, by city, hour and horizon."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[EtaPrediction]:
        return super().get_queryset(request).none()

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        days = next((days for days in PERIODS if request.GET.get("days") == str(days)), PERIODS[1])
        since = timezone.now() - timedelta(days=days)
        by_horizon = prediction_log.report(since)
        by_hour = prediction_log.report(since, by_horizon=False, by_hour=True)
        cities: dict[str, dict[str, Any]] = {}
        for city, rows in groupby(by_horizon, key=lambda row: row.city):
            cities.setdefault(city, {})["by_horizon"] = chart([(row.horizon or "", row) for row in rows])
        for city, rows in groupby(by_hour, key=lambda row: row.city):
            cities.setdefault(city, {})["by_hour"] = chart([(f"{row.hour}:00", row) for row in rows])
        return page(
            request,
            self,
            "etaprediction/report.html",
            title="How good ETAs are",
            days=days,
            periods=PERIODS,
            cities=cities,
        )


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.0f}"
