"""What a dispatcher switches on for a while: it ends by itself."""

from datetime import datetime

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

MOST_EXTRA_MINUTES = 240


class Switches(models.Model):
    """Of a restaurant or a city: a pause, in which nobody is sent for food, and minutes that are promised more to who
    orders meanwhile (dispatch/migrations/0015_cities_as_they_are.py).
    """

    paused_since = models.DateTimeField(
        null=True, blank=True, help_text="From then on nobody is sent for food; empty: no pause."
    )
    paused_until = models.DateTimeField(
        null=True, blank=True, help_text="Empty: until somebody ends the pause."
    )
    pause_reason = models.TextField(blank=True, default="", db_default="", help_text="For dispatchers.")
    extra_minutes = models.IntegerField(
        default=0,
        db_default=0,
        validators=[MinValueValidator(0), MaxValueValidator(MOST_EXTRA_MINUTES)],
        help_text=f"Promised more to who orders meanwhile (0 to {MOST_EXTRA_MINUTES}).",
    )
    extra_since = models.DateTimeField(null=True, blank=True)
    extra_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        abstract = True

    def unpaused_from(self, moment: datetime) -> datetime | None:
        """The first moment from this one on without a pause; None: nobody knows when it ends."""
        if self.paused_since is None or moment < self.paused_since:
            return moment
        return None if self.paused_until is None else max(moment, self.paused_until)

    def extra_minutes_at(self, moment: datetime) -> int:
        """As `extra_minutes_at` in the database."""
        since, until = self.extra_since, self.extra_until
        if until is None or moment >= until or (since is not None and moment < since):
            return 0
        return self.extra_minutes


def switches_make_sense(table: str) -> list[models.CheckConstraint]:
    return [
        models.CheckConstraint(
            name=f"{table}_pause_begins",
            condition=Q(paused_until__isnull=True) | Q(paused_since__isnull=False),
        ),
        models.CheckConstraint(
            name=f"{table}_extra_minutes_range", condition=Q(extra_minutes__range=(0, MOST_EXTRA_MINUTES))
        ),
        models.CheckConstraint(
            name=f"{table}_extra_minutes_end", condition=Q(extra_minutes=0) | Q(extra_until__isnull=False)
        ),
    ]
