"""A driver and the customer of one order, who mind their own business whatever others do to the server."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random

from dispatch.statuses import OrderStatus
from routing.geo import destination
from tests.faults import within
from tests.faults.apps import DriverApp
from tests.faults.clients import Company, until
from tests.faults.cluster import Cluster
from tests.faults.crowd import hand_out, hire
from tests.faults.observers import Observer, customer
from tests.faults.stories import KITCHEN
from tests.faults.world import DENVER

#: Between two fixes.
INTERVAL_S = 0.1
#: Until a fix is seen and acknowledged; on a machine that is busy with the attack as well.
EXCHANGE_S = within(10.0)


class Honest:
    """`waits`: how long each fix took to the customer (seconds)."""

    def __init__(self, app: DriverApp, page: Observer) -> None:
        self.app = app
        self.page = page
        self.waits: list[float] = []

    async def keep_exchanging(self) -> None:
        """A fix reaches the customer, and is acknowledged; then the next one."""
        loop = asyncio.get_running_loop()
        while True:
            self.app.record(destination(KITCHEN.at, 90, 2 * len(self.app.fixes) % 1_000))
            ts = self.app.fixes[-1]["ts"]
            began = loop.time()
            await until(
                lambda ts=ts: ts in self.page.seen.get("", ()), EXCHANGE_S, "a customer sees every fix"
            )
            self.waits.append(loop.time() - began)
            await until(lambda: self.app.acked == len(self.app.fixes), EXCHANGE_S, "a fix is acknowledged")
            await asyncio.sleep(INTERVAL_S)

    def were_left_alone(self) -> None:
        assert self.app.sessions == self.page.sessions == 1, (
            f"the honest were thrown out: {self.app.closes}, {self.page.closes}"
        )
        assert self.waits, "the honest had nothing to say"


@asynccontextmanager
async def honest_pair(cluster: Cluster, url: str, rng: Random) -> AsyncIterator[Honest]:
    """They keep exchanging for as long as the block runs; AssertionError in it when they can't."""
    city = await asyncio.to_thread(cluster.office.city, f"Honest {time.time_ns():x}", DENVER)
    drivers = await asyncio.to_thread(hire, cluster, city, 1)
    (order,) = await asyncio.to_thread(hand_out, cluster, city, KITCHEN, drivers, OrderStatus.PICKED_UP)
    app = DriverApp([url], drivers[0], Random(rng.random()))
    page = customer([url], order.token, Random(rng.random()))
    pair = Honest(app, page)
    async with Company() as company:
        company.start(app.run())
        company.start(page.run())
        await until(lambda: app.live.is_set() and page.live.is_set(), 20, "the honest are let in")
        company.start(pair.keep_exchanging())
        yield pair
        pair.were_left_alone()
