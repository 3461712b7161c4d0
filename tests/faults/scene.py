"""A small scene for one kind of fault: a few drivers, an order each, and who watches, through each web process."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from routing.geo import Point, destination
from tests.faults import within
from tests.faults.apps import DriverApp
from tests.faults.clients import Company, until
from tests.faults.cluster import Cluster
from tests.faults.observers import CustomerScreen, Observer, customer, dispatcher
from tests.faults.office import OrderRow
from tests.faults.world import DENVER

RESTAURANT = destination(DENVER, 0, 300)
DOOR = destination(DENVER, 90, 1500)
RADIUS_M = 80
#: Where everybody begins: far from the restaurant and from every door.
START = destination(DENVER, 180, 400)
#: An order's life so far takes no longer than this.
PATIENCE_S = within(10.0)


@dataclass
class Delivery:
    """A driver's app, the order that the driver has, and its customers: one at each web process."""

    app: DriverApp
    order: OrderRow
    customers: list[Observer]
    running: asyncio.Task[None]

    async def picked_up(self) -> None:
        self.app.press(self.order.id, "picked_up")
        await until(
            lambda: [stop["kind"] for stop in self.app.stops()] == ["dropoff"],
            PATIENCE_S,
            "the food is picked up",
        )


@dataclass
class Scene:
    cluster: Cluster
    company: Company
    rng: Random
    city: str
    restaurant: str
    deliveries: list[Delivery]
    #: One at each web process.
    dispatchers: list[Observer]

    @property
    def observers(self) -> list[Observer]:
        return [*self.dispatchers, *(each for delivery in self.deliveries for each in delivery.customers)]

    def drive(self, app: DriverApp, interval_s: float) -> asyncio.Task[None]:
        """Sends a fix every `interval_s`, westwards at 5 m/s."""
        return self.company.start(drive(app, interval_s))

    async def order(self, door: Point = DOOR) -> tuple[OrderRow, list[Observer]]:
        """A new pending order, watched by a customer at each web process."""
        row = await asyncio.to_thread(self.cluster.office.order, self.restaurant, door)
        return row, [self.watch(customer([url], row.token, self.rng)) for url in self.cluster.urls]

    async def close(self) -> None:
        """Every app leaves, once all that it sent is acknowledged."""
        apps = [delivery.app for delivery in self.deliveries]
        await until(
            lambda: all(app.acked == len(app.fixes) for app in apps), PATIENCE_S, "all is acknowledged"
        )
        await self.company.stop(*(delivery.running for delivery in self.deliveries))

    def watch(self, observer: Observer) -> Observer:
        self.company.start(observer.run())
        return observer


async def set_scene(
    cluster: Cluster, company: Company, cookie: str, rng: Random, starts: Sequence[Point | None]
) -> Scene:
    """Everybody is connected; a driver for each of `starts` has an assigned order, and has sent a fix from there."""
    office = cluster.office
    city = await asyncio.to_thread(office.city, f"City {rng.getrandbits(40):x}", DENVER)
    restaurant = await asyncio.to_thread(office.restaurant, city, "Kitchen", RESTAURANT, RADIUS_M)
    scene = Scene(cluster, company, rng, city, restaurant, [], [])
    drivers = await asyncio.to_thread(office.drivers, city, len(starts))
    for driver, start in zip(drivers, starts, strict=True):
        app = DriverApp(cluster.urls, driver, Random(rng.random()))
        if start is not None:
            app.record(start)
        running = company.start(app.run())
        order, customers = await scene.order()
        await asyncio.to_thread(office.assign, order.id, driver.id)
        scene.deliveries.append(Delivery(app, order, customers, running))
    scene.dispatchers = [scene.watch(dispatcher([url], cookie, rng)) for url in cluster.urls]
    await until(lambda: all(each.live.is_set() for each in scene.observers), PATIENCE_S, "all are connected")
    for delivery in scene.deliveries:
        await until(
            lambda app=delivery.app: app.acked == len(app.fixes) and app.stops(),
            PATIENCE_S,
            "the driver has the order",
        )
    return scene


async def drive(app: DriverApp, interval_s: float, start: Point = START) -> None:
    for n in range(1, 10**6):
        app.record(destination(start, 270, 5 * interval_s * n), speed=5.0)
        await asyncio.sleep(interval_s)


def newest_seen(observer: Observer, driver: str) -> int:
    """The time (ms) of the newest fix of a driver that an observer was shown; 0 for none."""
    shown: Sequence[int] = observer.seen.get(driver) or observer.seen.get("") or [0]
    return shown[-1]


def arrives_in(customer: Observer) -> int | None:
    """The minutes that a customer is shown; None for none yet."""
    assert isinstance(customer.view, CustomerScreen)
    minutes: int | None = customer.view.known.get("eta", {}).get("minutes")
    return minutes
