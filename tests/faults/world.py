"""A town at work: couriers who drive to their next stop and press buttons, and an office that keeps them busy.

All of it follows from one seed; the town's clock is the real one.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from random import Random
from typing import Any

import psycopg

from routing.geo import Point, destination, distance_m
from tests.clerk import Away, Refused
from tests.faults.apps import DriverApp
from tests.faults.cluster import Cluster
from tests.faults.office import DriverRow, OrderRow

DENVER = Point(39.7495, -104.9865)
#: So near is there (metres).
THERE_M = 5.0
#: Fixes at a stop before its button is pressed.
FIXES_AT_STOP = 3


@dataclass(frozen=True)
class Tempo:
    """How fast things happen: seconds, m/s, metres."""

    interval_s: float
    speed_mps: float
    town_m: float
    radius_m: int


@dataclass(frozen=True)
class Town:
    tempo: Tempo
    city: str
    restaurants: list[str]
    drivers: list[DriverRow]


def found_town(cluster: Cluster, tempo: Tempo, drivers: int, rng: Random) -> Town:
    """A new city of its own, so that nobody is left from another test."""
    office = cluster.office
    city = office.city(f"Town {rng.getrandbits(40):x}", DENVER)
    restaurants = [
        office.restaurant(city, f"Kitchen {n}", somewhere(tempo.town_m, rng), tempo.radius_m)
        for n in range(12)
    ]
    return Town(tempo, city, restaurants, office.drivers(city, drivers))


def somewhere(radius_m: float, rng: Random) -> Point:
    return destination(DENVER, rng.uniform(0, 360), radius_m * rng.random() ** 0.5)


def between(a: Point, b: Point, share: float) -> Point:
    """The point on the way from a to b that is this share of it from a; good enough for a town."""
    return Point(a.lat + (b.lat - a.lat) * share, a.lng + (b.lng - a.lng) * share)


class Courier:
    """Drives straight to the next stop of the plan, stays there for a while, presses the button; else walks about."""

    def __init__(self, app: DriverApp, tempo: Tempo, rng: Random) -> None:
        self.app = app
        self._tempo = tempo
        self._rng = rng
        self._at = somewhere(tempo.town_m, rng)
        self._stop: str | None = None
        self._fixes_there = 0

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time() + self._rng.uniform(0, self._tempo.interval_s)
        while True:
            await asyncio.sleep(due - loop.time())
            due = max(due + self._tempo.interval_s, loop.time())
            speed = self._move()
            error = destination(self._at, self._rng.uniform(0, 360), abs(self._rng.gauss(0, 3)))
            self.app.record(error, speed=speed, accuracy=5.0)

    def _move(self) -> float:
        """One interval; returns the speed (m/s)."""
        reach = self._tempo.speed_mps * self._tempo.interval_s
        stop = next(iter(self.app.stops()), None)
        if stop is None:
            home = self._rng.uniform(0, 360) if distance_m(self._at, DENVER) < self._tempo.town_m else None
            target = somewhere(10, self._rng) if home is None else destination(self._at, home, reach / 4)
        else:
            target = Point(stop["lat"], stop["lng"])
        if stop is None or stop["stopId"] != self._stop:
            self._stop, self._fixes_there = stop and stop["stopId"], 0
        left = distance_m(self._at, target)
        if stop is not None and left <= THERE_M:
            self._fixes_there += 1
            if self._fixes_there >= FIXES_AT_STOP:
                self.app.press(stop["orderId"], "picked_up" if stop["kind"] == "pickup" else "delivered")
            return 0.0
        self._at = between(self._at, target, min(1.0, reach / left))
        return min(reach, left) / self._tempo.interval_s


class Business:
    """Keeps so many orders open, gives them to whoever has the fewest, and changes its mind now and then."""

    def __init__(
        self, cluster: Cluster, town: Town, orders: int, rng: Random, begun: Callable[[OrderRow], None]
    ) -> None:
        self._cluster = cluster
        self._town = town
        self._orders = orders
        self._rng = rng
        self._begun = begun
        self._waiting: list[str] = []
        self.did: Counter[str] = Counter()

    async def run(self, every_s: float) -> None:
        while True:
            with suppress(Away, psycopg.OperationalError):
                await self._turn()
            await asyncio.sleep(every_s)

    async def _turn(self) -> None:
        rows = await asyncio.to_thread(self._cluster.rows, _OPEN_ORDERS, self._town.city)
        load = Counter(driver for _, driver, _ in rows)
        for order, driver, _ in rows:
            if driver is None:
                await self._give(order, load)
        for _ in range(self._orders - len(rows)):
            order = await self._new_order()
            await self._give(order.id, load)
        early = [order for order, _, status in rows if status in ("assigned", "to_restaurant")]
        if early and self._rng.random() < 0.3:
            await self._change_mind(self._rng.choice(early), load)

    async def _new_order(self) -> OrderRow:
        door = somewhere(self._town.tempo.town_m, self._rng)
        order: OrderRow = await self._do("order", self._rng.choice(self._town.restaurants), door)
        self._begun(order)
        return order

    async def _give(self, order: str, load: Counter[str | None]) -> None:
        driver = min(self._town.drivers, key=lambda row: (load[row.id], self._rng.random())).id
        load[driver] += 1
        await self._do("assign", order, driver)

    async def _change_mind(self, order: str, load: Counter[str | None]) -> None:
        match self._rng.choice(["assign", "unassign", "cancel"]):
            case "assign":
                await self._give(order, load)
            case "unassign":
                await self._do("unassign", order)
            case "cancel":
                await self._do("cancel", order, "The customer changed their mind.")

    async def _do(self, call: str, *arguments: Any) -> Any:
        self.did[call] += 1
        with suppress(Refused):  # somebody was faster: a driver's button, say
            return await asyncio.to_thread(getattr(self._cluster.office, call), *arguments)


_OPEN_ORDERS = """
SELECT o.id::text, o.driver_id::text, o.status FROM orders o JOIN restaurants r ON r.id = o.restaurant_id
WHERE r.city_id = %s AND o.status NOT IN ('delivered', 'cancelled', 'failed') ORDER BY o.created_at
"""
