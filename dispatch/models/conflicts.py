"""What a device says late, against what people did meanwhile."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import UUID4, Now

from dispatch.models.columns import one_of
from dispatch.models.drivers import Driver
from dispatch.models.orders import Order, OrderEvent
from dispatch.models.versions import Versioned
from dispatch.statuses import OrderStatus


class Outcome(models.TextChoices):
    DRIVER = "driver", "as the driver says"
    STANDS = "stands", "as it stands"


class Conflict(Versioned):
    """A button that a driver pressed without a network, and the step that came before the press was heard of. A
    dispatcher settles it, once; nothing of it is ever dropped.
    """

    id = models.UUIDField(primary_key=True, db_default=UUID4(), editable=False)
    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="conflicts", db_index=False)
    driver = models.ForeignKey(Driver, on_delete=models.PROTECT, related_name="+")
    says = models.TextField(choices=OrderStatus, help_text="The button.")
    reason = models.TextField(
        blank=True, default="", db_default="", help_text="The code of why it failed, as the driver says."
    )
    pressed_at = models.DateTimeField(help_text="By the driver's device.")
    told_at = models.DateTimeField(db_default=Now(), help_text="When we heard of it.")
    against = models.ForeignKey(
        OrderEvent, on_delete=models.CASCADE, related_name="+", help_text="What people did meanwhile."
    )
    outcome = models.TextField(choices=Outcome, null=True)  # noqa: DJ001 (NULL: not settled yet)
    settled_at = models.DateTimeField(null=True)
    settled_by = models.TextField(blank=True, default="", db_default="")

    class Meta:
        db_table = "conflicts"
        ordering = ["-told_at", "id"]
        constraints = [
            one_of("conflicts_outcome_known", "outcome", Outcome),
            models.CheckConstraint(
                name="conflicts_settled_at_once",
                condition=Q(outcome__isnull=True, settled_at__isnull=True)
                | Q(outcome__isnull=False, settled_at__isnull=False),
            ),
            # An app says again what it has no answer to.
            models.UniqueConstraint(
                fields=["order", "driver", "says", "pressed_at"], name="conflicts_each_press_once"
            ),
        ]
        indexes = [
            models.Index(name="conflicts_updated", fields=["updated_at"]),
            models.Index(name="conflicts_open", fields=["told_at"], condition=Q(outcome__isnull=True)),
        ]

    def __str__(self) -> str:
        return f"{self.get_says_display()} {self.order_id}"
