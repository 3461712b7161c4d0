"""When each fix is due, and where it lies. Both are arithmetic that runs backwards too: a position that comes back
from the server tells the number of its fix, the number tells when it was due, and nothing has to be remembered.
"""

from dataclasses import dataclass
from functools import cached_property
from math import ceil
from random import Random

#: Whoever has no start walks in here, around downtown Denver: the geofences of `manage.py seed` are kilometres away.
CENTRE_LAT, CENTRE_LNG, HALF_SIDE = 39_739_200, -104_990_300, 20_000
METRES_PER_STEP = 0.111_195  # a millionth of a degree of latitude
WALK_MPS = 12.0
FASTEST_MPS = 45.0
#: Drivers turn back after so many millionths of a degree (some 220 m), which keeps a new run near the last one: the
#: server's filter must not take its first fixes for teleports.
LEG = 2000


@dataclass(frozen=True)
class Schedule:
    """An open loop: every driver has the same period and a phase of its own. Times are seconds from the start."""

    drivers: int
    #: Fixes per second, of all drivers together.
    rate: float
    seed: int

    @cached_property
    def period(self) -> float:
        return self.drivers / self.rate

    @cached_property
    def phases(self) -> list[float]:
        rng = Random(self.seed)
        return [rng.random() * self.period for _ in range(self.drivers)]

    @cached_property
    def order(self) -> list[int]:
        """The drivers in the order in which they send, the same in each period."""
        return sorted(range(self.drivers), key=self.phases.__getitem__)

    def due(self, driver: int, number: int) -> float:
        return self.phases[driver] + number * self.period

    def slot(self, index: int) -> tuple[int, int, float]:
        """The driver, the number and the due time of the `index`th fix of all."""
        number, place = divmod(index, self.drivers)
        driver = self.order[place]
        return driver, number, self.phases[driver] + number * self.period

    def between(self, driver: int, begin: float, end: float) -> range:
        """The numbers of a driver's fixes that are due from `begin` up to `end`."""
        return range(self._first(driver, begin), self._first(driver, end))

    def _first(self, driver: int, begin: float) -> int:
        number = max(0, ceil((begin - self.phases[driver]) / self.period))
        while number > 0 and self.due(driver, number - 1) >= begin:
            number -= 1
        while self.due(driver, number) < begin:
            number += 1
        return number


@dataclass(frozen=True)
class Path:
    """A driver's way: north and south in steps of equal length, a millionth of a degree further west on each leg.

    Six decimals of a degree tell the number of the fix.
    """

    driver: int
    #: Millionths of a degree.
    step: int
    #: Latitude and longitude; None: follows from the driver's number.
    start: tuple[float, float] | None = None

    @classmethod
    def paced(cls, driver: int, period: float, start: tuple[float, float] | None = None) -> "Path":
        """At WALK_MPS, or as fast as different positions for all fixes demand.

        ValueError: that would be over FASTEST_MPS.
        """
        step = max(1, round(WALK_MPS * period / METRES_PER_STEP))
        if step * METRES_PER_STEP / period > FASTEST_MPS:
            most = int(FASTEST_MPS / METRES_PER_STEP)
            raise ValueError(f"a driver can send at most {most} fixes a second: take more drivers")
        return cls(driver, step, start)

    @cached_property
    def south(self) -> int:
        if self.start is not None:
            return round(self.start[0] * 1e6)
        return CENTRE_LAT - HALF_SIDE + 997 * self.driver % (2 * HALF_SIDE - LEG)

    @cached_property
    def east(self) -> int:
        if self.start is not None:
            return round(self.start[1] * 1e6)
        return CENTRE_LNG + HALF_SIDE - 1663 * self.driver % HALF_SIDE

    @cached_property
    def stops(self) -> int:
        """Positions on a leg."""
        return max(2, LEG // self.step)

    def position(self, number: int) -> tuple[float, float]:
        """Latitude and longitude of a fix, degrees with six decimals."""
        leg, place = divmod(number, self.stops)
        if leg % 2:
            place = self.stops - 1 - place
        return (self.south + place * self.step) / 1e6, (self.east - leg) / 1e6

    def number(self, lat: float, lng: float) -> int | None:
        """The fix of this position; None when it lies off the way."""
        leg = self.east - round(lng * 1e6)
        place, off = divmod(round(lat * 1e6) - self.south, self.step)
        if off or leg < 0 or not 0 <= place < self.stops:
            return None
        return leg * self.stops + (self.stops - 1 - place if leg % 2 else place)
