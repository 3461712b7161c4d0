"""How times and distances are told where a city is."""

from datetime import datetime
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import TextChoices
from msgspec import Struct


class Clock(TextChoices):
    TWELVE = "12h", "6:42 PM"
    TWENTY_FOUR = "24h", "18:42"


class Units(TextChoices):
    MILES = "mi", "miles, feet"
    KILOMETRES = "km", "kilometres, metres"


class Locale(Struct, rename="camel", frozen=True):
    """By whose clocks times are told, whether these count to 12 or to 24, and in which units distances are."""

    time_zone: str
    clock: Clock
    units: Units

    @classmethod
    def of_no_city(cls) -> "Locale":
        return cls(settings.TIME_ZONE, Clock.TWELVE, Units.MILES)

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)

    def time(self, moment: datetime) -> str:
        """“6:42 PM” or “18:42”."""
        shape = "%-I:%M %p" if self.clock == Clock.TWELVE else "%H:%M"
        return moment.astimezone(self.zone).strftime(shape)

    def time_with_seconds(self, moment: datetime) -> str:
        """“6:42:07 PM” or “18:42:07”."""
        shape = "%-I:%M:%S %p" if self.clock == Clock.TWELVE else "%H:%M:%S"
        return moment.astimezone(self.zone).strftime(shape)

    def day_and_time(self, moment: datetime) -> str:
        """“Saturday, November 28 at 6:42 PM”."""
        there = moment.astimezone(self.zone)
        return f"{there:%A, %B} {there.day} at {self.time(moment)}"

    def time_from(self, now: datetime, moment: datetime) -> str:
        """The time, with the day where it is another one than now: “6:42 PM”, “Sat, Nov 28, 6:42 PM”."""
        there = moment.astimezone(self.zone)
        if there.date() == now.astimezone(self.zone).date():
            return self.time(moment)
        return f"{there:%a, %b} {there.day}, {self.time(moment)}"
