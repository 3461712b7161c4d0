"""Cities as they are: how times and distances are told there, when they and their restaurants are open, where to they
deliver, and what is switched on for a while: a pause, or minutes that are promised more.
"""

import django.core.validators
import django.db.models.deletion
import django.db.models.lookups
from django.db import migrations, models

import dispatch.models.areas

# As in 0002, and the minutes that the restaurant and the city promise more to who orders then.
PROMISE = """
CREATE FUNCTION extra_minutes_at(moment timestamptz, minutes int, since timestamptz, until timestamptz) RETURNS int
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN moment >= coalesce(since, '-infinity') AND moment < until THEN minutes ELSE 0 END;

CREATE OR REPLACE FUNCTION keep_promise() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.promised_at := NEW.created_at + make_interval(mins => coalesce((
        SELECT coalesce(c.promise_minutes, 45)
            + extra_minutes_at(NEW.created_at, r.extra_minutes, r.extra_since, r.extra_until)
            + extra_minutes_at(NEW.created_at, c.extra_minutes, c.extra_since, c.extra_until)
        FROM restaurants r LEFT JOIN cities c ON c.id = r.city_id
        WHERE r.id = NEW.restaurant_id
    ), 45));
    RETURN NEW;
END $$;
"""
NO_PROMISE = """
CREATE OR REPLACE FUNCTION keep_promise() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.promised_at := NEW.created_at + make_interval(mins => coalesce((
        SELECT promise_minutes FROM restaurants JOIN cities ON cities.id = city_id
        WHERE restaurants.id = NEW.restaurant_id
    ), 45));
    RETURN NEW;
END $$;
DROP FUNCTION extra_minutes_at(timestamptz, int, timestamptz, timestamptz);
"""


class Migration(migrations.Migration):
    dependencies = [
        ("dispatch", "0014_shifts"),
    ]

    operations = [
        migrations.AddField(
            model_name="city",
            name="clock",
            field=models.TextField(
                choices=[("12h", "6:42 PM"), ("24h", "18:42")],
                db_default="12h",
                default="12h",
                help_text="How times are told to its customers, dispatchers and staff.",
            ),
        ),
        migrations.AddField(
            model_name="city",
            name="units",
            field=models.TextField(
                choices=[("mi", "miles, feet"), ("km", "kilometres, metres")],
                db_default="mi",
                default="mi",
                help_text="How distances and speeds are told to its dispatchers.",
            ),
        ),
        migrations.AddConstraint(
            model_name="city",
            constraint=models.CheckConstraint(
                condition=models.Q(("clock__in", ["12h", "24h"])), name="cities_clock_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="city",
            constraint=models.CheckConstraint(
                condition=models.Q(("units__in", ["mi", "km"])), name="cities_units_known"
            ),
        ),
        migrations.AddField(
            model_name="city",
            name="paused_since",
            field=models.DateTimeField(
                blank=True, help_text="From then on nobody is sent for food; empty: no pause.", null=True
            ),
        ),
        migrations.AddField(
            model_name="city",
            name="paused_until",
            field=models.DateTimeField(
                blank=True, help_text="Empty: until somebody ends the pause.", null=True
            ),
        ),
        migrations.AddField(
            model_name="city",
            name="pause_reason",
            field=models.TextField(blank=True, db_default="", default="", help_text="For dispatchers."),
        ),
        migrations.AddField(
            model_name="city",
            name="extra_minutes",
            field=models.IntegerField(
                db_default=0,
                default=0,
                help_text="Promised more to who orders meanwhile (0 to 240).",
                validators=[
                    django.core.validators.MinValueValidator(0),
                    django.core.validators.MaxValueValidator(240),
                ],
            ),
        ),
        migrations.AddField(
            model_name="city",
            name="extra_since",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="city",
            name="extra_until",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddConstraint(
            model_name="city",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("paused_until__isnull", True), ("paused_since__isnull", False), _connector="OR"
                ),
                name="cities_pause_begins",
            ),
        ),
        migrations.AddConstraint(
            model_name="city",
            constraint=models.CheckConstraint(
                condition=models.Q(("extra_minutes__range", (0, 240))), name="cities_extra_minutes_range"
            ),
        ),
        migrations.AddConstraint(
            model_name="city",
            constraint=models.CheckConstraint(
                condition=models.Q(("extra_minutes", 0), ("extra_until__isnull", False), _connector="OR"),
                name="cities_extra_minutes_end",
            ),
        ),
        migrations.AddField(
            model_name="restaurant",
            name="paused_since",
            field=models.DateTimeField(
                blank=True, help_text="From then on nobody is sent for food; empty: no pause.", null=True
            ),
        ),
        migrations.AddField(
            model_name="restaurant",
            name="paused_until",
            field=models.DateTimeField(
                blank=True, help_text="Empty: until somebody ends the pause.", null=True
            ),
        ),
        migrations.AddField(
            model_name="restaurant",
            name="pause_reason",
            field=models.TextField(blank=True, db_default="", default="", help_text="For dispatchers."),
        ),
        migrations.AddField(
            model_name="restaurant",
            name="extra_minutes",
            field=models.IntegerField(
                db_default=0,
                default=0,
                help_text="Promised more to who orders meanwhile (0 to 240).",
                validators=[
                    django.core.validators.MinValueValidator(0),
                    django.core.validators.MaxValueValidator(240),
                ],
            ),
        ),
        migrations.AddField(
            model_name="restaurant",
            name="extra_since",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="restaurant",
            name="extra_until",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddConstraint(
            model_name="restaurant",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("paused_until__isnull", True), ("paused_since__isnull", False), _connector="OR"
                ),
                name="restaurants_pause_begins",
            ),
        ),
        migrations.AddConstraint(
            model_name="restaurant",
            constraint=models.CheckConstraint(
                condition=models.Q(("extra_minutes__range", (0, 240))), name="restaurants_extra_minutes_range"
            ),
        ),
        migrations.AddConstraint(
            model_name="restaurant",
            constraint=models.CheckConstraint(
                condition=models.Q(("extra_minutes", 0), ("extra_until__isnull", False), _connector="OR"),
                name="restaurants_extra_minutes_end",
            ),
        ),
        migrations.RunSQL(PROMISE, NO_PROMISE),
        migrations.AddField(
            model_name="order",
            name="problem_until",
            field=models.DateTimeField(
                editable=False,
                help_text="When a closed restaurant opens, as far as anybody knows.",
                null=True,
            ),
        ),
        migrations.CreateModel(
            name="OpeningHours",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "weekday",
                    models.IntegerField(
                        choices=[
                            (0, "Monday"),
                            (1, "Tuesday"),
                            (2, "Wednesday"),
                            (3, "Thursday"),
                            (4, "Friday"),
                            (5, "Saturday"),
                            (6, "Sunday"),
                        ]
                    ),
                ),
                ("opens", models.TimeField(verbose_name="from")),
                (
                    "closes",
                    models.TimeField(help_text="Not later than “from”: on the day after.", verbose_name="to"),
                ),
                (
                    "city",
                    models.ForeignKey(
                        blank=True,
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        to="dispatch.city",
                    ),
                ),
                (
                    "restaurant",
                    models.ForeignKey(
                        blank=True,
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        to="dispatch.restaurant",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "opening hours (none: always open)",
                "db_table": "opening_hours",
                "ordering": ["weekday", "opens"],
            },
        ),
        migrations.CreateModel(
            name="OpeningException",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("date", models.DateField()),
                (
                    "opens",
                    models.TimeField(
                        blank=True,
                        help_text="Both empty: closed on that date.",
                        null=True,
                        verbose_name="from",
                    ),
                ),
                ("closes", models.TimeField(blank=True, null=True, verbose_name="to")),
                (
                    "name",
                    models.TextField(
                        blank=True, db_default="", default="", help_text="Such as Thanksgiving."
                    ),
                ),
                (
                    "city",
                    models.ForeignKey(
                        blank=True,
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        to="dispatch.city",
                    ),
                ),
                (
                    "restaurant",
                    models.ForeignKey(
                        blank=True,
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        to="dispatch.restaurant",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "holidays and other exceptions",
                "db_table": "opening_exceptions",
                "ordering": ["date", "opens"],
            },
        ),
        migrations.AddConstraint(
            model_name="openinghours",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("city__isnull", False), ("restaurant__isnull", True)),
                    models.Q(("city__isnull", True), ("restaurant__isnull", False)),
                    _connector="OR",
                ),
                name="opening_hours_of_one_place",
            ),
        ),
        migrations.AddConstraint(
            model_name="openinghours",
            constraint=models.CheckConstraint(
                condition=models.Q(("weekday__range", (0, 6))), name="opening_hours_weekday"
            ),
        ),
        migrations.AddConstraint(
            model_name="openingexception",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("city__isnull", False), ("restaurant__isnull", True)),
                    models.Q(("city__isnull", True), ("restaurant__isnull", False)),
                    _connector="OR",
                ),
                name="opening_exceptions_of_one_place",
            ),
        ),
        migrations.AddConstraint(
            model_name="openingexception",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("closes__isnull", True), ("opens__isnull", True)),
                    models.Q(("closes__isnull", False), ("opens__isnull", False)),
                    _connector="OR",
                ),
                name="opening_exceptions_both_times",
            ),
        ),
        migrations.CreateModel(
            name="DeliveryArea",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "city",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="delivery_area",
                        to="dispatch.city",
                    ),
                ),
                (
                    "area",
                    models.JSONField(
                        help_text="A GeoJSON Polygon or MultiPolygon, longitude first. Orders for doors outside say so.",
                        validators=[dispatch.models.areas.validate_area],
                    ),
                ),
            ],
            options={"db_table": "delivery_areas"},
        ),
        migrations.AddConstraint(
            model_name="deliveryarea",
            constraint=models.CheckConstraint(
                condition=django.db.models.lookups.Exact(
                    models.Func("area", function="jsonb_typeof", output_field=models.TextField()), "object"
                ),
                name="delivery_areas_object",
            ),
        ),
    ]
