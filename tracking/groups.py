"""The names of channel groups. A group is joined only after access was checked."""

from uuid import UUID

#: Stands for the city of drivers and orders that have none.
NO_CITY = "none"


def order(tracking_token: str) -> str:
    return f"order.{tracking_token}"


def driver(driver_id: UUID | str) -> str:
    return f"driver.{driver_id}"


def city(city_id: UUID | str | None) -> str:
    """The dispatchers who watch a city."""
    return f"city.{city_key(city_id)}"


def city_key(city_id: UUID | str | None) -> str:
    return NO_CITY if city_id is None else str(city_id)
