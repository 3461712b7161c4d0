"""Who hears what across web processes, and what Redis sees of it."""

import asyncio
import re
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from threading import Thread

import redis

from tests.faults import within
from tests.faults.clients import Client, Company, Frame, until
from tests.faults.cluster import INSTANCE, Cluster
from tests.faults.scene import START, set_scene
from tests.operator_message import MESSAGE, send_operator_message

SOON_S = within(10.0)
END = "no more commands"
#: Commands that name no key and no channel, as MONITOR shows them.
NAMELESS = re.compile(
    rb'\] "(AUTH|CLIENT|ECHO|EXEC|HELLO|INFO|MULTI|PING|SCRIPT|SELECT|TIME|UNWATCH)"', re.IGNORECASE
)


class Page(Client):
    """A customer's page at one web process, and all that it was sent."""

    def __init__(self, url: str, token: str, rng: Random) -> None:
        super().__init__([url], f"role=customer&token={token}", {}, rng)
        self.frames: list[Frame] = []

    def hear(self, frame: Frame) -> None:
        self.frames.append(frame)

    def statuses(self) -> list[str]:
        return [frame["status"] for frame in self.frames if frame["type"] == "status"]


@contextmanager
def monitored(url: str) -> Iterator[list[bytes]]:
    """Every command that Redis carries out while the block runs, as MONITOR shows it."""
    commands: list[bytes] = []
    with redis.Redis.from_url(url) as client:
        connection = client.connection_pool.get_connection()
        connection.send_command("MONITOR")
        assert connection.read_response() == b"OK"

        def read() -> None:
            while END.encode() not in (command := connection.read_response()):
                commands.append(command)

        reading = Thread(target=read)
        reading.start()
        try:
            yield commands
        finally:
            client.echo(END)
            reading.join(SOON_S)
            client.connection_pool.release(connection)
        assert not reading.is_alive()


async def test_customers_of_one_order_on_two_processes_hear_it_and_nobody_elses(
    cluster: Cluster, cookie: str, rng: Random
) -> None:
    async with Company() as company:
        scene = await set_scene(cluster, company, cookie, rng, [START, START])
        mine, other = scene.deliveries
        ours = [Page(url, mine.order.token, rng) for url in cluster.urls]
        theirs = Page(cluster.urls[0], other.order.token, rng)
        for page in (*ours, theirs):
            company.start(page.run())
        await until(lambda: all(page.statuses() for page in (*ours, theirs)), SOON_S, "all have a snapshot")
        await mine.picked_up()
        await until(lambda: all("picked_up" in page.statuses() for page in ours), SOON_S, "both hear of it")
        await other.picked_up()
        await until(lambda: "picked_up" in theirs.statuses(), SOON_S, "so does the other of its own")
        assert [page.statuses() for page in ours] == [["assigned", "picked_up"]] * 2
        assert theirs.statuses() == ["assigned", "picked_up"]
        await scene.close()


async def test_redis_sees_no_token_that_opens_a_page(cluster: Cluster, cookie: str, rng: Random) -> None:
    async with Company() as company:
        with monitored(cluster.env["REDIS_URL"]) as commands:
            scene = await set_scene(cluster, company, cookie, rng, [START])
            (delivery,) = scene.deliveries
            pages = [Page(url, delivery.order.token, rng) for url in cluster.urls]
            for page in pages:
                company.start(page.run())
            driving = scene.drive(delivery.app, 0.2)
            await delivery.picked_up()
            await until(
                lambda: all(any(f["type"] == "driver_pos" for f in page.frames) for page in pages),
                SOON_S,
                "the driver is seen",
            )
            await asyncio.to_thread(cluster.office.refresh_etas)
            delivery.app.press(delivery.order.id, "delivered")
            await until(lambda: all("delivered" in page.statuses() for page in pages), SOON_S, "it is over")
            await company.stop(driving)
            await scene.close()
    seen = b"\n".join(commands)
    # Whose keys and channels they are: the installation's alone (INSTANCE_NAME).
    prefix = f'"doorstep:{INSTANCE}:'.encode()
    assert [command for command in commands if not (prefix in command or NAMELESS.search(command))] == []
    assert b"PUBLISH" in seen.upper()
    assert b"SUBSCRIBE" in seen.upper()
    assert delivery.order.token.encode() not in seen
    assert delivery.app.driver.token.encode() not in seen
    assert cookie.partition("=")[2].encode() not in seen


async def test_a_message_to_an_orders_group_reaches_its_page(
    cluster: Cluster, cookie: str, rng: Random
) -> None:
    """The snippet of docs/protocol.md, in `manage.py shell`."""
    async with Company() as company:
        scene = await set_scene(cluster, company, cookie, rng, [])
        order = await asyncio.to_thread(cluster.office.order, scene.restaurant, START)
        page = Page(cluster.urls[1], order.token, rng)
        company.start(page.run())
        await until(page.statuses, SOON_S, "the page has its snapshot")
        await asyncio.to_thread(send_operator_message, order.token, cluster.env)
        await until(
            lambda: any(f.get("message") == MESSAGE for f in page.frames),
            SOON_S,
            "it is shown",
        )
