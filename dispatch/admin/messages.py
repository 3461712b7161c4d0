"""Texts to customers: what they say, how each city sends them, and who wants none."""

from collections.abc import Mapping
from typing import Any

import msgspec
from django import forms
from django.conf import settings
from django.contrib import admin
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import models
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.urls import URLPattern, path
from django.utils import timezone
from msgspec import Struct

from dispatch.admin.addresses import Typed
from dispatch.admin.pages import ReadOnly
from dispatch.messages import phones, texts
from dispatch.messages.page import became
from dispatch.messages.preview import Preview, preview
from dispatch.messages.segments import Alphabet
from dispatch.models import City, Message, MessageKind, MessageSettings, MessageText, StoppedNumber

ONE_LINE: Mapping[type[models.Field], Mapping[str, Any]] = {
    models.TextField: {"widget": forms.TextInput(attrs={"class": "vTextField"})},
    models.TimeField: {"widget": forms.TimeInput(attrs={"type": "time"}, format="%H:%M")},
}


class TextForm(forms.ModelForm):
    class Meta:
        model = MessageText
        fields = ["city", "language", "kind", "text"]
        widgets = {
            "language": forms.TextInput(attrs={"size": 4}),
            "text": forms.Textarea(attrs={"rows": 4, "class": "vLargeTextField"}),
        }

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if data.get("kind") and data.get("text"):
            try:
                texts.check(data["text"], MessageKind(data["kind"]))
            except texts.BadText as wrong:
                self.add_error("text", str(wrong))
        return data


class Previewed(Struct):
    """What the page shows of a text as it stands; `problem`: why there is nothing to show."""

    text: str = ""
    length: str = ""
    month: str = ""
    problem: str = ""
    placeholders: list[str] = []


@admin.register(MessageText)
class MessageTextAdmin(Typed, admin.ModelAdmin):
    form = TextForm
    list_display = ["__str__", "text"]
    list_filter = ["kind", "language", "city"]
    list_select_related = ["city"]

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.preview_view)
        return [path("preview/", view, name="dispatch_messagetext_preview"), *super().get_urls()]

    def preview_view(self, request: HttpRequest) -> HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        shown = _previewed(request.POST)
        return HttpResponse(msgspec.json.encode(shown), content_type="application/json")


def _previewed(typed: Mapping[str, str]) -> Previewed:
    if typed.get("kind") not in MessageKind.values:
        return Previewed(problem="Choose what the text tells.")
    kind = MessageKind(typed["kind"])
    known = [
        f"{{{name}}}: {means}" for name, means in texts.PLACEHOLDERS.items() if name in texts.KNOWN[kind]
    ]
    try:
        city = City.objects.filter(pk=typed["city"]).first() if typed.get("city") else None
        shown = preview(typed.get("text", ""), kind, city, typed.get("language", ""), timezone.now())
    except (texts.BadText, ValidationError) as wrong:
        ours = texts.default(typed.get("language", ""), kind)
        hint = f" Doorstep’s own: {ours}" if ours and not typed.get("text", "").strip() else ""
        return Previewed(problem=f"{wrong}{hint}", placeholders=known)
    return Previewed(shown.text, _length_words(shown), _month_words(shown), placeholders=known)


def _length_words(shown: Preview) -> str:
    length = shown.length
    segments = f"{length.segments} segment{'s' if length.segments > 1 else ''}"
    words = f"{segments}, {length.places} places of {length.alphabet}."
    if length.alphabet == Alphabet.UCS_2:
        words += f" {' '.join(length.others)} can’t be told in GSM-7: a segment has 70 places instead of 160."
    return words


def _month_words(shown: Preview) -> str:
    if not shown.sent:
        return "None of these were sent in the last 30 days."
    sent = f"{shown.sent:,} of these were sent in the last 30 days"
    if not shown.cost:
        return f"{sent}. What they cost shows up once the cities’ texts have the price of a segment."
    cost = " and ".join(f"{amount:,.2f} {currency}" for currency, amount in sorted(shown.cost.items()))
    return f"{sent}: like this they would have cost {cost}."


class SettingsForm(forms.ModelForm):
    class Meta:
        model = MessageSettings
        fields = [
            "city",
            "gateway",
            "language",
            "link_from",
            "quiet_from",
            "quiet_until",
            "daily_segments",
            "segment_price",
            "currency",
        ]

    def clean_gateway(self) -> str:
        name: str = self.cleaned_data["gateway"]
        if name and name not in settings.NOTIFY_URLS:
            there_are = ", ".join(settings.NOTIFY_URLS) or "none"
            raise ValidationError(f"NOTIFY_URLS has no gateway of this name; there are {there_are}.")
        return name

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        begins, ends = data.get("quiet_from"), data.get("quiet_until")
        if (begins is None) != (ends is None):
            self.add_error("quiet_until", "Say both from when and until when, or neither.")
        elif begins is not None and begins == ends:
            self.add_error("quiet_until", "These are the same: the quiet hours would never end.")
        return data


@admin.register(MessageSettings)
class MessageSettingsAdmin(Typed, admin.ModelAdmin):
    form = SettingsForm
    list_display = ["city", "gateway", "language", "link_from", "quiet_from", "quiet_until", "daily_segments"]
    list_select_related = ["city"]
    formfield_overrides = ONE_LINE
    fieldsets = [
        (None, {"fields": ["city", "gateway", "language", "link_from"]}),
        ("Quiet hours", {"fields": [("quiet_from", "quiet_until")]}),
        ("What they cost", {"fields": ["daily_segments", ("segment_price", "currency")]}),
    ]

    def get_readonly_fields(self, request: HttpRequest, obj: MessageSettings | None = None) -> list[str]:
        return ["city"] if obj else []


@admin.register(StoppedNumber)
class StoppedNumberAdmin(ReadOnly, Typed, admin.ModelAdmin):
    """Nobody but the customer says STOP or START."""

    list_display = ["__str__", "stopped_at", "started_at"]
    fields = ["__str__", "stopped_at", "started_at"]
    readonly_fields = ["__str__"]
    search_fields = ["digest"]  # see get_search_results
    search_help_text = "A whole telephone number: whether it is one of these. Only their ends are known."

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[StoppedNumber], search_term: str
    ) -> tuple[QuerySet[StoppedNumber], bool]:
        if not search_term.strip():
            return queryset, False
        phone = phones.e164(search_term, settings.PHONE_REGION)
        if phone is None:
            return queryset.none(), False
        return queryset.filter(digest=phones.digest(phone, settings.STOP_LIST_KEY)), False


class OrdersTexts(ReadOnly, admin.TabularInline):
    """On an order’s page: what its customer was texted, and why not."""

    model = Message
    verbose_name_plural = "texts to the customer"
    fields = ["kind", "when", "to", "became"]
    readonly_fields = ["when", "to", "became"]
    ordering = ["id"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Message]:
        return super().get_queryset(request).select_related("order__restaurant__city")

    @admin.display(description="at")
    def when(self, message: Message) -> str:
        return message.order.locale.time_from(timezone.now(), message.sent_at or message.made_at)

    @admin.display(description="to")
    def to(self, message: Message) -> str:
        return f"…{message.phone_ending}" if message.phone_ending else ""

    @admin.display(description="what became of it")
    def became(self, message: Message) -> str:
        return became(message, timezone.now())
