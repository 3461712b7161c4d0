"""Who delivers what, from where, to whom."""

import hashlib
import secrets
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import Any, Self
from uuid import UUID
from zoneinfo import available_timezones

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Func, Q
from django.db.models.functions import UUID4, Now

from dispatch.statuses import ACTIVE, DriverStatus, OrderStatus, StopKind
from routing.geo import Point
from routing.problems import Problem

#: Of a restaurant without a city.
PROMISE_MINUTES = 45

#: What an order says before anybody has worked out when it arrives.
NO_ETA: dict[str, Any] = {"eta_minutes": None, "eta_low": None, "eta_high": None, "problem": ""}

LATITUDE = [MinValueValidator(-90.0), MaxValueValidator(90.0)]
LONGITUDE = [MinValueValidator(-180.0), MaxValueValidator(180.0)]


class RandomToken(Func):
    """16 random bytes as hex, made by the database: two random UUIDs hashed (pgcrypto may be missing)."""

    template = (
        "encode(substr(sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())), 1, 16), 'hex')"
    )
    output_field = models.TextField()


def _in_range(name: str, lat: str, lng: str) -> models.CheckConstraint:
    """Both coordinates or neither, and on the globe."""
    # A CHECK lets NULL pass as well as true, hence the explicit "is not null".
    both = Q(**{f"{lat}__isnull": False, f"{lng}__isnull": False})
    on_globe = Q(**{f"{lat}__range": (-90, 90), f"{lng}__range": (-180, 180)})
    neither = Q(**{f"{lat}__isnull": True, f"{lng}__isnull": True})
    return models.CheckConstraint(name=name, condition=(both & on_globe) | neither)


def _one_of(name: str, field: str, choices: type[models.TextChoices]) -> models.CheckConstraint:
    return models.CheckConstraint(name=name, condition=Q(**{f"{field}__in": choices.values}))


def _known_time_zone(value: str) -> None:
    if value not in available_timezones():
        raise ValidationError(f"“{value}” is no time zone; use a name such as America/Denver.")


class City(models.Model):
    class ShowDriverFrom(models.TextChoices):
        TO_RESTAURANT = OrderStatus.TO_RESTAURANT.value, "on the way to the restaurant"
        PICKED_UP = OrderStatus.PICKED_UP.value, "after pickup"

    class Assignment(models.TextChoices):
        PROPOSE = "propose", "a dispatcher chooses among proposals"
        AUTO = "auto", "Doorstep assigns"

    id = models.UUIDField(primary_key=True, db_default=UUID4(), editable=False)
    name = models.TextField(unique=True)
    lat = models.FloatField("latitude", validators=LATITUDE)
    lng = models.FloatField("longitude", validators=LONGITUDE)
    time_zone = models.TextField(
        default="America/Denver", db_default="America/Denver", validators=[_known_time_zone]
    )
    show_driver_from = models.TextField(
        choices=ShowDriverFrom,
        default=ShowDriverFrom.TO_RESTAURANT,
        db_default=ShowDriverFrom.TO_RESTAURANT,
        help_text="From when on a customer sees the driver of the order, while their own stop is the next one.",
    )
    assignment = models.TextField(
        choices=Assignment,
        default=Assignment.PROPOSE,
        db_default=Assignment.PROPOSE,
        help_text="Who decides which driver takes an order.",
    )
    promise_minutes = models.IntegerField(
        default=PROMISE_MINUTES,
        db_default=PROMISE_MINUTES,
        validators=[MinValueValidator(5), MaxValueValidator(240)],
        help_text="From the order to the door, where the ordering platform promises nothing else (5 to 240).",
    )

    class Meta:
        db_table = "cities"
        verbose_name_plural = "cities"
        ordering = ["name"]
        constraints = [
            _in_range("cities_position_on_globe", "lat", "lng"),
            models.CheckConstraint(
                name="cities_show_driver_from_known",
                condition=Q(show_driver_from__in=["to_restaurant", "picked_up"]),
            ),
            models.CheckConstraint(
                name="cities_assignment_known", condition=Q(assignment__in=["propose", "auto"])
            ),
            models.CheckConstraint(
                name="cities_promise_minutes_range", condition=Q(promise_minutes__range=(5, 240))
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Driver(models.Model):
    id = models.UUIDField(primary_key=True, db_default=UUID4(), editable=False)
    name = models.TextField()
    phone = models.TextField(blank=True, db_default="")
    city = models.ForeignKey(City, on_delete=models.PROTECT, related_name="drivers", null=True, blank=True)
    status = models.TextField(
        choices=DriverStatus, default=DriverStatus.OFFLINE, db_default=DriverStatus.OFFLINE, editable=False
    )
    on_shift = models.BooleanField(default=False, db_default=False)
    capacity = models.IntegerField(
        default=6,
        db_default=6,
        validators=[MinValueValidator(1), MaxValueValidator(100)],
        help_text="Bags that fit at once.",
    )
    current_lat = models.FloatField(null=True, editable=False)
    current_lng = models.FloatField(null=True, editable=False)
    fix_at = models.DateTimeField(
        "time of the last fix", null=True, editable=False, help_text="By the driver's device."
    )
    last_seen_at = models.DateTimeField(
        null=True, editable=False, help_text="When we last heard of the driver."
    )
    fix_session = models.TextField(  # noqa: DJ001 (NULL: the app does not number its fixes beyond a connection)
        null=True, editable=False, help_text="The run of the driver's app whose fixes came last."
    )
    fix_seq = models.BigIntegerField(
        null=True, editable=False, help_text="Every fix of that session up to this number is taken care of."
    )
    token_digest = models.TextField(null=True, unique=True, editable=False)  # noqa: DJ001 (unique, so NULL for none)
    simulated = models.BooleanField(
        default=False, db_default=False, editable=False, help_text="Made and driven by the simulator."
    )
    version = models.IntegerField(default=1, db_default=1, editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        db_table = "drivers"
        ordering = ["name", "id"]
        constraints = [
            _one_of("drivers_status_known", "status", DriverStatus),
            _in_range("drivers_position_on_globe", "current_lat", "current_lng"),
            models.CheckConstraint(name="drivers_capacity_range", condition=Q(capacity__range=(1, 100))),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def point(self) -> Point | None:
        """Where the driver was last known to be (degrees)."""
        if self.current_lat is None or self.current_lng is None:
            return None
        return Point(self.current_lat, self.current_lng)

    @staticmethod
    def new_token() -> str:
        """A bearer token for a driver's app; only its digest is kept."""
        return secrets.token_urlsafe(24)

    @staticmethod
    def digest(token: str) -> str:
        return hashlib.sha256(token.encode(errors="surrogatepass")).hexdigest()


class Restaurant(models.Model):
    id = models.UUIDField(primary_key=True, db_default=UUID4(), editable=False)
    name = models.TextField()
    address = models.TextField(blank=True, db_default="")
    city = models.ForeignKey(
        City, on_delete=models.PROTECT, related_name="restaurants", null=True, blank=True
    )
    lat = models.FloatField("latitude", validators=LATITUDE)
    lng = models.FloatField("longitude", validators=LONGITUDE)
    geofence_radius = models.IntegerField(
        default=200,
        db_default=200,
        validators=[MinValueValidator(20), MaxValueValidator(5000)],
        help_text="Metres around the restaurant in which a driver counts as arrived (20 to 5,000).",
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        db_table = "restaurants"
        ordering = ["name", "id"]
        constraints = [
            _in_range("restaurants_position_on_globe", "lat", "lng"),
            models.CheckConstraint(
                name="restaurants_geofence_radius_range", condition=Q(geofence_radius__range=(20, 5000))
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def point(self) -> Point:
        return Point(self.lat, self.lng)


class Order(models.Model):
    id = models.UUIDField(primary_key=True, db_default=UUID4(), editable=False)
    customer_name = models.TextField(blank=True, db_default="")
    customer_phone = models.TextField(blank=True, db_default="")
    customer_address = models.TextField(blank=True, db_default="")
    customer_lat = models.FloatField("latitude", null=True, blank=True, validators=LATITUDE)
    customer_lng = models.FloatField("longitude", null=True, blank=True, validators=LONGITUDE)
    restaurant = models.ForeignKey(Restaurant, on_delete=models.PROTECT, related_name="orders")
    driver = models.ForeignKey(
        Driver, on_delete=models.PROTECT, related_name="orders", null=True, blank=True, editable=False
    )
    status = models.TextField(
        choices=OrderStatus, default=OrderStatus.PENDING, db_default=OrderStatus.PENDING, editable=False
    )
    tracking_token = models.TextField(unique=True, db_default=RandomToken(), editable=False)
    ready_at = models.DateTimeField(
        null=True, blank=True, help_text="When the kitchen expects the food to be ready."
    )
    promised_at = models.DateTimeField(
        null=True, blank=True, help_text="At the door by then; empty: as the city promises."
    )
    bags = models.IntegerField(
        default=1, db_default=1, validators=[MinValueValidator(1), MaxValueValidator(100)]
    )
    eta_minutes = models.IntegerField(null=True, editable=False, help_text="Minutes to the customer's door.")
    eta_low = models.IntegerField(
        null=True, editable=False, help_text="Four arrivals of five lie between these minutes."
    )
    eta_high = models.IntegerField(null=True, editable=False)
    problem = models.TextField(
        blank=True,
        default="",
        db_default="",
        editable=False,
        help_text="Why it has no driver, or no more than an approximate ETA (routing/problems.py).",
    )
    version = models.IntegerField(default=1, db_default=1, editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(db_default=Now(), editable=False)
    delivered_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        db_table = "orders"
        ordering = ["-created_at", "id"]
        permissions = [("dispatch_orders", "Can work on the dispatcher dashboard")]
        constraints = [
            _one_of("orders_status_known", "status", OrderStatus),
            _in_range("orders_customer_on_globe", "customer_lat", "customer_lng"),
            models.CheckConstraint(
                name="orders_delivered_at_when_delivered",
                condition=Q(status=OrderStatus.DELIVERED, delivered_at__isnull=False)
                | (~Q(status=OrderStatus.DELIVERED) & Q(delivered_at__isnull=True)),
            ),
            models.CheckConstraint(
                name="orders_active_has_driver",
                condition=~Q(status__in=[status.value for status in sorted(ACTIVE)])
                | Q(driver__isnull=False),
            ),
            models.CheckConstraint(name="orders_eta_minutes_positive", condition=Q(eta_minutes__gte=0)),
            models.CheckConstraint(
                name="orders_eta_range",
                condition=Q(eta_low__isnull=True, eta_high__isnull=True)
                | Q(eta_low__gte=1, eta_high__gt=F("eta_low"), eta_minutes__isnull=False),
            ),
            models.CheckConstraint(name="orders_bags_range", condition=Q(bags__range=(1, 100))),
        ]
        indexes = [
            models.Index(
                name="orders_driver_active",
                fields=["driver"],
                condition=Q(status__in=[status.value for status in sorted(ACTIVE)]),
            ),
            models.Index(fields=["status", "-created_at"], name="orders_status_created"),
            models.Index(fields=["updated_at"], name="orders_updated"),
        ]

    def __str__(self) -> str:
        return f"{self.customer_name or 'Order'} · {str(self.id)[:8]}"

    @property
    def promise(self) -> datetime:
        """By when the food is to be at the door: what was promised, or else what the restaurant's city promises."""
        if self.promised_at is not None:
            return self.promised_at
        city = self.restaurant.city
        return self.created_at + timedelta(minutes=city.promise_minutes if city else PROMISE_MINUTES)

    @property
    def eta_approximate(self) -> bool:
        return self.eta_minutes is not None and self.problem != ""

    @property
    def trouble(self) -> Problem | None:
        """What a dispatcher should know of it: why it has no driver, or no more than an approximate ETA."""
        if self.status == OrderStatus.PENDING:
            if self.customer_point is None:
                return Problem.CUSTOMER_UNPLACED
            city = self.restaurant.city
            if city is None or city.assignment != City.Assignment.AUTO:
                return None  # what a round of assigning found when there still were some
        return Problem(self.problem) if self.problem else None

    @property
    def customer_point(self) -> Point | None:
        """The customer's door (degrees), when it is known."""
        if self.customer_lat is None or self.customer_lng is None:
            return None
        return Point(self.customer_lat, self.customer_lng)


class OrderEvent(models.Model):
    """One line of an order's timeline. Written once, never changed."""

    class Actor(models.TextChoices):
        DRIVER = "driver", "Driver"
        DISPATCHER = "dispatcher", "Dispatcher"
        GEOFENCE = "geofence", "Geofence"
        PLATFORM = "platform", "Ordering platform"
        SYSTEM = "system", "Doorstep"

    id = models.BigAutoField(primary_key=True)
    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="events")
    driver = models.ForeignKey(Driver, on_delete=models.PROTECT, null=True, related_name="+")
    from_status = models.TextField(choices=OrderStatus, null=True)  # noqa: DJ001 (NULL: the order began here)
    to_status = models.TextField(choices=OrderStatus)
    actor = models.TextField(choices=Actor)
    actor_name = models.TextField(blank=True, db_default="")
    reason = models.TextField(blank=True, db_default="")
    evidence = models.JSONField(null=True, help_text="Why a geofence fired: fixes, distances, speeds.")
    happened_at = models.DateTimeField(db_default=Now(), help_text="By the driver's device where it decided.")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "order_events"
        ordering = ["id"]
        indexes = [models.Index(fields=["order", "id"], name="order_events_timeline")]

    def __str__(self) -> str:
        return f"{self.from_status or '∅'} → {self.to_status}"


class StopQuerySet(models.QuerySet["Stop"]):
    def plans_of(self, driver_ids: Collection[UUID]) -> Self:
        """The stops these drivers still have to visit, in visiting order, with their orders and restaurants."""
        return self.filter(driver_id__in=driver_ids, done_at=None).select_related("order__restaurant")


class Stop(models.Model):
    """A place that a driver still has to visit for an order, or has visited. A plan is a driver's open stops."""

    id = models.UUIDField(primary_key=True, db_default=UUID4(), editable=False)
    driver = models.ForeignKey(Driver, on_delete=models.PROTECT, related_name="stops")
    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="stops")
    kind = models.TextField(choices=StopKind)
    position = models.IntegerField(help_text="Rank in the driver's visiting order; gaps are fine.")
    pinned = models.BooleanField(
        default=False,
        db_default=False,
        help_text="A dispatcher wants it at this place in the visiting order.",
    )
    eta = models.DateTimeField("predicted arrival", null=True)
    leg = models.JSONField(
        null=True, help_text="Road to this stop from the one before: a GeoJSON LineString's coordinates."
    )
    arrived_at = models.DateTimeField(null=True)
    routed_s = models.FloatField(
        null=True,
        help_text="What the roads say of the drive here from the stop before (dispatch/etas/learning.py).",
    )
    #: When the driver left without pressing a button; empty again once the driver is back.
    left_at = models.DateTimeField(null=True)
    done_at = models.DateTimeField(null=True)

    objects = StopQuerySet.as_manager()

    class Meta:
        db_table = "stops"
        ordering = ["position", "id"]
        constraints = [
            _one_of("stops_kind_known", "kind", StopKind),
            models.UniqueConstraint(fields=["order", "kind"], name="stops_one_of_a_kind_per_order"),
            models.CheckConstraint(
                name="stops_left_after_arrival",
                condition=Q(left_at__isnull=True) | Q(arrived_at__isnull=False, left_at__gte=F("arrived_at")),
            ),
        ]
        indexes = [
            models.Index(
                name="stops_open_plan", fields=["driver", "position"], condition=Q(done_at__isnull=True)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.order_id}"

    @property
    def point(self) -> Point | None:
        """Where it is (degrees); None for a customer without coordinates."""
        return self.order.restaurant.point if self.kind == StopKind.PICKUP else self.order.customer_point

    def is_undoable_at(self, now: datetime) -> bool:
        """A pickup that a geofence took for granted, so lately that a dispatcher can still take it back."""
        if self.kind != StopKind.PICKUP or self.left_at is None or self.done_at is None:
            return False
        return now - self.done_at <= timedelta(seconds=settings.UNDO_PICKUP_S)


def left_and_ahead(stops: Iterable[Stop]) -> tuple[list[Stop], list[Stop]]:
    """Open stops in two: doors that the driver was at and left without saying how it went, and the way ahead."""
    left: list[Stop] = []
    ahead: list[Stop] = []
    for stop in stops:
        (ahead if stop.left_at is None else left).append(stop)
    return left, ahead


def plans_of(driver_ids: Collection[UUID], *, roads: bool = True) -> dict[UUID, list[Stop]]:
    """The open stops of each of these drivers, in visiting order, with their orders and restaurants, and with the
    roads to them unless those are not needed.
    """
    found: dict[UUID, list[Stop]] = {driver_id: [] for driver_id in driver_ids}
    stops = Stop.objects.plans_of(driver_ids)
    for stop in stops if roads else stops.defer("leg"):
        found[stop.driver_id].append(stop)
    return found
