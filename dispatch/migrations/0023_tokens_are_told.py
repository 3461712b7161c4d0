"""A driver's version counts the app's token as well: a socket that signed in with another one is to hear of it."""

from django.db import migrations

_SHOWN = "name, phone, city_id, status, on_shift, break_until, vehicle, capacity, skills, simulated, {token}version"


def _versions(token: str) -> str:
    columns = _SHOWN.format(token=token).split(", ")
    old, new = (", ".join(f"{row}.{column}" for column in columns) for row in ("OLD", "NEW"))
    return f"""
DROP TRIGGER drivers_next_version ON drivers;
CREATE TRIGGER drivers_next_version BEFORE UPDATE OF {", ".join(columns)} ON drivers
    FOR EACH ROW WHEN (({old}) IS DISTINCT FROM ({new})) EXECUTE FUNCTION next_version();
"""


class Migration(migrations.Migration):
    dependencies = [("dispatch", "0022_planned_breaks")]
    operations = [migrations.RunSQL(_versions("token_digest, "), _versions(""))]
