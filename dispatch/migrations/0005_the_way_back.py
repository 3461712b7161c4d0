"""Food is brought back to where it came from."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("dispatch", "0004_order_details"),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="stop",
            name="stops_kind_known",
        ),
        migrations.AddField(
            model_name="stop",
            name="seen_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AlterField(
            model_name="stop",
            name="kind",
            field=models.TextField(
                choices=[("pickup", "Pickup"), ("dropoff", "Dropoff"), ("return", "Return")]
            ),
        ),
        migrations.AddConstraint(
            model_name="stop",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ["pickup", "dropoff", "return"])), name="stops_kind_known"
            ),
        ),
    ]
