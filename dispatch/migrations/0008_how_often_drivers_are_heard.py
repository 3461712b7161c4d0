"""How often a driver's app sends: one in the background is slow and alive, and goes offline later than one that died."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("dispatch", "0007_scheduled_orders")]
    operations = [
        migrations.AddField(
            model_name="driver",
            name="heard_every_s",
            field=models.FloatField(
                editable=False,
                help_text="How long the app is silent from one message to the next.",
                null=True,
            ),
        ),
    ]
