import hashlib
import secrets

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import UUID4, Now

from dispatch.models.cities import City
from dispatch.models.columns import in_range, one_of
from dispatch.models.versions import Versioned
from dispatch.statuses import DriverStatus
from routing.geo import Point


class Driver(Versioned):
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
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        db_table = "drivers"
        ordering = ["name", "id"]
        constraints = [
            one_of("drivers_status_known", "status", DriverStatus),
            in_range("drivers_position_on_globe", "current_lat", "current_lng"),
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
