"""Where drivers have been. Partitioned by day, so that old days are dropped and never deleted row by row."""

from django.db import models
from django.db.models.functions import Now

from dispatch.models import Driver


class Moment(models.Func):
    """Now, and another moment for each row of a statement (tracking/migrations)."""

    function = "next_moment"
    output_field = models.DateTimeField()


class LocationHistory(models.Model):
    # In the database the key is (driver_id, recorded_at): a fix that is sent twice is kept once, and a driver's
    # timeline is read along it. `id` is unique as well, since one sequence numbers all partitions.
    id = models.BigAutoField(primary_key=True)
    driver = models.ForeignKey(Driver, on_delete=models.PROTECT, related_name="+", db_index=False)
    lat = models.FloatField()
    lng = models.FloatField()
    speed = models.FloatField("speed (m/s)", null=True)
    heading = models.FloatField("heading (degrees)", null=True)
    accuracy = models.FloatField("accuracy (m)", null=True)
    recorded_at = models.DateTimeField("device time", db_default=Moment())
    received_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "location_history"
        verbose_name_plural = "location history"
        ordering = ["-recorded_at"]

    def __str__(self) -> str:
        return f"{self.driver_id} {self.recorded_at:%Y-%m-%d %H:%M:%S}"
