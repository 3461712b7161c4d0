"""The names of groups of sockets. A group is joined only after access was checked."""

from uuid import UUID

#: The one group of the channel layer: every web process is in it, and finds out whom a message is for.
PROCESSES = "processes"
#: Everyone who watches the fleet.
DISPATCHERS = "dispatchers"
#: Stands for the city of drivers and orders that have none.
NO_CITY = "none"


def order(tracking_token: str) -> str:
    return f"order.{tracking_token}"


def driver(driver_id: UUID | str) -> str:
    return f"driver.{driver_id}"


def city_key(city_id: UUID | str | None) -> str:
    return NO_CITY if city_id is None else str(city_id)
