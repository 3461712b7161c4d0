"""When drivers are planned to work, and since when they do."""

import django.db.models.deletion
import django.db.models.functions.uuid
from django.db import migrations, models

# Named so that it comes behind drivers_fill_in, which may put a driver on shift.
SINCE = """
CREATE FUNCTION note_shift() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT NEW.on_shift THEN
        NEW.on_shift_since := NULL;
    ELSIF TG_OP = 'UPDATE' AND OLD.on_shift THEN
        NEW.on_shift_since := coalesce(NEW.on_shift_since, OLD.on_shift_since);
    ELSE
        NEW.on_shift_since := coalesce(NEW.on_shift_since, now());
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER drivers_note_shift BEFORE INSERT OR UPDATE OF on_shift, on_shift_since, status ON drivers
    FOR EACH ROW EXECUTE FUNCTION note_shift();
UPDATE drivers SET on_shift_since = now() WHERE on_shift;
"""
NO_SINCE = """
DROP TRIGGER drivers_note_shift ON drivers;
DROP FUNCTION note_shift();
"""


class Migration(migrations.Migration):
    dependencies = [("dispatch", "0013_alerts")]
    operations = [
        migrations.AddField(
            model_name="driver",
            name="on_shift_since",
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.RunSQL(SINCE, NO_SINCE),
        migrations.CreateModel(
            name="Shift",
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
                    "driver",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="shifts",
                        to="dispatch.driver",
                    ),
                ),
                (
                    "city",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="shifts",
                        to="dispatch.city",
                    ),
                ),
                ("starts_at", models.DateTimeField(verbose_name="from")),
                ("ends_at", models.DateTimeField(verbose_name="to")),
            ],
            options={
                "db_table": "shifts",
                "ordering": ["starts_at", "id"],
                "indexes": [models.Index(fields=["starts_at"], name="shifts_by_start")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("ends_at__gt", models.F("starts_at"))),
                        name="shifts_end_after_start",
                        violation_error_message="A shift ends after it began.",
                    ),
                    models.UniqueConstraint(fields=("driver", "starts_at"), name="shifts_one_at_a_time"),
                ],
            },
        ),
    ]
