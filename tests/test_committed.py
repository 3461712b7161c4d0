from django.contrib.auth.models import Group
from django.db import connection, transaction

from dispatch.models import Order
from tests import committed


def rows_left() -> dict[str, int]:
    left = {}
    with connection.cursor() as cursor:
        for table in connection.introspection.django_table_names(only_existing=True, include_views=False):
            cursor.execute(f"SELECT count(*) FROM {table}")  # noqa: S608
            left[table] = cursor.fetchone()[0]
    return {table: rows for table, rows in left.items() if rows}


def test_what_a_test_committed_goes_and_what_migrate_made_stays(transactional_db: None, order: Order) -> None:
    assert set(rows_left()) > set(committed.MADE_BY_MIGRATE)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(committed.statements())
    assert set(rows_left()) == set(committed.MADE_BY_MIGRATE)


def test_a_change_to_what_migrate_made_is_seen(db: None) -> None:
    as_migrated = committed.made_by_migrate()
    Group.objects.create(name="Couriers")
    assert committed.made_by_migrate() != as_migrated
