"""What a phone sends on a drive: how often, with which fields, and how wrong."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import exp, sqrt
from random import Random

from routing.geo import destination
from tests.tracking.ingest.drives import T0
from tests.tracking.ingest.recorded.drives import Drive
from tracking.protocol.messages import Location

#: Errors fade over so many seconds.
MEMORY_S = 60.0


@dataclass(frozen=True)
class Phone:
    """`error_m`: σ of its errors to the east and to the north, which drift. `spike`: from which second on two fixes
    lie `spike_m` off.
    """

    every_s: int = 5
    knows_speed: bool = True
    error_m: float = 0.0
    seed: int = 1
    spike: int | None = None
    spike_m: float = 490.0

    def sends(self, drive: Drive) -> Iterator[Location]:
        rng = Random(f"{self.seed} {drive.name}")
        kept = exp(-self.every_s / MEMORY_S)
        fresh = sqrt(1 - kept * kept)
        east, north = rng.gauss(), rng.gauss()
        spiked, bearing = 0, rng.uniform(0, 360)
        for second in range(rng.randrange(self.every_s), len(drive.way), self.every_s):
            place = destination(
                destination(drive.way[second], 90, east * self.error_m), 0, north * self.error_m
            )
            east, north = east * kept + rng.gauss() * fresh, north * kept + rng.gauss() * fresh
            if self.spike is not None and second >= self.spike and spiked < 2:
                spiked += 1
                place = destination(place, bearing, self.spike_m)
            speed = max(0.0, drive.speeds[second] + rng.gauss(0, 0.3))
            yield Location(
                lat=place.lat,
                lng=place.lng,
                ts=T0 + second * 1000,
                speed=speed if self.knows_speed else None,
                accuracy=max(3.0, self.error_m) if self.knows_speed else None,
            )
