"""The break that is planned with a shift, and when it began."""

import django.core.validators
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("dispatch", "0021_platform_restaurants"),
    ]

    operations = [
        migrations.AddField(
            model_name="shift",
            name="break_began_at",
            field=models.DateTimeField(editable=False, null=True, verbose_name="break began"),
        ),
        migrations.AddField(
            model_name="shift",
            name="break_by",
            field=models.DateTimeField(
                blank=True, help_text="And then at the latest.", null=True, verbose_name="break begins by"
            ),
        ),
        migrations.AddField(
            model_name="shift",
            name="break_from",
            field=models.DateTimeField(
                blank=True,
                help_text="A break begins then at the earliest; empty: none is planned.",
                null=True,
                verbose_name="break from",
            ),
        ),
        migrations.AddField(
            model_name="shift",
            name="break_minutes",
            field=models.IntegerField(
                blank=True,
                null=True,
                validators=[
                    django.core.validators.MinValueValidator(1),
                    django.core.validators.MaxValueValidator(480),
                ],
                verbose_name="minutes of break",
            ),
        ),
        migrations.AddConstraint(
            model_name="shift",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("break_by", None), ("break_from", None), ("break_minutes", None)),
                    models.Q(
                        ("break_by__gte", models.F("break_from")),
                        ("break_by__isnull", False),
                        ("break_by__lt", models.F("ends_at")),
                        ("break_from__gte", models.F("starts_at")),
                        ("break_from__isnull", False),
                        ("break_minutes__isnull", False),
                        ("break_minutes__range", (1, 480)),
                    ),
                    _connector="OR",
                ),
                name="shifts_break_whole",
                violation_error_message="A break that is planned has all three: from when, by when it begins, both within the shift and in this order, and how many minutes.",
            ),
        ),
    ]
