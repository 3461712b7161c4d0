"""Drivers as they are: what they go by and how much that carries, what they can, and their breaks."""

import django.core.validators
import django.db.models.lookups
from django.db import migrations, models

import dispatch.models.skills

# All that clients are shown of a driver beside the position (dispatch/migrations/0001_initial.py), with what is new.
VERSIONS = """
DROP TRIGGER drivers_next_version ON drivers;
CREATE TRIGGER drivers_next_version
    BEFORE UPDATE OF
        name, phone, city_id, status, on_shift, break_until, vehicle, capacity, skills, simulated, version
    ON drivers
    FOR EACH ROW WHEN (
        (OLD.name, OLD.phone, OLD.city_id, OLD.status, OLD.on_shift, OLD.break_until, OLD.vehicle, OLD.capacity,
         OLD.skills, OLD.simulated, OLD.version)
        IS DISTINCT FROM
        (NEW.name, NEW.phone, NEW.city_id, NEW.status, NEW.on_shift, NEW.break_until, NEW.vehicle, NEW.capacity,
         NEW.skills, NEW.simulated, NEW.version)
    ) EXECUTE FUNCTION next_version();
"""
OLD_VERSIONS = """
DROP TRIGGER drivers_next_version ON drivers;
CREATE TRIGGER drivers_next_version
    BEFORE UPDATE OF name, phone, city_id, status, on_shift, capacity, simulated, version ON drivers
    FOR EACH ROW WHEN (
        (OLD.name, OLD.phone, OLD.city_id, OLD.status, OLD.on_shift, OLD.capacity, OLD.simulated, OLD.version)
        IS DISTINCT FROM
        (NEW.name, NEW.phone, NEW.city_id, NEW.status, NEW.on_shift, NEW.capacity, NEW.simulated, NEW.version)
    ) EXECUTE FUNCTION next_version();
"""
FIRST_SKILLS = """
INSERT INTO skills (position, code, name) VALUES (1, 'alcohol', 'Alcohol'), (2, 'hot_bag', 'Hot bag');
"""
# Six bags were what everybody had of whom nobody said otherwise: it is what a car takes.
CAPACITY_OF_VEHICLE = "UPDATE drivers SET capacity = NULL WHERE capacity = 6;"
CAPACITY_OF_ITS_OWN = """
UPDATE drivers SET capacity = CASE vehicle WHEN 'scooter' THEN 4 WHEN 'bicycle' THEN 3 WHEN 'foot' THEN 2 ELSE 6 END
WHERE capacity IS NULL;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("dispatch", "0011_promises"),
    ]

    operations = [
        migrations.AddField(
            model_name="driver",
            name="vehicle",
            field=models.TextField(
                choices=[
                    ("car", "Car"),
                    ("scooter", "Scooter"),
                    ("bicycle", "Bicycle"),
                    ("foot", "On foot"),
                ],
                db_default="car",
                default="car",
            ),
        ),
        migrations.AddConstraint(
            model_name="driver",
            constraint=models.CheckConstraint(
                condition=models.Q(("vehicle__in", ["car", "scooter", "bicycle", "foot"])),
                name="drivers_vehicle_known",
            ),
        ),
        # Way back: filled before the column takes no NULL any more.
        migrations.AlterField(
            model_name="driver",
            name="capacity",
            field=models.IntegerField(
                blank=True,
                help_text="Bags that fit at once; empty: as the vehicle takes "
                "(car 6, scooter 4, bicycle 3, on foot 2).",
                null=True,
                validators=[
                    django.core.validators.MinValueValidator(1),
                    django.core.validators.MaxValueValidator(100),
                ],
            ),
        ),
        migrations.RunSQL(CAPACITY_OF_VEHICLE, CAPACITY_OF_ITS_OWN),
        migrations.CreateModel(
            name="Skill",
            fields=[
                ("code", models.SlugField(primary_key=True, serialize=False)),
                ("name", models.TextField(help_text="As dispatchers and drivers read it.", unique=True)),
                ("position", models.IntegerField(db_default=0, default=0, help_text="Rank in the list.")),
            ],
            options={
                "db_table": "skills",
                "ordering": ["position", "name"],
            },
        ),
        migrations.RunSQL(FIRST_SKILLS, migrations.RunSQL.noop),
        migrations.AddField(
            model_name="driver",
            name="break_until",
            field=models.DateTimeField(
                editable=False, help_text="On a break that ends then, or did.", null=True
            ),
        ),
        migrations.AddField(
            model_name="driver",
            name="skills",
            field=models.JSONField(
                blank=True,
                db_default=models.Value([], models.JSONField()),
                default=list,
                validators=[dispatch.models.skills.validate_skills],
            ),
        ),
        migrations.AddField(
            model_name="order",
            name="needs",
            field=models.JSONField(
                blank=True,
                db_default=models.Value([], models.JSONField()),
                default=list,
                validators=[dispatch.models.skills.validate_skills],
            ),
        ),
        migrations.AddConstraint(
            model_name="driver",
            constraint=models.CheckConstraint(
                condition=django.db.models.lookups.Exact(
                    models.Func("skills", function="jsonb_typeof", output_field=models.TextField()), "array"
                ),
                name="drivers_skills_list",
            ),
        ),
        migrations.AddConstraint(
            model_name="order",
            constraint=models.CheckConstraint(
                condition=django.db.models.lookups.Exact(
                    models.Func("needs", function="jsonb_typeof", output_field=models.TextField()), "array"
                ),
                name="orders_needs_list",
            ),
        ),
        migrations.RunSQL(VERSIONS, OLD_VERSIONS),
    ]
