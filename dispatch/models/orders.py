"""An order, and the timeline of its life."""

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Func, Q, Value
from django.db.models.functions import UUID4, Now

from dispatch.locales import Locale
from dispatch.models.cities import City
from dispatch.models.columns import LANGUAGE, LATITUDE, LONGITUDE, in_range, is_list, one_of
from dispatch.models.drivers import Driver
from dispatch.models.items import validate_items
from dispatch.models.restaurants import Restaurant
from dispatch.models.skills import validate_skills
from dispatch.models.versions import Versioned
from dispatch.problems import SENTENCES, closed_words
from dispatch.statuses import ACTIVE, FINAL, UNASSIGNED, OrderStatus
from routing.geo import Point, distance_m, is_null_island
from routing.problems import CLOSED, OF_THE_ADDRESS, Problem

EXTERNAL_ID_ONCE = "orders_external_id_once"
#: What can be asked for at a door, in years.
MIN_AGES = range(1, 100)

#: What an order says before anybody has worked out when it arrives.
NO_ETA: dict[str, Any] = {"eta_minutes": None, "eta_low": None, "eta_high": None, "problem": ""}


class RandomToken(Func):
    """16 random bytes as hex, made by the database: two random UUIDs hashed (pgcrypto may be missing)."""

    template = (
        "encode(substr(sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())), 1, 16), 'hex')"
    )
    output_field = models.TextField()


class DoorFrom(models.TextChoices):
    """Who said where an order goes."""

    GIVEN = "given", "as it was ordered"
    INDEX = "index", "looked up in our own streets"
    GEOCODER = "geocoder", "looked up by the geocoder"
    DISPATCHER = "dispatcher", "set by hand"


def _values(statuses: Collection[OrderStatus]) -> list[str]:
    return [status.value for status in sorted(statuses)]


class Order(Versioned):
    id = models.UUIDField(primary_key=True, db_default=UUID4(), editable=False)
    customer_name = models.TextField(blank=True, db_default="")
    customer_phone = models.TextField(blank=True, db_default="")
    customer_address = models.TextField(blank=True, db_default="")
    customer_language = models.TextField(
        "language",
        blank=True,
        default="",
        db_default="",
        validators=LANGUAGE,
        help_text="In which the customer is texted, as en or es; empty: the city’s.",
    )
    customer_lat = models.FloatField("latitude", null=True, blank=True, validators=LATITUDE)
    customer_lng = models.FloatField("longitude", null=True, blank=True, validators=LONGITUDE)
    door_from = models.TextField(
        choices=DoorFrom, default=DoorFrom.GIVEN, db_default=DoorFrom.GIVEN, editable=False
    )
    door_sure = models.BooleanField(
        default=True,
        db_default=True,
        editable=False,
        help_text="Else the coordinates are a guess, and nobody is sent there.",
    )
    door_looked_up_at = models.DateTimeField(
        null=True, editable=False, help_text="When its address was, for want of coordinates."
    )
    restaurant = models.ForeignKey(
        Restaurant,
        on_delete=models.PROTECT,
        related_name="orders",
        null=True,
        help_text="Only an order that came by SQL may have none yet; no driver gets it.",
    )
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
        null=True,
        blank=True,
        db_default=None,
        help_text="At the door by then; empty: as the city promises now.",
    )
    wanted_at = models.DateTimeField(
        null=True, blank=True, help_text="At the door then, and not before; empty: as soon as possible."
    )
    dispatch_at = models.DateTimeField(
        null=True, editable=False, help_text="When a driver is looked for, of an order that is wanted later."
    )
    bags = models.IntegerField(
        default=1, db_default=1, validators=[MinValueValidator(1), MaxValueValidator(100)]
    )
    external_id = models.TextField(  # noqa: DJ001 (unique, so NULL for none)
        "the ordering platform’s id",
        null=True,
        blank=True,
        help_text="By which the ordering platform knows it.",
    )
    #: `source` of the key that it came with; "" for staff, SQL and keys that name none.
    source = models.TextField(
        blank=True, default="", db_default="", editable=False, help_text="Whose that id is."
    )
    number = models.TextField(
        blank=True, default="", db_default="", help_text="As people say it: on the bag, on the phone."
    )
    items = models.JSONField(
        default=list, db_default=Value([], models.JSONField()), blank=True, validators=[validate_items]
    )
    #: Codes of skills (dispatch/models/skills.py) without which no driver is offered or given it.
    needs = models.JSONField(
        default=list, db_default=Value([], models.JSONField()), blank=True, validators=[validate_skills]
    )
    age_check = models.IntegerField(
        null=True,
        blank=True,
        default=None,
        db_default=None,
        validators=[MinValueValidator(MIN_AGES[0]), MaxValueValidator(MIN_AGES[-1])],
        help_text="The driver hands it over only to who proves to be so old; empty: to anybody.",
    )
    kitchen_note = models.TextField(blank=True, default="", db_default="")
    driver_note = models.TextField(blank=True, default="", db_default="")
    door_note = models.TextField(
        blank=True, default="", db_default="", help_text="Door code, floor, where to leave it."
    )
    tip = models.TextField(blank=True, default="", db_default="", help_text="As the driver is to read it.")
    cash_due = models.TextField(
        blank=True,
        default="",
        db_default="",
        help_text="What the driver takes at the door, with its currency.",
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
    #: Of one of CLOSED; of any other it says nothing.
    problem_until = models.DateTimeField(
        null=True, editable=False, help_text="When a closed restaurant opens, as far as anybody knows."
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    delivered_at = models.DateTimeField(null=True, editable=False)
    #: Delivered, cancelled or failed: from then on the tracking page has its days counted.
    ended_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        db_table = "orders"
        ordering = ["-created_at", "id"]
        permissions = [("dispatch_orders", "Can work on the dispatcher dashboard")]
        constraints = [
            one_of("orders_status_known", "status", OrderStatus),
            in_range("orders_customer_on_globe", "customer_lat", "customer_lng"),
            one_of("orders_door_from_known", "door_from", DoorFrom),
            models.CheckConstraint(
                name="orders_delivered_at_when_delivered",
                condition=Q(status=OrderStatus.DELIVERED, delivered_at__isnull=False)
                | (~Q(status=OrderStatus.DELIVERED) & Q(delivered_at__isnull=True)),
            ),
            models.CheckConstraint(
                name="orders_ended_at_when_over",
                condition=Q(status__in=_values(FINAL), ended_at__isnull=False)
                | (~Q(status__in=_values(FINAL)) & Q(ended_at__isnull=True)),
            ),
            models.CheckConstraint(
                name="orders_active_has_driver",
                condition=~Q(status__in=_values(ACTIVE)) | Q(driver__isnull=False),
            ),
            models.CheckConstraint(
                name="orders_active_has_restaurant",
                condition=~Q(status__in=_values(ACTIVE)) | Q(restaurant__isnull=False),
            ),
            models.CheckConstraint(name="orders_eta_minutes_positive", condition=Q(eta_minutes__gte=0)),
            models.CheckConstraint(
                name="orders_eta_range",
                condition=Q(eta_low__isnull=True, eta_high__isnull=True)
                | Q(eta_low__gte=1, eta_high__gt=F("eta_low"), eta_minutes__isnull=False),
            ),
            models.CheckConstraint(name="orders_bags_range", condition=Q(bags__range=(1, 100))),
            models.CheckConstraint(
                name="orders_scheduled_until",
                condition=~Q(status=OrderStatus.SCHEDULED)
                | Q(dispatch_at__isnull=False, wanted_at__isnull=False),
            ),
            models.CheckConstraint(
                name="orders_age_check_range", condition=Q(age_check__range=(MIN_AGES[0], MIN_AGES[-1]))
            ),
            # The id first: staff look for it without knowing whose it is.
            models.UniqueConstraint(name=EXTERNAL_ID_ONCE, fields=["external_id", "source"]),
            is_list("orders_items_list", "items"),
            is_list("orders_needs_list", "needs"),
        ]
        indexes = [
            models.Index(
                name="orders_driver_active",
                fields=["driver"],
                condition=Q(status__in=_values(ACTIVE)),
            ),
            models.Index(fields=["status", "-created_at"], name="orders_status_created"),
            models.Index(fields=["-created_at", "id"], name="orders_newest"),
            models.Index(fields=["updated_at"], name="orders_updated"),
            models.Index(
                fields=["dispatch_at"], name="orders_scheduled", condition=Q(status=OrderStatus.SCHEDULED)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.customer_name or 'Order'} · {str(self.id)[:8]}"

    @property
    def promise(self) -> datetime:
        """By when the food is to be at the door. An INSERT without it gets what the city promises at that moment
        (dispatch/migrations).
        """
        assert self.promised_at is not None  # noqa: S101 (only of orders that ended before there was this rule)
        return self.promised_at

    @property
    def waits_since(self) -> datetime:
        """Since when somebody waits for it, or will."""
        return self.created_at if self.dispatch_at is None else max(self.created_at, self.dispatch_at)

    @property
    def kitchen(self) -> Restaurant:
        """The restaurant of an order that a driver has, or had."""
        assert self.restaurant is not None  # noqa: S101 (only who waits for a driver may have none)
        return self.restaurant

    @property
    def city(self) -> City | None:
        return None if self.restaurant is None else self.restaurant.city

    @property
    def city_id(self) -> UUID | None:
        return None if self.restaurant is None else self.restaurant.city_id

    @property
    def locale(self) -> Locale:
        """How its customer is told times."""
        return self.city.locale if self.city else Locale.of_no_city()

    @property
    def eta_approximate(self) -> bool:
        return self.eta_minutes is not None and self.problem != ""

    @property
    def trouble(self) -> Problem | None:
        """What a dispatcher should know of it: why it has no driver, that its driver is no longer on shift, or why
        its ETA is no more than approximate.
        """
        if self.status in UNASSIGNED:
            if problem := self.address_problem:
                return problem
            if self.problem in CLOSED:
                return Problem(self.problem)
            city = self.city
            if city is None or city.assignment != City.Assignment.AUTO:
                return None  # what a round of assigning found when there still were some
        elif self.status in ACTIVE and self.driver is not None and not self.driver.on_shift:
            return Problem.SHIFT_OVER
        return Problem(self.problem) if self.problem else None

    def trouble_words(self, now: datetime) -> str:
        """The same as a sentence; "" where all is well."""
        trouble = self.trouble
        if trouble is None or trouble not in CLOSED:
            return SENTENCES[trouble] if trouble else ""
        until = self.problem_until and self.locale.time_from(now, self.problem_until)
        return closed_words(trouble, until or "", later=self.status == OrderStatus.SCHEDULED)

    @property
    def address_problem(self) -> Problem | None:
        """What is wrong with where a pending order goes, whoever drives: by its coordinates, by what the roads said
        of them (dispatch/orders/addresses.py), or by the area that its city delivers to.
        """
        return self.misplaced or (Problem(self.problem) if self.problem in OF_THE_ADDRESS else None)

    @property
    def misplaced(self) -> Problem | None:
        """Why the coordinates can't be right, as far as they tell themselves, or that they are a guess. Of two places
        that are too far apart it is the restaurant, where that is far from its city.
        """
        door = self.customer_point
        if door is None:
            return Problem.CUSTOMER_UNPLACED
        if is_null_island(door):
            return Problem.CUSTOMER_AT_ZERO
        if self.restaurant is None:
            return Problem.RESTAURANT_UNPLACED
        if distance_m(self.restaurant.point, door) > settings.FAR_DOOR_M:
            return self.restaurant.misplaced or Problem.CUSTOMER_FAR
        return None if self.door_sure else Problem.CUSTOMER_DOUBTFUL

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
    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="events", db_index=False)
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
