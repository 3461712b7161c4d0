"""What an order is called and made of, and what is to be minded."""

import django.db.models.lookups
from django.db import migrations, models

import dispatch.models.items

# By what people call it an order is found like by its customer's name.
WORDS = """
DROP INDEX orders_words;
CREATE INDEX orders_words ON orders USING gin (order_words(
    customer_name || ' ' || number || ' ' || coalesce(external_id, ''), customer_phone, customer_address
)) WITH (fastupdate = off);
"""
NO_WORDS = """
DROP INDEX orders_words;
CREATE INDEX orders_words ON orders USING gin (order_words(customer_name, customer_phone, customer_address))
    WITH (fastupdate = off);
"""


class Migration(migrations.Migration):
    dependencies = [
        ("dispatch", "0003_rows_from_sql"),
    ]

    operations = [
        migrations.AddField(
            model_name="order",
            name="cash_due",
            field=models.TextField(
                blank=True,
                db_default="",
                default="",
                help_text="What the driver takes at the door, with its currency.",
            ),
        ),
        migrations.AddField(
            model_name="order",
            name="door_note",
            field=models.TextField(
                blank=True, db_default="", default="", help_text="Door code, floor, where to leave it."
            ),
        ),
        migrations.AddField(
            model_name="order",
            name="driver_note",
            field=models.TextField(blank=True, db_default="", default=""),
        ),
        migrations.AddField(
            model_name="order",
            name="external_id",
            field=models.TextField(
                blank=True,
                help_text="By which the ordering platform knows it.",
                null=True,
                unique=True,
                verbose_name="the ordering platform’s id",
            ),
        ),
        migrations.AddField(
            model_name="order",
            name="items",
            field=models.JSONField(
                blank=True,
                db_default=models.Value([], models.JSONField()),
                default=list,
                validators=[dispatch.models.items.validate_items],
            ),
        ),
        migrations.AddField(
            model_name="order",
            name="kitchen_note",
            field=models.TextField(blank=True, db_default="", default=""),
        ),
        migrations.AddField(
            model_name="order",
            name="number",
            field=models.TextField(
                blank=True, db_default="", default="", help_text="As people say it: on the bag, on the phone."
            ),
        ),
        migrations.AddField(
            model_name="order",
            name="tip",
            field=models.TextField(
                blank=True, db_default="", default="", help_text="As the driver is to read it."
            ),
        ),
        migrations.RunSQL(WORDS, NO_WORDS),
        migrations.AddConstraint(
            model_name="order",
            constraint=models.CheckConstraint(
                condition=django.db.models.lookups.Exact(
                    models.Func("items", function="jsonb_typeof", output_field=models.TextField()), "array"
                ),
                name="orders_items_list",
            ),
        ),
    ]
