"""What a device says late, against what people did meanwhile."""

import django.db.models.deletion
import django.db.models.functions.datetime
import django.db.models.functions.uuid
from django.db import migrations, models

VERSIONS = """
CREATE TRIGGER conflicts_next_version BEFORE UPDATE ON conflicts
    FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION next_version();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("dispatch", "0009_transfers"),
    ]

    operations = [
        migrations.CreateModel(
            name="Conflict",
            fields=[
                ("version", models.IntegerField(db_default=1, default=1, editable=False)),
                (
                    "updated_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False
                    ),
                ),
                (
                    "id",
                    models.UUIDField(
                        db_default=django.db.models.functions.uuid.UUID4(),
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "says",
                    models.TextField(
                        choices=[
                            ("scheduled", "Later"),
                            ("pending", "Unassigned"),
                            ("assigned", "Assigned"),
                            ("to_restaurant", "To restaurant"),
                            ("driver_at_restaurant", "At restaurant"),
                            ("picked_up", "Picked up"),
                            ("driver_nearby", "Nearby"),
                            ("delivered", "Delivered"),
                            ("cancelled", "Cancelled"),
                            ("failed", "Not handed over"),
                        ],
                        help_text="The button.",
                    ),
                ),
                (
                    "reason",
                    models.TextField(
                        blank=True,
                        db_default="",
                        default="",
                        help_text="The code of why it failed, as the driver says.",
                    ),
                ),
                ("pressed_at", models.DateTimeField(help_text="By the driver's device.")),
                (
                    "told_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), help_text="When we heard of it."
                    ),
                ),
                (
                    "outcome",
                    models.TextField(
                        choices=[("driver", "as the driver says"), ("stands", "as it stands")], null=True
                    ),
                ),
                ("settled_at", models.DateTimeField(null=True)),
                ("settled_by", models.TextField(blank=True, db_default="", default="")),
                (
                    "against",
                    models.ForeignKey(
                        help_text="What people did meanwhile.",
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="dispatch.orderevent",
                    ),
                ),
                (
                    "driver",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="dispatch.driver"
                    ),
                ),
                (
                    "order",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="conflicts",
                        to="dispatch.order",
                    ),
                ),
            ],
            options={
                "db_table": "conflicts",
                "ordering": ["-told_at", "id"],
                "indexes": [
                    models.Index(fields=["updated_at"], name="conflicts_updated"),
                    models.Index(
                        condition=models.Q(("outcome__isnull", True)),
                        fields=["told_at"],
                        name="conflicts_open",
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("outcome__in", ["driver", "stands"])),
                        name="conflicts_outcome_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("outcome__isnull", True), ("settled_at__isnull", True)),
                            models.Q(("outcome__isnull", False), ("settled_at__isnull", False)),
                            _connector="OR",
                        ),
                        name="conflicts_settled_at_once",
                    ),
                    models.UniqueConstraint(
                        fields=("order", "driver", "says", "pressed_at"), name="conflicts_each_press_once"
                    ),
                ],
            },
        ),
        # Which go with their table.
        migrations.RunSQL(VERSIONS, migrations.RunSQL.noop),
    ]
