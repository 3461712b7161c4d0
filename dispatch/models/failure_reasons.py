"""Why an order can't be picked up or handed over, as staff list it."""

from django.db import models

from dispatch.models.columns import one_of


class LeadsTo(models.TextChoices):
    PENDING = "pending", "another driver fetches it; food on board goes back"
    RETURN = "return", "it ends, and food on board goes back to the restaurant"
    END = "end", "it ends there"


class FailureReason(models.Model):
    """`code` is what a driver's app sends."""

    code = models.SlugField(primary_key=True)
    name = models.TextField(unique=True, help_text="As drivers and dispatchers read it.")
    leads_to = models.TextField(
        "what becomes of the order", choices=LeadsTo, default=LeadsTo.END, db_default=LeadsTo.END
    )
    position = models.IntegerField(default=0, db_default=0, help_text="Rank in the list.")
    active = models.BooleanField(default=True, db_default=True, help_text="Whether it can be chosen.")

    class Meta:
        db_table = "failure_reasons"
        ordering = ["position", "name"]
        constraints = [one_of("failure_reasons_leads_to_known", "leads_to", LeadsTo)]

    def __str__(self) -> str:
        return self.name
