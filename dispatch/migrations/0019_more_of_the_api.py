"""What orders of a platform have besides: a check of age, and whose their external_id is; and quotes before them."""

import django.core.validators
import django.db.models.deletion
import django.db.models.functions.datetime
import django.db.models.functions.uuid
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("dispatch", "0018_messages"),
    ]

    operations = [
        migrations.CreateModel(
            name="Quote",
            fields=[
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
                    "customer_lat",
                    models.FloatField(
                        validators=[
                            django.core.validators.MinValueValidator(-90.0),
                            django.core.validators.MaxValueValidator(90.0),
                        ],
                        verbose_name="latitude",
                    ),
                ),
                (
                    "customer_lng",
                    models.FloatField(
                        validators=[
                            django.core.validators.MinValueValidator(-180.0),
                            django.core.validators.MaxValueValidator(180.0),
                        ],
                        verbose_name="longitude",
                    ),
                ),
                (
                    "key",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="dispatch.apikey",
                    ),
                ),
                (
                    "restaurant",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="dispatch.restaurant",
                    ),
                ),
                ("promised_at", models.DateTimeField()),
                ("made_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("expires_at", models.DateTimeField()),
                ("used_at", models.DateTimeField(null=True)),
            ],
            options={
                "db_table": "quotes",
                "default_permissions": (),
                "indexes": [models.Index(fields=["made_at"], name="quotes_made")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("customer_lat__isnull", False),
                                ("customer_lng__isnull", False),
                                ("customer_lat__range", (-90, 90)),
                                ("customer_lng__range", (-180, 180)),
                            ),
                            models.Q(("customer_lat__isnull", True), ("customer_lng__isnull", True)),
                            _connector="OR",
                        ),
                        name="quotes_customer_on_globe",
                    )
                ],
            },
        ),
        migrations.AddField(
            model_name="apikey",
            name="source",
            field=models.TextField(
                blank=True,
                db_default="",
                default="",
                help_text="Keys of one source find each other’s orders by “external_id”, which no two orders of it share; empty for a new key: its name.",
            ),
        ),
        migrations.AddField(
            model_name="order",
            name="age_check",
            field=models.IntegerField(
                blank=True,
                db_default=None,
                default=None,
                help_text="The driver hands it over only to who proves to be so old; empty: to anybody.",
                null=True,
                validators=[
                    django.core.validators.MinValueValidator(1),
                    django.core.validators.MaxValueValidator(99),
                ],
            ),
        ),
        migrations.AddField(
            model_name="order",
            name="source",
            field=models.TextField(
                blank=True, db_default="", default="", editable=False, help_text="Whose that id is."
            ),
        ),
        migrations.AlterField(
            model_name="order",
            name="external_id",
            field=models.TextField(
                blank=True,
                help_text="By which the ordering platform knows it.",
                null=True,
                verbose_name="the ordering platform’s id",
            ),
        ),
        migrations.AddConstraint(
            model_name="order",
            constraint=models.CheckConstraint(
                condition=models.Q(("age_check__range", (1, 99))), name="orders_age_check_range"
            ),
        ),
        migrations.AddConstraint(
            model_name="order",
            constraint=models.UniqueConstraint(
                fields=("external_id", "source"), name="orders_external_id_once"
            ),
        ),
    ]
