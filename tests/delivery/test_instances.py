"""Two installations of Doorstep on one Redis hear nothing of one another, in whichever of its databases they are."""

import asyncio
import json
import os
import subprocess
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest
from channels.layers import get_channel_layer

from delivery.celery import app
from delivery.devtools.stack.servers import MANAGE
from dispatch.tasks import replan
from tracking.ingest.positions import Positions
from tracking.protocol import groups
from tracking.protocol.messages import FleetPosition

pytestmark = pytest.mark.slow

PATIENCE_S = 60.0
OURS, THEIRS = "ours", "theirs"


def say(word: str) -> None:
    """A task, a position and a message to the dispatchers of a city, as a process of an installation would."""

    async def publish() -> None:
        positions = Positions()
        await positions.store({groups.NO_CITY: {word: FleetPosition(word, 39.7, -105.0, 1_800_000_000_000)}})
        await positions.close()
        await get_channel_layer().group_send(groups.city(None), {"type": "order.changed", "order": word})

    replan.delay(word)  # first: whoever hears the rest finds it
    asyncio.run(publish())


def listen() -> None:
    """Prints "ready" once it hears what is said in its installation, and at last, as JSON, all that came up to
    what says "ours"; of the tasks those that wait then.
    """

    async def hear() -> dict[str, list[Any]]:
        layer, subscription = get_channel_layer(), Positions().subscribe()
        channel = await layer.new_channel()
        await layer.group_add(groups.city(None), channel)
        await subscription.add([groups.NO_CITY])
        assert await subscription.receive() == (groups.NO_CITY, None)
        print("ready", flush=True)  # noqa: T201 (to the test)
        drivers, orders = [], []
        while OURS not in drivers:
            _, batch = await subscription.receive()
            drivers += [driver.decode() for driver in batch]
        while OURS not in orders:
            orders.append((await layer.receive(channel))["order"])
        await subscription.close()
        stored = await Positions().of_city(groups.NO_CITY)
        return {"drivers": drivers, "stored": [driver.decode() for driver in stored], "orders": orders}

    heard = asyncio.run(hear())
    tasks = []
    with (
        app.connection_for_read() as connection,
        connection.SimpleQueue("celery") as queue,
        suppress(queue.Empty),
    ):
        while True:
            tasks += (message := queue.get_nowait()).payload[0]
            message.ack()
    print(json.dumps(heard | {"tasks": tasks}), flush=True)  # noqa: T201 (to the test)


def command(call: str) -> list[str]:
    code = f"from tests.delivery.test_instances import *; {call}"
    return [*MANAGE, "shell", "-v", "0", "--no-imports", "-c", code]


@pytest.fixture
def installation(servers: None) -> Any:
    """The environment of an installation by the name of its database and the number of its Redis database."""

    def environment(name: str, redis_database: int) -> dict[str, str]:
        database = urlunsplit(urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}"))
        redis_url = os.environ["REDIS_URL"].replace("db=0", f"db={redis_database}")
        return os.environ | {"DATABASE_URL": database, "REDIS_URL": redis_url}

    return environment


@pytest.mark.parametrize("redis_database", [0, 1])
def test_what_one_says_the_other_does_not_hear(installation: Any, redis_database: int) -> None:
    ours, theirs = installation(f"our_{redis_database}", 0), installation("their", redis_database)
    with subprocess.Popen(command("listen()"), env=ours, stdout=subprocess.PIPE, text=True) as listening:
        try:
            assert listening.stdout.readline() == "ready\n"
            subprocess.run(command(f"say({THEIRS!r})"), env=theirs, check=True, timeout=PATIENCE_S)
            subprocess.run(command(f"say({OURS!r})"), env=ours, check=True, timeout=PATIENCE_S)
            heard, _ = listening.communicate(timeout=PATIENCE_S)
        finally:
            listening.kill()
    assert json.loads(heard) == {"drivers": [OURS], "stored": [OURS], "orders": [OURS], "tasks": [OURS]}
