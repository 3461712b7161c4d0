"""The names of the channel layer's groups. A group is joined only after access was checked."""

from hashlib import blake2b
from uuid import UUID

#: Stands for the city of drivers and orders that have none.
NO_CITY = "none"


def order(tracking_token: str) -> str:
    """Of whoever looks at this order's tracking page. Redis sees the name, so it must not tell the token."""
    return f"order.{blake2b(tracking_token.encode(), digest_size=16, person=b'doorstep').hexdigest()}"


def driver(driver_id: UUID | str) -> str:
    """Of the driver's app."""
    return f"driver.{driver_id}"


def city(city_id: UUID | str | None) -> str:
    """Of the dispatchers who watch this city; None: what has no city."""
    return f"city.{city_key(city_id)}"


def city_key(city_id: UUID | str | None) -> str:
    """A city as it stands on the wire and in Redis' keys."""
    return NO_CITY if city_id is None else str(city_id)
