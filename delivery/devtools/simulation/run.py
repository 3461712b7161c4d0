"""The simulation as one asyncio process: drivers, customers who order, and a dispatcher."""

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from random import Random
from uuid import UUID

from delivery.devtools.simulation import demand, evening
from delivery.devtools.simulation.app import App
from delivery.devtools.simulation.customers import Customers
from delivery.devtools.simulation.dispatcher import Dispatcher
from delivery.devtools.simulation.driver import HAUNT_M, Habits, SimulatedDriver
from delivery.devtools.simulation.fleet import CityId, Recruit, recruit, renewed_token, restaurants_by_town
from delivery.devtools.simulation.outages import Database, Outages
from delivery.devtools.simulation.platform import platform
from delivery.devtools.simulation.roads import Roads
from routing.geo import Point

logger = logging.getLogger("delivery.devtools.simulation")


class NoRestaurants(Exception):
    """There is nothing to order from: no restaurant stands at a road of the map."""


class TakenOver(Exception):
    """Every driver has signed in elsewhere."""


class EveningOver(Exception):
    """All orders of the evening are over, or nobody waits for them any longer."""


#: So long after the last order (seconds) the evening's orders are waited for: one that is wanted later takes longest.
PATIENCE_S = 2400.0
LOOK_EVERY_S = 5.0


@dataclass(frozen=True)
class Options:
    """`url`: of the live endpoint; the API is asked at the same server. `seed`: None for other random choices in each
    run. `orders`: after so many the evening ends; None: never.
    """

    url: str
    drivers: int
    orders_per_hour: float
    dispatcher: bool = True
    habits: Habits = field(default_factory=Habits)
    seed: int | None = None
    orders: int | None = None


async def simulate(options: Options) -> list[UUID]:
    """Runs until it is cancelled, or until the evening is over, and returns its orders.

    Raises NoRestaurants, TakenOver.
    """
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
    simulated = {town: demand.simulated(places) for town, places in restaurants.items()}
    async with platform(options.url, database, outages, rng) as shop:
        customers = Customers(
            options.orders_per_hour,
            simulated,
            sizes,
            shop,
            database,
            roads,
            rng,
            most=inf if options.orders is None else options.orders,
            mishaps=options.habits.mishaps,
        )
        try:
            async with asyncio.TaskGroup() as others:
                running: list[asyncio.Task[None]] = []
                if options.orders_per_hour:
                    running.append(others.create_task(_evening(customers, database)))
                if options.dispatcher:
                    running.append(others.create_task(Dispatcher(database, rng).run()))
                async with asyncio.TaskGroup() as fleet:
                    for each in recruits:
                        haunts = [point for _, point in restaurants[each.town]]
                        fleet.create_task(
                            _drive(each, haunts, options, database, roads, outages, Random(rng.random()))
                        )
                for task in running:
                    task.cancel()
        except* EveningOver:
            pass
        else:
            raise TakenOver
    return customers.placed


async def _evening(customers: Customers, database: Database) -> None:
    """Orders come in, and are waited for. Raises EveningOver."""
    await customers.run()
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        if not await database(evening.open_among, customers.placed):
            break
        await asyncio.sleep(LOOK_EVERY_S)
    raise EveningOver


async def _on_the_map(
    restaurants: Mapping[CityId, Sequence[tuple[UUID, Point]]], roads: Roads
) -> dict[CityId, list[tuple[UUID, Point]]]:
    """Those that a driver can reach; a town without any is left out."""
    reachable: dict[CityId, list[tuple[UUID, Point]]] = {}
    for town, places in restaurants.items():
        for id_, point in places:
            if await roads.near(point) is not None:
                reachable.setdefault(town, []).append((id_, point))
    return reachable


async def _drive(
    each: Recruit,
    haunts: Sequence[Point],
    options: Options,
    database: Database,
    roads: Roads,
    outages: Outages,
    rng: Random,
) -> None:
    start = await roads.near(each.point) if each.point else None
    if start is None:
        start = (await roads.spot(rng.choice(haunts), HAUNT_M)).point

    async def renew(token: str) -> str | None:
        return await database(renewed_token, each.driver, token)

    app = App(options.url, each.token, renew, outages=outages, rng=rng)
    await SimulatedDriver(app, roads, start, haunts, options.habits, rng).run()
