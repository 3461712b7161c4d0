from django.db import migrations

# A driver has one fix at a moment: whichever process takes a replayed one, the history has it once.
# In this order, since a partition's own copy of the key goes with the partitioned table's.
FORWARD = """
DELETE FROM location_history a USING location_history b
WHERE a.driver_id = b.driver_id AND a.recorded_at = b.recorded_at AND a.id > b.id;
ALTER TABLE location_history DROP CONSTRAINT location_history_pkey;
ALTER TABLE location_history ADD PRIMARY KEY (driver_id, recorded_at);
"""
BACKWARD = """
ALTER TABLE location_history DROP CONSTRAINT location_history_pkey;
ALTER TABLE location_history ADD PRIMARY KEY (driver_id, recorded_at, id);
"""


class Migration(migrations.Migration):
    dependencies = [("tracking", "0001_initial")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
