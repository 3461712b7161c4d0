"""What the domain tells the rest of the process, always after the commit, always by id.

Receivers reload what they need: a signal carries no state that could be old by the time it is handled.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from uuid import UUID

from django.db import transaction
from django.dispatch import Signal

#: `orders`, `drivers`: frozensets of the ids whose rows changed in one transaction.
fleet_changed = Signal()
#: `driver`: id of a driver whose set of stops changed, so that their visiting order is worked out anew.
assignment_changed = Signal()
#: `events`: ids of the OrderEvents that geofences fired in one transaction.
geofences_fired = Signal()
#: `restaurant`: id.
restaurant_changed = Signal()
#: `conflicts`: ids of Conflicts that came up, or were settled, in one transaction.
conflicts_changed = Signal()
#: `alerts`: frozenset of the ids that fired, ended or were seen in one transaction.
alerts_changed = Signal()
#: `city`: id.
city_changed = Signal()
#: There is something that others' servers may be told (dispatch/outbox).
outbox_filled = Signal()


@dataclass
class Changes:
    """What one transaction changed; sent as signals when it commits."""

    orders: set[UUID] = field(default_factory=set)
    drivers: set[UUID] = field(default_factory=set)
    assignments: set[UUID] = field(default_factory=set)
    geofence_events: list[int] = field(default_factory=list)
    restaurants: set[UUID] = field(default_factory=set)
    conflicts: set[UUID] = field(default_factory=set)
    alerts: set[UUID] = field(default_factory=set)
    cities: set[UUID] = field(default_factory=set)
    outbox: bool = False

    def send(self) -> None:
        # Robust: the change is committed, and a receiver that fails (Redis is down) must not turn it into an
        # error for whoever made it. Django logs the failure; live clients heal by their next snapshot.
        if self.orders or self.drivers:
            fleet_changed.send_robust(
                sender=None, orders=frozenset(self.orders), drivers=frozenset(self.drivers)
            )
        for driver in self.assignments:
            assignment_changed.send_robust(sender=None, driver=driver)
        if self.geofence_events:
            geofences_fired.send_robust(sender=None, events=tuple(self.geofence_events))
        for restaurant in self.restaurants:
            restaurant_changed.send_robust(sender=None, restaurant=restaurant)
        if self.conflicts:
            conflicts_changed.send_robust(sender=None, conflicts=frozenset(self.conflicts))
        if self.alerts:
            alerts_changed.send_robust(sender=None, alerts=frozenset(self.alerts))
        for city in self.cities:
            city_changed.send_robust(sender=None, city=city)
        if self.outbox:
            outbox_filled.send_robust(sender=None)


_whole: ContextVar[Changes | None] = ContextVar("_whole", default=None)


@contextmanager
def announced() -> Iterator[Changes]:
    """One transaction whose changes are announced when it commits, and never when it does not.

    Inside another one it is a part of that, and is announced with it.
    """
    with transaction.atomic():
        if (whole := _whole.get()) is not None:
            yield whole
            return
        changes = Changes()
        token = _whole.set(changes)
        try:
            yield changes
        finally:
            _whole.reset(token)
        transaction.on_commit(changes.send)
