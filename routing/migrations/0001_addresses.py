"""The index of addresses, and what geocoders have answered."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models

KEYS = "CREATE INDEX address_streets_keys ON address_streets USING gin (keys) WITH (fastupdate = off)"


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="AddressIndex",
            fields=[
                ("id", models.AutoField(primary_key=True, serialize=False)),
                ("fingerprint", models.TextField(help_text="Of the build, and of what reads it.")),
                ("source", models.TextField()),
                ("in_use", models.BooleanField(default=False)),
                ("loaded_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                "db_table": "address_indexes",
                "default_permissions": (),
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("in_use", True)),
                        fields=("in_use",),
                        name="address_indexes_one_in_use",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="AddressStreet",
            fields=[
                ("id", models.BigIntegerField(primary_key=True, serialize=False)),
                ("name", models.TextField()),
                ("base", models.TextField()),
                ("type", models.TextField()),
                ("directions", models.TextField()),
                ("keys", models.JSONField()),
                ("south", models.FloatField()),
                ("west", models.FloatField()),
                ("north", models.FloatField()),
                ("east", models.FloatField()),
                ("lat", models.FloatField()),
                ("lng", models.FloatField()),
                ("houses", models.IntegerField()),
                (
                    "index",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="streets",
                        to="routing.addressindex",
                    ),
                ),
            ],
            options={
                "db_table": "address_streets",
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="AddressHouse",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("number", models.IntegerField()),
                ("letter", models.TextField()),
                ("lat", models.FloatField()),
                ("lng", models.FloatField()),
                ("postcode", models.TextField()),
                ("town", models.TextField()),
                (
                    "street",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="routing.addressstreet",
                    ),
                ),
            ],
            options={
                "db_table": "address_houses",
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="AddressBlock",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("first", models.IntegerField()),
                ("last", models.IntegerField()),
                ("first_lat", models.FloatField()),
                ("first_lng", models.FloatField()),
                ("last_lat", models.FloatField()),
                ("last_lng", models.FloatField()),
                (
                    "street",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="routing.addressstreet",
                    ),
                ),
            ],
            options={
                "db_table": "address_blocks",
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="AddressTown",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("name", models.TextField(help_text="As addresses are compared (parse.canonical).")),
                ("lat", models.FloatField()),
                ("lng", models.FloatField()),
                (
                    "index",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="routing.addressindex",
                    ),
                ),
            ],
            options={
                "db_table": "address_towns",
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="GeocoderAnswer",
            fields=[
                ("digest", models.TextField(primary_key=True, serialize=False)),
                ("lat", models.FloatField(help_text="NULL: it found nothing.", null=True)),
                ("lng", models.FloatField(null=True)),
                ("sure", models.BooleanField(default=False)),
                ("answered_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                "db_table": "geocoder_answers",
                "default_permissions": (),
                "indexes": [models.Index(fields=["answered_at"], name="geocoder_answers_age")],
            },
        ),
        migrations.AddIndex(
            model_name="addressstreet",
            index=models.Index(fields=["base"], name="address_streets_begin", opclasses=["text_pattern_ops"]),
        ),
        migrations.AddIndex(
            model_name="addresshouse",
            index=models.Index(fields=["street", "number"], name="address_houses_numbers"),
        ),
        migrations.AddIndex(
            model_name="addresstown",
            index=models.Index(fields=["name"], name="address_towns_name"),
        ),
        migrations.RunSQL(KEYS, "DROP INDEX address_streets_keys"),
    ]
