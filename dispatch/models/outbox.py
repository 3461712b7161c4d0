"""What is to be told to others' servers, and how that goes (dispatch/outbox/)."""

from datetime import datetime

from django.db import models
from django.db.models import Q, Value
from django.db.models.functions import UUID4, Now

from dispatch.models.columns import one_of
from dispatch.models.drivers import Driver
from dispatch.models.orders import Order, OrderEvent


class OutboxEvent(models.Model):
    """Something that happened and that nobody has been told yet, written in its own transaction: of each line of a
    timeline, and of shifts that begin and end, by the database itself (dispatch/migrations). It goes as soon as it
    is known who is told (dispatch/outbox/fan_out.py). What it names may be gone by then.
    """

    id = models.BigAutoField(primary_key=True)
    kind = models.TextField(help_text="As order.delivered.")
    order = models.ForeignKey(
        Order, models.DO_NOTHING, null=True, related_name="+", db_constraint=False, db_index=False
    )
    order_event = models.ForeignKey(
        OrderEvent, models.DO_NOTHING, null=True, related_name="+", db_constraint=False, db_index=False
    )
    driver = models.ForeignKey(
        Driver, models.DO_NOTHING, null=True, related_name="+", db_constraint=False, db_index=False
    )
    data = models.JSONField(default=dict, db_default=Value({}, models.JSONField()))
    recorded_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "outbox_events"
        ordering = ["id"]
        default_permissions = ()  # there for a second: nobody sees it in the admin

    def __str__(self) -> str:
        return f"{self.kind} {self.order_id or self.driver_id}"

    @property
    def happened_at(self) -> datetime:
        """A step may be told of long after it was taken."""
        return self.recorded_at if self.order_event is None else self.order_event.happened_at


class ArrivalTold(models.Model):
    """When others were told last that an order arrives (dispatch/outbox/arrivals.py)."""

    order = models.OneToOneField(Order, on_delete=models.CASCADE, primary_key=True, related_name="+")
    arrives_at = models.DateTimeField(null=True)
    late_for = models.DateTimeField(
        null=True, help_text="The promise of which they were told that it is broken."
    )

    class Meta:
        db_table = "arrivals_told"
        default_permissions = ()

    def __str__(self) -> str:
        return str(self.order_id)


class OutboxReceiver(models.Model):
    """Where messages go: one webhook's endpoint, one gateway. It has its own pace, and its own troubles."""

    name = models.TextField(primary_key=True)
    failures = models.IntegerField(
        default=0, db_default=0, help_text="Tries in a row that it took nothing of."
    )
    failing_since = models.DateTimeField(null=True, help_text="The first of them.")
    failed_at = models.DateTimeField(null=True, help_text="The last of them.")
    wait_until = models.DateTimeField(null=True, help_text="Until then it is left alone.")

    class Meta:
        db_table = "outbox_receivers"
        ordering = ["name"]
        default_permissions = ()

    def __str__(self) -> str:
        return self.name


class OutboxState(models.TextChoices):
    WAITING = "waiting", "Waiting"
    SENT = "sent", "Sent"
    #: A dead letter: refused, or tried for too long. Staff may send it again.
    DEAD = "dead", "Not delivered"
    #: Too late to be of use, or there was nothing to tell any more.
    DROPPED = "dropped", "Dropped"


class OutboxEntry(models.Model):
    """One message to one receiver, sent until it takes it: at least once, each time under the same `message_id`.

    Those of one receiver and `lane` go one after the other, in the order of their ids.
    """

    id = models.BigAutoField(primary_key=True)
    message_id = models.UUIDField(unique=True, db_default=UUID4(), editable=False)
    kind = models.TextField(help_text="Who sends it: webhook, sms.")
    event = models.TextField(help_text="What it tells of, as order.delivered.")
    receiver = models.TextField()
    lane = models.TextField(
        default="", db_default="", help_text="Kept in order with others of the same; empty: with none."
    )
    order = models.ForeignKey(Order, on_delete=models.CASCADE, null=True, related_name="+")
    body = models.JSONField()
    state = models.TextField(choices=OutboxState, default=OutboxState.WAITING, db_default=OutboxState.WAITING)
    created_at = models.DateTimeField(db_default=Now())
    due_at = models.DateTimeField(db_default=Now(), help_text="Not sent, or tried again, before.")
    expires_at = models.DateTimeField(null=True, help_text="Dropped from then on.")
    tries = models.IntegerField(default=0, db_default=0)
    tried_since = models.DateTimeField(null=True, help_text="The first try.")
    tried_at = models.DateTimeField(null=True, help_text="The last try.")
    lease = models.UUIDField(null=True, help_text="The try that is under way.")
    leased_until = models.DateTimeField(
        null=True, help_text="Whoever makes it has died if it is not over then."
    )
    ended_at = models.DateTimeField(null=True)
    answer_code = models.IntegerField(null=True, help_text="What the receiver answered last.")
    answer = models.TextField(default="", db_default="")

    class Meta:
        db_table = "outbox_entries"
        verbose_name = "outgoing message"
        ordering = ["-id"]
        default_permissions = ("view", "change")
        constraints = [
            one_of("outbox_entries_state_known", "state", OutboxState),
            models.CheckConstraint(
                name="outbox_entries_ended_or_waiting",
                condition=Q(state="waiting", ended_at__isnull=True)
                | (~Q(state="waiting") & Q(ended_at__isnull=False, lease__isnull=True)),
            ),
            models.CheckConstraint(
                name="outbox_entries_lease_whole",
                condition=Q(lease__isnull=True, leased_until__isnull=True)
                | Q(lease__isnull=False, leased_until__isnull=False),
            ),
        ]
        indexes = [
            models.Index(
                name="outbox_entries_due", fields=["receiver", "due_at", "id"], condition=Q(state="waiting")
            ),
            models.Index(
                name="outbox_entries_lanes", fields=["receiver", "lane", "id"], condition=Q(state="waiting")
            ),
            models.Index(name="outbox_entries_leased", fields=["receiver"], condition=Q(lease__isnull=False)),
            models.Index(
                name="outbox_entries_expire",
                fields=["expires_at"],
                condition=Q(state="waiting", expires_at__isnull=False),
            ),
            models.Index(
                name="outbox_entries_ended", fields=["ended_at"], condition=Q(ended_at__isnull=False)
            ),
            models.Index(name="outbox_entries_of_receiver", fields=["receiver", "-id"]),
        ]

    def __str__(self) -> str:
        return str(self.message_id)
