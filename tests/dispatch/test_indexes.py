import pytest
from django.db import connection

#: In every table (a partition has what its table has): which index another begins with. Those of some rows only, or
#: of expressions, are left out; a unique one says more than its columns.
BEGIN_ALIKE = """
WITH indexes AS (
    SELECT indrelid, indexrelid, relname, relam, indisunique, string_to_array(indkey::text, ' ') AS columns,
        string_to_array(indclass::text, ' ') AS classes, string_to_array(indoption::text, ' ') AS options
    FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
    WHERE indpred IS NULL AND indexprs IS NULL AND NOT relispartition
)
SELECT shorter.indrelid::regclass::text, shorter.relname, longer.relname
FROM indexes shorter JOIN indexes longer ON longer.indrelid = shorter.indrelid
    AND longer.indexrelid <> shorter.indexrelid AND longer.relam = shorter.relam
    AND cardinality(longer.columns) >= cardinality(shorter.columns)
    AND longer.columns[:cardinality(shorter.columns)] = shorter.columns
    AND longer.classes[:cardinality(shorter.columns)] = shorter.classes
    AND longer.options[:cardinality(shorter.columns)] = shorter.options
JOIN pg_class tables ON tables.oid = shorter.indrelid
WHERE NOT shorter.indisunique AND tables.relnamespace = 'public'::regnamespace
ORDER BY 1, 2, 3
"""
#: Django's, which Doorstep does not make.
NOT_OURS = ("auth_", "axes_", "django_", "users_groups", "users_user_permissions")


@pytest.mark.django_db
def test_no_index_is_the_beginning_of_another() -> None:
    """It would be written with every row for nothing: whoever asks by its columns has the longer one."""
    with connection.cursor() as cursor:
        cursor.execute(BEGIN_ALIKE)
        found = cursor.fetchall()
    assert [row for row in found if not row[0].startswith(NOT_OURS)] == []
