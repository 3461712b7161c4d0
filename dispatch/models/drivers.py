import hashlib
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q, Value
from django.db.models.functions import UUID4, Now

from dispatch.models.cities import City
from dispatch.models.columns import in_range, is_list, one_of
from dispatch.models.skills import validate_skills
from dispatch.models.versions import Versioned
from dispatch.statuses import DriverStatus
from routing.geo import Point
from routing.osrm import served
from routing.profiles import Profile

#: An app of which nothing is known yet is taken to send as often as one in the background does (seconds).
UNKNOWN_EVERY_S = 120.0
#: Whoever is silent for longer (seconds) was away, which says nothing of how often the app sends.
SLOWEST_EVERY_S = 300.0
#: In SQL, what of a driver's row changes when something is heard of the driver. The longest silence between two
#: messages counts, and half as much with each half minute of shorter ones: a few fixes at once say little.
HEARD_NOW = f"""
    last_seen_at = statement_timestamp(),
    heard_every_s = CASE
        WHEN statement_timestamp() - last_seen_at <= interval '{SLOWEST_EVERY_S} s' THEN greatest(
            extract(epoch FROM statement_timestamp() - last_seen_at),
            coalesce(heard_every_s, {UNKNOWN_EVERY_S})
                * 0.5::float8 ^ (extract(epoch FROM statement_timestamp() - last_seen_at)::float8 / 30)
        )
        ELSE heard_every_s
    END
"""


class Vehicle(models.TextChoices):
    """What a driver goes by."""

    CAR = "car", "Car"
    SCOOTER = "scooter", "Scooter"
    BICYCLE = "bicycle", "Bicycle"
    FOOT = "foot", "On foot"

    @property
    def roads(self) -> Profile:
        """By whose roads it goes: those of its own where there is an OSRM of them (routing/osrm.py)."""
        return served(_PROFILE[self])


_PROFILE: Mapping[Vehicle, Profile] = {
    Vehicle.CAR: "car",
    Vehicle.SCOOTER: "car",
    Vehicle.BICYCLE: "bicycle",
    Vehicle.FOOT: "foot",
}
#: Bags that fit at once, where staff say nothing else of a driver.
CAPACITY = {Vehicle.CAR: 6, Vehicle.SCOOTER: 4, Vehicle.BICYCLE: 3, Vehicle.FOOT: 2}


class Driver(Versioned):
    id = models.UUIDField(primary_key=True, db_default=UUID4(), editable=False)
    name = models.TextField()
    phone = models.TextField(blank=True, db_default="")
    city = models.ForeignKey(City, on_delete=models.PROTECT, related_name="drivers", null=True, blank=True)
    status = models.TextField(
        choices=DriverStatus, default=DriverStatus.OFFLINE, db_default=DriverStatus.OFFLINE, editable=False
    )
    on_shift = models.BooleanField(default=False, db_default=False)
    vehicle = models.TextField(choices=Vehicle, default=Vehicle.CAR, db_default=Vehicle.CAR)
    #: The database's own (dispatch/migrations).
    on_shift_since = models.DateTimeField(null=True, editable=False)
    capacity = models.IntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(100)],
        help_text="Bags that fit at once; empty: as the vehicle takes "
        f"({', '.join(f'{vehicle.label.lower()} {bags}' for vehicle, bags in CAPACITY.items())}).",
    )
    #: Codes (dispatch/models/skills.py) of what orders may need.
    skills = models.JSONField(
        default=list, db_default=Value([], models.JSONField()), blank=True, validators=[validate_skills]
    )
    break_until = models.DateTimeField(
        null=True, editable=False, help_text="On a break that ends then, or did."
    )
    current_lat = models.FloatField(null=True, editable=False)
    current_lng = models.FloatField(null=True, editable=False)
    fix_at = models.DateTimeField(
        "time of the last fix", null=True, editable=False, help_text="By the driver's device."
    )
    last_seen_at = models.DateTimeField(
        null=True, editable=False, help_text="When we last heard of the driver."
    )
    heard_every_s = models.FloatField(
        null=True, editable=False, help_text="How long the app is silent from one message to the next."
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
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        db_table = "drivers"
        ordering = ["name", "id"]
        permissions = [("issue_tokens", "Can issue the tokens of drivers’ apps")]
        constraints = [
            one_of("drivers_status_known", "status", DriverStatus),
            one_of("drivers_vehicle_known", "vehicle", Vehicle),
            in_range("drivers_position_on_globe", "current_lat", "current_lng"),
            is_list("drivers_skills_list", "skills"),
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

    @property
    def bags(self) -> int:
        """How many fit at once."""
        return CAPACITY[Vehicle(self.vehicle)] if self.capacity is None else self.capacity

    @property
    def roads(self) -> Profile:
        """By whose roads the driver goes."""
        return Vehicle(self.vehicle).roads

    def is_there(self, now: datetime) -> bool:
        """Whether the driver's silence is no longer than the app may take: who is slow is not gone."""
        if self.last_seen_at is None:
            return False
        every_s = UNKNOWN_EVERY_S if self.heard_every_s is None else self.heard_every_s
        return now - self.last_seen_at <= timedelta(seconds=max(settings.DRIVER_OFFLINE_AFTER_S, 2 * every_s))

    @staticmethod
    def new_token() -> str:
        """A bearer token for a driver's app; only its digest is kept."""
        return secrets.token_urlsafe(24)

    @staticmethod
    def digest(token: str) -> str:
        return hashlib.sha256(token.encode(errors="surrogatepass")).hexdigest()
