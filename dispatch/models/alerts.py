"""What a dispatcher should look at, and what finding it takes (dispatch/alerts/)."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import UUID4

from dispatch.models.cities import City
from dispatch.models.columns import in_range, one_of
from dispatch.models.drivers import Driver
from dispatch.models.orders import Order
from dispatch.models.versions import Versioned


class AlertKind(models.TextChoices):
    """A city says of each after how many minutes: `<kind>_alert_minutes`."""

    UNASSIGNED = "unassigned", "Order without a driver"
    NOT_SET_OUT = "not_set_out", "Driver has not set out"
    AT_RESTAURANT = "at_restaurant", "Driver waits at the restaurant"
    STANDING = "standing", "Driver stands on the way"
    OFF_ROUTE = "off_route", "Driver is off the route"
    SILENT = "silent", "Driver is silent, with food"
    SHIFT_ENDING = "shift_ending", "Shift ends with stops left"


class Alert(Versioned):
    """State, not news: it is open from when it fires until its reason is over. Of a driver, or of an order that has
    none; beside a driver, `order` is what it concerns there.
    """

    id = models.UUIDField(primary_key=True, db_default=UUID4(), editable=False)
    kind = models.TextField(choices=AlertKind)
    city = models.ForeignKey(City, on_delete=models.CASCADE, related_name="+", null=True, db_index=False)
    driver = models.ForeignKey(Driver, on_delete=models.CASCADE, related_name="+", null=True, db_index=False)
    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="+", null=True, db_index=False)
    since = models.DateTimeField(help_text="When its reason began.")
    due_at = models.DateTimeField(
        null=True, help_text="When the planned shift ends, where that is the reason."
    )
    fired_at = models.DateTimeField()
    seen_by = models.TextField(blank=True, default="", db_default="", help_text="Who made it quiet.")
    ended_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "alerts"
        ordering = ["-fired_at", "id"]
        constraints = [
            one_of("alerts_kind_known", "kind", AlertKind),
            models.CheckConstraint(
                name="alerts_of_somebody",
                condition=Q(driver__isnull=False) | Q(order__isnull=False),
            ),
            models.UniqueConstraint(
                fields=["kind", "driver"], condition=Q(ended_at=None), name="alerts_open_of_driver"
            ),
            models.UniqueConstraint(
                fields=["kind", "order"],
                condition=Q(ended_at=None, driver=None),
                name="alerts_open_of_order",
            ),
        ]
        indexes = [models.Index(fields=["updated_at"], name="alerts_updated")]

    def __str__(self) -> str:
        return self.get_kind_display()


class Whereabouts(models.Model):
    """Of a driver with stops ahead what no single fix tells, kept from round to round (dispatch/alerts/motion.py)."""

    driver = models.OneToOneField(Driver, on_delete=models.CASCADE, primary_key=True, related_name="+")
    lat = models.FloatField(help_text="Where the driver stands, or last began to.")
    lng = models.FloatField()
    stood_since = models.DateTimeField(help_text="By the driver's device.")
    stop_id = models.UUIDField(help_text="The stop that the driver is on the way to.")
    leg = models.JSONField(
        null=True, help_text="The road there as it was planned first: GeoJSON coordinates."
    )
    off_since = models.DateTimeField(
        null=True, help_text="Since when the driver is off that road and comes no nearer."
    )
    off_m = models.FloatField(null=True, help_text="How far from the stop that began (metres, straight).")

    class Meta:
        db_table = "whereabouts"
        default_permissions = ()  # the job's own: nobody sees it in the admin
        constraints = [in_range("whereabouts_on_globe", "lat", "lng")]

    def __str__(self) -> str:
        return str(self.driver_id)
