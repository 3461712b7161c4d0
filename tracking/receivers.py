"""The domain's signals → broadcasts."""

import logging
from collections.abc import Callable, Collection
from typing import Any
from uuid import UUID

from django.db import InterfaceError, OperationalError

from dispatch import signals
from tracking.sockets import broadcast
from tracking.together import Together

logger = logging.getLogger(__name__)

_fleet = Together(broadcast.fleet)


def connect() -> None:
    signals.fleet_changed.connect(on_fleet_changed)
    signals.geofences_fired.connect(on_geofences_fired)
    signals.restaurant_changed.connect(on_restaurant_changed)
    signals.conflicts_changed.connect(on_conflicts_changed)
    signals.alerts_changed.connect(on_alerts_changed)
    signals.city_changed.connect(on_city_changed)


def on_fleet_changed(orders: Collection[UUID], drivers: Collection[UUID], **_: Any) -> None:
    _broadcast(_fleet, orders, drivers)


def on_geofences_fired(events: tuple[int, ...], **_: Any) -> None:
    _broadcast(broadcast.geofences, events)


def on_restaurant_changed(restaurant: UUID, **_: Any) -> None:
    _broadcast(broadcast.restaurant, restaurant)


def on_conflicts_changed(conflicts: Collection[UUID], **_: Any) -> None:
    _broadcast(broadcast.conflicts, conflicts)


def on_alerts_changed(alerts: Collection[UUID], **_: Any) -> None:
    _broadcast(broadcast.alerts, alerts)


def on_city_changed(city: UUID, **_: Any) -> None:
    _broadcast(broadcast.city, city)


def _broadcast(send: Callable[..., None], *ids: Any) -> None:
    try:
        send(*ids)
    except (OperationalError, InterfaceError):
        logger.warning("PostgreSQL went away after a change; sockets hear of it when they heal")
