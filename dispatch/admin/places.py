"""What pages of a restaurant and of a city have in common: when it is open, and what is switched on for a while."""

from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.core.exceptions import ValidationError
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone

from dispatch.admin.addresses import Typed
from dispatch.forms import AreaForm, PlaceForm
from dispatch.locales import Locale
from dispatch.models import City, DeliveryArea, OpeningException, OpeningHours, PlatformRestaurant, Restaurant

SWITCHES: tuple[str, Any] = (
    "Switched on for a while",
    {
        "fields": [
            ("paused_since", "paused_until"),
            "pause_reason",
            "extra_minutes",
            ("extra_since", "extra_until"),
        ],
        "description": "Each ends by itself. Orders are taken all the same.",
    },
)


class _OneLine(admin.TabularInline):
    extra = 0
    formfield_overrides = {
        models.TextField: {"widget": forms.TextInput(attrs={"class": "vTextField"})},
        models.TimeField: {"widget": forms.TimeInput(attrs={"type": "time"}, format="%H:%M")},
    }


class _Hours(_OneLine):
    model = OpeningHours
    fields = ["weekday", "opens", "closes"]


class _Exceptions(_OneLine):
    model = OpeningException
    fields = ["date", "opens", "closes", "name"]


class OnPlatforms(_OneLine):
    model = PlatformRestaurant
    fields = ["platform", "external_id"]
    verbose_name = "platform"
    verbose_name_plural = "on platforms"


class Area(admin.StackedInline):
    model = DeliveryArea
    form = AreaForm
    fields = ["area"]
    extra = 1
    max_num = 1


class PlaceAdmin(Typed, admin.ModelAdmin):
    form = PlaceForm
    inlines = [_Hours, _Exceptions]

    @admin.display(description="switched on")
    def switched_on(self, place: City | Restaurant) -> str:
        now = timezone.now()
        city = place if isinstance(place, City) else place.city
        locale = city.locale if city else Locale.of_no_city()
        words = []
        if place.unpaused_from(now) != now:
            until = f" until {locale.time_from(now, place.paused_until)}" if place.paused_until else ""
            words.append(f"paused{until}")
        if place.extra_until is not None and place.extra_minutes and now < place.extra_until:
            words.append(f"+{place.extra_minutes} min until {locale.time_from(now, place.extra_until)}")
        return ", ".join(words)

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        # Who types 18:30 means the clocks there, wherever the browser is.
        with timezone.override(self._zone(object_id)):
            response = super().changeform_view(request, object_id, *args, **kwargs)
            return response.render() if isinstance(response, TemplateResponse) else response

    def _zone(self, object_id: str | None) -> ZoneInfo | None:
        try:
            place = self.model._default_manager.filter(pk=unquote(object_id)).first() if object_id else None
        except ValidationError:
            return None
        city = place.city if isinstance(place, Restaurant) else place
        return city.locale.zone if city else None
