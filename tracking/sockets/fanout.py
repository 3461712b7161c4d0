"""From the fixes that every process publishes to the sockets of this one. In memory, nothing awaited.

Customers get their driver's position at once; dispatchers one frame per city and tick, encoded once for all of them.
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import Protocol

from tracking.protocol.messages import DriverPosition, FleetPosition, encode


class Watcher(Protocol):
    """A customer's socket that may see a driver now."""

    def show(self, frame: str) -> None: ...


class Overseer(Protocol):
    """A dispatcher's socket."""

    def update(self, city: str, moved: dict[str, str], frame: str) -> None:
        """`moved`: driver id → JSON of its latest position since the last tick; `frame`: all of them, encoded."""


class Fanout:
    def __init__(self) -> None:
        self._watchers: defaultdict[str, set[Watcher]] = defaultdict(set)
        self._overseers: set[Overseer] = set()
        self._moved: defaultdict[str, dict[str, str]] = defaultdict(dict)

    def watch(self, driver_id: str, watcher: Watcher) -> None:
        self._watchers[driver_id].add(watcher)

    def unwatch(self, driver_id: str, watcher: Watcher) -> None:
        self._watchers[driver_id].discard(watcher)
        if not self._watchers[driver_id]:
            del self._watchers[driver_id]

    def oversee(self, overseer: Overseer) -> None:
        self._overseers.add(overseer)

    def retire(self, overseer: Overseer) -> None:
        self._overseers.discard(overseer)

    def publish(self, city: str, batch: Iterable[tuple[FleetPosition, str]]) -> None:
        """One accepted batch: each position, and its JSON."""
        moved = self._moved[city] if self._overseers else None
        for position, text in batch:
            if moved is not None:
                moved[position.driver_id] = text
            watchers = self._watchers.get(position.driver_id)
            if watchers:
                frame = customer_frame(position)
                for watcher in watchers:
                    watcher.show(frame)

    def tick(self) -> None:
        """Hands the dispatchers what moved since the last tick."""
        for city, moved in self._moved.items():
            frame = fleet_frame(city, moved.values())
            for overseer in self._overseers:
                overseer.update(city, moved, frame)
        self._moved.clear()


def customer_frame(position: FleetPosition) -> str:
    return encode(
        DriverPosition(lat=position.lat, lng=position.lng, ts=position.ts, heading=position.heading)
    )


def fleet_frame(city: str, drivers: Iterable[str]) -> str:
    """A FleetPositions frame out of drivers that are encoded already."""
    return f'{{"type":"driver_pos","cityId":"{city}","drivers":[{",".join(drivers)}]}}'
