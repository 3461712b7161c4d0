"""What others' servers are told: of each step and each shift, whoever writes it; and who hears of it by webhook."""

import django.db.models.deletion
import django.db.models.functions.datetime
import django.db.models.functions.uuid
import django.db.models.lookups
from django.db import migrations, models

import dispatch.models.webhooks

# With their owner's rights: who may write orders and drivers need not be let to the outbox. What comes into the table
# when it is over already is history, and nobody is told of it.
EVENTS = """
CREATE FUNCTION tell_of_step() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO outbox_events (kind, order_id, order_event_id) VALUES (
        'order.' || CASE WHEN NEW.from_status IS NULL THEN 'created' ELSE NEW.to_status END,
        NEW.order_id, NEW.id
    );
    RETURN NULL;
END $$;
CREATE TRIGGER order_events_tell AFTER INSERT ON order_events
    FOR EACH ROW WHEN (NEW.from_status IS NOT NULL OR NOT is_over(NEW.to_status)) EXECUTE FUNCTION tell_of_step();

CREATE FUNCTION tell_of_shift() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO outbox_events (kind, driver_id, data)
        VALUES ('driver.shift', NEW.id, jsonb_build_object('on_shift', NEW.on_shift));
    RETURN NULL;
END $$;
CREATE TRIGGER drivers_tell_first_shift AFTER INSERT ON drivers
    FOR EACH ROW WHEN (NEW.on_shift) EXECUTE FUNCTION tell_of_shift();
CREATE TRIGGER drivers_tell_shift AFTER UPDATE OF on_shift, status ON drivers
    FOR EACH ROW WHEN (NEW.on_shift <> OLD.on_shift) EXECUTE FUNCTION tell_of_shift();
"""
NO_EVENTS = """
DROP TRIGGER drivers_tell_shift ON drivers;
DROP TRIGGER drivers_tell_first_shift ON drivers;
DROP TRIGGER order_events_tell ON order_events;
DROP FUNCTION tell_of_shift();
DROP FUNCTION tell_of_step();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("dispatch", "0016_api_keys"),
    ]

    operations = [
        migrations.CreateModel(
            name="ArrivalTold",
            fields=[
                (
                    "order",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to="dispatch.order",
                    ),
                ),
                ("arrives_at", models.DateTimeField(null=True)),
                (
                    "late_for",
                    models.DateTimeField(
                        help_text="The promise of which they were told that it is broken.", null=True
                    ),
                ),
            ],
            options={
                "db_table": "arrivals_told",
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="OutboxReceiver",
            fields=[
                ("name", models.TextField(primary_key=True, serialize=False)),
                (
                    "failures",
                    models.IntegerField(
                        db_default=0, default=0, help_text="Tries in a row that it took nothing of."
                    ),
                ),
                ("failing_since", models.DateTimeField(help_text="The first of them.", null=True)),
                ("failed_at", models.DateTimeField(help_text="The last of them.", null=True)),
                ("wait_until", models.DateTimeField(help_text="Until then it is left alone.", null=True)),
            ],
            options={
                "db_table": "outbox_receivers",
                "ordering": ["name"],
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="OutboxEvent",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("kind", models.TextField(help_text="As order.delivered.")),
                ("data", models.JSONField(db_default=models.Value({}, models.JSONField()), default=dict)),
                ("recorded_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "driver",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="dispatch.driver",
                    ),
                ),
                (
                    "order",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="dispatch.order",
                    ),
                ),
                (
                    "order_event",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="dispatch.orderevent",
                    ),
                ),
            ],
            options={
                "db_table": "outbox_events",
                "ordering": ["id"],
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="OutboxEntry",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "message_id",
                    models.UUIDField(
                        db_default=django.db.models.functions.uuid.UUID4(), editable=False, unique=True
                    ),
                ),
                ("kind", models.TextField(help_text="Who sends it: webhook, sms.")),
                ("event", models.TextField(help_text="What it tells of, as order.delivered.")),
                ("receiver", models.TextField()),
                (
                    "lane",
                    models.TextField(
                        db_default="",
                        default="",
                        help_text="Kept in order with others of the same; empty: with none.",
                    ),
                ),
                ("body", models.JSONField()),
                (
                    "state",
                    models.TextField(
                        choices=[
                            ("waiting", "Waiting"),
                            ("sent", "Sent"),
                            ("dead", "Not delivered"),
                            ("dropped", "Dropped"),
                        ],
                        db_default="waiting",
                        default="waiting",
                    ),
                ),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "due_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(),
                        help_text="Not sent, or tried again, before.",
                    ),
                ),
                ("expires_at", models.DateTimeField(help_text="Dropped from then on.", null=True)),
                ("tries", models.IntegerField(db_default=0, default=0)),
                ("tried_since", models.DateTimeField(help_text="The first try.", null=True)),
                ("tried_at", models.DateTimeField(help_text="The last try.", null=True)),
                ("lease", models.UUIDField(help_text="The try that is under way.", null=True)),
                (
                    "leased_until",
                    models.DateTimeField(
                        help_text="Whoever makes it has died if it is not over then.", null=True
                    ),
                ),
                ("ended_at", models.DateTimeField(null=True)),
                ("answer_code", models.IntegerField(help_text="What the receiver answered last.", null=True)),
                ("answer", models.TextField(db_default="", default="")),
                (
                    "order",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="dispatch.order",
                    ),
                ),
            ],
            options={
                "verbose_name": "outgoing message",
                "db_table": "outbox_entries",
                "ordering": ["-id"],
                "default_permissions": ("view", "change"),
                "indexes": [
                    models.Index(
                        condition=models.Q(("state", "waiting")),
                        fields=["receiver", "due_at", "id"],
                        name="outbox_entries_due",
                    ),
                    models.Index(
                        condition=models.Q(("state", "waiting")),
                        fields=["receiver", "lane", "id"],
                        name="outbox_entries_lanes",
                    ),
                    models.Index(
                        condition=models.Q(("lease__isnull", False)),
                        fields=["receiver"],
                        name="outbox_entries_leased",
                    ),
                    models.Index(
                        condition=models.Q(("expires_at__isnull", False), ("state", "waiting")),
                        fields=["expires_at"],
                        name="outbox_entries_expire",
                    ),
                    models.Index(
                        condition=models.Q(("ended_at__isnull", False)),
                        fields=["ended_at"],
                        name="outbox_entries_ended",
                    ),
                    models.Index(fields=["receiver", "-id"], name="outbox_entries_of_receiver"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["waiting", "sent", "dead", "dropped"])),
                        name="outbox_entries_state_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("ended_at__isnull", True), ("state", "waiting")),
                            models.Q(
                                models.Q(("state", "waiting"), _negated=True),
                                ("ended_at__isnull", False),
                                ("lease__isnull", True),
                            ),
                            _connector="OR",
                        ),
                        name="outbox_entries_ended_or_waiting",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("lease__isnull", True), ("leased_until__isnull", True)),
                            models.Q(("lease__isnull", False), ("leased_until__isnull", False)),
                            _connector="OR",
                        ),
                        name="outbox_entries_lease_whole",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="WebhookEndpoint",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        db_default=django.db.models.functions.uuid.UUID4(),
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("url", models.TextField(help_text="Where we POST to: https://…", verbose_name="address")),
                ("events", models.JSONField(validators=[dispatch.models.webhooks.validate_events])),
                ("secret_sealed", models.TextField(editable=False)),
                ("previous_sealed", models.TextField(blank=True, db_default="", editable=False)),
                (
                    "previous_until",
                    models.DateTimeField(
                        editable=False, help_text="Until then the secret before signs as well.", null=True
                    ),
                ),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False
                    ),
                ),
                ("disabled_at", models.DateTimeField(editable=False, null=True)),
                ("disabled_because", models.TextField(blank=True, db_default="", editable=False)),
                (
                    "key",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="webhooks",
                        to="dispatch.apikey",
                    ),
                ),
            ],
            options={
                "verbose_name": "webhook",
                "db_table": "webhook_endpoints",
                "ordering": ["-created_at", "id"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("key", "url"),
                        name="webhook_endpoints_once",
                        violation_error_message="The key has this address already.",
                    ),
                    models.CheckConstraint(
                        condition=django.db.models.lookups.Exact(
                            models.Func("events", function="jsonb_typeof", output_field=models.TextField()),
                            "array",
                        ),
                        name="webhook_endpoints_events_list",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("disabled_at__isnull", True), ("disabled_because", "")),
                            models.Q(
                                ("disabled_at__isnull", False),
                                models.Q(("disabled_because", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="webhook_endpoints_disabled_because",
                    ),
                ],
            },
        ),
        migrations.RunSQL(EVENTS, NO_EVENTS),
    ]
