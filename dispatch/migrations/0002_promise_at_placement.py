"""What a customer was promised stays, whatever the city promises later: it stands with the order from its INSERT on."""

from django.db import migrations, models

# Named so that it comes before orders_next_version: what it changes is seen there.
PROMISE = """
CREATE FUNCTION keep_promise() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.promised_at := NEW.created_at + make_interval(mins => coalesce((
        SELECT promise_minutes FROM restaurants JOIN cities ON cities.id = city_id
        WHERE restaurants.id = NEW.restaurant_id
    ), 45));
    RETURN NEW;
END $$;
CREATE TRIGGER orders_keep_promise BEFORE INSERT OR UPDATE OF promised_at ON orders
    FOR EACH ROW WHEN (NEW.promised_at IS NULL) EXECUTE FUNCTION keep_promise();
-- Of orders that are over nobody asks.
UPDATE orders SET promised_at = NULL
    WHERE promised_at IS NULL AND status NOT IN ('delivered', 'cancelled', 'failed');
"""
NO_PROMISE = """
DROP TRIGGER orders_keep_promise ON orders;
DROP FUNCTION keep_promise();
"""


class Migration(migrations.Migration):
    dependencies = [("dispatch", "0001_initial")]
    operations = [
        migrations.AlterField(
            model_name="order",
            name="promised_at",
            field=models.DateTimeField(
                blank=True,
                db_default=None,
                help_text="At the door by then; empty: as the city promises now.",
                null=True,
            ),
        ),
        migrations.RunSQL(PROMISE, NO_PROMISE),
    ]
