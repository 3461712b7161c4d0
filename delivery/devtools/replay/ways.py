"""How long and how far between the places of a day: across the plane, or on OSRM's roads."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from math import ceil, hypot, inf
from typing import override

from delivery.devtools.replay.tables import Day
from routing.geo import Point
from routing.osrm import Osrm

# osrm-routed takes 100 places in one table.
BLOCK = 50


class Ways(ABC):
    """Seconds and metres by row. Places beyond the day's own are somewhere on a leg: one can drive from there."""

    def __init__(self, count: int) -> None:
        self.count = self.next = count
        self.seconds: dict[int, list[float]] = {}
        self.metres: dict[int, list[float]] = {}

    def __getitem__(self, place: int) -> list[float]:
        if place not in self.seconds:
            self._ask(place)
        return self.seconds[place]

    def distance_m(self, a: int, b: int) -> float:
        if a not in self.metres:
            self._ask(a)
        return self.metres[a][b]

    def on_leg(self, a: int, b: int, share: float) -> int:
        """A new place after this share of the way from a to b. A driver there may go on, or elsewhere."""
        place, self.next = self.next, self.next + 1
        to_b, metres = self[a][b], self.distance_m(a, b)
        self.seconds[place], self.metres[place] = self._from_leg(place, a, b, share)
        self.seconds[place][b], self.metres[place][b] = (1 - share) * to_b, (1 - share) * metres
        return place

    def forget(self, places: Iterable[int]) -> None:
        for place in places:
            del self.seconds[place], self.metres[place]

    @abstractmethod
    def _ask(self, place: int) -> None: ...

    @abstractmethod
    def _from_leg(self, place: int, a: int, b: int, share: float) -> tuple[list[float], list[float]]: ...


class Plane(Ways):
    """Straight lines at one speed."""

    def __init__(self, day: Day) -> None:
        super().__init__(len(day.places))
        assert day.parameters.metres_per_minute is not None  # noqa: S101 (asked by the caller)
        self.spots = {k: (float(x), float(y)) for k, (x, y) in enumerate(day.places)}
        self.speed, self.whole_minutes = day.parameters.metres_per_minute, day.parameters.whole_minutes

    @override
    def _ask(self, place: int) -> None:
        self.seconds[place], self.metres[place] = self._from(*self.spots[place])

    @override
    def _from_leg(self, place: int, a: int, b: int, share: float) -> tuple[list[float], list[float]]:
        (ax, ay), (bx, by) = self.spots[a], self.spots[b]
        self.spots[place] = ax + share * (bx - ax), ay + share * (by - ay)
        return self._from(*self.spots[place])

    def _from(self, x: float, y: float) -> tuple[list[float], list[float]]:
        metres = [hypot(x - self.spots[k][0], y - self.spots[k][1]) for k in range(self.count)]
        minutes = [far / self.speed for far in metres]
        return [60.0 * (ceil(m) if self.whole_minutes else m) for m in minutes], metres


class RoadWays(Ways):
    """OSRM's fastest ways, all asked once. Who turns around on a leg drives on to its end or back to its start."""

    def __init__(self, day: Day, osrm: Osrm) -> None:
        super().__init__(len(day.places))
        points = [place for place in day.places if isinstance(place, Point)]
        blocks = [range(start, min(start + BLOCK, self.count)) for start in range(0, self.count, BLOCK)]
        for sources in blocks:
            for source in sources:
                self.seconds[source], self.metres[source] = [], []
            for destinations in blocks:
                table = osrm.table(
                    [points[k] for k in sources], [points[k] for k in destinations], distances=True
                )
                for source, seconds, metres in zip(sources, table.seconds, table.metres, strict=True):
                    self.seconds[source] += [inf if cell is None else cell for cell in seconds]
                    self.metres[source] += [inf if cell is None else cell for cell in metres]

    @override
    def _ask(self, place: int) -> None:
        raise KeyError(place)

    @override
    def _from_leg(self, place: int, a: int, b: int, share: float) -> tuple[list[float], list[float]]:
        def rows(table: dict[int, list[float]]) -> list[float]:
            on, back = (1 - share) * table[a][b], share * table[a][b]
            return [min(on + there, back + here) for there, here in zip(table[b], table[a], strict=True)]

        return rows(self.seconds), rows(self.metres)
