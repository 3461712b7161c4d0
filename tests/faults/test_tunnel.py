"""Half an hour without network: 360 fixes are buffered, and sent three times over, through both web processes."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random

import pytest
from websockets.asyncio.client import ClientConnection

from routing.geo import destination
from tests.faults import length
from tests.faults.apps import FIXES_PER_FRAME
from tests.faults.clients import Company, Frame, decode, encode, eventually, open_socket, until
from tests.faults.cluster import Cluster
from tests.faults.office import DriverRow
from tests.faults.promises import history_is_kept, timelines_are_legal
from tests.faults.scene import DOOR, START, Scene, newest_seen, set_scene
from tests.faults.world import between

FIXES = 360
EVERY_MS = 5000
#: FIX_STALE_S: what is older moves nothing. The youngest of these is older by half an interval.
STALE_MS = 120_000
OLD = FIXES - STALE_MS // EVERY_MS
TAKEN_S = 20.0
TIMES_OVER = 3
#: Half an hour: to the customer's door, ten minutes there, and away, farther than any fence reaches.
AT_THE_DOOR, LEAVES, FAR_AWAY = 100, 220, 320
ASIDE = destination(DOOR, 0, 3000)


@dataclass
class Phone:
    """An app that does as the test tells it: what is sent when, on which socket, and how often."""

    driver: DriverRow
    session: str
    fixes: list[Frame]
    rng: Random
    acks: list[int] = field(default_factory=list)
    expected: int | None = None
    #: What the server said of those that were no live positions: (name, seq) → how often.
    verdicts: Counter[tuple[str, int]] = field(default_factory=Counter)

    @asynccontextmanager
    async def online(self, url: str) -> AsyncIterator[ClientConnection]:
        self.expected = None
        headers = {"Authorization": f"Bearer {self.driver.token}"}
        async with open_socket(url, f"role=driver&session={self.session}", headers) as socket:
            listening = asyncio.create_task(self._listen(socket))
            try:
                await until(lambda: self.expected is not None, TAKEN_S, "The server says what it expects")
                yield socket
            finally:
                listening.cancel()
                await asyncio.gather(listening, return_exceptions=True)

    async def _listen(self, socket: ClientConnection) -> None:
        while True:
            match decode(await socket.recv()):
                case {"type": "expect", "seq": seq}:
                    self.expected = seq
                case {"type": "ack", "seq": seq}:
                    self.acks.append(seq)
                case {"type": "error", "code": code, "seq": seq}:
                    self.verdicts[code, seq] += 1

    async def send(self, socket: ClientConnection, begin: int = 0, end: int = FIXES) -> None:
        """The fixes from number `begin` to before `end`, in batches of any size."""
        while begin < end:
            size = min(end - begin, self.rng.randint(1, FIXES_PER_FRAME))
            batch = self.fixes[begin : begin + size]
            await socket.send(encode({"type": "locations", "fixes": batch}).decode())
            begin += size

    async def acknowledged(self, count: int) -> None:
        await until(lambda: self.acked >= count, TAKEN_S, f"{count} fixes of the tunnel are acknowledged")

    @property
    def acked(self) -> int:
        """So many were acknowledged."""
        return max(self.acks, default=-1) + 1


@pytest.mark.timeout(length(short=60, full=120))
@pytest.mark.parametrize("waits", [True, False], ids=["all is acknowledged", "fixes are in flight"])
@pytest.mark.parametrize("number", range(length(short=1, full=5)))
async def test_a_reconnect_in_the_tunnel(
    cluster: Cluster, cookie: str, rng: Random, waits: bool, number: int
) -> None:
    """The phone changes to the other web process, `waits`: after all that it sent so far was acknowledged."""
    first, second = rng.sample(cluster.urls, 2)
    async with Company() as company:
        scene, driver = await a_driver_without_network(cluster, company, cookie, rng)
        phone = Phone(driver, f"{rng.getrandbits(64):016x}", tunnel(), rng)
        change = rng.randrange(1, FIXES)
        async with phone.online(first) as before:
            assert phone.expected == 0, "A new session begins with fix 0"
            await phone.send(before, 0, change)
            if waits:
                await phone.acknowledged(change)
            told = phone.acked
            async with phone.online(second) as after:
                begin = phone.expected
                assert begin is not None
                assert told <= begin <= change, (
                    f"{told} fixes were acknowledged and {change} sent: the server can't expect fix {begin}"
                )
                await phone.send(after, begin)
                await phone.acknowledged(FIXES)
                for _ in range(TIMES_OVER - 1):
                    heard = len(phone.acks)
                    await phone.send(after)
                    await until(
                        lambda heard=heard: FIXES - 1 in phone.acks[heard:],
                        TAKEN_S,
                        "What came before is acknowledged anew",
                    )
        # One answer for each frame, with the number of its last stale fix.
        assert {name for name, _ in phone.verdicts} == {"stale"}, "Old fixes, and no others, are stale"
        assert {seq for _, seq in phone.verdicts} <= set(range(OLD)), "A fix of just now is stale"
        assert ("stale", OLD - 1) in phone.verdicts, "An old fix is not stale"
        if waits:
            assert list(phone.verdicts) == sorted(phone.verdicts), "Fixes are considered in another order"
        again = {seq for (_, seq), times in phone.verdicts.items() if times > 1}
        assert again <= (set() if waits else set(range(begin, change))), (
            f"Fixes are considered again: {again}"
        )
        await eventually(lambda: history_is_kept(cluster, [phone]))
        await nothing_late(cluster, scene, phone)


@pytest.mark.timeout(length(short=60, full=120))
async def test_the_tunnel_again_in_another_session(cluster: Cluster, cookie: str, rng: Random) -> None:
    """An app that has lost its memory of what it sent: each time a new session, and each time another process."""
    async with Company() as company:
        scene, driver = await a_driver_without_network(cluster, company, cookie, rng)
        fixes = tunnel()
        for turn in range(TIMES_OVER):
            phone = Phone(driver, f"{rng.getrandbits(64):016x}", fixes, rng)
            async with phone.online(cluster.urls[turn % len(cluster.urls)]) as socket:
                assert phone.expected == 0, "A new session begins with fix 0"
                await phone.send(socket)
                await phone.acknowledged(FIXES)
        await eventually(lambda: history_is_kept(cluster, [phone]))
        await nothing_late(cluster, scene, phone)


async def a_driver_without_network(
    cluster: Cluster, company: Company, cookie: str, rng: Random
) -> tuple[Scene, DriverRow]:
    """The driver has the food, the customer waits, and the app has gone."""
    scene = await set_scene(cluster, company, cookie, rng, [None])
    (delivery,) = scene.deliveries
    await delivery.picked_up()
    await scene.close()
    return scene, delivery.app.driver


def tunnel() -> list[Frame]:
    """The fixes of half an hour, up to now; those of the last two minutes are parked far from everything."""
    began = now_ms() - FIXES * EVERY_MS + EVERY_MS // 2
    return [{"seq": n, "ts": began + n * EVERY_MS, "accuracy": 5.0} | place(n) for n in range(FIXES)]


def place(n: int) -> Frame:
    if n < AT_THE_DOOR:
        at, speed = between(START, DOOR, n / AT_THE_DOOR), 5.0
    elif n < LEAVES:
        at, speed = DOOR, 0.0
    elif n < FAR_AWAY:
        at, speed = between(DOOR, ASIDE, (n - LEAVES) / (FAR_AWAY - LEAVES)), 6.0
    else:
        at, speed = ASIDE, 0.0
    return {"lat": at.lat, "lng": at.lng, "speed": speed}


async def nothing_late(cluster: Cluster, scene: Scene, phone: Phone) -> None:
    """The live position is the newest and never went back; nobody was told of anything that is long over."""
    newest = phone.fixes[-1]["ts"]
    (delivery,) = scene.deliveries
    observers = [*scene.dispatchers, *delivery.customers]
    await until(
        lambda: all(newest_seen(each, phone.driver.id) == newest for each in observers),
        5,
        "All see the newest fix",
    )
    for each in observers:
        shown = each.seen.get(phone.driver.id) or each.seen[""]
        assert shown == sorted(shown), f"The live position goes back for a {each.role}: {shown}"
        assert min(shown) >= newest - STALE_MS, f"A {each.role} is shown where the driver was long ago"
        assert each.geofences == [], f"A late alert: {each.geofences}"
    for each in delivery.customers:
        assert set(each.statuses) <= {"pending", "assigned", "picked_up"}, f"A late text: {each.statuses}"
    late = cluster.rows(
        "SELECT to_status, evidence FROM order_events WHERE order_id = %s AND actor = 'geofence'",
        delivery.order.id,
    )
    assert late == [], f"A late event: {late}"
    timelines_are_legal(cluster, scene.city)


def now_ms() -> int:
    return time.time_ns() // 1_000_000
