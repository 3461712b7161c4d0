"""The roads, for the event loop: OSRM asked in threads, and waited for while it is away."""

import asyncio
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from random import Random

from delivery.devtools.simulation.demand import somewhere_around
from delivery.devtools.simulation.outages import Outages, backoff
from routing.errors import NoSegment, RoutingError, Unavailable
from routing.geo import Point
from routing.osrm import Leg, Snapped, osrm_from_settings, straight_line

#: Who lives or parks on a street is this close to it (metres).
AT_STREET_M = 60.0
TRIES = 20
#: Interstates and state highways by their usual names: nobody lives there.
_HIGHWAY = re.compile(r"^(I|US|SH|CO)[ -]\d|Highway|Freeway|Expressway|Turnpike|^$")


class Roads:
    def __init__(self, outages: Outages, rng: Random) -> None:
        self._osrm = osrm_from_settings()
        self._outages = outages
        self._rng = rng
        self._threads = ThreadPoolExecutor(max_workers=4, thread_name_prefix="roads")

    async def route(self, start: Point, end: Point) -> Leg:
        """The road from here to there, with its line; straight across where no road leads."""
        try:
            route = await self._ask(partial(self._osrm.route, [start, end], geometry=True))
        except RoutingError:
            route = straight_line([start, end])
        return route.legs[0]

    async def near(self, point: Point) -> Point | None:
        """The street at `point`; None where there is none."""
        try:
            return (await self._ask(partial(self._osrm.nearest, point))).point
        except NoSegment:
            return None

    async def spot(self, center: Point, ring_m: tuple[float, float]) -> Snapped:
        """A random place at a street, so far from `center`; the nearest street to it where tries run out."""
        for _ in range(TRIES):
            wanted = somewhere_around(center, ring_m, self._rng)
            try:
                found = await self._ask(partial(self._osrm.nearest, wanted))
            except NoSegment:
                continue
            if found.distance_m <= AT_STREET_M and not _HIGHWAY.search(found.name):
                return found
        return await self._ask(partial(self._osrm.nearest, center))

    async def _ask[T](self, question: Callable[[], T]) -> T:
        loop = asyncio.get_running_loop()
        attempt = 0
        while True:
            try:
                answer = await loop.run_in_executor(self._threads, question)
            except Unavailable as error:
                self._outages.away("OSRM", error.message)
                await asyncio.sleep(backoff(attempt, self._rng))
                attempt += 1
            else:
                self._outages.back("OSRM")
                return answer
