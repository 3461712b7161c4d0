"""Drivers as they are: what they go by, and how much of it carries."""

import django.core.validators
from django.db import migrations, models

# Beside the position, all that clients are shown of a driver (dispatch/migrations/0001_initial.py), and what they go by.
VERSIONS = """
DROP TRIGGER drivers_next_version ON drivers;
CREATE TRIGGER drivers_next_version
    BEFORE UPDATE OF name, phone, city_id, status, on_shift, vehicle, capacity, simulated, version ON drivers
    FOR EACH ROW WHEN (
        (OLD.name, OLD.phone, OLD.city_id, OLD.status, OLD.on_shift, OLD.vehicle, OLD.capacity, OLD.simulated,
         OLD.version)
        IS DISTINCT FROM
        (NEW.name, NEW.phone, NEW.city_id, NEW.status, NEW.on_shift, NEW.vehicle, NEW.capacity, NEW.simulated,
         NEW.version)
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
# Six bags were what everybody had of whom nobody said otherwise: it is what a car takes.
CAPACITY_OF_VEHICLE = "UPDATE drivers SET capacity = NULL WHERE capacity = 6;"
CAPACITY_OF_ITS_OWN = """
UPDATE drivers SET capacity = CASE vehicle WHEN 'scooter' THEN 4 WHEN 'bicycle' THEN 3 WHEN 'foot' THEN 2 ELSE 6 END
WHERE capacity IS NULL;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("dispatch", "0009_transfers"),
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
        migrations.RunSQL(VERSIONS, OLD_VERSIONS),
    ]
