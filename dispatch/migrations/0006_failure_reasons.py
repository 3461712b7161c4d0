"""Why orders can't be picked up or handed over: a list to begin with, which staff edit."""

from django.db import migrations, models

FIRST = """
INSERT INTO failure_reasons (position, code, name, leads_to) VALUES
    (1, 'closed', 'Restaurant closed', 'end'),
    (2, 'not_ready', 'Food not ready', 'pending'),
    (3, 'wrong_order', 'Wrong order', 'return'),
    (4, 'nobody_home', 'Nobody home', 'return'),
    (5, 'wrong_address', 'Wrong address', 'return'),
    (6, 'refused', 'Customer refused it', 'return'),
    (7, 'accident', 'Accident', 'end'),
    (8, 'vehicle', 'Vehicle broke down', 'pending'),
    (9, 'other', 'Other', 'end');
"""


class Migration(migrations.Migration):
    dependencies = [
        ("dispatch", "0005_the_way_back"),
    ]

    operations = [
        migrations.CreateModel(
            name="FailureReason",
            fields=[
                ("code", models.SlugField(primary_key=True, serialize=False)),
                ("name", models.TextField(help_text="As drivers and dispatchers read it.", unique=True)),
                (
                    "leads_to",
                    models.TextField(
                        choices=[
                            ("pending", "another driver fetches it; food on board goes back"),
                            ("return", "it ends, and food on board goes back to the restaurant"),
                            ("end", "it ends there"),
                        ],
                        db_default="end",
                        default="end",
                        verbose_name="what becomes of the order",
                    ),
                ),
                ("position", models.IntegerField(db_default=0, default=0, help_text="Rank in the list.")),
                (
                    "active",
                    models.BooleanField(db_default=True, default=True, help_text="Whether it can be chosen."),
                ),
            ],
            options={
                "db_table": "failure_reasons",
                "ordering": ["position", "name"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("leads_to__in", ["pending", "return", "end"])),
                        name="failure_reasons_leads_to_known",
                    )
                ],
            },
        ),
        migrations.RunSQL(FIRST, migrations.RunSQL.noop),
    ]
