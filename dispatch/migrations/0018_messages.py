"""Texts to customers: what is said, what was sent and what not, and who wants none."""

import django.core.validators
import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("dispatch", "0017_outbox"),
    ]

    operations = [
        migrations.CreateModel(
            name="StoppedNumber",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("digest", models.TextField(editable=False, unique=True)),
                (
                    "key_id",
                    models.TextField(
                        db_index=True, editable=False, help_text="Of the key that digests are made with."
                    ),
                ),
                ("ending", models.TextField(editable=False)),
                ("stopped_at", models.DateTimeField(editable=False)),
                (
                    "started_at",
                    models.DateTimeField(
                        editable=False, help_text="When it answered START, if that was later.", null=True
                    ),
                ),
            ],
            options={
                "db_table": "stopped_numbers",
                "ordering": ["-stopped_at", "id"],
            },
        ),
        migrations.AddField(
            model_name="order",
            name="customer_language",
            field=models.TextField(
                blank=True,
                db_default="",
                default="",
                help_text="In which the customer is texted, as en or es; empty: the city’s.",
                validators=[
                    django.core.validators.RegexValidator(
                        "^[a-z]{2,3}\\Z", "A language is two or three small letters, as en or es."
                    )
                ],
                verbose_name="language",
            ),
        ),
        migrations.CreateModel(
            name="MessageSettings",
            fields=[
                (
                    "city",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to="dispatch.city",
                    ),
                ),
                (
                    "gateway",
                    models.TextField(
                        blank=True,
                        db_default="",
                        default="",
                        help_text="By its name in NOTIFY_URLS; empty: the first one.",
                    ),
                ),
                (
                    "language",
                    models.TextField(
                        db_default="en",
                        default="en",
                        help_text="Of orders that do not say one.",
                        validators=[
                            django.core.validators.RegexValidator(
                                "^[a-z]{2,3}\\Z", "A language is two or three small letters, as en or es."
                            )
                        ],
                    ),
                ),
                (
                    "link_from",
                    models.TextField(
                        choices=[
                            ("placed", "when the order is placed"),
                            ("assigned", "when a driver has the order"),
                        ],
                        db_default="placed",
                        default="placed",
                        verbose_name="tracking link",
                    ),
                ),
                ("quiet_from", models.TimeField(blank=True, help_text="By the city’s clocks.", null=True)),
                (
                    "quiet_until",
                    models.TimeField(
                        blank=True, help_text="Texts that can wait are not sent between these.", null=True
                    ),
                ),
                (
                    "daily_segments",
                    models.IntegerField(
                        blank=True,
                        help_text="So many segments a day; after them only tracking links go out. Empty: no limit.",
                        null=True,
                        validators=[django.core.validators.MinValueValidator(0)],
                    ),
                ),
                (
                    "segment_price",
                    models.DecimalField(
                        blank=True,
                        decimal_places=5,
                        help_text="Of one segment, as the gateway charges it.",
                        max_digits=8,
                        null=True,
                        validators=[django.core.validators.MinValueValidator(0)],
                    ),
                ),
                ("currency", models.TextField(db_default="USD", default="USD")),
            ],
            options={
                "verbose_name": "city’s texts",
                "verbose_name_plural": "cities’ texts",
                "db_table": "message_settings",
                "ordering": ["city__name"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("link_from__in", ["placed", "assigned"])),
                        name="message_settings_link_from_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("quiet_from__isnull", True), ("quiet_until__isnull", True)),
                            models.Q(
                                ("quiet_from__isnull", False),
                                ("quiet_until__isnull", False),
                                models.Q(("quiet_from", models.F("quiet_until")), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="message_settings_quiet",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("daily_segments__gte", 0)), name="message_settings_daily_segments"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("segment_price__gte", 0)), name="message_settings_segment_price"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Message",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "kind",
                    models.TextField(
                        choices=[
                            ("link", "Tracking link"),
                            ("nearby", "Nearby"),
                            ("later", "Later than promised"),
                            ("delivered", "Delivered"),
                            ("cancelled", "Cancelled"),
                            ("failed", "Not handed over"),
                        ]
                    ),
                ),
                ("event", models.BigIntegerField(help_text="Of the outbox, that it tells of.")),
                (
                    "promised_at",
                    models.DateTimeField(help_text="The promise that will not be kept.", null=True),
                ),
                (
                    "state",
                    models.TextField(
                        choices=[
                            ("waiting", "Waits"),
                            ("sending", "Is being sent"),
                            ("sent", "Sent"),
                            ("unsure", "Perhaps sent"),
                            ("not_sent", "Not sent"),
                        ],
                        db_default="waiting",
                        default="waiting",
                    ),
                ),
                (
                    "why_not",
                    models.TextField(
                        blank=True,
                        choices=[
                            ("no_phone", "The order has no phone number that takes texts."),
                            ("stopped", "The customer answered STOP: this number gets no texts."),
                            (
                                "stop_list",
                                "Who said STOP can’t be known: STOP_LIST_KEY is not the one that it was.",
                            ),
                            ("quiet", "It was quiet hours, and after them it would have been old."),
                            (
                                "budget",
                                "The city’s budget of the day was used up: only tracking links went out.",
                            ),
                            ("old_news", "Doorstep heard of it too late to text it as news."),
                            ("moved_on", "The order had moved on."),
                            ("too_late", "It could not be sent in time."),
                            ("already", "The customer had been told."),
                            ("no_restaurant", "Nobody has chosen the order’s restaurant yet."),
                            ("no_gateway", "The city’s gateway is none of those in NOTIFY_URLS."),
                        ],
                        db_default="",
                        default="",
                    ),
                ),
                ("language", models.TextField(blank=True, db_default="", default="")),
                ("phone_ending", models.TextField(blank=True, db_default="", default="")),
                ("gateway", models.TextField(blank=True, db_default="", default="")),
                ("text", models.TextField(blank=True, db_default="", default="")),
                ("segments", models.IntegerField(db_default=0, default=0)),
                ("made_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "due_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(),
                        help_text="Not sent before: quiet hours.",
                    ),
                ),
                ("expires_at", models.DateTimeField(help_text="After that it would be old.")),
                ("sent_at", models.DateTimeField(null=True)),
                (
                    "city",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="dispatch.city",
                    ),
                ),
                (
                    "order",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="messages",
                        to="dispatch.order",
                    ),
                ),
            ],
            options={
                "db_table": "messages",
                "ordering": ["-id"],
                "indexes": [
                    models.Index(
                        condition=models.Q(("sent_at__isnull", False)),
                        fields=["city", "sent_at"],
                        name="messages_of_city",
                    ),
                    models.Index(fields=["made_at"], name="messages_made"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("kind__in", ["link", "nearby", "later", "delivered", "cancelled", "failed"])
                        ),
                        name="messages_kind_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("state__in", ["waiting", "sending", "sent", "unsure", "not_sent"])
                        ),
                        name="messages_state_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("state", "not_sent"), ("why_not", ""), _connector="XOR"),
                        name="messages_why_not",
                    ),
                    models.UniqueConstraint(
                        fields=("order", "kind", "event"), name="messages_each_event_once"
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("state__in", ["sending", "sent", "unsure"])),
                        fields=("order", "kind", "promised_at"),
                        name="messages_told_once",
                        nulls_distinct=False,
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="MessageText",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "language",
                    models.TextField(
                        db_default="en",
                        default="en",
                        validators=[
                            django.core.validators.RegexValidator(
                                "^[a-z]{2,3}\\Z", "A language is two or three small letters, as en or es."
                            )
                        ],
                    ),
                ),
                (
                    "kind",
                    models.TextField(
                        choices=[
                            ("link", "Tracking link"),
                            ("nearby", "Nearby"),
                            ("later", "Later than promised"),
                            ("delivered", "Delivered"),
                            ("cancelled", "Cancelled"),
                            ("failed", "Not handed over"),
                        ]
                    ),
                ),
                ("text", models.TextField()),
                (
                    "city",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        help_text="Empty: in all cities that have none of their own.",
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="dispatch.city",
                    ),
                ),
            ],
            options={
                "verbose_name": "text to customers",
                "verbose_name_plural": "texts to customers",
                "db_table": "message_texts",
                "ordering": [models.OrderBy(models.F("city__name"), nulls_first=True), "language", "kind"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("kind__in", ["link", "nearby", "later", "delivered", "cancelled", "failed"])
                        ),
                        name="message_texts_kind_known",
                    ),
                    models.UniqueConstraint(
                        fields=("city", "language", "kind"), name="message_texts_once", nulls_distinct=False
                    ),
                ],
            },
        ),
    ]
