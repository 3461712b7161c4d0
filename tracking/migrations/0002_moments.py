"""Of one driver a statement may insert several rows that do not say when they were: each gets a moment of its own."""

from django.db import migrations, models

import tracking.models

# Later than the one before in this session (microseconds since the epoch), however fast they come.
MOMENTS = """
CREATE FUNCTION next_moment() RETURNS timestamptz LANGUAGE plpgsql AS $$
DECLARE
    before bigint := nullif(current_setting('doorstep.moment', true), '');
    moment bigint := greatest(extract(epoch FROM clock_timestamp()) * 1000000, before + 1);
BEGIN
    PERFORM set_config('doorstep.moment', moment::text, false);
    RETURN 'epoch'::timestamptz + moment * interval '1 microsecond';
END $$;
ALTER TABLE location_history ALTER recorded_at SET DEFAULT next_moment();

-- A row that says NULL would be kept where no day is: it is sent on to where its moment belongs.
CREATE FUNCTION fill_in_moment() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO location_history (driver_id, lat, lng, speed, heading, accuracy)
        VALUES (NEW.driver_id, NEW.lat, NEW.lng, NEW.speed, NEW.heading, NEW.accuracy);
    RETURN NULL;
END $$;
CREATE TRIGGER location_history_fill_in BEFORE INSERT ON location_history_default
    FOR EACH ROW WHEN (NEW.recorded_at IS NULL) EXECUTE FUNCTION fill_in_moment();
"""
NO_MOMENTS = """
DROP TRIGGER location_history_fill_in ON location_history_default;
DROP FUNCTION fill_in_moment();
ALTER TABLE location_history ALTER recorded_at SET DEFAULT statement_timestamp();
DROP FUNCTION next_moment();
"""


class Migration(migrations.Migration):
    dependencies = [("tracking", "0001_initial")]
    operations = [
        migrations.RunSQL(
            MOMENTS,
            NO_MOMENTS,
            state_operations=[
                migrations.AlterField(
                    model_name="locationhistory",
                    name="recorded_at",
                    field=models.DateTimeField(
                        db_default=tracking.models.Moment(), verbose_name="device time"
                    ),
                ),
            ],
        ),
    ]
