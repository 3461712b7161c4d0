from collections.abc import Callable, Iterator

import pytest

from dispatch import signals, tasks
from dispatch.models import Driver, Skill
from routing.geo import destination
from tests.conftest import DENVER
from tracking import receivers


@pytest.fixture
def unheard() -> Iterator[None]:
    """Nobody but the test listens: what is made of a change after its commit is not tried here."""
    signals.fleet_changed.disconnect(receivers.on_fleet_changed)
    signals.assignment_changed.disconnect(tasks._on_assignment_changed)
    yield
    receivers.connect()
    tasks.connect()


@pytest.fixture
def skills(db: None) -> None:
    """Those that drivers may have, and orders need."""
    Skill.objects.all().delete()
    Skill.objects.create(code="alcohol", name="Alcohol", position=1)
    Skill.objects.create(code="hot_bag", name="Bags at 60 °C", position=2)


@pytest.fixture
def driver_at(new_driver: Callable[..., Driver]) -> Callable[..., Driver]:
    """A driver on shift so many metres away from the restaurant, towards a bearing."""

    def make(bearing: float, metres: float, **fields: object) -> Driver:
        at = destination(DENVER, bearing, metres)
        return new_driver(current_lat=at.lat, current_lng=at.lng, **fields)

    return make
