"""The simulation as one asyncio process: drivers, customers who order, and a dispatcher."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import Never
from uuid import UUID

from django.db.models import Q
from django.utils import timezone

from delivery.simulation import demand, people
from delivery.simulation.app import App
from delivery.simulation.demand import Kitchen
from delivery.simulation.dispatcher import Dispatcher
from delivery.simulation.driver import HAUNT_M, Habits, SimulatedDriver
from delivery.simulation.fleet import Recruit, Town, recruit, restaurants_by_town
from delivery.simulation.outages import Database, Outages
from delivery.simulation.roads import Roads
from dispatch import actions
from dispatch.models import Order
from dispatch.statuses import FINAL
from routing.geo import Point

logger = logging.getLogger("delivery.simulation")

#: Orders placed at once at the start, one for so many drivers, and at most this many.
DRIVERS_PER_FIRST_ORDER = 3
MOST_FIRST_ORDERS = 12
#: Customers order elsewhere while this many orders a driver are open.
OPEN_ORDERS_PER_DRIVER = 3


class NoRestaurants(Exception):
    """There is nothing to order from: no restaurant stands at a road of the map."""


class TakenOver(Exception):
    """Every driver has signed in elsewhere."""


@dataclass(frozen=True)
class Options:
    """`forgets`: share of pickups whose button is forgotten. `seed`: None for another run each time."""

    url: str
    drivers: int
    orders_per_hour: float
    dispatcher: bool = True
    interval_s: float = 5.0
    forgets: float = 0.05
    seed: int | None = None


async def simulate(options: Options) -> Never:
    """Runs until it is cancelled. Raises NoRestaurants, TakenOver."""
    rng = Random(options.seed)
    outages = Outages()
    database = Database(outages, rng)
    roads = Roads(outages, rng)
    restaurants = await _on_the_map(await database(restaurants_by_town), roads)
    if not restaurants:
        raise NoRestaurants
    sizes = demand.shares(options.drivers, {town: len(places) for town, places in restaurants.items()})
    recruits = await database(recruit, sizes, rng)
    logger.info("Simulating %d drivers and %g orders an hour.", len(recruits), options.orders_per_hour)
    async with asyncio.TaskGroup() as tasks:
        for each in recruits:
            haunts = [point for _, point in restaurants[each.town]]
XX.orders_per_hour:
            tasks.create_task(Customers(options, restaurants, sizes, database, roads, rng).run())
        if options.dispatcher:
            tasks.create_task(Dispatcher(database, rng).run())
    raise AssertionError("Drivers, customers and dispatchers never end by themselves.")


async def _on_the_map(
    restaurants: Mapping[Town, Sequence[tuple[UUID, Point]]], roads: Roads
) -> dict[Town, list[tuple[UUID, Point]]]:
    """Those that a driver can reach; a town without any is left out."""
    reachable: dict[Town, list[tuple[UUID, Point]]] = {}
    for town, places in restaurants.items():
        for id_, point in places:
            if await roads.near(point) is not None:
                reachable.setdefault(town, []).append((id_, point))
    return reachable


async def _drive(
    each: Recruit, haunts: Sequence[Point], options: Options, roads: Roads, outages: Outages, rng: Random
) -> None:
    start = await roads.near(each.point) if each.point else None
    if start is None:
        start = (await roads.spot(rng.choice(haunts), HAUNT_M)).point
    habits = Habits(interval_s=options.interval_s, forgets=options.forgets)
    app = App(options.url, each.token, outages=outages, rng=rng)
    await SimulatedDriver(app, roads, start, haunts, habits, rng).run()


class Customers:
    """Places orders at customers' doors: a handful at once, then at random times."""

    def __init__(
        self,
        options: Options,
        restaurants: Mapping[Town, Sequence[tuple[UUID, Point]]],
        sizes: Mapping[Town, int],
        database: Database,
        roads: Roads,
        rng: Random,
    ) -> None:
        self._options = options
        self._kitchens = {town: demand.kitchens_of(places) for town, places in restaurants.items()}
        self._sizes = sizes
        self._database = database
        self._roads = roads
        self._rng = rng

    async def run(self) -> Never:
        first = min(MOST_FIRST_ORDERS, max(2, self._options.drivers // DRIVERS_PER_FIRST_ORDER))
        while await self._database(_open_orders) < first:
            await self._order()
        while True:
            await asyncio.sleep(demand.gap_s(self._options.orders_per_hour, self._rng))
            if await self._database(_open_orders) < OPEN_ORDERS_PER_DRIVER * self._options.drivers:
                await self._order()

    async def _order(self) -> None:
        (town,) = self._rng.choices(list(self._sizes), list(self._sizes.values()))
        for kitchen in demand.order_of(self._kitchens[town], self._rng):
            await self._place(kitchen)

    async def _place(self, kitchen: Kitchen[UUID]) -> None:
        door = await self._roads.spot(kitchen.point, demand.DOOR_M)
        await self._database(
            actions.create_order,
            kitchen.id,
            customer_name=people.name(self._rng),
            customer_phone=people.phone(self._rng),
            customer_address=f"{self._rng.randrange(100, 3000)} {door.name}",
            customer_lat=door.point.lat,
            customer_lng=door.point.lng,
            ready_at=timezone.now() + timedelta(seconds=self._rng.uniform(*demand.KITCHEN_S)),
        )


def _open_orders() -> int:
    """Orders that wait for a driver or that a simulated one has."""
    ours = Q(driver=None) | Q(driver__simulated=True)
    return Order.objects.filter(ours).exclude(status__in=FINAL).count()
