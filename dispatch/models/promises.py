"""What a customer was promised, and every later promise."""

from django.db import connection, models
from django.db.models.functions import Now

from dispatch.models.orders import Order


class Promise(models.Model):
    """When an order was to be at the door, as it was said at `made_at`. Written by the database whenever
    `orders.promised_at` is, whoever writes it; never changed.
    """

    id = models.BigAutoField(primary_key=True)
    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="promises", db_index=False)
    promised_at = models.DateTimeField()
    made_at = models.DateTimeField(db_default=Now())
    made_by = models.TextField(
        blank=True, db_default="", help_text="Who moved it; of the first one, or by SQL, the database’s user."
    )
    reason = models.TextField(blank=True, db_default="", help_text="Why it moved.")

    class Meta:
        db_table = "promises"
        ordering = ["id"]
        indexes = [models.Index(name="promises_of_order", fields=["order", "id"])]

    def __str__(self) -> str:
        return f"{self.promised_at:%Y-%m-%d %H:%M}"


def moved_because(reason: str, made_by: str) -> None:
    """Whose promises the present transaction changes, and why."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('doorstep.promise_reason', %s, true), set_config('doorstep.promise_by', %s, true)",
            [reason, made_by],
        )
