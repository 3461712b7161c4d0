from collections.abc import Iterator

import pytest

from dispatch import signals, tasks
from tracking import receivers


@pytest.fixture
def unheard() -> Iterator[None]:
    """Nobody but the test listens: what is made of a change after its commit is not tried here."""
    signals.fleet_changed.disconnect(receivers.on_fleet_changed)
    signals.assignment_changed.disconnect(tasks._on_assignment_changed)
    yield
    receivers.connect()
    tasks.connect()
