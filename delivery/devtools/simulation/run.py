"""The simulation as one asyncio process: drivers, customers who order, and a dispatcher."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Never
from uuid import UUID

from delivery.devtools.simulation import demand
from delivery.devtools.simulation.app import App
from delivery.devtools.simulation.customers import Customers
from delivery.devtools.simulation.dispatcher import Dispatcher
from delivery.devtools.simulation.driver import HAUNT_M, Habits, SimulatedDriver
from delivery.devtools.simulation.fleet import CityId, Recruit, recruit, restaurants_by_town
from delivery.devtools.simulation.outages import Database, Outages
from delivery.devtools.simulation.roads import Roads
from dispatch.orders import actions
from routing.geo import Point

logger = logging.getLogger("delivery.devtools.simulation")


class NoRestaurants(Exception):
    """There is nothing to order from: no restaurant stands at a road of the map."""


class TakenOver(Exception):
    """Every driver has signed in elsewhere."""


@dataclass(frozen=True)
class Options:
    """`seed`: None for other random choices in each run."""

    url: str
    drivers: int
    orders_per_hour: float
    dispatcher: bool = True
    habits: Habits = field(default_factory=Habits)
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
    async with asyncio.TaskGroup() as others:
        running: list[asyncio.Task[None]] = []
        if options.orders_per_hour:
            simulated = {town: demand.simulated(places) for town, places in restaurants.items()}
            customers = Customers(options.orders_per_hour, simulated, sizes, database, roads, rng)
            running.append(others.create_task(customers.run()))
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
    raise TakenOver


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

    async def renew() -> str:
        return await database(actions.issue_token, each.driver)

    app = App(options.url, each.token, renew, outages=outages, rng=rng)
    await SimulatedDriver(app, roads, start, haunts, options.habits, rng).run()
