"""Who said where an order goes, and how sure that is."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("dispatch", "0019_more_of_the_api"),
    ]

    operations = [
        migrations.AddField(
            model_name="order",
            name="door_from",
            field=models.TextField(
                choices=[
                    ("given", "as it was ordered"),
                    ("index", "looked up in our own streets"),
                    ("geocoder", "looked up by the geocoder"),
                    ("dispatcher", "set by hand"),
                ],
                db_default="given",
                default="given",
                editable=False,
            ),
        ),
        migrations.AddField(
            model_name="order",
            name="door_looked_up_at",
            field=models.DateTimeField(
                editable=False, help_text="When its address was, for want of coordinates.", null=True
            ),
        ),
        migrations.AddField(
            model_name="order",
            name="door_sure",
            field=models.BooleanField(
                db_default=True,
                default=True,
                editable=False,
                help_text="Else the coordinates are a guess, and nobody is sent there.",
            ),
        ),
        migrations.AddConstraint(
            model_name="order",
            constraint=models.CheckConstraint(
                condition=models.Q(("door_from__in", ["given", "index", "geocoder", "dispatcher"])),
                name="orders_door_from_known",
            ),
        ),
    ]
