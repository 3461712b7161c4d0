"""Ten thousand drivers at work, two thousand open orders, and rounds of ETAs: a dispatcher gets in, stays, and knows
what a fresh snapshot says.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from random import Random

import psycopg
import pytest

from delivery.devtools import fleet
from delivery.devtools.fleet import Fleet
from delivery.devtools.stack.servers import for_libpq
from tests.faults import FULL, length, within
from tests.faults.apps import DriverApp
from tests.faults.clients import Company, eventually, until
from tests.faults.cluster import Cluster
from tests.faults.observers import DispatcherScreen, Observer, dispatcher
from tests.faults.office import DriverRow
from tests.faults.scene import drive

DRIVERS = length(short=300, full=10_000)
ORDERS = length(short=60, full=2_000)
#: Of the drivers so many have an app that sends; of the others the database alone hears where they are.
APPS = length(short=5, full=50)
INTERVAL_S = 5.0
READY_S = within(3.0)
#: A dispatcher stays for so long, and for so many rounds of ETAs at least.
STAYS_S = length(short=0.0, full=600.0)
ROUNDS = 2
#: Beat asks for a round every half minute.
ROUND_S = within(90.0)
CATCHES_UP_S = within(5.0)

#: Degrees: some 900 m there and back, which is more than a minute.
THERE = 0.008
#: Nobody waits for rows that somebody has locked: the next time will do.
_MOVE = """
UPDATE drivers SET current_lat = current_lat + %s, fix_at = now(), last_seen_at = now()
WHERE id IN (SELECT id FROM drivers WHERE NOT id = ANY(%s::uuid[]) FOR UPDATE SKIP LOCKED)
"""
_BEGUN_SINCE = "SELECT FROM leases WHERE job = 'refresh_etas' AND since >= %s"
_DONE_SINCE = _BEGUN_SINCE + " AND done_at > since"


@pytest.mark.timeout(length(short=120, full=1200))
async def test_a_dispatcher_of_a_whole_fleet(cluster: Cluster, cookie: str, rng: Random) -> None:
    seeded = await asyncio.to_thread(seed, cluster, rng)
    async with Company() as company:
        work = Work(cluster, seeded)
        driving = work.start(company, rng)
        dispatchers = Dispatchers(cluster, company, cookie, rng)
        await work.round_begins()
        async with dispatchers.one() as watching:
            at_first = versions(watching)
            assert set(at_first) >= {("order", str(order.id)) for order in seeded.orders}
            assert set(at_first) >= {("plan", str(driver.id)) for driver in seeded.drivers}
            loop = asyncio.get_running_loop()
            leaves_at = loop.time() + STAYS_S
            await work.round_is_done()
            rounds = 1
            while rounds < ROUNDS or loop.time() < leaves_at:
                await work.round_begins()
                async with dispatchers.one():
                    pass
                await work.round_is_done()
                rounds += 1
            await company.stop(*driving)
            await dispatchers.agree_with(watching)
            news = sum(v > at_first.get(key, 0) for key, v in versions(watching).items() if key[0] == "order")
            print(  # noqa: T201 (the figures)
                f"{rounds} rounds; {news} of {ORDERS} orders have a newer ETA; {len(dispatchers.ready_after)} "
                f"dispatchers came, ready after {max(dispatchers.ready_after):.2f} s at most"
            )
            assert news > ORDERS / 2, "rounds of ETAs brought no news"
            assert (watching.sessions, watching.closes) == (1, []), "a dispatcher was closed"


def seed(cluster: Cluster, rng: Random) -> Fleet:
    with psycopg.connect(for_libpq(cluster.env["DATABASE_URL"])) as connection, connection.cursor() as cursor:
        return fleet.fill(cursor, DRIVERS, ORDERS, rng)


class Work:
    """What the drivers do, and the rounds of ETAs about it."""

    def __init__(self, cluster: Cluster, seeded: Fleet) -> None:
        self._cluster = cluster
        self._sending = seeded.drivers[-APPS:]
        self._north = -THERE
        self._moved_at: datetime | None = None

    def start(self, company: Company, rng: Random) -> list[asyncio.Task[None]]:
        """Tasks in which all of them are heard of; the apps are connected for as long as the company is."""
        tasks = [company.start(self._heard())]
        for driver in self._sending:
            row = DriverRow(str(driver.id), driver.token)
            app = DriverApp(self._cluster.urls, row, Random(rng.random()))
            company.start(app.run())
            tasks.append(company.start(drive(app, INTERVAL_S, driver.start)))
        return tasks

    async def round_begins(self) -> None:
        """One for which everybody is elsewhere. Beat asks for it; the short form does not wait for that."""
        self._north = -self._north
        await asyncio.to_thread(self._move, self._north)
        ((self._moved_at,),) = await asyncio.to_thread(self._cluster.rows, "SELECT clock_timestamp()")
        if not FULL:
            await asyncio.to_thread(self._cluster.office.ask_for_a_cycle)
        await eventually(lambda: self._assert_round(_BEGUN_SINCE, "begins"), ROUND_S)

    async def round_is_done(self) -> None:
        await eventually(lambda: self._assert_round(_DONE_SINCE, "is done"), ROUND_S)

    def _assert_round(self, query: str, what: str) -> None:
        assert self._cluster.rows(query, self._moved_at), f"no round of ETAs {what} within {ROUND_S:g} s"

    async def _heard(self) -> None:
        while True:
            await asyncio.to_thread(self._move, 0.0)
            await asyncio.sleep(INTERVAL_S)

    def _move(self, north: float) -> None:
        own = [driver.id for driver in self._sending]
        with psycopg.connect(for_libpq(self._cluster.env["DATABASE_URL"]), autocommit=True) as connection:
            connection.execute(_MOVE, [north, own])


class Dispatchers:
    """They come to any of the web processes. `ready_after`: how long (seconds) each one's snapshot took."""

    def __init__(self, cluster: Cluster, company: Company, cookie: str, rng: Random) -> None:
        self._cluster, self._company, self._cookie, self._rng = cluster, company, cookie, rng
        self.ready_after: list[float] = []

    @asynccontextmanager
    async def one(self) -> AsyncIterator[Observer]:
        """One whose snapshot is complete in time, and who leaves at the end of the block."""
        loop = asyncio.get_running_loop()
        coming = dispatcher(self._cluster.urls, self._cookie, Random(self._rng.random()))
        began = loop.time()
        running = self._company.start(coming.run())
        await until(coming.live.is_set, READY_S, "a dispatcher's snapshot is complete")
        self.ready_after.append(loop.time() - began)
        yield coming
        await self._company.stop(running)

    async def agree_with(self, watching: Observer) -> None:
        """What this one knows is what a fresh snapshot says, both ways: neither lacks what the other one knows."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + CATCHES_UP_S
        while True:
            async with self.one() as another:
                known, fresh = screen(watching), screen(another)
                wrong = known.behind(fresh) + fresh.behind(known)
            if not wrong:
                return
            assert loop.time() < deadline, f"of {len(wrong)} differences: {'; '.join(wrong[:3])}"


def screen(observer: Observer) -> DispatcherScreen:
    assert isinstance(observer.view, DispatcherScreen)
    return observer.view


def versions(observer: Observer) -> dict[tuple[str, str], int]:
    return {key: frame["v"] for key, frame in screen(observer).known.items()}
