"""Thousands come back at once, through nginx, to web processes that restart one after the other."""

import asyncio
import time
from collections import Counter
from collections.abc import Mapping
from random import Random

import pytest

from delivery.devtools.loadtest.sockets import Address, Client, Refused, allow_files
from delivery.devtools.loadtest.targets import CustomerTarget, Doorstep, DriverTarget, Heard
from dispatch.statuses import OrderStatus
from routing.geo import Point
from tests.faults import length, within
from tests.faults.clients import OPEN_S, SILENCE_S, Company, backoff, until
from tests.faults.cluster import Cluster
from tests.faults.crowd import assert_back, hand_out, hire
from tests.faults.proxies import proxy
from tests.faults.stories import KITCHEN
from tests.faults.world import DENVER

SOCKETS = length(short=60, full=5000)
#: Each with two orders, and a fix every FIX_S.
DRIVERS = length(short=10, full=800)
DISPATCHERS = length(short=2, full=20)
FIX_S = 5.0
#: All drivers, all the time.
PARKED = Point(39.70, -104.90)
FIX = b'{"type":"location","lat":39.70,"lng":-104.90,"speed":0.0,"seq":%d}'
#: From the loss of their sockets on.
READY_S = 10.0
#: For all to be there, and for the last to be back.
PATIENCE_S = 60.0
#: They do not all open their page in the same moment, the first time.
OPEN_WITHIN_S = length(short=1.0, full=15.0)
#: nginx has two for each socket, shared by its workers, of which one may get most of them.
DESCRIPTORS = 2 * SOCKETS + 1000


class Page:
    """Comes back as static/js/live-socket.js does, and a driver's app like it. `away`: from the loss of the socket to
    the next snapshot (seconds). What it is told instead goes to `said`.
    """

    def __init__(
        self,
        role: str,
        address: Address,
        opening: tuple[str, Mapping[str, str]],
        rng: Random,
        said: Counter[str],
    ) -> None:
        self.role = role
        self._address = address
        self._opening = opening
        self._rng = rng
        self._said = said
        self._next = 0
        self._watch: asyncio.Timeout | None = None
        self.ready = False
        self.away: list[float] = []

    async def run(self) -> None:
        await asyncio.sleep(self._rng.uniform(0, OPEN_WITHIN_S))
        attempt, lost_at = 0, time.monotonic()
        while True:
            try:
                lost: asyncio.Future[int] = asyncio.get_running_loop().create_future()
                client = Client(
                    self._address, self._opening, waits_for_ready=True, hear=self._hear, lost=lost.set_result
                )
                async with asyncio.timeout(OPEN_S) as self._watch:
                    await client.connect(PATIENCE_S)
                    self.away.append(time.monotonic() - lost_at)
                    self.ready, attempt = True, 0
                    await self._stay(client, lost)
            except (Refused, TimeoutError) as told:
                self._said[str(told) or "nothing"] += 1
            finally:
                client.abort()
            if self.ready:
                self.ready, lost_at = False, time.monotonic()
            await asyncio.sleep(backoff(attempt, self._rng))
            attempt += 1

    def _hear(self, heard: Heard, now: float) -> None:
        if self._watch and not self._watch.expired():
            self._watch.reschedule(now + SILENCE_S)
        if heard.type == "expect":
            self._next = heard.seq or 0

    async def _stay(self, client: Client, lost: asyncio.Future[int]) -> None:
        """Until the socket ends; a driver's app sends a fix now and then."""
        if self.role != "driver":
            await lost
        await asyncio.wait([lost], timeout=self._rng.uniform(0, FIX_S))
        while not lost.done():
            client.send(FIX % self._next)
            self._next += 1
            await asyncio.wait([lost], timeout=FIX_S)


@pytest.mark.timeout(length(short=120, full=400))
async def test_thousands_come_back(cluster: Cluster, cookie: str, rng: Random) -> None:
    allow_files(DESCRIPTORS)
    said: Counter[str] = Counter()
    counts: list[int] = []
    with proxy("nginx", cluster) as url:
        pages = await asyncio.to_thread(crowd, cluster, url, cookie, rng, said)
        async with Company() as company:
            for page in pages:
                company.start(page.run())
            company.start(cluster.count_connections(counts))
            await until(lambda: all(page.ready for page in pages), PATIENCE_S, "everybody is let in")
            for part in ("web-1", "web-2"):
                for page in pages:
                    page.away.clear()
                said.clear()
                counts.clear()
                await asyncio.to_thread(cluster.stop, part)
                cluster.start(part)
                await cluster.up(part)
                await until(lambda: all(page.ready for page in pages), PATIENCE_S, "everybody is back")
                away = [(page.role, seconds) for page in pages for seconds in page.away]
                assert_back(f"{part} restarts, told meanwhile {dict(said)}", away, counts, within(READY_S))
    logs = "".join(log.read_text() for log in (cluster.state.folder / "nginx").glob("*.log"))
    assert "/ws" in logs
    assert "token=" not in logs, "a tracking link stands in nginx's log"


def crowd(cluster: Cluster, url: str, cookie: str, rng: Random, said: Counter[str]) -> list[Page]:
    """Drivers with two orders each, dispatchers of one account, and customers, two or three to an order."""
    city = cluster.office.city(f"Thousands {cookie[-8:]}", DENVER)
    drivers = hire(cluster, city, DRIVERS, at=PARKED)
    orders = [
        CustomerTarget(order.token, driver.id)
        for status in (OrderStatus.PICKED_UP, OrderStatus.ASSIGNED)
        for driver, order in zip(drivers, hand_out(cluster, city, KITCHEN, drivers, status), strict=True)
    ]
    address = Address.of(url.replace("http", "ws", 1))
    speaks = Doorstep(run="thousands", cookie=cookie, origin=url)
    openings = [("driver", speaks.driver(DriverTarget(driver.id, driver.token))) for driver in drivers]
    openings += [("dispatcher", speaks.dispatcher()) for _ in range(DISPATCHERS)]
    watching = range(SOCKETS - len(openings))
    openings += [("customer", speaks.customer(orders[n % len(orders)])) for n in watching]
    return [Page(role, address, opening, Random(rng.random()), said) for role, opening in openings]
