"""kill -9 of one process after the other under the headline load.

Nothing acknowledged is lost, nothing happens twice, and whoever comes back sees what is.
"""

import asyncio
from datetime import datetime
from random import Random

import pytest

from tests.faults import length, within
from tests.faults.apps import DriverApp
from tests.faults.clients import Company, eventually, until
from tests.faults.cluster import Cluster, Part
from tests.faults.observers import Observer, customer, dispatcher
from tests.faults.office import OrderRow
from tests.faults.promises import history_is_kept, timelines_are_legal
from tests.faults.world import Business, Courier, Tempo, found_town

DRIVERS = length(short=20, full=200)
ORDERS = length(short=8, full=80)
DISPATCHERS = length(short=2, full=5)
PACE = length(
    short=Tempo(interval_s=0.5, speed_mps=35, town_m=120, radius_m=50),
    full=Tempo(interval_s=5, speed_mps=12, town_m=600, radius_m=80),
)
VICTIMS: list[Part] = length(
    short=["postgres", "valkey", "web-1"], full=["web-1", "web-2", "worker", "valkey", "postgres", "osrm"]
)
KILLS = length(short=3, full=15)
EVERY_S = length(short=2.5, full=20.0)
#: How long a supervisor takes to notice.
RESTART_S = (0.0, 1.0)
#: Everything that was sent is acknowledged so soon after the last fault.
CATCH_UP_S = within(10.0)
#: No socket shows, for longer than this, what is no longer so.
STALE_S = within(10.0)


@pytest.mark.timeout(length(short=90, full=600))
async def test_kills_under_load(cluster: Cluster, cookie: str, rng: Random) -> None:
    town = await asyncio.to_thread(found_town, cluster, PACE, DRIVERS, rng)
    apps = [DriverApp(cluster.urls, driver, Random(rng.random())) for driver in town.drivers]
    observers: list[Observer] = []
    async with Company() as company:

        def watch(observer: Observer) -> None:
            observers.append(observer)
            company.start(observer.run())
            company.start(keeps_its_word(observer))

        def customer_comes(order: OrderRow) -> None:
            watch(customer(cluster.urls, order.token, Random(rng.random())))

        driving = [company.start(app.run()) for app in apps]
        couriers = [company.start(Courier(app, PACE, Random(rng.random())).run()) for app in apps]
        for _ in range(DISPATCHERS):
            watch(dispatcher(cluster.urls, cookie, Random(rng.random())))
        business = Business(cluster, town, ORDERS, Random(rng.random()), customer_comes)
        trade = company.start(business.run(every_s=EVERY_S / 10))
        await until(lambda: all(app.acked for app in apps), 20, "every driver's first fix is acknowledged")

        await kill_one_after_the_other(cluster, rng)

        await company.stop(trade, *couriers)
        await until(
            lambda: all(app.acked == len(app.fixes) for app in apps), CATCH_UP_S, "every fix is acknowledged"
        )
        for observer in observers:
            assert observer.live.is_set() or observer.view, f"{observer.query} is not back"
            assert (wrong := await observer.catches_up()) is None, (
                f"In the end, a client shows what was: {wrong}"
            )
        await company.stop(*driving)
        await eventually(lambda: history_is_kept(cluster, apps))
        reached = timelines_are_legal(cluster, town.city)
    print(dict(reached), dict(business.did))  # noqa: T201 (shown where the test fails)
    assert reached["delivered"] >= ORDERS / 4, f"hardly anything was delivered: {reached}"


async def kill_one_after_the_other(cluster: Cluster, rng: Random) -> None:
    victims: list[Part] = []
    for _ in range(KILLS):
        await asyncio.sleep(EVERY_S)
        victims = victims or rng.sample(VICTIMS, len(VICTIMS))
        victim = victims.pop()
        print(f"{datetime.now():%H:%M:%S} kill -9 {victim}")  # noqa: T201 (shown where the test fails)
        cluster.kill(victim)
        await asyncio.sleep(rng.uniform(*RESTART_S))
        cluster.start(victim)
        await cluster.up(victim)
        assert cluster.ended() == []
    await asyncio.sleep(EVERY_S)


async def keeps_its_word(observer: Observer) -> None:
    """Within 2 s of each reconnect, and at all times within 10 s, the observer shows what a fresh snapshot says."""
    known = 0
    while True:
        await observer.live.wait()
        if observer.sessions != known:
            known = observer.sessions
            wrong = await observer.catches_up()
            assert wrong is None, f"2 s after it came back, a client shows what was: {wrong}"
        wrong = await observer.catches_up(STALE_S)
        assert wrong is None, f"A client is silently stale for over {STALE_S:g} s: {wrong}"
        await asyncio.sleep(observer.rng.uniform(0.5, 1) * EVERY_S / 4)
