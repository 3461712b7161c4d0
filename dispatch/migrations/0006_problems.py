from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("dispatch", "0005_learned_etas"),
    ]

    operations = [
        migrations.AddField(
            model_name="order",
            name="problem",
            field=models.TextField(
                blank=True,
                default="",
                db_default="",
                editable=False,
                help_text="Why it has no driver, or no more than an approximate ETA (routing/problems.py).",
            ),
        ),
        # Why an ETA was approximate was not kept; the next cycle, half a minute later, finds out.
        migrations.RunSQL(
            "UPDATE orders SET problem = 'roads_away' WHERE eta_approximate",
            "UPDATE orders SET eta_approximate = problem <> '' AND eta_minutes IS NOT NULL",
        ),
        migrations.RemoveField(model_name="order", name="eta_approximate"),
    ]
