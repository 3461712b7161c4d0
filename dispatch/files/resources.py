"""What columns the files have, and by which action each row is stored. No token and no secret is among them."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, ClassVar
from uuid import UUID
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import QuerySet
from import_export import resources
from import_export.fields import Field

from dispatch.errors import DispatchError
from dispatch.files.widgets import Codes, Items, Moment, Named, Number, Text
from dispatch.locales import Locale
from dispatch.models import City, Driver, Order, Restaurant, Skill
from dispatch.models.drivers import Vehicle
from dispatch.orders import actions
from dispatch.orders.transitions import Actor, lock_drivers
from dispatch.statuses import UNASSIGNED, OrderStatus


def _skill_codes() -> list[str]:
    return list(Skill.objects.values_list("code", flat=True))


class Resource(resources.ModelResource):
    """`needed`: columns that a file must have; `told`: those that are written, and count for nothing when read."""

    needed: ClassVar[Sequence[str]] = ("name",)
    told: ClassVar[Sequence[str]] = ()
    #: For the database, of what is exported.
    related: ClassVar[Sequence[str]] = ("city",)

    def __init__(self, actor: Actor, *, may_change: bool = True) -> None:
        super().__init__()
        self.actor, self.may_change = actor, may_change

    @property
    def columns(self) -> list[str]:
        return list(self.get_export_order())

    def get_import_fields(self) -> list[Field]:
        return [field for field in super().get_import_fields() if not field.readonly]

    def prepare(self, rows: Iterable[Mapping[str, str]]) -> None:
        """Before the rows of a file are read, in the same transaction."""
        for field in self.fields.values():
            if isinstance(field.widget, Named):
                field.widget.read()

    def get_instance(self, instance_loader: Any, row: Mapping[str, str]) -> models.Model | None:
        """What the row's id names. ValidationError: nothing, or what may not be changed."""
        if not (text := row.get("id", "")):
            return None
        model = self._meta.model
        try:
            found: models.Model | None = model._default_manager.filter(pk=UUID(text)).first()
        except ValueError:
            found = None
        if found is None:
            raise ValidationError(
                {"id": f"no {model._meta.verbose_name} has this id: leave it empty for a new one."}
            )
        if not self.may_change:
            raise ValidationError({"id": "you may add new ones, and change none: leave it empty."})
        return found

    def do_instance_save(self, instance: Any, is_create: bool) -> None:
        try:
            self.store(instance)
        except DispatchError as error:
            raise ValidationError(error.message) from None

    def store(self, instance: Any) -> None:
        raise NotImplementedError

    def row_of(self, instance: Any) -> list[str]:
        return [
            field.widget.render(field.get_value(instance), obj=instance)
            for field in (self.fields[name] for name in self.columns)
        ]


class _Meta:
    import_id_fields: tuple[str, ...] = ("id",)
    clean_model_instances = True
    skip_diff = True
    store_instance = False
    use_transactions = True


def _ids(rows: Iterable[Mapping[str, str]]) -> Collection[UUID]:
    found = set()
    for row in rows:
        try:
            found.add(UUID(row.get("id", "")))
        except ValueError:
            continue  # which is said of its line
    return found


class Restaurants(Resource):
    id = Field("id", "id", Text(), readonly=True)
    name = Field("name", "name", Text())
    address = Field("address", "address", Text())
    city = Field("city", "city", Named(City))
    lat = Field("lat", "lat", Number(float))
    lng = Field("lng", "lng", Number(float))
    geofence_radius = Field("geofence_radius", "geofence_radius", Number(int, 200))

    needed = ("name", "lat", "lng")

    class Meta(_Meta):
        model = Restaurant
        fields = export_order = ("id", "name", "address", "city", "lat", "lng", "geofence_radius")

    def prepare(self, rows: Iterable[Mapping[str, str]]) -> None:
        """Locks in the order of actions: first drivers, by their ids, then orders by theirs."""
        rows = list(rows)
        super().prepare(rows)
        ids = _ids(rows)
        drivers = Driver.objects.filter(stops__done_at=None, stops__order__restaurant__in=ids).distinct()
        lock_drivers(drivers.values_list("pk", flat=True))
        waiting = Order.objects.filter(restaurant__in=ids, status__in=UNASSIGNED)
        list(waiting.select_for_update().order_by("pk").values_list("pk"))

    def store(self, instance: Restaurant) -> None:
        actions.change_restaurant(instance)


class Drivers(Resource):
    id = Field("id", "id", Text(), readonly=True)
    name = Field("name", "name", Text())
    phone = Field("phone", "phone", Text())
    city = Field("city", "city", Named(City))
    vehicle = Field("vehicle", "vehicle", Text(Vehicle.values, default=Vehicle.CAR))
    capacity = Field("capacity", "capacity", Number(int))
    skills = Field("skills", "skills", Codes(_skill_codes))

    class Meta(_Meta):
        model = Driver
        fields = export_order = ("id", "name", "phone", "city", "vehicle", "capacity", "skills")

    def prepare(self, rows: Iterable[Mapping[str, str]]) -> None:
        """Locks them in the order of actions."""
        rows = list(rows)
        super().prepare(rows)
        known = Driver.objects.filter(pk__in=_ids(rows))
        lock_drivers(known.values_list("pk", flat=True))

    def store(self, instance: Driver) -> None:
        actions.change_driver(instance)


def _in_city(restaurant: Restaurant, row: Mapping[str, str]) -> bool:
    named = row.get("city", "").casefold()
    return not named or (restaurant.city is not None and restaurant.city.name.casefold() == named)


class Orders(Resource):
    """Each row of a file is a new order. Times without a zone are by the clocks of its restaurant's city."""

    restaurant = Field("restaurant", "restaurant", Named(Restaurant, needed=True, hint=_in_city))
    city = Field("city", "city", Named(City), readonly=True)
    external_id = Field("external_id", "external_id", Text(nullable=True))
    number = Field("number", "number", Text())
    customer_name = Field("customer_name", "customer_name", Text())
    customer_phone = Field("customer_phone", "customer_phone", Text())
    customer_address = Field("customer_address", "customer_address", Text())
    customer_lat = Field("customer_lat", "customer_lat", Number(float))
    customer_lng = Field("customer_lng", "customer_lng", Number(float))
    wanted_at = Field("wanted_at", "wanted_at", Moment())
    ready_at = Field("ready_at", "ready_at", Moment())
    promised_at = Field("promised_at", "promised_at", Moment())
    bags = Field("bags", "bags", Number(int, 1))
    needs = Field("needs", "needs", Codes(_skill_codes))
    items = Field("items", "items", Items())
    kitchen_note = Field("kitchen_note", "kitchen_note", Text())
    driver_note = Field("driver_note", "driver_note", Text())
    door_note = Field("door_note", "door_note", Text())
    tip = Field("tip", "tip", Text())
    cash_due = Field("cash_due", "cash_due", Text())
    status = Field("status", "status", Text(), readonly=True)
    driver = Field("driver", "driver", Named(Driver), readonly=True)
    created_at = Field("created_at", "created_at", Moment(), readonly=True)
    delivered_at = Field("delivered_at", "delivered_at", Moment(), readonly=True)

    needed = ("restaurant", "customer_address")
    told = ("status", "driver", "created_at", "delivered_at")
    related = ("restaurant__city", "driver")

    class Meta(_Meta):
        model = Order
        import_id_fields = ()
        fields = export_order = (
            "restaurant",
            "city",
            "external_id",
            "number",
            "customer_name",
            "customer_phone",
            "customer_address",
            "customer_lat",
            "customer_lng",
            "wanted_at",
            "ready_at",
            "promised_at",
            "bags",
            "needs",
            "items",
            "kitchen_note",
            "driver_note",
            "door_note",
            "tip",
            "cash_due",
            "status",
            "driver",
            "created_at",
            "delivered_at",
        )

    def __init__(self, actor: Actor, *, may_change: bool = True) -> None:
        super().__init__(actor, may_change=may_change)
        for field in self.fields.values():
            if isinstance(field.widget, Moment):
                field.widget.zone = self._zone

    def _zone(self, row: Mapping[str, str]) -> ZoneInfo:
        try:
            restaurant = self.fields["restaurant"].clean(row)
        except ValueError:
            return Locale.of_no_city().zone  # the row is refused for its restaurant
        return (restaurant.city.locale if restaurant.city else Locale.of_no_city()).zone

    def get_instance(self, instance_loader: Any, row: Mapping[str, str]) -> None:
        status = row.get("status", "")
        if status not in ("", *UNASSIGNED):
            known = status if status in OrderStatus.values else "under way or over"
            raise ValidationError(
                {"status": f"this order is {known}: leave the line out, or the cell empty to place it anew."}
            )

    def import_instance(self, instance: Order, row: Mapping[str, str], **kwargs: Any) -> None:
        super().import_instance(instance, row, **kwargs)
        if (instance.customer_lat is None) != (instance.customer_lng is None):
            empty = "customer_lat" if instance.customer_lat is None else "customer_lng"
            raise ValidationError({empty: "give both coordinates, or none."})

    def row_of(self, instance: Order) -> list[str]:
        """Without coordinates that are a guess: who reads them would take them for given."""
        if not instance.door_sure:
            instance.customer_lat = instance.customer_lng = None
        return super().row_of(instance)

    def store(self, instance: Order) -> None:
        actions.place(instance, actor=self.actor, ask_roads=False)


def rows_of(resource: Resource, queryset: QuerySet[Any], ids: Sequence[UUID]) -> list[list[str]]:
    """Of these, in this order; those that are gone by now are left out."""
    found = queryset.model._default_manager.select_related(*resource.related).in_bulk(ids)
    return [resource.row_of(found[pk]) for pk in ids if pk in found]
