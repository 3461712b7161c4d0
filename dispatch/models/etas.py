"""What was predicted, and what was learned from it (dispatch/etas/learning.py).

A learned value stands beside the one that staff set in its place, if they did: `override`.
"""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from dispatch.models.cities import City
from dispatch.models.orders import Order
from dispatch.models.restaurants import Restaurant
from routing.eta import HOURS_A_WEEK

#: In which staff may set them: beyond lies a typing error.
SPEED_FACTORS = (0.3, 5.0)
MOST_HANDOVER_S = 3600
MOST_LATE_S = 7200

_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


class EtaPrediction(models.Model):
    """What was predicted of an order's arrival, and, once it is delivered, how much later it was (seconds)."""

    id = models.BigAutoField(primary_key=True)
    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="predictions")
    made_at = models.DateTimeField()
    arrives_at = models.DateTimeField()
    approximate = models.BooleanField(
        help_text="Along straight lines, or of a driver of whom nothing was heard."
    )
    learned = models.BooleanField(db_default=False, help_text="With times learned from earlier trips.")
    error_s = models.FloatField(null=True)

    class Meta:
        db_table = "eta_predictions"
        ordering = ["id"]
        verbose_name = "ETA prediction"
        verbose_name_plural = "how good ETAs are"
        indexes = [models.Index(fields=["made_at"], name="eta_predictions_made")]

    def __str__(self) -> str:
        return f"{self.order_id} {self.made_at:%H:%M:%S} → {self.arrives_at:%H:%M:%S}"


class SpeedFactor(models.Model):
    """What the roads' drive times are multiplied with in an hour of the week."""

    id = models.BigAutoField(primary_key=True)
    city = models.ForeignKey(City, on_delete=models.CASCADE, related_name="speed_factors", db_index=False)
    hour = models.IntegerField(
        "hour of the week",
        validators=[MinValueValidator(0), MaxValueValidator(HOURS_A_WEEK - 1)],
        help_text="By the city’s clocks, from 0 (Monday 0:00 to 1:00) to 167.",
    )
    learned = models.FloatField(default=1.0, db_default=1.0, editable=False)
    observations = models.IntegerField("drives", default=0, db_default=0, editable=False)
    override = models.FloatField(
        null=True,
        blank=True,
        validators=[MinValueValidator(SPEED_FACTORS[0]), MaxValueValidator(SPEED_FACTORS[1])],
        help_text="Used instead; 1.3 makes every drive 30 % longer than on empty roads.",
    )

    class Meta:
        db_table = "speed_factors"
        ordering = ["city", "hour"]
        constraints = [
            models.UniqueConstraint(fields=["city", "hour"], name="speed_factors_one_an_hour"),
            models.CheckConstraint(
                name="speed_factors_hour_range", condition=Q(hour__gte=0, hour__lt=HOURS_A_WEEK)
            ),
            models.CheckConstraint(
                name="speed_factors_positive",
                condition=Q(learned__gt=0) & (Q(override__isnull=True) | Q(override__gt=0)),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.city}, {self.when}"

    @property
    def when(self) -> str:
        return f"{_DAYS[self.hour // 24]} {self.hour % 24}:00"

    @property
    def value(self) -> float:
        return self.learned if self.override is None else self.override


class HandoverTime(models.Model):
    """How long (seconds) a driver stands at a city's doors."""

    city = models.OneToOneField(
        City, on_delete=models.CASCADE, primary_key=True, related_name="handover_time"
    )
    learned_s = models.FloatField("learned (s)", null=True, editable=False)
    observations = models.IntegerField("visits", default=0, db_default=0, editable=False)
    override_s = models.FloatField(
        "override (s)",
        null=True,
        blank=True,
        validators=[MinValueValidator(0), MaxValueValidator(MOST_HANDOVER_S)],
        help_text="Used instead.",
    )

    class Meta:
        db_table = "handover_times"

    def __str__(self) -> str:
        return f"Doors in {self.city}"

    @property
    def value_s(self) -> float | None:
        return self.learned_s if self.override_s is None else self.override_s


class KitchenTime(models.Model):
    """How long (seconds) a driver stands at a restaurant's counter, and how late its food is."""

    restaurant = models.OneToOneField(
        Restaurant, on_delete=models.CASCADE, primary_key=True, related_name="kitchen_time"
    )
    handover_learned_s = models.FloatField("handover, learned (s)", null=True, editable=False)
    handover_observations = models.IntegerField("handovers", default=0, db_default=0, editable=False)
    handover_override_s = models.FloatField(
        "handover, override (s)",
        null=True,
        blank=True,
        validators=[MinValueValidator(0), MaxValueValidator(MOST_HANDOVER_S)],
        help_text="At the counter when the food is there; used instead.",
    )
    late_learned_s = models.FloatField("food late, learned (s)", null=True, editable=False)
    late_observations = models.IntegerField("waits", default=0, db_default=0, editable=False)
    late_override_s = models.FloatField(
        "food late, override (s)",
        null=True,
        blank=True,
        validators=[MinValueValidator(-MOST_LATE_S), MaxValueValidator(MOST_LATE_S)],
        help_text="From the time that the kitchen promises; below 0 where it is early; used instead.",
    )

    class Meta:
        db_table = "kitchen_times"

    def __str__(self) -> str:
        return f"Kitchen of {self.restaurant}"

    @property
    def handover_s(self) -> float | None:
        return self.handover_learned_s if self.handover_override_s is None else self.handover_override_s

    @property
    def late_s(self) -> float:
        return (self.late_learned_s or 0.0) if self.late_override_s is None else self.late_override_s


class EtaSpread(models.Model):
    """How far ETAs of a horizon are off (see `routing.eta.Spread`); without a city: in all of them."""

    id = models.BigAutoField(primary_key=True)
    city = models.ForeignKey(City, on_delete=models.CASCADE, null=True, related_name="+", db_index=False)
    horizon = models.IntegerField(help_text="As `routing.eta.bucket` numbers them.")
    low = models.FloatField()
    high = models.FloatField()
    observations = models.IntegerField()

    class Meta:
        db_table = "eta_spreads"
        constraints = [
            models.UniqueConstraint(
                fields=["city", "horizon"], name="eta_spreads_one_a_horizon", nulls_distinct=False
            )
        ]

    def __str__(self) -> str:
        return f"{self.city_id or 'all'} {self.horizon}: {self.low:+.2f} … {self.high:+.2f}"
