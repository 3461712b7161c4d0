"""Food that is on the road with one driver is taken over by another one."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("dispatch", "0008_how_often_drivers_are_heard"),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="stop",
            name="stops_kind_known",
        ),
        migrations.AddField(
            model_name="stop",
            name="meets",
            field=models.ForeignKey(
                db_index=False,
                help_text="Who has the food that is taken over here.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="dispatch.driver",
            ),
        ),
        migrations.AlterField(
            model_name="stop",
            name="kind",
            field=models.TextField(
                choices=[
                    ("pickup", "Pickup"),
                    ("dropoff", "Dropoff"),
                    ("return", "Return"),
                    ("transfer", "Transfer"),
                ]
            ),
        ),
        migrations.AddConstraint(
            model_name="stop",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ["pickup", "dropoff", "return", "transfer"])),
                name="stops_kind_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="stop",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind", "transfer"), ("meets__isnull", False))
                | models.Q(models.Q(("kind", "transfer"), _negated=True), ("meets__isnull", True)),
                name="stops_transfer_meets_somebody",
            ),
        ),
    ]
