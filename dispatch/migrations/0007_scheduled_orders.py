"""Orders that are wanted later."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("dispatch", "0006_failure_reasons"),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="order",
            name="orders_status_known",
        ),
        migrations.AddField(
            model_name="order",
            name="dispatch_at",
            field=models.DateTimeField(
                editable=False,
                help_text="When a driver is looked for, of an order that is wanted later.",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="order",
            name="wanted_at",
            field=models.DateTimeField(
                blank=True,
                help_text="At the door then, and not before; empty: as soon as possible.",
                null=True,
            ),
        ),
        migrations.AlterField(
            model_name="order",
            name="status",
            field=models.TextField(
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
                db_default="pending",
                default="pending",
                editable=False,
            ),
        ),
        migrations.AlterField(
            model_name="orderevent",
            name="from_status",
            field=models.TextField(
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
                null=True,
            ),
        ),
        migrations.AlterField(
            model_name="orderevent",
            name="to_status",
            field=models.TextField(
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
                ]
            ),
        ),
        migrations.AddIndex(
            model_name="order",
            index=models.Index(
                condition=models.Q(("status", "scheduled")), fields=["dispatch_at"], name="orders_scheduled"
            ),
        ),
        migrations.AddConstraint(
            model_name="order",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "status__in",
                        [
                            "scheduled",
                            "pending",
                            "assigned",
                            "to_restaurant",
                            "driver_at_restaurant",
                            "picked_up",
                            "driver_nearby",
                            "delivered",
                            "cancelled",
                            "failed",
                        ],
                    )
                ),
                name="orders_status_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="order",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("status", "scheduled"), _negated=True),
                    models.Q(("dispatch_at__isnull", False), ("wanted_at__isnull", False)),
                    _connector="OR",
                ),
                name="orders_scheduled_until",
            ),
        ),
    ]
