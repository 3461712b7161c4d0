"""Drives as they were recorded, one place a second."""

import csv
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path

from routing.geo import Point, distance_m

FOLDER = Path(__file__).parent / "drives"


@dataclass(frozen=True)
class Drive:
    """`way`: where it was at each second (degrees)."""

    name: str
    way: list[Point]

    @cached_property
    def speeds(self) -> list[float]:
        """At each second (m/s), over the second before and the one after."""
        last = len(self.way) - 1
        return [
            distance_m(self.way[max(n - 1, 0)], self.way[min(n + 1, last)])
            / (min(n + 1, last) - max(n - 1, 0))
            for n in range(len(self.way))
        ]

    def held(self, second: int, seconds: int) -> "Drive":
        """The same drive, but that it waits for so many seconds more."""
        way = [*self.way[:second], *[self.way[second]] * seconds, *self.way[second:]]
        return Drive(self.name, way)


def recorded() -> list[Drive]:
    return [Drive(file.stem, _way(file)) for file in sorted(FOLDER.glob("*.csv"))]


def _way(file: Path) -> list[Point]:
    """Recorders leave out what they take for standing: between two places it went straight, at a steady speed."""
    with file.open() as lines:
        rows = [
            (int(row["seconds"]), Point(float(row["lat"]), float(row["lng"])))
            for row in csv.DictReader(lines)
        ]
    way = []
    for (start, a), (end, b) in pairwise(rows):
        for second in range(end - start):
            share = second / (end - start)
            way.append(Point(a.lat + (b.lat - a.lat) * share, a.lng + (b.lng - a.lng) * share))
    return [*way, rows[-1][1]]
