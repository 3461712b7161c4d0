"""Keys of the HTTP API, and what it has answered."""

import django.db.models.deletion
import django.db.models.functions.datetime
import django.db.models.functions.uuid
from django.db import migrations, models

import dispatch.models.api_keys


class Migration(migrations.Migration):
    dependencies = [
        ("dispatch", "0015_cities_as_they_are"),
    ]

    operations = [
        migrations.CreateModel(
            name="ApiKey",
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
                    "name",
                    models.TextField(
                        help_text="Stands in the timelines of orders that are placed or changed with it."
                    ),
                ),
                ("digest", models.TextField(editable=False, unique=True)),
                (
                    "scopes",
                    models.JSONField(
                        db_default=models.Value([], models.JSONField()),
                        default=list,
                        validators=[dispatch.models.api_keys.validate_scopes],
                    ),
                ),
                (
                    "all_cities",
                    models.BooleanField(
                        db_default=False,
                        default=False,
                        help_text="Else it reaches what belongs to its own cities alone.",
                    ),
                ),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False
                    ),
                ),
                (
                    "last_used_at",
                    models.DateTimeField(editable=False, help_text="To the minute.", null=True),
                ),
                (
                    "expires_at",
                    models.DateTimeField(
                        blank=True, help_text="By UTC; empty: it works until it is revoked.", null=True
                    ),
                ),
                ("revoked_at", models.DateTimeField(editable=False, null=True)),
            ],
            options={
                "verbose_name": "API key",
                "db_table": "api_keys",
                "ordering": ["-created_at", "id"],
            },
        ),
        migrations.CreateModel(
            name="ApiKeyCity",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "city",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="dispatch.city"
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
            ],
            options={
                "db_table": "api_key_cities",
                "default_permissions": (),
            },
        ),
        migrations.AddField(
            model_name="apikey",
            name="cities",
            field=models.ManyToManyField(
                blank=True, related_name="+", through="dispatch.ApiKeyCity", to="dispatch.city"
            ),
        ),
        migrations.CreateModel(
            name="ApiAnswer",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("idempotency_key", models.TextField()),
                ("request_digest", models.TextField(help_text="Of method, path and body.")),
                ("status", models.IntegerField(null=True)),
                (
                    "headers",
                    models.JSONField(db_default=models.Value({}, models.JSONField()), default=dict),
                ),
                ("body", models.BinaryField(null=True)),
                ("made_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "key",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="dispatch.apikey",
                    ),
                ),
            ],
            options={
                "db_table": "api_answers",
                "default_permissions": (),
                "indexes": [models.Index(fields=["made_at"], name="api_answers_made")],
                "constraints": [
                    models.UniqueConstraint(fields=("key", "idempotency_key"), name="api_answers_once")
                ],
            },
        ),
        migrations.AddConstraint(
            model_name="apikeycity",
            constraint=models.UniqueConstraint(fields=("key", "city"), name="api_key_cities_once"),
        ),
        migrations.AddConstraint(
            model_name="apikey",
            constraint=models.UniqueConstraint(
                condition=models.Q(("revoked_at__isnull", True)), fields=("name",), name="api_keys_name_once"
            ),
        ),
    ]
