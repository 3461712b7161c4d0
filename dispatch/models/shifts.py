"""When drivers are planned to work. Whether a driver does say the driver's own button and `Driver.on_shift`."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import NamedTuple
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import UUID4

from dispatch.models.cities import City
from dispatch.models.drivers import Driver

#: Longer is a typing error.
LONGEST_SHIFT = timedelta(hours=24)
BREAK_RULE = (
    "A break that is planned has all three: from when, by when it begins, both within the shift and in this order, "
    "and how many minutes."
)
#: In minutes.
LONGEST_BREAK = 480
#: A driver who is still on shift so long after the planned end, and was never off, is no longer held to it.
FORGOTTEN_AFTER = timedelta(days=2)


class Planned(NamedTuple):
    """From when to when."""

    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True)
class PlannedBreak:
    """Of so many minutes; it is to begin from `earliest` to `latest`."""

    shift_id: UUID
    earliest: datetime
    latest: datetime
    minutes: int

    @property
    def duration(self) -> timedelta:
        return timedelta(minutes=self.minutes)


class Shift(models.Model):
    id = models.UUIDField(primary_key=True, db_default=UUID4(), editable=False)
    driver = models.ForeignKey(Driver, on_delete=models.CASCADE, related_name="shifts", db_index=False)
    city = models.ForeignKey(City, on_delete=models.PROTECT, related_name="shifts")
    starts_at = models.DateTimeField("from")
    ends_at = models.DateTimeField("to")
    break_from = models.DateTimeField(
        "break from",
        null=True,
        blank=True,
        help_text="A break begins then at the earliest; empty: none is planned.",
    )
    break_by = models.DateTimeField(
        "break begins by", null=True, blank=True, help_text="And then at the latest."
    )
    break_minutes = models.IntegerField(
        "minutes of break",
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(LONGEST_BREAK)],
    )
    break_began_at = models.DateTimeField("break began", null=True, editable=False)

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
            models.CheckConstraint(
                name="shifts_break_whole",
                condition=Q(break_from=None, break_by=None, break_minutes=None)
                | Q(
                    # Compared with nothing they would be unknown, which a constraint lets through.
                    break_from__isnull=False,
                    break_by__isnull=False,
                    break_minutes__isnull=False,
                    break_from__gte=F("starts_at"),
                    break_by__gte=F("break_from"),
                    break_by__lt=F("ends_at"),
                    break_minutes__range=(1, LONGEST_BREAK),
                ),
                violation_error_message=BREAK_RULE,
            ),
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


def breaks_to_come(
    drivers: Iterable[Driver], now: datetime, within: timedelta = timedelta()
) -> dict[UUID, PlannedBreak]:
    """By driver, the break of the shift that each of these is in, as far as it is not taken and may begin by `within`
    from now. Who came on shift when it was to have begun has none.
    """
    since = {driver.pk: driver.on_shift_since for driver in drivers if driver.on_shift}
    to_come = Shift.objects.filter(
        driver__in=since.keys(),
        starts_at__lte=now,
        ends_at__gt=now,
        break_from__lte=now + within,
        break_began_at=None,
    )
    return {
        shift.driver_id: PlannedBreak(shift.pk, shift.break_from, shift.break_by, shift.break_minutes)
        for shift in to_come.order_by("-starts_at")
        if shift.break_from and shift.break_by and shift.break_minutes
        if (began := since[shift.driver_id]) is None or began <= shift.break_by
    }


def _planned(driver_ids: Collection[UUID], now: datetime) -> Iterable[tuple[UUID, list[Planned]]]:
    """By driver, what may count now."""
    around = Shift.objects.filter(
        driver__in=driver_ids, starts_at__lte=now + LONGEST_SHIFT, ends_at__gt=now - FORGOTTEN_AFTER
    )
    rows = around.order_by("driver_id", "starts_at").values_list("driver_id", "starts_at", "ends_at")
    for driver_id, planned in groupby(rows, key=lambda row: row[0]):
        yield driver_id, [Planned(starts_at, ends_at) for _, starts_at, ends_at in planned]
