"""When drivers are planned to work. Whether a driver does say the driver's own button and `Driver.on_shift`."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import NamedTuple
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import UUID4

from dispatch.models.cities import City
from dispatch.models.drivers import Driver

#: Longer is a typing error.
LONGEST_SHIFT = timedelta(hours=24)
#: A driver who is still on shift so long after the planned end, and was never off, is no longer held to it.
FORGOTTEN_AFTER = timedelta(days=2)


class Planned(NamedTuple):
    """From when to when."""

    starts_at: datetime
    ends_at: datetime


class Shift(models.Model):
    id = models.UUIDField(primary_key=True, db_default=UUID4(), editable=False)
    driver = models.ForeignKey(Driver, on_delete=models.CASCADE, related_name="shifts", db_index=False)
    city = models.ForeignKey(City, on_delete=models.PROTECT, related_name="shifts")
    starts_at = models.DateTimeField("from")
    ends_at = models.DateTimeField("to")

    class Meta:
        db_table = "shifts"
        ordering = ["starts_at", "id"]
        constraints = [
            models.CheckConstraint(
                name="shifts_end_after_start",
                condition=Q(ends_at__gt=F("starts_at")),
                violation_error_message="A shift ends after it began.",
            ),
            models.UniqueConstraint(fields=["driver", "starts_at"], name="shifts_one_at_a_time"),
        ]
        indexes = [models.Index(fields=["starts_at"], name="shifts_by_start")]

    def __str__(self) -> str:
        return f"{self.driver}, {self.starts_at:%Y-%m-%d}"

    def clean(self) -> None:
        if self.driver_id is None or self.starts_at is None or self.ends_at is None:
            return
        if self.ends_at - self.starts_at > LONGEST_SHIFT:
            raise ValidationError("A shift is no longer than 24 hours.")
        others = Shift.objects.filter(
            driver=self.driver_id, starts_at__lt=self.ends_at, ends_at__gt=self.starts_at
        )
        if others.exclude(pk=self.pk).exists():
            raise ValidationError("The driver has another shift at that time.")


def planned_end(shifts: Sequence[Planned], on_shift_since: datetime | None, now: datetime) -> datetime | None:
    """When the shift is planned to end that a driver is in who is on shift since then; in the past for one who works
    on. None for one who works without a plan. `shifts`: those of the driver, by their beginnings; those without a
    pause between them are one.
    """
    end: datetime | None = None
    for shift in shifts:
        if on_shift_since is not None and shift.ends_at <= on_shift_since:
            continue
        if shift.starts_at <= now or (end is not None and shift.starts_at <= end):
            end = shift.ends_at if end is None else max(end, shift.ends_at)
    return end


def planned_ends(drivers: Iterable[Driver], now: datetime) -> dict[UUID, datetime]:
    """When the shifts are planned to end that these drivers are in; without those who work without a plan."""
    since = {driver.pk: driver.on_shift_since for driver in drivers if driver.on_shift}
    return {
        pk: end
        for pk, planned in _planned(since.keys(), now)
        if (end := planned_end(planned, since[pk], now)) is not None
    }


def _planned(driver_ids: Collection[UUID], now: datetime) -> Iterable[tuple[UUID, list[Planned]]]:
    """By driver, what may count now."""
    around = Shift.objects.filter(
        driver__in=driver_ids, starts_at__lte=now + LONGEST_SHIFT, ends_at__gt=now - FORGOTTEN_AFTER
    )
    rows = around.order_by("driver_id", "starts_at").values_list("driver_id", "starts_at", "ends_at")
    for driver_id, planned in groupby(rows, key=lambda row: row[0]):
        yield driver_id, [Planned(starts_at, ends_at) for _, starts_at, ends_at in planned]
