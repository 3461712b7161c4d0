"""What a customer was promised is kept with every later promise, and why it moved."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models

# Behind all that makes the promise of a row. With its owner's rights: who may write orders need not be let to these.
PROMISES = """
CREATE FUNCTION note_promise() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO promises (order_id, promised_at, made_by, reason) VALUES (
        NEW.id, NEW.promised_at,
        coalesce(nullif(current_setting('doorstep.promise_by', true), ''), session_user),
        coalesce(current_setting('doorstep.promise_reason', true), '')
    );
    RETURN NULL;
END $$;
CREATE TRIGGER orders_note_first_promise AFTER INSERT ON orders
    FOR EACH ROW WHEN (NEW.promised_at IS NOT NULL) EXECUTE FUNCTION note_promise();
CREATE TRIGGER orders_note_promise AFTER UPDATE OF promised_at ON orders
    FOR EACH ROW WHEN (NEW.promised_at IS NOT NULL AND NEW.promised_at IS DISTINCT FROM OLD.promised_at)
    EXECUTE FUNCTION note_promise();
INSERT INTO promises (order_id, promised_at, made_at) SELECT id, promised_at, created_at FROM orders
    WHERE promised_at IS NOT NULL AND status NOT IN ('delivered', 'cancelled', 'failed');
"""
NO_PROMISES = """
DROP TRIGGER orders_note_promise ON orders;
DROP TRIGGER orders_note_first_promise ON orders;
DROP FUNCTION note_promise();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("dispatch", "0010_conflicts"),
    ]

    operations = [
        migrations.CreateModel(
            name="Promise",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("promised_at", models.DateTimeField()),
                (
                    "made_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now()),
                ),
                (
                    "made_by",
                    models.TextField(
                        blank=True,
                        db_default="",
                        help_text="Who moved it; of the first one, or by SQL, the database’s user.",
                    ),
                ),
                ("reason", models.TextField(blank=True, db_default="", help_text="Why it moved.")),
                (
                    "order",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="promises",
                        to="dispatch.order",
                    ),
                ),
            ],
            options={
                "db_table": "promises",
                "ordering": ["id"],
                "indexes": [models.Index(fields=["order", "id"], name="promises_of_order")],
            },
        ),
        migrations.RunSQL(PROMISES, NO_PROMISES),
    ]
