"""What a phone's GPS makes of a true motion: errors that drift rather than jump, and a bad spell at times."""

from math import exp, sqrt
from random import Random
from typing import NamedTuple

from delivery.devtools.simulation.trajectory import Motion
from routing.geo import destination

SIGMA_M = 4.0  # of the error to the north and to the east, under an open sky
BAD_SIGMA_M = 22.0  # between high buildings
BAD_SPELL_CHANCE = 0.01  # per reading
BAD_SPELL_READINGS = (1, 4)
MEMORY_S = 20.0  # after this long, 1/e of an error is left
#: Phones report the radius that holds 68 % of readings: 1.51 standard deviations.
RADIUS_68 = 1.51
STANDING_MPS = 0.8  # a phone knows no course below this


class Reading(NamedTuple):
    """A fix: degrees, m/s, degrees from north (None when standing), metres."""

    lat: float
    lng: float
    speed: float
    heading: float | None
    accuracy: float


class Gps:
    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._north, self._east = rng.gauss(), rng.gauss()  # in standard deviations
        self._bad_left = 0

    def read(self, motion: Motion, since_s: float) -> Reading:
        """The fix of a phone in this motion, `since_s` seconds after the one before."""
        rng = self._rng
        kept = exp(-since_s / MEMORY_S)
        fresh = sqrt(1 - kept * kept)
        self._north = self._north * kept + rng.gauss() * fresh
        self._east = self._east * kept + rng.gauss() * fresh
        sigma = self._sigma()
        north = destination(motion.point, 0, self._north * sigma)
        lat, lng = destination(north, 90, self._east * sigma)
        moving = motion.speed >= STANDING_MPS
        return Reading(
            lat=round(lat, 6),
            lng=round(lng, 6),
            speed=round(max(0.0, motion.speed + rng.gauss(0, 0.4)) if moving else motion.speed, 1),
            heading=round(motion.heading + rng.gauss(0, 4), 1) % 360 if moving else None,
            accuracy=round(sigma * RADIUS_68 * rng.uniform(0.85, 1.25), 1),
        )

    def _sigma(self) -> float:
        if not self._bad_left and self._rng.random() < BAD_SPELL_CHANCE:
            self._bad_left = self._rng.randint(*BAD_SPELL_READINGS)
        if self._bad_left:
            self._bad_left -= 1
            return BAD_SIGMA_M
        return SIGMA_M
