"""Past one machine: two hosts with a web process and a worker each, behind HAProxy; PgBouncer, two Redis and two OSRM
on a third. What one of them loses the others make up for.

At full length the hosts are network namespaces, and one of them is cut off; else it is killed.
"""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest

from delivery import osrm_server
from delivery.devtools.stack import pgbouncer, postgres
from delivery.devtools.stack.demo import answers_ok, celery, worker
from delivery.devtools.stack.servers import MANAGE
from delivery.devtools.stack.state import open_state
from delivery.osrm_server import LOOPBACK, free_port
from delivery.processes import Child, Processes
from tests.faults import within
from tests.faults.clients import Company, eventually, until
from tests.faults.cluster import Cluster
from tests.faults.hosts import Host, two_hosts
from tests.faults.office import Office
from tests.faults.promises import history_is_kept
from tests.faults.proxies import osrm_proxy, proxy
from tests.faults.scene import START, Scene, arrives_in, newest_seen, set_scene
from tests.faults.world import somewhere
from tests.valkeys import Valkeys
from tests.waiting import wait_until

INTERVAL_S = 1.0
#: Positions of one host's driver on the other's pages, and whatever else a process passes on.
SHOWN_S = within(3.0)
#: HAProxy sees within four seconds that a host is gone, and its sockets come back with pauses of up to a second.
BACK_S = within(12.0)
#: A worker that ended is started again, and connects.
PLANNED_S = within(20.0)
#: PgBouncer's connections to PostgreSQL, for all of them.
SESSIONS = 8


@dataclass
class Spread:
    """`hosts`, and what runs on each (web process, worker); `redis`: of positions and half of the groups, and of jobs
    and the other half; `osrm`: two of them.
    """

    cluster: Cluster
    hosts: list[Host]
    parts: list[list[Child]]
    redis: list[Child]
    osrm: list[Child]

    def lose(self, number: int) -> None:
        """A host goes away with all that runs there. Where it has a cable, nobody is told."""
        self.hosts[number].cut()
        for child in self.parts[number]:
            self.cluster.processes.kill(child)


@pytest.fixture
def spread(cluster: Cluster, tmp_path: Path) -> Iterator[Spread]:
    processes = Processes(tmp_path)
    for part in ("worker", "beat"):  # what these do the hosts are to do
        cluster.stop(part)
    with ExitStack() as stack:
        stack.callback(processes.stop)
        hosts = stack.enter_context(two_hosts(processes))
        ours = hosts[0].ours
        state = stack.enter_context(open_state(tmp_path / "third"))
        valkeys = Valkeys(tmp_path, processes)
        at = " ".join(dict.fromkeys([LOOPBACK, ours]))
        redis = [valkeys.start(f"bind {at}", "protected-mode no", 'save ""') for _ in range(2)]
        first, second = (f"redis://{ours}:{port}" for _, port in redis)
        roads = Path(cluster.env["DOORSTEP_STATE"]) / "roads"
        osrm = [osrm_server.start(processes, roads) for _ in range(2)]
        osrm_children = [child for child in processes.children if child.name == "osrm"]
        own = Cluster(state, processes, dict(cluster.env))
        own.env |= {
            "INSTANCE_NAME": "two-hosts",
            "DATABASE_URL": _behind_pgbouncer(own, cluster.state.sockets, ours),
            "POSITIONS_REDIS_URL": first,
            "CHANNEL_REDIS_URLS": f"{first},{second}",
            "CELERY_BROKER_URL": second,
            "REDIS_URL": "redis://nowhere.invalid",
            "OSRM_URL": stack.enter_context(
                osrm_proxy(own, ours, [int(one.url.rpartition(":")[2]) for one in osrm])
            ),
        }
        parts = []
        for number, host in enumerate(hosts, 1):
            port = free_port()
            serve = [*MANAGE, "serve", "--host", host.address, "--port", str(port)]
            own.urls.append(f"http://{host.address}:{port}")
            parts.append(
                [
                    processes.start(f"web-{number}", host.command(serve), own.env),
                    processes.start(f"worker-{number}", host.command(worker(1)), own.env),
                ]
            )
        beat = celery("beat", "--schedule", str(tmp_path / "schedule"))
        processes.start("beat", hosts[0].command(beat), own.env)
        for url in own.urls:
            wait_until(lambda url=url: answers_ok(url + "/readyz"), f"{url}/readyz")
        # Each scene has a customer and a dispatcher for each address: HAProxy deals them out.
        own.urls = [stack.enter_context(proxy("haproxy", own))] * 2
        own.office = stack.enter_context(closing(Office(own.env)))
        yield Spread(own, hosts, parts, [child for child, _ in redis], osrm_children)


def _behind_pgbouncer(own: Cluster, sockets: Path, address: str) -> str:
    """The DATABASE_URL of who reaches the PostgreSQL in the folder `sockets` over the network."""
    pgbouncer.start(
        own.processes,
        own.state,
        host=str(sockets),
        port=postgres.PORT,
        user=postgres.NAME,
        pool_size=SESSIONS,
        address=address,
    )
    return f"postgres://{postgres.NAME}@{address}:{pgbouncer.PORT}/{postgres.NAME}"


async def test_what_one_loses_the_others_make_up_for(spread: Spread, cookie: str, rng: Random) -> None:
    own = spread.cluster
    async with Company() as company:
        scene = await set_scene(own, company, cookie, rng, [START, START, START])
        for delivery in scene.deliveries:
            await delivery.picked_up()
        driving = [scene.drive(delivery.app, INTERVAL_S) for delivery in scene.deliveries]
        await _all_see_all(scene, SHOWN_S, "pages of both hosts show the drivers of both")
        await _a_new_order_is_planned(scene, "jobs, groups and roads work over both hosts")

        # The Redis of positions goes on, whatever the other does.
        own.processes.kill(spread.redis[1])
        await _all_see_all(scene, SHOWN_S, "positions pass while the other Redis is away")
        spread.redis[1] = own.processes.restart(spread.redis[1])
        own.processes.kill(spread.osrm[0])
        await _a_new_order_is_planned(scene, "one OSRM is enough")

        await asyncio.to_thread(spread.lose, 1)
        await _all_see_all(scene, BACK_S, "everybody is at the host that is left")
        await _a_new_order_is_planned(scene, "one worker is enough")
        await company.stop(*driving)
        await scene.close()
        await eventually(lambda: history_is_kept(own, [delivery.app for delivery in scene.deliveries]))


async def _all_see_all(scene: Scene, seconds: float, promise: str) -> None:
    """A fix recorded from now on is on every page that may show it."""
    pages = [
        (page, delivery.app.driver.id, delivery.app.fixes[-1]["ts"])
        for delivery in scene.deliveries[:-1]
        for page in [*scene.dispatchers, *delivery.customers]
    ]
    await until(
        lambda: all(newest_seen(page, driver) > since for page, driver, since in pages), seconds, promise
    )


async def _a_new_order_is_planned(scene: Scene, promise: str) -> None:
    """Its customers, wherever HAProxy put them, are told when it comes: by a worker, who asked OSRM about a door that
    nobody asked about before. It goes to the last driver, whom other customers do not see any longer then.
    """
    order, customers = await scene.order(somewhere(800, scene.rng))
    await asyncio.to_thread(scene.cluster.office.assign, order.id, scene.deliveries[-1].app.driver.id)
    await until(lambda: all(arrives_in(page) is not None for page in customers), PLANNED_S, promise)
    assert not any(page.view.known["eta"].get("approximate") for page in customers), promise
