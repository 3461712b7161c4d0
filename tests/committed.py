"""How the database is emptied behind a test that commits: by deleting rows, of which such a test wrote few.

Django's flush truncates each table, which is a new file for it and for each of its indexes, and has post_migrate make
anew what it made: a tenth of a second each time, behind hundreds of tests.
"""

from django.db import connection, transaction
from django.test import TransactionTestCase

#: Hold what post_migrate makes. A test that commits leaves them as they are.
MADE_BY_MIGRATE = ("auth_group", "auth_group_permissions", "auth_permission", "django_content_type")


def delete_instead_of_flush() -> None:
    """Behind each such test from now on, in the database as it is: migrated, and nothing written yet."""
    delete, as_migrated = statements(), made_by_migrate()

    def teardown(_: TransactionTestCase) -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(delete)
        assert made_by_migrate() == as_migrated, f"a test has changed {' or '.join(MADE_BY_MIGRATE)}"

    TransactionTestCase._fixture_teardown = teardown


def statements() -> str:
    """The lock waits for whoever still writes, as TRUNCATE does; with all rows gone no foreign key needs a look."""
    names = set(connection.introspection.django_table_names(only_existing=True, include_views=False))
    tables = [connection.ops.quote_name(name) for name in sorted(names.difference(MADE_BY_MIGRATE))]
    return "; ".join(
        [
            "SET LOCAL session_replication_role = replica",
            f"LOCK TABLE {', '.join(tables)} IN SHARE ROW EXCLUSIVE MODE",
            *(f"DELETE FROM {table}" for table in tables),  # noqa: S608
        ]
    )


def made_by_migrate() -> list[str]:
    """A digest of each of those tables."""
    rows = "SELECT md5(coalesce(string_agg(made::text, ' ' ORDER BY id), '')) FROM {} made"
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(rows.format(table) for table in MADE_BY_MIGRATE))
        return [digest for (digest,) in cursor.fetchall()]
