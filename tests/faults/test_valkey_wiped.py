"""Valkey is killed and comes back empty: what PostgreSQL knows is shown at once, positions with the next fix."""

import asyncio
from random import Random

import pytest

from tests.faults import length, within
from tests.faults.clients import Company, eventually, until
from tests.faults.cluster import Cluster
from tests.faults.observers import CustomerScreen, Observer
from tests.faults.office import OrderRow
from tests.faults.promises import history_is_kept, timelines_are_legal
from tests.faults.scene import START, newest_seen, set_scene

DOWN_S = length(short=1.0, full=20.0)
INTERVAL_S = length(short=1.0, full=5.0)
#: A new socket is told all within this time.
AT_ONCE_S = within(2.0)
#: Nobody shows for longer what is no longer so, unless the connection is closed.
STALE_S = within(10.0)
#: From a fix to the eyes: the dispatchers' tick, and time for a busy machine.
SHOWN_S = within(2.0)


@pytest.mark.timeout(length(short=60, full=180))
async def test_valkey_comes_back_empty(cluster: Cluster, cookie: str, rng: Random) -> None:
    loop = asyncio.get_running_loop()
    async with Company() as company:
        scene = await set_scene(cluster, company, cookie, rng, [START, START])
        moving, pressing = scene.deliveries
        await moving.picked_up()
        driving = scene.drive(moving.app, INTERVAL_S)
        watching = [*scene.dispatchers, *moving.customers]
        await until(
            lambda: all(seen(each, moving.app.driver.id) for each in watching), 30, "all see the driver"
        )
        waiting, its_customers = await scene.order()
        await until(lambda: all(each.live.is_set() for each in its_customers), 30, "customers are connected")

        company.start(cluster.keep_the_worker_alive())
        with cluster.without("valkey"):
            await asyncio.to_thread(cluster.office.assign, waiting.id, pressing.app.driver.id)
            await asyncio.to_thread(cluster.office.refresh_etas)
            pressing.app.press(pressing.order.id, "picked_up")
            changed_at = loop.time()
            await asyncio.sleep(DOWN_S)
        await cluster.up("valkey")
        back_at = loop.time()
        newest_fix = moving.app.fixes[-1]["ts"]

        expected = truth(cluster, [waiting, pressing.order])
        assert expected[pressing.order.id][0] == "picked_up", "a driver's button failed without Valkey"
        assert expected[waiting.id][1] is not None
        for observer, order in [(its_customers[0], waiting), (pressing.customers[1], pressing.order)]:
            fresh = await observer.fresh()
            assert isinstance(fresh, CustomerScreen), "Nobody is let in after Valkey is back"
            assert shown(fresh) == expected[order.id], "A new socket is not told the truth"
        fresh = await scene.dispatchers[0].fresh()
        assert fresh is not None, "No dispatcher is let in after Valkey is back"
        assert loop.time() - back_at < AT_ONCE_S, "New sockets wait for the truth"

        await until(
            lambda: all(newest_seen(each, moving.app.driver.id) > newest_fix for each in watching),
            INTERVAL_S + SHOWN_S - (loop.time() - back_at),
            "Positions are back within one fix interval",
        )
        await until(
            lambda: all(
                shown(each.view) == expected[order.id]
                for observers, order in ((its_customers, waiting), (pressing.customers, pressing.order))
                for each in observers
            ),
            max(0.1, STALE_S - (loop.time() - changed_at)),
            "Whoever stayed connected is told what changed without Valkey",
        )
        for observer in scene.observers:
            wrong = await observer.catches_up()
            assert wrong is None, f"After Valkey is back, a client shows what was: {wrong}"

        late, its_customers = await scene.order()
        await asyncio.to_thread(cluster.office.assign, late.id, pressing.app.driver.id)
        for each in its_customers:
            await until(
                lambda each=each: shown(each.view)[1] is not None,
                STALE_S,
                "The worker is back, and tells an ETA",
            )
        moving.app.press(moving.order.id, "delivered")
        await until(
            lambda: all(each.statuses[-1] == "delivered" for each in moving.customers),
            AT_ONCE_S,
            "A change is shown at once",
        )
        await company.stop(driving)
        await scene.close()
        await eventually(lambda: history_is_kept(cluster, [each.app for each in scene.deliveries]))
        timelines_are_legal(cluster, scene.city)


def seen(observer: Observer, driver: str) -> bool:
    return newest_seen(observer, driver) > 0


def shown(view: CustomerScreen) -> tuple[str | None, int | None]:
    """Status and ETA."""
    return view.known.get("status", {}).get("status"), view.known.get("eta", {}).get("minutes")


def truth(cluster: Cluster, orders: list[OrderRow]) -> dict[str, tuple[str, int | None]]:
    """Order id → status and ETA."""
    query = "SELECT id::text, status, eta_minutes FROM orders WHERE id = ANY(%s::uuid[])"
    return {id_: (status, eta) for id_, status, eta in cluster.rows(query, [order.id for order in orders])}
