"""Driving along a road as a function of time. Pure: the same random numbers give the same drive."""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise
from math import ceil, sqrt
from random import Random
from typing import NamedTuple

from routing.geo import Point, bearing_deg, distance_m

ACCELERATION = 1.6  # m/s², an unhurried driver with food on board
BRAKING = 2.0  # m/s²
STEP_M = 12.0  # how finely speed follows the road
SLOWEST_TURN = 3.0  # m/s through a hairpin
DEFAULT_SPEED = 8.0  # m/s, where the router gives no time


class Motion(NamedTuple):
    """Where somebody is (degrees), how fast (m/s), and the course (degrees from north)."""

    point: Point
    speed: float
    heading: float


class Trajectory:
    """One drive along `line`, which the router expects to take `seconds[i]` from point i to point i + 1.

    It keeps to the router's speeds times a mild random factor, starts with `speed` m/s, slows down for corners,
    brakes and accelerates no harder than above, and stands still at the end, `duration` seconds later.
    """

    def __init__(
        self, line: Sequence[Point], seconds: Sequence[float], rng: Random, *, speed: float = 0.0
    ) -> None:
        if not line or len(seconds) != len(line) - 1:
            raise ValueError(f"{len(line)} points need {len(line) - 1} durations, not {len(seconds)}.")
        self._points = [line[0]]
        self._lengths: list[float] = []
        self._headings: list[float] = []
        caps = self._lay_out(line, seconds, rng)
        self._speeds = _reachable(caps, self._lengths, speed)
        self._times = [0.0]
        for length, (before, after) in zip(self._lengths, pairwise(self._speeds), strict=True):
            self._times.append(self._times[-1] + 2 * length / (before + after))

    @property
    def duration(self) -> float:
        return self._times[-1]

    @property
    def length_m(self) -> float:
        return sum(self._lengths)

    def at(self, elapsed: float) -> Motion:
        """The motion `elapsed` seconds after the start; before it and after the end, standing there."""
        piece = min(bisect_right(self._times, max(elapsed, 0.0)) - 1, len(self._lengths) - 1)
        if elapsed >= self.duration or piece < 0:
            return Motion(self._points[-1], 0.0, self._headings[-1] if self._headings else 0.0)
        since = max(elapsed, 0.0) - self._times[piece]
        before, after = self._speeds[piece], self._speeds[piece + 1]
        acceleration = (after - before) / (self._times[piece + 1] - self._times[piece])
        share = (before * since + acceleration * since * since / 2) / self._lengths[piece]
        a, b = self._points[piece], self._points[piece + 1]
        point = Point(a.lat + (b.lat - a.lat) * share, a.lng + (b.lng - a.lng) * share)
        return Motion(point, max(before + acceleration * since, 0.0), self._headings[piece])

    def _lay_out(self, line: Sequence[Point], seconds: Sequence[float], rng: Random) -> list[float]:
        """Cuts the line into short pieces; returns the speed that road and corners allow at their ends."""
        caps: list[float] = []
        haste = rng.uniform(0.85, 1.05)
        for (start, end), expected in zip(pairwise(line), seconds, strict=True):
            length = distance_m(start, end)
            if length < 0.01:
                continue
            cruise = (length / expected if expected > 0 else DEFAULT_SPEED) * haste * rng.uniform(0.9, 1.1)
            cruise = max(cruise, 1.0)
            heading = bearing_deg(start, end)
            if caps:
                turn = abs((heading - self._headings[-1] + 180) % 360 - 180)
                caps[-1] = min(caps[-1], cruise, max(SLOWEST_TURN, cruise * (1 - turn / 120)))
            else:
                caps.append(cruise)
            pieces = max(ceil(length / STEP_M), 2)
            for k in range(1, pieces + 1):
                share = k / pieces
                self._points.append(
                    Point(
                        start.lat + (end.lat - start.lat) * share, start.lng + (end.lng - start.lng) * share
                    )
                )
                self._lengths.append(length / pieces)
                self._headings.append(heading)
                caps.append(cruise)
        return caps or [0.0]


def _reachable(caps: list[float], lengths: list[float], speed: float) -> list[float]:
    """The highest speeds under `caps` that start at `speed`, end at 0 and need no harder driving.

    A start that is too fast to brake for the road ahead is taken as the fastest from which it can be done.
    """
    speeds = [min(caps[0], speed), *caps[1:-1], 0.0] if lengths else [0.0]
    for i in range(len(lengths) - 1, -1, -1):
        speeds[i] = min(speeds[i], sqrt(speeds[i + 1] ** 2 + 2 * BRAKING * lengths[i]))
    for i, length in enumerate(lengths):
        speeds[i + 1] = min(speeds[i + 1], sqrt(speeds[i] ** 2 + 2 * ACCELERATION * length))
    return speeds
