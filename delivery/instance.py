"""What tells one installation of Doorstep from another that uses the same Redis."""

from collections.abc import Mapping
from hashlib import blake2b
from typing import Any


def instance_name(database: Mapping[str, Any]) -> str:
    """The name of whoever works on this database (a value of Django's DATABASES): 16 hexadecimal digits that follow
    from its host, port and name. User and password may change.
    """
    options = database.get("OPTIONS", {})
    host = database["HOST"] or options.get("host", "")
    port = database["PORT"] or options.get("port", "") or 5432
    return blake2b(f"{host}:{port}/{database['NAME']}".encode(), digest_size=8).hexdigest()
