"""An order that is changed by SQL locks drivers as actions do: without keeping those waiting who merely name one."""

from django.db import migrations

STRONG, WEAK = "ORDER BY id FOR UPDATE", "ORDER BY id FOR NO KEY UPDATE"


def _locking(before: str, after: str) -> str:
    return f"""
DO $$ BEGIN
    EXECUTE replace(pg_get_functiondef('tell_order'::regproc), '{before}', '{after}');
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("dispatch", "0024_issue_tokens")]
    operations = [migrations.RunSQL(_locking(STRONG, WEAK), _locking(WEAK, STRONG))]
