"""From the fixes that every process publishes to the sockets of this one. In memory, nothing awaited.

Customers get their driver's position at once; dispatchers one frame per city and tick, encoded once for all of them.
A fix is decoded only for a customer.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Protocol

from tracking.ingest.positions import Batch, decode
from tracking.protocol.messages import DriverPosition, FleetPosition, encode


class Watcher(Protocol):
    """A customer's socket that may see a driver now."""

    def send_position(self, position: FleetPosition, frame: str) -> None:
        """`frame`: the position as customers are told it."""


class Overseer(Protocol):
    """A dispatcher's socket."""

    def send_positions(self, city: str, moved: Batch, frame: str) -> None:
        """`moved`: the latest positions since the last tick; `frame`: all of them, encoded."""


class Fanout:
    """`wanted` is called with a city when its first watcher comes, `unwanted` after the last one."""

    def __init__(self, wanted: Callable[[str], None], unwanted: Callable[[str], None]) -> None:
        self._wanted = wanted
        self._unwanted = unwanted
        #: By the driver's id as it is in a batch.
        self._watchers: defaultdict[bytes, set[Watcher]] = defaultdict(set)
        self._overseers: defaultdict[str, set[Overseer]] = defaultdict(set)
        self._moved: defaultdict[str, Batch] = defaultdict(dict)
        #: City → how many watch it, or a driver there.
        self._interest: defaultdict[str, int] = defaultdict(int)

    def watch(self, city: str, driver_id: str, watcher: Watcher) -> None:
        self._watchers[driver_id.encode()].add(watcher)
        self._count(city, 1)

    def unwatch(self, city: str, driver_id: str, watcher: Watcher) -> None:
        driver = driver_id.encode()
        self._watchers[driver].discard(watcher)
        if not self._watchers[driver]:
            del self._watchers[driver]
        self._count(city, -1)

    def oversee(self, city: str, overseer: Overseer) -> None:
        self._overseers[city].add(overseer)
        self._count(city, 1)

    def retire(self, city: str, overseer: Overseer) -> None:
        self._overseers[city].discard(overseer)
        if not self._overseers[city]:
            del self._overseers[city]
        self._count(city, -1)

    def _count(self, city: str, change: int) -> None:
        self._interest[city] += change
        if change > 0 and self._interest[city] == 1:
            self._wanted(city)
        elif not self._interest[city]:
            del self._interest[city]
            self._unwanted(city)

    def publish(self, city: str, batch: Batch) -> None:
        """One accepted batch."""
        if batch and city in self._overseers:
            self._moved[city].update(batch)
        for driver in self._watchers.keys() & batch.keys():
            position = decode(batch[driver])
            frame = customer_frame(position)
            for watcher in self._watchers[driver]:
                watcher.send_position(position, frame)

    def tick(self) -> None:
        """Hands the dispatchers what moved since the last tick."""
        for city, moved in self._moved.items():
            frame = fleet_frame(city, moved.values())
            for overseer in self._overseers.get(city, ()):
                overseer.send_positions(city, moved, frame)
        self._moved.clear()


def customer_frame(position: FleetPosition) -> str:
    return encode(
        DriverPosition(lat=position.lat, lng=position.lng, ts=position.ts, heading=position.heading)
    )


def fleet_frame(city: str, positions: Iterable[bytes]) -> str:
    """A FleetPositions frame out of positions that are encoded already."""
    return f'{{"type":"driver_pos","cityId":"{city}","drivers":[{b",".join(positions).decode()}]}}'
