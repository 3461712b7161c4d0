"""Restaurants, drivers, orders. Every write is an action of dispatch/orders/actions.py."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

import msgspec
from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin import ActionLocation
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.utils import flatten, unquote
from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html

from dispatch import access
from dispatch.admin import order_search
from dispatch.admin.address_search import AddressSearch
from dispatch.admin.addresses import Typed
from dispatch.admin.files import CsvFiles
from dispatch.admin.messages import OrdersTexts
from dispatch.admin.pages import ManyRows, ReadOnly, local_time, page
from dispatch.admin.places import SWITCHES, Area, OnPlatforms, PlaceAdmin
from dispatch.errors import DispatchError
from dispatch.files.resources import Drivers, Orders, Restaurants
from dispatch.forms import AssignForm, CancelForm, CloseForm, DriverForm, OrderForm
from dispatch.maps import AreaMap, LatLng, PinFields, PlaceMap, map_config
from dispatch.models import (
    AlertKind,
    City,
    Conflict,
    DeliveryArea,
    Driver,
    FailureReason,
    Order,
    OrderEvent,
    Promise,
    Restaurant,
    Skill,
    Stop,
)
from dispatch.orders import actions, addresses
from dispatch.orders.transitions import Actor
from dispatch.problems import SENTENCES
from dispatch.statuses import FINAL, UNASSIGNED
from routing.problems import Problem

#: Orders are acted on from the list and from an order's own page.
BOTH_PAGES = [ActionLocation.CHANGE_LIST, ActionLocation.CHANGE_FORM]

#: So many orders at most are acted on at a time: each is a transaction of its own.
MOST_AT_ONCE = 200
#: Of the geofence of a new restaurant.
RADIUS_M = 200
#: Names and addresses are TextFields, as PostgreSQL likes them; people type them into one line.
ONE_LINE: Mapping[type[models.Field], Mapping[str, Any]] = {
    models.TextField: {"widget": forms.TextInput(attrs={"class": "vTextField"})}
}


@admin.register(City)
class CityAdmin(PlaceAdmin):
    list_display = [
        "name",
        "time_zone",
        "clock",
        "units",
        "show_driver_from",
        "assignment",
        "promise_minutes",
        "switched_on",
    ]
    fieldsets = [
        (
            None,
            {
                "fields": [
                    "name",
                    ("lat", "lng"),
                    ("time_zone", "clock", "units"),
                    "show_driver_from",
                    "assignment",
                    "promise_minutes",
                ]
            },
        ),
        SWITCHES,
        (
            "Alerts",
            {
                "description": "After how many minutes dispatchers are told; 0: never.",
                "fields": [f"{kind}_alert_minutes" for kind in AlertKind],
            },
        ),
    ]
    formfield_overrides = ONE_LINE

    inlines = [*PlaceAdmin.inlines, Area]

    def save_model(self, request: HttpRequest, obj: City, form: Any, change: bool) -> None:
        actions.change_city(obj)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> Any:
        obj: City | None = kwargs.get("obj")
        drawn = DeliveryArea.objects.filter(city=obj).first() if obj else None
        page = AreaMap(
            map=map_config(),
            center=LatLng(obj.lat, obj.lng) if obj else None,
            area=drawn.area if drawn else None,
        )
        context["map"] = msgspec.to_builtins(page)
        return super().render_change_form(request, context, *args, **kwargs)


# -------------------------------------------------------------------------------------------------- drivers


@admin.register(Driver)
class DriverAdmin(CsvFiles, Typed, admin.ModelAdmin):
    resource = Drivers
    form = DriverForm
    list_display = ["name", "city", "vehicle", "status", "on_shift", "phone", "last_seen_at", "simulated"]
    list_filter = ["status", "on_shift", "city", "vehicle", "simulated"]
    list_select_related = ["city"]
    search_fields = ["name", "phone"]
    fields = [
        "name",
        "phone",
        "city",
        ("vehicle", "capacity"),
        "skills",
        "status",
        "on_shift",
        "break_until",
        "position",
        "fix_at",
        "last_seen_at",
        "simulated",
    ]
    readonly_fields = ["status", "on_shift", "break_until", "position", "fix_at", "last_seen_at", "simulated"]
    formfield_overrides = ONE_LINE
    actions = ["issue_new_token", "begin_shift", "end_shift"]

    @admin.display(description="last position")
    def position(self, driver: Driver) -> str:
        return f"{driver.point.lat:.5f}, {driver.point.lng:.5f}" if driver.point else "unknown"

    def save_model(self, request: HttpRequest, obj: Driver, form: Any, change: bool) -> None:
        actions.change_driver(obj)

    def has_delete_permission(self, request: HttpRequest, obj: Driver | None = None) -> bool:
        """A driver who has done anything stays: timelines and histories name them."""
        allowed = super().has_delete_permission(request, obj)
        if obj is None:
            return False
        return allowed and obj.fix_at is None and not obj.orders.exists() and not obj.stops.exists()

    def has_issue_tokens_permission(self, request: HttpRequest) -> bool:
        """Who has a driver's token can act as that driver."""
        return bool(request.user.has_perm("dispatch.issue_tokens"))

    @admin.action(description="Issue a new token", permissions=["issue_tokens"])
    def issue_new_token(self, request: HttpRequest, queryset: QuerySet[Driver]) -> HttpResponse:
        issued = []
        for driver in queryset:
            token = actions.issue_token(driver.pk)
            self.log_change(request, driver, "Issued a new token.")
            issued.append((driver, token, _osmand_address(token)))
        return page(
            request,
            self,
            "driver/new_tokens.html",
            title="New tokens",
            issued=issued,
            owntracks=_tracker_address("owntracks"),
            traccar=_tracker_address("traccar"),
        )

    @admin.action(description="Begin the shift", permissions=["change"])
    def begin_shift(self, request: HttpRequest, queryset: QuerySet[Driver]) -> None:
        self._set_shift(request, queryset, True, "Began the shift.", "now on shift")

    @admin.action(description="End the shift", permissions=["change"])
    def end_shift(self, request: HttpRequest, queryset: QuerySet[Driver]) -> None:
        self._set_shift(request, queryset, False, "Ended the shift.", "now off shift")

    def _set_shift(
        self, request: HttpRequest, queryset: QuerySet[Driver], on: bool, noted: str, done: str
    ) -> None:
        def act(driver: Driver) -> None:
            actions.set_shift(driver.pk, on)
            self.log_change(request, driver, noted)

        _each(request, queryset, act, done)


def _tracker_address(app: str) -> str:
    return f"{settings.PUBLIC_URL}{reverse('trackers:positions', kwargs={'app': app})}"


def _osmand_address(token: str) -> str:
    """OsmAnd puts values in the place of the numbers (tracking/trackers/osmand.py)."""
    values = "lat={0}&lon={1}&timestamp={2}&accuracy={3}&altitude={4}&speed={5}&bearing={6}&batt={11}"
    return f"{_tracker_address('osmand')}?id={token}&{values}"


# ---------------------------------------------------------------------------------------------- restaurants


@admin.register(Restaurant)
class RestaurantAdmin(AddressSearch, CsvFiles, PlaceAdmin):
    resource = Restaurants
    list_display = ["name", "address", "city", "geofence_radius", "switched_on"]
    list_filter = ["city"]
    list_select_related = ["city"]
    search_fields = ["name", "address"]
    fieldsets = [
        (None, {"fields": ["name", "address", "city", ("lat", "lng"), "geofence_radius"]}),
        SWITCHES,
    ]
    formfield_overrides = ONE_LINE
    inlines = [*PlaceAdmin.inlines, OnPlatforms]

    def save_model(self, request: HttpRequest, obj: Restaurant, form: Any, change: bool) -> None:
        actions.change_restaurant(obj)
        _warn_afterwards(request, lambda: _sentence(addresses.problem_of(obj)))

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> Any:
        obj: Restaurant | None = kwargs.get("obj")
        page = PlaceMap(
            map=map_config(),
            pin=LatLng(obj.lat, obj.lng) if obj else None,
            radius=obj.geofence_radius if obj else RADIUS_M,
            title="The restaurant",
            fields=PinFields("id_lat", "id_lng", "id_address", "id_geofence_radius", "id_city"),
            around=None,
            cities=_city_middles(),
            search_url=self.search_url,
        )
        context["map"] = msgspec.to_builtins(page)
        return super().render_change_form(request, context, *args, **kwargs)


@admin.register(FailureReason)
class FailureReasonAdmin(Typed, admin.ModelAdmin):
    list_display = ["name", "code", "leads_to", "position", "active"]
    list_editable = ["leads_to", "position", "active"]
    prepopulated_fields: ClassVar = {"code": ["name"]}


@admin.register(Skill)
class SkillAdmin(Typed, admin.ModelAdmin):
    list_display = ["name", "code", "position"]
    list_editable = ["position"]
    prepopulated_fields: ClassVar = {"code": ["name"]}


# --------------------------------------------------------------------------------------------------- orders


class _Timeline(ReadOnly, admin.TabularInline):
    model = OrderEvent
    verbose_name_plural = "timeline"
    # Each line is headed by its own "from → to".
    fields = ["when", "actor", "actor_name", "driver", "reason", "evidence"]
    readonly_fields = ["when"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[OrderEvent]:
        return super().get_queryset(request).select_related("driver", "order__restaurant__city")

    @admin.display(description="happened at")
    def when(self, event: OrderEvent) -> str:
        return _local_time(event.happened_at, event.order)


class _Promises(ReadOnly, admin.TabularInline):
    model = Promise
    fields = ["to_be_there", "when", "made_by", "reason"]
    readonly_fields = ["to_be_there", "when"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Promise]:
        return super().get_queryset(request).select_related("order__restaurant__city")

    @admin.display(description="promised at")
    def to_be_there(self, promise: Promise) -> str:
        return _local_time(promise.promised_at, promise.order)

    @admin.display(description="said at")
    def when(self, promise: Promise) -> str:
        return _local_time(promise.made_at, promise.order)


class _Stops(ReadOnly, admin.TabularInline):
    model = Stop
    fields = ["kind", "driver", "position", "eta", "seen_at", "arrived_at", "left_at", "done_at"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Stop]:
        return super().get_queryset(request).select_related("driver")


@admin.register(Order)
class OrderAdmin(AddressSearch, CsvFiles, ManyRows):
    resource = Orders
    form = OrderForm
    list_display = ["__str__", "status", "tracking_page", "kitchen", "driver", "eta", "placed"]
    list_filter = ["status", "restaurant__city", "created_at"]
    list_select_related = ["restaurant__city", "driver"]
    sortable_by = ["placed"]
    search_fields = ["id"]  # see get_search_results
    search_help_text = (
        "How words of the customer’s name and address begin, a phone number or its end, a restaurant, a driver, "
        "an order’s number"
    )
    autocomplete_fields = ["restaurant"]
    inlines = [_Timeline, _Promises, OrdersTexts, _Stops]
    actions = ["assign", "unassign", "confirm_door", "undo_pickup", "close", "cancel"]
    entered = (
        "restaurant",
        ("customer_name", "customer_phone", "customer_language"),
        "customer_address",
        ("customer_lat", "customer_lng"),
        ("wanted_at", "ready_at", "promised_at"),
        ("number", "bags"),
        ("needs", "age_check"),
        "items",
        ("kitchen_note", "driver_note"),
        "door_note",
        ("tip", "cash_due"),
    )
    facts = (
        ("status", "driver", "eta"),
        ("trouble", "door"),
        ("placed", "delivered", "tracking_page"),
        ("external_id", "source"),
    )

    @admin.display(description="placed", ordering="created_at")
    def placed(self, order: Order) -> str:
        return _local_time(order.created_at, order)

    @admin.display(description="delivered")
    def delivered(self, order: Order) -> str:
        return _local_time(order.delivered_at, order)

    @admin.display(description="restaurant", ordering="restaurant__name")
    def kitchen(self, order: Order) -> str:
        if order.restaurant is None:
            return ""
        return f"{order.restaurant}, {order.city}" if order.city else str(order.restaurant)

    @admin.display(description="ETA", ordering="eta_minutes")
    def eta(self, order: Order) -> str:
        if order.eta_minutes is None:
            return ""
        if order.eta_low is not None:
            return f"{order.eta_low}–{order.eta_high} min"
        return f"{'about ' if order.eta_approximate else ''}{order.eta_minutes} min"

    @admin.display(description="problem")
    def trouble(self, order: Order) -> str:
        return order.trouble_words(timezone.now())

    @admin.display(description="coordinates")
    def door(self, order: Order) -> str:
        if order.customer_point is None:
            return "none yet"
        return order.get_door_from_display() + ("" if order.door_sure else ", a guess")

    @admin.display(description="tracking page")
    def tracking_page(self, order: Order) -> str:
        return format_html('<a href="{}?t={}">Track</a>', reverse("tracking:track"), order.tracking_token)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Order], search_term: str
    ) -> tuple[QuerySet[Order], bool]:
        return _found(request, search_term, queryset, "pk__in"), False

    def get_fields(self, request: HttpRequest, obj: Order | None = None) -> tuple[Any, ...]:
        return self.entered if obj is None else (*self.entered, "promise_reason", *self.facts)

    def get_readonly_fields(self, request: HttpRequest, obj: Order | None = None) -> list[str]:
        if obj is None:
            return []
        chosen = ["restaurant"] if obj.restaurant_id else []
        return [*chosen, *flatten(self.facts)]

    def get_inlines(self, request: HttpRequest, obj: Order | None) -> Any:
        return [] if obj is None else self.inlines

    def has_change_permission(self, request: HttpRequest, obj: Order | None = None) -> bool:
        return super().has_change_permission(request, obj) and (obj is None or obj.status not in FINAL)

    def has_delete_permission(self, request: HttpRequest, obj: Order | None = None) -> bool:
        return False

    def has_dispatch_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(access.DISPATCH_PERMISSION)

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        # Who types 18:30 means the restaurant's clock, wherever the browser is.
        with timezone.override(_zone(self._restaurants(request, object_id))):
            try:
                response = super().changeform_view(request, object_id, *args, **kwargs)
            except DispatchError as error:  # the order moved on while the page was open
                messages.error(request, error.message)
                return HttpResponseRedirect(request.get_full_path())
            return response.render() if isinstance(response, TemplateResponse) else response

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> Any:
        obj: Order | None = kwargs.get("obj")
        door = obj.customer_point if obj else None
        kitchen = obj.restaurant if obj else None
        page = PlaceMap(
            map=map_config(),
            pin=LatLng(*door) if door else None,
            radius=None,
            title="The customer’s door",
            fields=PinFields("id_customer_lat", "id_customer_lng", "id_customer_address"),
            around=LatLng(*kitchen.point) if kitchen else None,
            cities=_city_middles(),
            search_url=self.search_url,
        )
        context["map"] = msgspec.to_builtins(page)
        return super().render_change_form(request, context, *args, **kwargs)

    def _restaurants(self, request: HttpRequest, object_id: str | None) -> QuerySet[Restaurant]:
        """That of the order; of a new one the chosen one, or all as long as there is none."""
        try:
            if object_id is not None:
                return Restaurant.objects.filter(orders__pk=unquote(object_id))
            return Restaurant.objects.filter(pk=request.POST["restaurant"])
        except (KeyError, ValidationError):
            return Restaurant.objects.all()

    def save_model(self, request: HttpRequest, obj: Order, form: Any, change: bool) -> None:
        if change:
            actions.change_order(
                obj, actor=_actor(request), promise_reason=form.cleaned_data["promise_reason"]
            )
        else:
            actions.place(obj, actor=_actor(request))
        if obj.status in UNASSIGNED:
            _warn_afterwards(request, lambda: obj.trouble_words(timezone.now()))

    @admin.action(description="Assign to a driver …", permissions=["dispatch"], location=BOTH_PAGES)
    def assign(self, request: HttpRequest, queryset: QuerySet[Order]) -> HttpResponse | None:
        def give(order: Order, driver: Driver) -> None:
            actions.assign(order.pk, driver.pk, actor=_actor(request))

        return self._ask(request, queryset, "assign", "Assign to a driver", AssignForm, give, "assigned")

    @admin.action(description="Unassign", permissions=["dispatch"], location=BOTH_PAGES)
    def unassign(self, request: HttpRequest, queryset: QuerySet[Order]) -> None:
        _each(
            request, queryset, lambda order: actions.unassign(order.pk, actor=_actor(request)), "unassigned"
        )

    @admin.action(description="Confirm the pin", permissions=["change"], location=BOTH_PAGES)
    def confirm_door(self, request: HttpRequest, queryset: QuerySet[Order]) -> None:
        _each(
            request,
            queryset,
            lambda order: actions.confirm_door(order.pk, actor=_actor(request)),
            "confirmed",
        )

    @admin.action(description="Undo the automatic pickup", permissions=["dispatch"], location=BOTH_PAGES)
    def undo_pickup(self, request: HttpRequest, queryset: QuerySet[Order]) -> None:
        _each(
            request,
            queryset,
            lambda order: actions.undo_pickup(order.pk, actor=_actor(request)),
            "back at the restaurant",
        )

    @admin.action(description="Close for the driver …", permissions=["dispatch"], location=BOTH_PAGES)
    def close(self, request: HttpRequest, queryset: QuerySet[Order]) -> HttpResponse | None:
        def end(order: Order, status: str, reason: str) -> None:
            actions.close_for_driver(order.pk, status, actor=_actor(request), reason=reason)

        return self._ask(request, queryset, "close", "Close for the driver", CloseForm, end, "closed")

    @admin.action(description="Cancel …", permissions=["dispatch"], location=BOTH_PAGES)
    def cancel(self, request: HttpRequest, queryset: QuerySet[Order]) -> HttpResponse | None:
        def call_off(order: Order, reason: str, dispose: bool) -> None:
            actions.cancel(order.pk, actor=_actor(request), reason=reason, dispose=dispose)

        return self._ask(request, queryset, "cancel", "Cancel orders", CancelForm, call_off, "cancelled")

    def _ask(
        self,
        request: HttpRequest,
        queryset: QuerySet[Order],
        action: str,
        title: str,
        form_class: type[forms.Form],
        act: Callable[..., None],
        done: str,
    ) -> HttpResponse | None:
        """The page between choosing orders and acting; `act` gets each order and what the form holds."""
        form = form_class(request.POST if "confirmed" in request.POST else None)
        if form.is_valid():
            _each(request, queryset, lambda order: act(order, **form.cleaned_data), done)
            return None
        return page(
            request,
            self,
            "order/ask.html",
            title=title,
            form=form,
            action=action,
            checkbox=ACTION_CHECKBOX_NAME,
            orders=queryset.select_related("restaurant", "driver")[:MOST_AT_ONCE],
            media=self.media,
        )


@admin.register(Conflict)
class ConflictAdmin(ReadOnly, ManyRows):
    """Both sides, and how it was settled; dispatchers settle it on the dashboard."""

    list_display = ["order", "driver", "says", "pressed", "came", "against", "outcome", "settled_by"]
    list_filter = ["outcome", "told_at"]
    list_select_related = ["order__restaurant__city", "driver", "against"]
    sortable_by = ["came"]
    fields = ["order", "driver", "says", "reason", "pressed", "came", "against", "outcome", "settled"]

    @admin.display(description="pressed at")
    def pressed(self, conflict: Conflict) -> str:
        return _local_time(conflict.pressed_at, conflict.order)

    @admin.display(description="heard of at", ordering="told_at")
    def came(self, conflict: Conflict) -> str:
        return _local_time(conflict.told_at, conflict.order)

    @admin.display(description="settled")
    def settled(self, conflict: Conflict) -> str:
        when = _local_time(conflict.settled_at, conflict.order)
        return f"{when} by {conflict.settled_by}" if when else ""


@admin.register(OrderEvent)
class OrderEventAdmin(ReadOnly, ManyRows):
    list_display = ["when", "order", "from_status", "to_status", "actor", "actor_name", "driver", "reason"]
    list_filter = ["to_status", "actor", "happened_at"]
    list_select_related = ["order__restaurant__city", "driver"]
    sortable_by = ["when"]
    search_fields = ["id"]  # see get_search_results
    search_help_text = "As orders are searched: by customer, restaurant, driver or number"
    ordering = ["-id"]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[OrderEvent], search_term: str
    ) -> tuple[QuerySet[OrderEvent], bool]:
        return _found(request, search_term, queryset, "order__in"), False

    @admin.display(description="happened at", ordering="id")
    def when(self, event: OrderEvent) -> str:
        return _local_time(event.happened_at, event.order)


# -------------------------------------------------------------------------------------------- what they share


def _found[Row: models.Model](
    request: HttpRequest, search: str, rows: QuerySet[Row], of_orders: str
) -> QuerySet[Row]:
    """Those of the rows that belong to orders which are found; `of_orders`: the look-up for that."""
    if not search:
        return rows
    found = order_search.newest_matching(search)
    if len(found) == order_search.HITS:
        messages.warning(
            request, f"Only the newest {len(found)} orders that match are shown: search for more words."
        )
    return rows.filter(**{of_orders: found})


def _local_time(at: datetime | None, order: Order) -> str:
    return local_time(at, order.city)


def _zone(restaurants: QuerySet[Restaurant]) -> ZoneInfo | None:
    """That of their cities; None where they have several, or none."""
    zones = {*City.objects.filter(restaurants__in=restaurants).values_list("time_zone", flat=True)}
    return ZoneInfo(zones.pop()) if len(zones) == 1 else None


def _city_middles() -> dict[str, LatLng]:
    return {str(city.pk): LatLng(city.lat, city.lng) for city in City.objects.all()}


def _sentence(problem: Problem | None) -> str:
    return SENTENCES[problem] if problem else ""


def _warn_afterwards(request: HttpRequest, words: Callable[[], str]) -> None:
    """What is wrong is said once all is saved and the roads have been asked; nothing is refused. "": nothing is."""

    def warn() -> None:
        if warning := words():
            messages.warning(request, warning)

    transaction.on_commit(warn, robust=True)


def _actor(request: HttpRequest) -> Actor:
    return actions.dispatcher(request.user.get_username())


def _each(request: HttpRequest, queryset: QuerySet[Any], act: Callable[[Any], None], done: str) -> None:
    """Acts on each object by itself: what is refused is named, with the reason, and the rest goes on."""
    succeeded = 0
    left = queryset.count() - MOST_AT_ONCE
    for obj in queryset[:MOST_AT_ONCE]:
        try:
            act(obj)
        except DispatchError as error:
            messages.error(request, f"{obj}: {error.message}")
        else:
            succeeded += 1
    if succeeded:
        messages.success(request, f"{succeeded} {done}.")
    if left > 0:
        messages.warning(request, f"{left} more were left: at most {MOST_AT_ONCE} at a time.")
