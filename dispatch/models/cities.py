from zoneinfo import available_timezones

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import UUID4

from dispatch.locales import Clock, Locale, Units
from dispatch.models.columns import LATITUDE, LONGITUDE, in_range, one_of
from dispatch.models.switches import Switches, switches_make_sense
from dispatch.statuses import OrderStatus
from routing.geo import Point

#: Of a restaurant without a city.
PROMISE_MINUTES = 45


#: At most so many until an alert fires; 0: never.
MOST_ALERT_MINUTES = 600


def _alert_minutes(name: str, default: int, help_text: str) -> "models.IntegerField[int, int]":
    return models.IntegerField(
        f"{name} (min)",
        default=default,
        db_default=default,
        validators=[MinValueValidator(0), MaxValueValidator(MOST_ALERT_MINUTES)],
        help_text=help_text,
    )


def known_time_zone(value: str) -> None:
    if value not in available_timezones():
        raise ValidationError(f"“{value}” is no time zone; use a name such as America/Denver.")


class City(Switches):
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
        default="America/Denver", db_default="America/Denver", validators=[known_time_zone]
    )
    clock = models.TextField(
        choices=Clock,
        default=Clock.TWELVE,
        db_default=Clock.TWELVE,
        help_text="How times are told to its customers, dispatchers and staff.",
    )
    units = models.TextField(
        choices=Units,
        default=Units.MILES,
        db_default=Units.MILES,
        help_text="How distances and speeds are told to its dispatchers.",
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
    unassigned_alert_minutes = _alert_minutes(
        "order without a driver", 5, "An order has no driver for so long."
    )
    not_set_out_alert_minutes = _alert_minutes(
        "driver has not set out", 5, "A driver has an order for so long, and has not set out for it."
    )
    at_restaurant_alert_minutes = _alert_minutes(
        "driver waits at the restaurant", 15, "A driver is at the restaurant for so long."
    )
    standing_alert_minutes = _alert_minutes(
        "driver stands on the way", 8, "A driver with orders stands for so long, away from every stop."
    )
    off_route_alert_minutes = _alert_minutes(
        "driver is off the route",
        5,
        "A driver is off the planned road for so long, and comes no nearer to the stop.",
    )
    silent_alert_minutes = _alert_minutes(
        "driver is silent, with food", 5, "Nothing is heard for so long of a driver who has food on board."
    )
    shift_ending_alert_minutes = _alert_minutes(
        "shift ends with stops left",
        15,
        "So long before the planned end of a shift there are stops that will not be done by then.",
    )

    class Meta:
        db_table = "cities"
        verbose_name_plural = "cities"
        ordering = ["name"]
        constraints = [
            in_range("cities_position_on_globe", "lat", "lng"),
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
            models.CheckConstraint(
                name="cities_alert_minutes_range",
                condition=Q(
                    unassigned_alert_minutes__range=(0, MOST_ALERT_MINUTES),
                    not_set_out_alert_minutes__range=(0, MOST_ALERT_MINUTES),
                    at_restaurant_alert_minutes__range=(0, MOST_ALERT_MINUTES),
                    standing_alert_minutes__range=(0, MOST_ALERT_MINUTES),
                    off_route_alert_minutes__range=(0, MOST_ALERT_MINUTES),
                    silent_alert_minutes__range=(0, MOST_ALERT_MINUTES),
                    shift_ending_alert_minutes__range=(0, MOST_ALERT_MINUTES),
                ),
            ),
            one_of("cities_clock_known", "clock", Clock),
            one_of("cities_units_known", "units", Units),
            *switches_make_sense("cities"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def point(self) -> Point:
        return Point(self.lat, self.lng)

    @property
    def locale(self) -> Locale:
        return Locale(self.time_zone, Clock(self.clock), Units(self.units))
