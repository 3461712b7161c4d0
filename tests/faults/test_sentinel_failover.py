"""Redis' master dies and a sentinel names another one: everything goes on there, and no fix is lost."""

import asyncio
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from random import Random

import pytest

from delivery.devtools.stack.demo import answers_ok, web, worker
from delivery.osrm_server import free_port
from delivery.processes import Processes
from tests.faults import within
from tests.faults.clients import Company, eventually, until
from tests.faults.cluster import Cluster
from tests.faults.office import Office
from tests.faults.promises import history_is_kept
from tests.faults.scene import START, arrives_in, newest_seen, set_scene
from tests.valkeys import Failover, Valkeys
from tests.waiting import wait_until

INTERVAL_S = 1.0
#: A process tries again each second, twice if it comes at the wrong moment; and the next fix has to come.
SHOWN_S = within(5.0)
#: A worker that ended is started again, and connects.
PLANNED_S = within(15.0)


@pytest.fixture
def behind_sentinel(cluster: Cluster, tmp_path: Path) -> Iterator[tuple[Cluster, Failover]]:
    """A web process and a worker on the cluster's database, and on a Redis of their own."""
    processes = Processes(tmp_path)
    try:
        failover = Failover.prepared(Valkeys(tmp_path, processes))
        env = cluster.env | {"REDIS_URL": failover.url}
        port = free_port()
        own = Cluster(cluster.state, processes, env, [f"http://127.0.0.1:{port}"])
        own.children["web-1"] = processes.start("web", web(port), env)
        own.children["worker"] = processes.start("worker", worker(1), env)
        wait_until(lambda: answers_ok(own.urls[0] + "/readyz"), "the web process is ready")
        with closing(Office(env)) as own.office:
            yield own, failover
    finally:
        processes.stop()


async def test_all_goes_on_at_the_new_master(
    behind_sentinel: tuple[Cluster, Failover], cookie: str, rng: Random
) -> None:
    own, failover = behind_sentinel
    async with Company() as company:
        scene = await set_scene(own, company, cookie, rng, [START])
        (delivery,) = scene.deliveries
        await delivery.picked_up()
        driving = scene.drive(delivery.app, INTERVAL_S)
        driver = delivery.app.driver.id
        watching = scene.observers
        await until(lambda: all(newest_seen(each, driver) > 0 for each in watching), 30, "all see the driver")

        company.start(own.keep_the_worker_alive())
        await asyncio.to_thread(failover.happen)
        newest = delivery.app.fixes[-1]["ts"]
        await until(
            lambda: all(newest_seen(each, driver) > newest for each in watching),
            SHOWN_S,
            "Positions are shown again",
        )
        # Any of what it needs may be slow for a moment on a machine that others use, too.
        await eventually(own.check_ready, SHOWN_S)

        late, its_customers = await scene.order()
        await asyncio.to_thread(own.office.assign, late.id, driver)
        await until(
            lambda: all(arrives_in(each) is not None for each in its_customers),
            PLANNED_S,
            "The worker plans again",
        )
        await company.stop(driving)
        await scene.close()
        await eventually(lambda: history_is_kept(own, [delivery.app]))


def plans(cluster: Cluster) -> int:
    """How often the worker has planned a driver's stops."""
    lines = cluster.children["worker"].log.read_text().splitlines()
    return sum("dispatch.tasks.replan[" in line and "succeeded" in line for line in lines)
