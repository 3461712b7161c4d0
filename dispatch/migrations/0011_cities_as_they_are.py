"""Cities as they are: how times and distances are told there."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("dispatch", "0009_transfers"),
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
    ]
