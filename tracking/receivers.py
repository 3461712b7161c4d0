"""The domain's signals → broadcasts."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from dispatch import signals
from tracking import broadcast


def connect() -> None:
    signals.fleet_changed.connect(on_fleet_changed)
    signals.geofences_fired.connect(on_geofences_fired)
    signals.restaurant_changed.connect(on_restaurant_changed)


def on_fleet_changed(orders: Collection[UUID], drivers: Collection[UUID], **_: Any) -> None:
    broadcast.fleet(orders, drivers)


def on_geofences_fired(events: tuple[int, ...], **_: Any) -> None:
    broadcast.geofences(events)


def on_restaurant_changed(restaurant: UUID, **_: Any) -> None:
    broadcast.restaurant(restaurant)
