"""What a dispatcher should look at: alerts, after how many minutes a city wants them, and what finding them takes."""

import django.core.validators
import django.db.models.deletion
import django.db.models.functions.datetime
import django.db.models.functions.uuid
from django.db import migrations, models

VERSIONS = """
CREATE TRIGGER alerts_next_version BEFORE UPDATE ON alerts
    FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION next_version();
"""
NO_VERSIONS = "DROP TRIGGER alerts_next_version ON alerts;"


def minutes(name: str, verbose_name: str, default: int, help_text: str) -> migrations.AddField:
    return migrations.AddField(
        model_name="city",
        name=f"{name}_alert_minutes",
        field=models.IntegerField(
            db_default=default,
            default=default,
            help_text=help_text,
            validators=[
                django.core.validators.MinValueValidator(0),
                django.core.validators.MaxValueValidator(600),
            ],
            verbose_name=f"{verbose_name} (min)",
        ),
    )


class Migration(migrations.Migration):
    dependencies = [("dispatch", "0012_drivers_as_they_are")]
    operations = [
        minutes("unassigned", "order without a driver", 5, "An order has no driver for so long."),
        minutes(
            "not_set_out",
            "driver has not set out",
            5,
            "A driver has an order for so long, and has not set out for it.",
        ),
        minutes(
            "at_restaurant",
            "driver waits at the restaurant",
            15,
            "A driver is at the restaurant for so long.",
        ),
        minutes(
            "standing",
            "driver stands on the way",
            8,
            "A driver with orders stands for so long, away from every stop.",
        ),
        minutes(
            "off_route",
            "driver is off the route",
            5,
            "A driver is off the planned road for so long, and comes no nearer to the stop.",
        ),
        minutes(
            "silent",
            "driver is silent, with food",
            5,
            "Nothing is heard for so long of a driver who has food on board.",
        ),
        minutes(
            "shift_ending",
            "shift ends with stops left",
            15,
            "So long before the planned end of a shift there are stops that will not be done by then.",
        ),
        migrations.AddConstraint(
            model_name="city",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("at_restaurant_alert_minutes__range", (0, 600)),
                    ("not_set_out_alert_minutes__range", (0, 600)),
                    ("off_route_alert_minutes__range", (0, 600)),
                    ("shift_ending_alert_minutes__range", (0, 600)),
                    ("silent_alert_minutes__range", (0, 600)),
                    ("standing_alert_minutes__range", (0, 600)),
                    ("unassigned_alert_minutes__range", (0, 600)),
                ),
                name="cities_alert_minutes_range",
            ),
        ),
        migrations.CreateModel(
            name="Alert",
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
                    "kind",
                    models.TextField(
                        choices=[
                            ("unassigned", "Order without a driver"),
                            ("not_set_out", "Driver has not set out"),
                            ("at_restaurant", "Driver waits at the restaurant"),
                            ("standing", "Driver stands on the way"),
                            ("off_route", "Driver is off the route"),
                            ("silent", "Driver is silent, with food"),
                            ("shift_ending", "Shift ends with stops left"),
                        ]
                    ),
                ),
                (
                    "city",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="dispatch.city",
                    ),
                ),
                (
                    "driver",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="dispatch.driver",
                    ),
                ),
                (
                    "order",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="dispatch.order",
                    ),
                ),
                ("since", models.DateTimeField(help_text="When its reason began.")),
                (
                    "due_at",
                    models.DateTimeField(
                        help_text="When the planned shift ends, where that is the reason.", null=True
                    ),
                ),
                ("fired_at", models.DateTimeField()),
                (
                    "seen_by",
                    models.TextField(blank=True, db_default="", default="", help_text="Who made it quiet."),
                ),
                ("ended_at", models.DateTimeField(null=True)),
            ],
            options={
                "db_table": "alerts",
                "ordering": ["-fired_at", "id"],
                "indexes": [models.Index(fields=["updated_at"], name="alerts_updated")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "kind__in",
                                [
                                    "unassigned",
                                    "not_set_out",
                                    "at_restaurant",
                                    "standing",
                                    "off_route",
                                    "silent",
                                    "shift_ending",
                                ],
                            )
                        ),
                        name="alerts_kind_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("driver__isnull", False), ("order__isnull", False), _connector="OR"
                        ),
                        name="alerts_of_somebody",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("ended_at", None)),
                        fields=("kind", "driver"),
                        name="alerts_open_of_driver",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("driver", None), ("ended_at", None)),
                        fields=("kind", "order"),
                        name="alerts_open_of_order",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Whereabouts",
            fields=[
                (
                    "driver",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to="dispatch.driver",
                    ),
                ),
                ("lat", models.FloatField(help_text="Where the driver stands, or last began to.")),
                ("lng", models.FloatField()),
                ("stood_since", models.DateTimeField(help_text="By the driver's device.")),
                ("stop_id", models.UUIDField(help_text="The stop that the driver is on the way to.")),
                (
                    "leg",
                    models.JSONField(
                        help_text="The road there as it was planned first: GeoJSON coordinates.", null=True
                    ),
                ),
                (
                    "off_since",
                    models.DateTimeField(
                        help_text="Since when the driver is off that road and comes no nearer.", null=True
                    ),
                ),
                (
                    "off_m",
                    models.FloatField(
                        help_text="How far from the stop that began (metres, straight).", null=True
                    ),
                ),
            ],
            options={
                "db_table": "whereabouts",
                "default_permissions": (),
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("lat__isnull", False),
                                ("lng__isnull", False),
                                ("lat__range", (-90, 90)),
                                ("lng__range", (-180, 180)),
                            ),
                            models.Q(("lat__isnull", True), ("lng__isnull", True)),
                            _connector="OR",
                        ),
                        name="whereabouts_on_globe",
                    )
                ],
            },
        ),
        migrations.RunSQL(VERSIONS, NO_VERSIONS),
    ]
