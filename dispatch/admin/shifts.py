"""Planned shifts: the list, a week at a glance, and CSV in and out."""

from datetime import date
from typing import Any
from urllib.parse import urlencode
from uuid import UUID
from zoneinfo import ZoneInfo

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.db import models
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone

from dispatch.admin import shift_files
from dispatch.admin.addresses import Typed
from dispatch.admin.pages import local_time, page
from dispatch.admin.shift_weeks import bounds, days_of, monday_of, table
from dispatch.files.csv_text import Unreadable
from dispatch.models import City, Driver, Shift

TIMES = ("starts_at", "ends_at", "break_from", "break_by")


class ImportForm(forms.Form):
    file = forms.FileField(
        label="CSV file",
        widget=forms.ClearableFileInput(attrs={"accept": ".csv,text/csv"}),
        help_text="Columns driver, city, start, end, and break_from, break_by, break_minutes where there are breaks; "
        "times such as 2026-11-30 11:00, by the city’s clocks.",
    )
    replace = forms.BooleanField(
        required=False,
        label="Replace these days",
        help_text="What is planned for the same cities from the first to the last day of the file, and is not in it, "
        "is taken away.",
    )

    def clean_file(self) -> str:
        """Its text."""
        file: UploadedFile = self.cleaned_data["file"]
        if file.size is None or file.size > shift_files.MOST_BYTES:
            raise ValidationError("The file is larger than 1 MiB.")
        try:
            text: str = file.read().decode("utf-8-sig")
        except UnicodeDecodeError:
            raise ValidationError("The file is not in UTF-8: save it as “CSV UTF-8”.") from None
        if "\x00" in text:
            raise ValidationError("This is no text.")
        return text


@admin.register(Shift)
class ShiftAdmin(Typed, admin.ModelAdmin):
    list_display = ["driver", "city", "begins", "ends"]
    list_filter = ["city", "starts_at"]
    list_select_related = ["driver", "city"]
    search_fields = ["driver__name"]
    autocomplete_fields = ["driver"]
    fields = ["driver", "city", "starts_at", "ends_at", "break_from", "break_by", "break_minutes"]
    ordering = ["-starts_at", "id"]

    @admin.display(description="from", ordering="starts_at")
    def begins(self, shift: Shift) -> str:
        return local_time(shift.starts_at, shift.city)

    @admin.display(description="to", ordering="ends_at")
    def ends(self, shift: Shift) -> str:
        return local_time(shift.ends_at, shift.city)

    def get_urls(self) -> list[Any]:
        def ours(name: str, view: Any) -> Any:
            return path(f"{name}/", self.admin_site.admin_view(view), name=f"dispatch_shift_{name}")

        own = [ours("week", self.week), ours("export", self.export), ours("import", self.import_file)]
        return [*own, *super().get_urls()]

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        # Who types 18:30 means the city's clock, wherever the browser is.
        with timezone.override(self._zone(request, object_id)):
            response = super().changeform_view(request, object_id, *args, **kwargs)
            return response.render() if isinstance(response, TemplateResponse) else response

    def _zone(self, request: HttpRequest, object_id: str | None) -> ZoneInfo:
        """That of the city that is chosen; of a shift that is looked at its own; else that of most cities."""
        cities = City.objects.order_by("name")
        try:
            if request.POST.get("city"):
                cities = cities.filter(pk=request.POST["city"])
            elif object_id is not None:
                cities = cities.filter(shifts__pk=unquote(object_id))
        except ValidationError:
            pass  # no id at all, which the form says
        return _common_zone(cities)

    def formfield_for_dbfield(self, db_field: models.Field, request: HttpRequest, **kwargs: Any) -> Any:
        found = super().formfield_for_dbfield(db_field, request, **kwargs)
        if found is not None and db_field.name in TIMES:
            clocks = f"By the clocks of {timezone.get_current_timezone_name()}."
            found.help_text = f"{db_field.help_text} {clocks}".lstrip()
        return found

    # ------------------------------------------------------------------------------------------ pages of ours

    def week(self, request: HttpRequest) -> HttpResponse:
        """A city's drivers, and when each of them works on which day."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        cities = list(City.objects.all())
        city = _city(request, cities)
        zone = ZoneInfo(city.time_zone if city else settings.TIME_ZONE)
        today = timezone.localtime(None, zone).date()
        monday = _monday(request, today)
        shifts = list(self._of_week(city, monday, zone)) if city else []
        own = Q(city=city) | Q(pk__in={shift.driver_id for shift in shifts})
        drivers = Driver.objects.filter(own) if city else Driver.objects.none()
        days = [
            {"name": f"{day:%a}", "date": f"{day:%b} {day.day}", "is_today": day == today}
            for day in days_of(monday)
        ]
        return page(
            request,
            self,
            "shift/week.html",
            title=f"Shifts in {city.name}" if city else "Shifts",
            cities=[(one, one == city, _query(one, monday)) for one in cities],
            days=days,
            monday=monday,
            clocks=str(zone),
            rows=table(drivers, shifts, monday, zone),
            this_week=_query(city, monday),
            before=_query(city, _moved(monday, -7)),
            after=_query(city, _moved(monday, 7)),
            now=_query(city, monday_of(today)),
            may_import=self.has_add_permission(request),
        )

    def export(self, request: HttpRequest) -> HttpResponse:
        """That week as CSV."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        city = _city(request, list(City.objects.all()))
        zone = ZoneInfo(city.time_zone if city else settings.TIME_ZONE)
        monday = _monday(request, timezone.localtime(None, zone).date())
        shifts = self._of_week(city, monday, zone) if city else Shift.objects.none()
        return HttpResponse(
            shift_files.write(shifts.order_by("starts_at", "driver__name", "pk")),
            content_type="text/csv; charset=utf-8",
            headers={
                "Content-Disposition": f'attachment; filename="shifts-{monday:%Y-%m-%d}.csv"',
                "Cache-Control": "no-store",
            },
        )

    def import_file(self, request: HttpRequest) -> HttpResponse:
        """All of a file or nothing, with what is wrong with each line."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = ImportForm(request.POST or None, request.FILES or None)
        if not self.has_delete_permission(request):
            del form.fields["replace"]
        mistakes: list[str] = []
        if form.is_valid():
            try:
                lines = shift_files.parse(form.cleaned_data["file"])
                stored = shift_files.store(lines, replace=form.cleaned_data.get("replace", False))
            except Unreadable as unreadable:
                mistakes += unreadable.mistakes
            else:
                messages.success(request, _words(stored))
                return HttpResponseRedirect(reverse("admin:dispatch_shift_changelist"))
        return page(
            request,
            self,
            "shift/import.html",
            title="Import shifts",
            form=form,
            mistakes=mistakes,
            media=self.media,
        )

    def _of_week(self, city: City, monday: date, zone: ZoneInfo) -> QuerySet[Shift]:
        begin, end = bounds(monday, zone)
        return Shift.objects.select_related("driver", "city").filter(
            city=city, starts_at__gte=begin, starts_at__lt=end
        )


def _common_zone(cities: QuerySet[City]) -> ZoneInfo:
    """The one that most of them have."""
    zones = [*cities.values_list("time_zone", flat=True)]
    return ZoneInfo(max(zones, key=zones.count, default=settings.TIME_ZONE))


def _city(request: HttpRequest, cities: list[City]) -> City | None:
    """The one that is asked for; the first where none is, or none of these."""
    asked = request.GET.get("city", "")
    return next((city for city in cities if str(city.pk) == asked), cities[0] if cities else None)


def _monday(request: HttpRequest, today: date) -> date:
    """Of the week that has the day that is asked for; of this one where that is none."""
    try:
        day = date.fromisoformat(request.GET.get("week", ""))
    except ValueError:
        day = today
    # The calendar's ends have no week before, or after, them.
    return monday_of(day if 1971 <= day.year <= 9000 else today)


def _moved(monday: date, days: int) -> date:
    return date.fromordinal(monday.toordinal() + days)


def _query(city: City | None, monday: date) -> str:
    asked: dict[str, str | UUID] = {"week": f"{monday:%Y-%m-%d}"}
    return urlencode(asked | ({"city": city.pk} if city else {}))


def _words(stored: shift_files.Stored) -> str:
    parts = [f"{stored.new} planned"]
    if stored.known:
        parts.append(f"{stored.known} were planned already")
    if stored.removed:
        parts.append(f"{stored.removed} taken away")
    return f"Shifts: {', '.join(parts)}."
