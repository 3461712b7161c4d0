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
"""
NO_MOMENTS = """
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
