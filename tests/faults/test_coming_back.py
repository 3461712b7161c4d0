"""After a crash of the web process everybody comes back in the same second, and soon sees what is."""

import asyncio
from contextlib import suppress
from random import Random

import pytest
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from dispatch.statuses import OrderStatus
from tests.faults import length
from tests.faults.clients import Company, decode, open_socket
from tests.faults.cluster import Cluster
from tests.faults.crowd import assert_back, hand_out, hire
from tests.faults.stories import KITCHEN
from tests.faults.world import DENVER

DRIVERS = length(short=24, full=200)
CUSTOMERS = length(short=30, full=250)
DISPATCHERS = length(short=6, full=50)
#: From the moment when the server is up.
READY_S = length(short=10.0, full=5.0)
GIVES_UP_S = 60.0
#: Between two calls that are not answered.
AGAIN_S = 0.5


class Caller:
    """A client that comes back when it is told to, at once and until it is let in."""

    def __init__(self, url: str, role: str, query: str, headers: dict[str, str]) -> None:
        self._address = url, f"role={role}{query}", headers
        self.role = role
        self.ready = asyncio.Event()
        #: From the call to `ready` (seconds).
        self.waited = float("inf")

    async def call(self) -> None:
        """Returns when the connection is lost."""
        self.ready.clear()
        loop = asyncio.get_running_loop()
        began = loop.time()
        while not self.ready.is_set():
            with suppress(ConnectionClosed, InvalidHandshake, OSError, TimeoutError):
                async with open_socket(*self._address) as socket:
                    while True:
                        frame = decode(await socket.recv())
                        if frame["type"] == "ready":
                            self.waited = loop.time() - began
                            self.ready.set()
            if not self.ready.is_set():
                await asyncio.sleep(AGAIN_S)


@pytest.mark.timeout(length(short=120, full=240))
async def test_coming_back(cluster: Cluster, cookie: str, rng: Random) -> None:
    callers = await asyncio.to_thread(crowd, cluster, cookie)
    rng.shuffle(callers)
    async with Company() as company:
        calls = [company.start(caller.call()) for caller in callers]
        await all_ready(callers)
        cluster.kill("web-1")
        await asyncio.wait(calls)
        for caller in callers:
            caller.waited = float("inf")
        counts: list[int] = []
        company.start(cluster.count_connections(counts))
        cluster.start("web-1")
        await cluster.up("web-1")
        for caller in callers:
            company.start(caller.call())
        await all_ready(callers)
    assert_back("after a crash", [(caller.role, caller.waited) for caller in callers], counts, READY_S)


def crowd(cluster: Cluster, cookie: str) -> list[Caller]:
    """Drivers with an order each, customers, and dispatchers of one account, all of web-1."""
    (url, *_) = cluster.urls
    city = cluster.office.city(f"Crowd {cookie[-8:]}", DENVER)
    drivers = hire(cluster, city, DRIVERS)
    orders = hand_out(cluster, city, KITCHEN, drivers, OrderStatus.ASSIGNED)
    orders += hand_out(cluster, city, KITCHEN, drivers[: CUSTOMERS - DRIVERS], OrderStatus.PICKED_UP)
    signed_in = {"Cookie": cookie, "Origin": url}
    return [
        *(
            Caller(url, "driver", f"&session=back-{n}", {"Authorization": f"Bearer {driver.token}"})
            for n, driver in enumerate(drivers)
        ),
        *(Caller(url, "customer", f"&token={order.token}", {}) for order in orders[:CUSTOMERS]),
        *(Caller(url, "dispatcher", "", signed_in) for _ in range(DISPATCHERS)),
    ]


async def all_ready(callers: list[Caller]) -> None:
    """AssertionError: somebody is not let in within GIVES_UP_S."""
    ready = [asyncio.create_task(caller.ready.wait()) for caller in callers]
    _, waiting = await asyncio.wait(ready, timeout=GIVES_UP_S)
    for task in waiting:
        task.cancel()
    assert not waiting, f"{len(waiting)} of {len(callers)} sockets are not ready after {GIVES_UP_S:g} s"
