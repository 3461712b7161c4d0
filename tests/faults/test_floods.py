"""Clients that never read, or never stop sending. Memory stays flat, others do not notice, and they are shown out."""

import asyncio
import socket
import statistics
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from random import Random

import pytest

from delivery import server
from dispatch.statuses import OrderStatus
from routing.geo import destination
from tests.faults import FULL, length
from tests.faults.apps import DriverApp
from tests.faults.clients import Client, Company, Frame, decode, encode, until
from tests.faults.cluster import Cluster
from tests.faults.crowd import hand_out, hire
from tests.faults.honest import honest_pair
from tests.faults.odd_frames import PING, TEXT, frame
from tests.faults.office import DriverRow
from tests.faults.raw import Frames, held_by_server, raw_socket, read_on
from tests.faults.stories import KITCHEN
from tests.faults.world import DENVER, somewhere
from tracking.protocol.close_codes import TOO_MUCH
from tracking.sockets.base import STUBBORN_S

MIB = 2**20
PART = "web-1"

# ------------------------------------------------------------------------------------------- who never reads

#: The load: so many drivers, each with a customer's order.
DRIVERS = length(short=20, full=100)
INTERVAL_S = 0.5
LISTENERS = length(short=3, full=30)
DEAF = length(short=10, full=20)
RECEIVE_BUFFER = 4096
#: With the deaf and without them, in turn.
TURNS = length(short=1, full=15)
TURN_S = length(short=1.5, full=60.0)
#: Not measured: many who open a socket at once cost something, whether they read or not.
SETTLING_S = TURN_S / 10
GROWTH_MIB = length(short=16, full=32)
SLOWER = 1.2
#: What is not read fills a few kilobytes first, and is then given up by the kernel.
SHOWN_OUT_S = server.UNREAD_MS / 1000 + 45


class Listener(Client):
    """A customer who notes how old each position was when it came (ms)."""

    def __init__(self, url: str, token: str, rng: Random) -> None:
        super().__init__([url], f"role=customer&token={token}", {}, rng)
        self.ages: list[float] = []

    def hear(self, frame: Frame) -> None:
        if frame["type"] == "driver_pos" and self.live.is_set():
            self.ages.append(time.time() * 1000 - frame["ts"])


class Deaf:
    """A socket that is opened and never read; another one follows when the server has given it up."""

    def __init__(self, url: str, query: str, headers: dict[str, str]) -> None:
        self._address = url, query, headers
        #: How long each one was kept (seconds).
        self.kept: list[float] = []

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            raw = await raw_socket(*self._address, receive_buffer=RECEIVE_BUFFER)
            with raw:
                while held_by_server(raw):
                    assert loop.time() - began < SHOWN_OUT_S, "who never reads is never shown out"
                    await asyncio.sleep(1)
            self.kept.append(loop.time() - began)


@pytest.mark.timeout(length(short=60, full=3000))
async def test_who_never_reads(cluster: Cluster, cookie: str, rng: Random) -> None:
    url = cluster.urls[0]
    city = await asyncio.to_thread(cluster.office.city, f"Deaf {time.time_ns():x}", DENVER)
    drivers = await asyncio.to_thread(hire, cluster, city, DRIVERS)
    orders = await asyncio.to_thread(hand_out, cluster, city, KITCHEN, drivers, OrderStatus.PICKED_UP)
    listeners = [Listener(url, order.token, Random(rng.random())) for order in orders[:LISTENERS]]
    signed_in = {"Cookie": cookie, "Origin": url}
    deaf = [
        Deaf(url, "role=dispatcher", signed_in)
        if n % 2
        else Deaf(url, f"role=customer&token={orders[n % len(orders)].token}", {})
        for n in range(DEAF)
    ]
    #: The p99 of each turn, with the deaf and without them.
    p99: dict[bool, list[float]] = {True: [], False: []}
    heard = 0
    async with traffic(url, drivers, rng), Company() as company:
        for listener in listeners:
            company.start(listener.run())
        await until(lambda: all(listener.live.is_set() for listener in listeners), 20, "customers are let in")
        await turn(listeners)  # until all is warm
        before = most = cluster.memory(PART)
        for _ in range(TURNS):
            present = [company.start(each.run()) for each in deaf]
            for there in (True, False):
                ages = await turn(listeners)
                p99[there].append(_p99(ages))
                heard += len(ages)
                most = max(most, cluster.memory(PART))
                if there:
                    await company.stop(*present)
    # Medians of the turns: what else the machine did in one of them is not the deaf's doing.
    with_them, without = (statistics.median(p99[there]) for there in (True, False))
    kept = [seconds for each in deaf for seconds in each.kept]
    print(  # noqa: T201 (the figures)
        f"{heard} positions; p99 with {DEAF} who never read {with_them:.1f} ms, "
        f"without {without:.1f} ms; memory grew by {(most - before) / MIB:.1f} MiB; {len(kept)} were shown out, "
        f"after {max(kept, default=0):.0f} s at most"
    )
    assert most - before < GROWTH_MIB * MIB, f"memory grew by {(most - before) / MIB:.1f} MiB"
    assert all(listener.sessions == 1 for listener in listeners), "others were thrown out"
    if TURN_S > server.UNREAD_MS / 1000:
        assert kept, "who never reads is never shown out"
        assert with_them <= SLOWER * without, "others have to wait"


async def turn(listeners: list[Listener]) -> list[float]:
    await asyncio.sleep(SETTLING_S)
    for listener in listeners:
        listener.ages.clear()
    await asyncio.sleep(TURN_S)
    return [age for listener in listeners for age in listener.ages]


@asynccontextmanager
async def traffic(url: str, drivers: list[DriverRow], rng: Random) -> AsyncIterator[None]:
    """All of these drivers are on the road while the block runs."""
    apps = [DriverApp([url], driver, Random(rng.random())) for driver in drivers]

    async def drive(app: DriverApp) -> None:
        at = somewhere(500, rng)
        await asyncio.sleep(rng.uniform(0, INTERVAL_S))
        while True:
            at = destination(at, rng.uniform(0, 360), 4)
            app.record(at, speed=8.0)
            await asyncio.sleep(INTERVAL_S)

    async with Company() as company:
        for app in apps:
            company.start(app.run())
        await until(lambda: all(app.live.is_set() for app in apps), 30, "drivers are let in")
        for app in apps:
            company.start(drive(app))
        yield


def _p99(values: list[float]) -> float:
    return statistics.quantiles(values, n=100)[98]


@pytest.mark.slow
async def test_the_kernel_gives_up_what_nobody_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Connections inherit the limit from the socket that `manage.py serve` listens on."""
    monkeypatch.setattr(server, "UNREAD_MS", 1_000)
    loop = asyncio.get_running_loop()
    with server.listen("127.0.0.1", 0) as listening, socket.socket() as deaf:
        listening.setblocking(False)
        deaf.setblocking(False)
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        await loop.sock_connect(deaf, listening.getsockname())
        connection, _ = await loop.sock_accept(listening)
        with connection, pytest.raises(TimeoutError, match="Connection timed out"):
            async with asyncio.timeout(20):
                while True:
                    await loop.sock_sendall(connection, bytes(65_536))


# ------------------------------------------------------------------------------------- who never stops sending

#: At full length until the server has enough of it.
FLOOD_S = length(short=2.0, full=STUBBORN_S + 15.0)
PER_S = 5_000
FLOOD_MIB = 8


@pytest.mark.timeout(length(short=60, full=300))
async def test_a_flood_of_messages(cluster: Cluster, rng: Random) -> None:
    """Told, read at the pace that one may have, and closed in the end; nobody else notices."""
    url = cluster.urls[0]
    (flooder,) = await _drivers(cluster, 1)
    async with honest_pair(cluster, url, rng) as honest:
        await flood(url, flooder, 2.0)
        memory = cluster.memory(PART)
        heard = await flood(url, flooder, FLOOD_S)
        grown = cluster.memory(PART) - memory
    codes = Counter(decode(text).get("code") for text in heard.texts)
    print(  # noqa: T201 (the figures)
        f"told {codes['too_fast']} times, memory grew by {grown / MIB:.1f} MiB, "
        f"the honest waited {max(honest.waits) * 1000:.0f} ms at most"
    )
    assert codes["too_fast"] >= 1, f"a flooding sender is not told: {codes}"
    assert heard.close_code == (TOO_MUCH if FULL else None), f"it is closed with {heard.close_code}"
    assert grown < FLOOD_MIB * MIB, f"memory grew by {grown / MIB:.1f} MiB"


async def flood(url: str, driver: DriverRow, seconds: float) -> Frames:
    """PER_S fixes a second, or as many as the server takes, until it ends the connection; returns what it said."""
    loop = asyncio.get_running_loop()
    fix = frame(TEXT, encode({"type": "location", "lat": KITCHEN.at.lat, "lng": KITCHEN.at.lng}))
    heard = Frames()
    with await raw_socket(url, "role=driver", _signs_in(driver)) as raw:
        reading = asyncio.create_task(read_on(raw, heard))
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(seconds):
                while not reading.done():
                    await loop.sock_sendall(raw, fix * (PER_S // 50))
                    await asyncio.sleep(1 / 50)
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
    return heard


BAD_S = length(short=2.0, full=60.0)
#: Within what a socket may send.
BAD_PER_S = 80


@pytest.mark.timeout(length(short=60, full=300))
async def test_a_sender_of_bad_fixes_alone(cluster: Cluster, rng: Random) -> None:
    """One answer at most to each, and nothing of it stays."""
    url = cluster.urls[0]
    (driver,) = await _drivers(cluster, 1)
    heard, sent = Frames(), 0
    async with honest_pair(cluster, url, rng):
        with await raw_socket(url, "role=driver", _signs_in(driver)) as raw:
            reading = asyncio.create_task(read_on(raw, heard))
            await until(lambda: b'{"type":"ready"}' in heard.texts, 20, "a driver is let in")
            memory = cluster.memory(PART)
            loop = asyncio.get_running_loop()
            began = loop.time()
            while loop.time() < began + BAD_S:
                await loop.sock_sendall(raw, frame(TEXT, encode(_bad_fix(rng))))
                sent += 1
                await asyncio.sleep(began + sent / BAD_PER_S - loop.time())
            errors = lambda: sum(b'"type":"error"' in text for text in heard.texts)  # noqa: E731
            await until(lambda: errors() >= sent, 30, "every bad fix is answered")
            grown = cluster.memory(PART) - memory
            raw.shutdown(socket.SHUT_WR)
            await reading
    print(f"{sent} bad fixes, {errors()} answers, memory grew by {grown / MIB:.1f} MiB")  # noqa: T201
    assert errors() == sent, f"{errors()} answers to {sent} bad fixes"
    assert heard.close_code is None, f"closed with {heard.close_code}"
    assert grown < FLOOD_MIB * MIB, f"memory grew by {grown / MIB:.1f} MiB"


def _bad_fix(rng: Random) -> Frame:
    """Never a good one, and none that another makes good."""
    now = time.time_ns() // 1_000_000
    return {"type": "location", "lat": 39.75, "lng": -104.99, "ts": now} | rng.choice(
        [{"lat": 91}, {"lng": None}, {"lat": "north"}, {"ts": now + 3_600_000}, {"ts": now - 3_600_000}]
    )


LONG_TUNNEL = 1_000


async def test_a_long_tunnel_is_no_flood(cluster: Cluster, rng: Random) -> None:
    """All that was recorded in an hour and a half comes at once, and is too old: it is taken, on one socket."""
    (driver,) = await _drivers(cluster, 1)
    app = DriverApp(cluster.urls[:1], driver, Random(rng.random()))
    now = time.time_ns() // 1_000_000
    for n in range(LONG_TUNNEL):
        at = destination(KITCHEN.at, 90, n)
        app.record(at, ts=now - (LONG_TUNNEL - n + 30) * 5_000)
    async with Company() as company:
        company.start(app.run())
        await until(lambda: app.acked == LONG_TUNNEL, 30, "every fix is acknowledged")
    assert app.closes == [], f"closed with {app.closes}, after {app.acked} fixes"
    assert app.sessions == 1


UNCOUNTED_MIB = 4


@pytest.mark.parametrize(
    ("opening", "each", "mib"),
    [(b"", frame(PING, bytes(125)), 16), (frame(TEXT, b"{", fin=False), frame(0, b"", fin=False), 3)],
    ids=["pings", "empty fragments"],
)
async def test_frames_that_are_no_messages(
    cluster: Cluster, rng: Random, opening: bytes, each: bytes, mib: int
) -> None:
    """Nobody counts them, and a client that reads nothing sends as many as it can."""
    url = cluster.urls[0]
    (driver,) = await _drivers(cluster, 1)
    loop = asyncio.get_running_loop()
    block = each * (65_536 // len(each))
    async with honest_pair(cluster, url, rng) as honest:
        await until(lambda: honest.waits, 20, "the honest exchange fixes")
        memory = cluster.memory(PART)
        with await raw_socket(url, "role=driver", _signs_in(driver), receive_buffer=RECEIVE_BUFFER) as raw:
            with suppress(OSError):  # closed, or not taken any more
                await loop.sock_sendall(raw, opening)
                for _ in range(mib * MIB // len(block)):
                    async with asyncio.timeout(5):
                        await loop.sock_sendall(raw, block)
            known = len(honest.waits)
            await until(lambda: len(honest.waits) > known + 1, 20, "the honest exchange fixes")
            grown = cluster.memory(PART) - memory
    print(  # noqa: T201 (the figures)
        f"memory grew by {grown / MIB:.1f} MiB, the honest waited {max(honest.waits):.1f} s at most"
    )
    assert grown < UNCOUNTED_MIB * MIB, f"{mib} MiB that count for nothing cost {grown / MIB:.1f} MiB"


async def _drivers(cluster: Cluster, count: int) -> list[DriverRow]:
    city = await asyncio.to_thread(cluster.office.city, f"Flood {time.time_ns():x}", DENVER)
    return await asyncio.to_thread(hire, cluster, city, count)


def _signs_in(driver: DriverRow) -> dict[str, str]:
    return {"Authorization": f"Bearer {driver.token}"}
