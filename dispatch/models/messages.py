"""Texts to customers: what was sent, what was not and why, and what staff say of them (dispatch/messages/)."""

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from dispatch.models.cities import City
from dispatch.models.columns import LANGUAGE, one_of
from dispatch.models.orders import Order


class MessageKind(models.TextChoices):
    LINK = "link", "Tracking link"
    NEARBY = "nearby", "Nearby"
    LATER = "later", "Later than promised"
    DELIVERED = "delivered", "Delivered"
    CANCELLED = "cancelled", "Cancelled"
    FAILED = "failed", "Not handed over"


class MessageState(models.TextChoices):
    WAITING = "waiting", "Waits"
    SENDING = "sending", "Is being sent"
    SENT = "sent", "Sent"
    #: The gateway, or our worker, was gone before it could say. It is not sent again.
    UNSURE = "unsure", "Perhaps sent"
    NOT_SENT = "not_sent", "Not sent"


class WhyNot(models.TextChoices):
    """Why a text was not sent. The labels are what staff read."""

    NO_PHONE = "no_phone", "The order has no phone number that takes texts."
    STOPPED = "stopped", "The customer answered STOP: this number gets no texts."
    STOP_LIST = "stop_list", "Who said STOP can’t be known: STOP_LIST_KEY is not the one that it was."
    QUIET = "quiet", "It was quiet hours, and after them it would have been old."
    BUDGET = "budget", "The city’s budget of the day was used up: only tracking links went out."
    OLD_NEWS = "old_news", "Doorstep heard of it too late to text it as news."
    MOVED_ON = "moved_on", "The order had moved on."
    TOO_LATE = "too_late", "It could not be sent in time."
    ALREADY = "already", "The customer had been told."
    NO_RESTAURANT = "no_restaurant", "Nobody has chosen the order’s restaurant yet."
    NO_GATEWAY = "no_gateway", "The city’s gateway is none of those in NOTIFY_URLS."


class Message(models.Model):
    """One text to a customer about one event of an order: what became of it.

    Without the phone number but for its end, and without the tracking link, which `{link}` stands for in `text`: both
    are the order's.
    """

    id = models.BigAutoField(primary_key=True)
    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="messages", db_index=False)
    city = models.ForeignKey(City, on_delete=models.SET_NULL, related_name="+", null=True, db_index=False)
    kind = models.TextField(choices=MessageKind)
    event = models.BigIntegerField(help_text="Of the outbox, that it tells of.")
    promised_at = models.DateTimeField(null=True, help_text="The promise that will not be kept.")
    state = models.TextField(
        choices=MessageState, default=MessageState.WAITING, db_default=MessageState.WAITING
    )
    why_not = models.TextField(choices=WhyNot, blank=True, default="", db_default="")
    language = models.TextField(blank=True, default="", db_default="")
    phone_ending = models.TextField(blank=True, default="", db_default="")
    gateway = models.TextField(blank=True, default="", db_default="")
    text = models.TextField(blank=True, default="", db_default="")
    segments = models.IntegerField(default=0, db_default=0)
    made_at = models.DateTimeField(db_default=Now())
    due_at = models.DateTimeField(db_default=Now(), help_text="Not sent before: quiet hours.")
    expires_at = models.DateTimeField(help_text="After that it would be old.")
    sent_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "messages"
        ordering = ["-id"]
        constraints = [
            one_of("messages_kind_known", "kind", MessageKind),
            one_of("messages_state_known", "state", MessageState),
            models.CheckConstraint(
                name="messages_why_not",
                condition=Q(state=MessageState.NOT_SENT) ^ Q(why_not=""),
            ),
            models.UniqueConstraint(name="messages_each_event_once", fields=["order", "kind", "event"]),
            # At most one of each kind, and of each promise, is ever handed to a gateway.
            models.UniqueConstraint(
                name="messages_told_once",
                fields=["order", "kind", "promised_at"],
                condition=Q(state__in=[MessageState.SENDING, MessageState.SENT, MessageState.UNSURE]),
                nulls_distinct=False,
            ),
        ]
        indexes = [
            models.Index(
                name="messages_of_city", fields=["city", "sent_at"], condition=Q(sent_at__isnull=False)
            ),
            models.Index(name="messages_made", fields=["made_at"]),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.get_state_display().lower()}"


class MessageText(models.Model):
    """What customers of a city, or of all, are told in a language, instead of what Doorstep would say."""

    city = models.ForeignKey(
        City,
        on_delete=models.CASCADE,
        related_name="+",
        null=True,
        blank=True,
        db_index=False,
        help_text="Empty: in all cities that have none of their own.",
    )
    language = models.TextField(default="en", db_default="en", validators=LANGUAGE)
    kind = models.TextField(choices=MessageKind)
    text = models.TextField()

    class Meta:
        db_table = "message_texts"
        verbose_name = "text to customers"
        verbose_name_plural = "texts to customers"
        ordering = [F("city__name").asc(nulls_first=True), "language", "kind"]
        constraints = [
            one_of("message_texts_kind_known", "kind", MessageKind),
            models.UniqueConstraint(
                name="message_texts_once", fields=["city", "language", "kind"], nulls_distinct=False
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} ({self.language}), {self.city or 'all cities'}"


class LinkFrom(models.TextChoices):
    """From when on a customer is owed the tracking link."""

    PLACED = "placed", "when the order is placed"
    ASSIGNED = "assigned", "when a driver has the order"


class MessageSettings(models.Model):
    """How the customers of a city are texted. A city without such a row: as a new row says."""

    city = models.OneToOneField(City, on_delete=models.CASCADE, primary_key=True, related_name="+")
    gateway = models.TextField(
        blank=True, default="", db_default="", help_text="By its name in NOTIFY_URLS; empty: the first one."
    )
    language = models.TextField(
        default="en",
        db_default="en",
        validators=LANGUAGE,
        help_text="Of orders that do not say one.",
    )
    link_from = models.TextField(
        "tracking link", choices=LinkFrom, default=LinkFrom.PLACED, db_default=LinkFrom.PLACED
    )
    quiet_from = models.TimeField(null=True, blank=True, help_text="By the city’s clocks.")
    quiet_until = models.TimeField(
        null=True, blank=True, help_text="Texts that can wait are not sent between these."
    )
    daily_segments = models.IntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(0)],
        help_text="So many segments a day; after them only tracking links go out. Empty: no limit.",
    )
    segment_price = models.DecimalField(
        max_digits=8,
        decimal_places=5,
        null=True,
        blank=True,
        validators=[MinValueValidator(0)],
        help_text="Of one segment, as the gateway charges it.",
    )
    currency = models.TextField(default="USD", db_default="USD")

    class Meta:
        db_table = "message_settings"
        verbose_name = "city’s texts"
        verbose_name_plural = "cities’ texts"
        ordering = ["city__name"]
        constraints = [
            one_of("message_settings_link_from_known", "link_from", LinkFrom),
            models.CheckConstraint(
                name="message_settings_quiet",
                condition=Q(quiet_from__isnull=True, quiet_until__isnull=True)
                | (Q(quiet_from__isnull=False, quiet_until__isnull=False) & ~Q(quiet_from=F("quiet_until"))),
            ),
            models.CheckConstraint(
                name="message_settings_daily_segments", condition=Q(daily_segments__gte=0)
            ),
            models.CheckConstraint(name="message_settings_segment_price", condition=Q(segment_price__gte=0)),
        ]

    def __str__(self) -> str:
        return str(self.city)


class StoppedNumber(models.Model):
    """A number that answered STOP, kept for ever as a keyed digest: whoever wants nothing from us any more is not to
    be found in a list of phone numbers that outlives all orders (docs/messages.md).
    """

    id = models.BigAutoField(primary_key=True)
    digest = models.TextField(unique=True, editable=False)
    key_id = models.TextField(
        editable=False, db_index=True, help_text="Of the key that digests are made with."
    )
    ending = models.TextField(editable=False)
    stopped_at = models.DateTimeField(editable=False)
    started_at = models.DateTimeField(
        null=True, editable=False, help_text="When it answered START, if that was later."
    )

    class Meta:
        db_table = "stopped_numbers"
        ordering = ["-stopped_at", "id"]

    def __str__(self) -> str:
        return f"…{self.ending}"
