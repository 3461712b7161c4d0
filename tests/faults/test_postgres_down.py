"""PostgreSQL is down, or takes no writes: nothing is acknowledged, positions go on, and all catches up by itself when
that is over.
"""

import asyncio
import time
from collections.abc import Callable
from random import Random

import pytest

from routing.geo import destination
from tests.faults import length, within
from tests.faults.apps import DriverApp
from tests.faults.clients import Company, eventually, until
from tests.faults.cluster import Cluster
from tests.faults.promises import history_is_kept, timelines_are_legal
from tests.faults.scene import RESTAURANT, START, Scene, newest_seen, set_scene

DOWN_S = length(short=4.0, full=30.0)
INTERVAL_S = length(short=0.5, full=5.0)
#: Of the restaurant's fence, a second's drive apart.
OUTSIDE, INSIDE = (destination(RESTAURANT, 0, metres) for metres in (100, 60))
NOT_READY_S = within(2.0)
CATCH_UP_S = within(10.0)
#: What was committed before the end may still be on its way.
UNDER_WAY_S = 0.3
#: From a fix to the eyes: the dispatchers' tick, and time for a busy machine.
SHOWN_S = within(2.0)


@pytest.mark.timeout(length(short=60, full=180))
@pytest.mark.parametrize("outage", ["down", "read-only"])
async def test_postgres_is_down(cluster: Cluster, cookie: str, rng: Random, outage: str) -> None:
    async with Company() as company:
        scene = await set_scene(cluster, company, cookie, rng, [START, START, OUTSIDE])
        moving, pressing, arriving = scene.deliveries
        await moving.picked_up()
        driving = scene.drive(moving.app, INTERVAL_S)
        begun = time.time()
        await until(lambda: unseen_for(scene)[0] < time.time() - begun, 30, "Everybody sees the driver move")
        sessions = [each.sessions for each in scene.observers]

        with cluster.without("postgres") if outage == "down" else cluster.read_only():
            pressing.app.press(pressing.order.id, "picked_up")
            parking = company.start(park(arriving.app))
            await watch_the_outage(cluster, scene, is_ready=outage != "down")
            recorded = [len(each.app.fixes) for each in scene.deliveries]
        await cluster.up("postgres")

        await catch_up(cluster, scene, recorded)
        for observer in scene.observers:
            wrong = await observer.catches_up()
            assert wrong is None, f"After PostgreSQL is back, a client shows what was: {wrong}"
        assert [each.sessions for each in scene.observers] == sessions, "Somebody lost the connection."

        await company.stop(driving, parking)
        await scene.close()
        await eventually(lambda: history_is_kept(cluster, [each.app for each in scene.deliveries]))
        timelines_are_legal(cluster, scene.city)


async def park(app: DriverApp) -> None:
    while True:
        app.record(INSIDE, speed=0.0)
        await asyncio.sleep(INTERVAL_S)


async def watch_the_outage(cluster: Cluster, scene: Scene, *, is_ready: bool) -> None:
    """No ack, /readyz is 503 unless pages can be read, and positions are shown as they come."""
    loop = asyncio.get_running_loop()
    begun = loop.time()
    await asyncio.sleep(UNDER_WAY_S)
    acked = [each.app.acked for each in scene.deliveries]
    for url in cluster.urls:
        status = await asyncio.to_thread(cluster.ready, url)
        assert is_ready or status == 503, f"/readyz says {status} while PostgreSQL is down"
    assert loop.time() - begun < NOT_READY_S, f"/readyz took {loop.time() - begun:.1f} s to say so"
    while loop.time() - begun < DOWN_S:
        assert [each.app.acked for each in scene.deliveries] == acked, (
            "a fix is acknowledged that nobody keeps"
        )
        late, who = unseen_for(scene)
        assert late < INTERVAL_S + SHOWN_S, (
            f"positions do not go on: the last one for a {who} is {late:.1f} s old"
        )
        await asyncio.sleep(0.1)


async def catch_up(cluster: Cluster, scene: Scene, recorded: list[int]) -> None:
    """Within CATCH_UP_S the server is ready, the fixes of the outage are acknowledged, statuses have moved."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + CATCH_UP_S

    async def soon(condition: Callable[[], bool], promise: str) -> None:
        await until(condition, deadline - loop.time(), f"{promise} after PostgreSQL is back")

    for url in cluster.urls:
        await soon(lambda url=url: cluster.ready(url) == 200, f"{url}/readyz is 200")
    for delivery, count in zip(scene.deliveries, recorded, strict=True):
        await soon(lambda app=delivery.app, count=count: app.acked >= count, "Every fix is acknowledged")
    _, pressing, arriving = scene.deliveries
    for delivery, status in ((pressing, "picked_up"), (arriving, "driver_at_restaurant")):
        for customer in delivery.customers:
            await soon(
                lambda c=customer, status=status: c.statuses[-1] == status, f"A customer is told of {status}"
            )


def unseen_for(scene: Scene) -> tuple[float, str]:
    """The age (s) of the moving driver's position for the observer who is farthest behind, and who that is."""
    moving = scene.deliveries[0]
    oldest, who = min(
        (newest_seen(each, moving.app.driver.id), each.role)
        for each in [*scene.dispatchers, *moving.customers]
    )
    return time.time() - oldest / 1000, who
