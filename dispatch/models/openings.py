"""When restaurants and cities are open, as staff enter it; what follows is worked out in dispatch/openings.py."""

from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q

from dispatch.models.cities import City
from dispatch.models.restaurants import Restaurant
from dispatch.openings import Span


class Weekday(models.IntegerChoices):
    MONDAY = 0
    TUESDAY = 1
    WEDNESDAY = 2
    THURSDAY = 3
    FRIDAY = 4
    SATURDAY = 5
    SUNDAY = 6


class _OfOnePlace(models.Model):
    """Of a restaurant, or of a city."""

    restaurant = models.ForeignKey(
        Restaurant, on_delete=models.CASCADE, null=True, blank=True, editable=False
    )
    city = models.ForeignKey(City, on_delete=models.CASCADE, null=True, blank=True, editable=False)

    class Meta:
        abstract = True

    @property
    def place_id(self) -> UUID:
        place_id = self.restaurant_id or self.city_id
        assert place_id is not None  # noqa: S101 (the table's CHECK)
        return place_id


def _of_one_place(table: str) -> models.CheckConstraint:
    return models.CheckConstraint(
        name=f"{table}_of_one_place",
        condition=Q(restaurant__isnull=True, city__isnull=False)
        | Q(restaurant__isnull=False, city__isnull=True),
    )


class OpeningHours(_OfOnePlace):
    """Some of the hours of a weekday, by the city's clocks."""

    id = models.BigAutoField(primary_key=True)
    weekday = models.IntegerField(choices=Weekday)
    opens = models.TimeField("from")
    closes = models.TimeField("to", help_text="Not later than “from”: on the day after.")

    class Meta:
        db_table = "opening_hours"
        verbose_name_plural = "opening hours (none: always open)"
        ordering = ["weekday", "opens"]
        constraints = [
            _of_one_place("opening_hours"),
            models.CheckConstraint(name="opening_hours_weekday", condition=Q(weekday__range=(0, 6))),
        ]

    def __str__(self) -> str:
        return f"{Weekday(self.weekday).label} {self.opens:%H:%M}–{self.closes:%H:%M}"

    @property
    def span(self) -> Span:
        return Span(self.opens, self.closes)


class OpeningException(_OfOnePlace):
    """What holds on a date in place of the weekday's hours: these, or none."""

    id = models.BigAutoField(primary_key=True)
    date = models.DateField()
    opens = models.TimeField("from", null=True, blank=True, help_text="Both empty: closed on that date.")
    closes = models.TimeField("to", null=True, blank=True)
    name = models.TextField(blank=True, default="", db_default="", help_text="Such as Thanksgiving.")

    class Meta:
        db_table = "opening_exceptions"
        verbose_name_plural = "holidays and other exceptions"
        ordering = ["date", "opens"]
        constraints = [
            _of_one_place("opening_exceptions"),
            models.CheckConstraint(
                name="opening_exceptions_both_times",
                condition=Q(opens__isnull=True, closes__isnull=True)
                | Q(opens__isnull=False, closes__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        hours = "closed" if self.span is None else f"{self.opens:%H:%M}–{self.closes:%H:%M}"
        return f"{self.date} {hours}"

    def clean(self) -> None:
        if (self.opens is None) != (self.closes is None):
            raise ValidationError("Give both times, or none where it is closed on that date.")

    @property
    def span(self) -> Span | None:
        """None: closed."""
        return None if self.opens is None or self.closes is None else Span(self.opens, self.closes)
