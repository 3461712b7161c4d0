"""Whatever is sent to the port: the process lives on, says nothing untoward in its log, and keeps nothing of it.

Memory: in the full form some 16,000 connections come after the first fifth; a kilobyte that each of them left behind
would be 16 MB. In the short form only what grows faster shows; descriptors are counted in both.
"""

import asyncio
import re
import socket
import struct
import time
from collections import Counter
from contextlib import suppress
from random import Random

import pytest

from dispatch.statuses import OrderStatus
from tests.faults import length
from tests.faults.clients import until
from tests.faults.cluster import Cluster
from tests.faults.crowd import hand_out, hire
from tests.faults.honest import honest_pair
from tests.faults.malice import Attack, Keys, attack
from tests.faults.stories import KITCHEN
from tests.faults.world import DENVER

CASES = length(short=2_000, full=100_000)
#: Connections at once. The pools to PostgreSQL and Redis may come to hold as many.
AT_ONCE = 32
ATTACKED = "web-1"
#: Garbage waits for its turn (delivery/garbage.py), and stays at some 25.
GROWTH_MIB = length(short=24, full=40)
#: A request that is whole is answered; of one that is not, the server waits for the rest.
ANSWER_S = {True: 10.0, False: 0.1}
#: After the last frame: time to hear what the server thinks of it.
LISTEN_S = 0.02


@pytest.mark.timeout(length(short=90, full=1800))
async def test_fuzz(cluster: Cluster, cookie: str, rng: Random) -> None:
    url = cluster.urls[0]
    city = await asyncio.to_thread(cluster.office.city, f"Fuzz {time.time_ns():x}", DENVER)
    victims = await asyncio.to_thread(hire, cluster, city, 1)
    (order,) = await asyncio.to_thread(hand_out, cluster, city, KITCHEN, victims, OrderStatus.PICKED_UP)
    keys = Keys(url.removeprefix("http://"), victims[0].token, order.token, cookie)
    log = cluster.children[ATTACKED].log
    log_before = log.stat().st_size
    began = time.monotonic()
    async with honest_pair(cluster, url, rng) as honest:
        first = await storm(url, keys, rng, CASES // 5)
        memory, before = cluster.memory(ATTACKED), cluster.descriptors(ATTACKED)
        second = await storm(url, keys, rng, CASES - CASES // 5)
        grown = cluster.memory(ATTACKED) - memory
        said = log.read_bytes()[log_before:].decode(errors="replace")
        print(  # noqa: T201 (shown where the test fails)
            f"{CASES} cases in {time.monotonic() - began:.0f} s, {dict(first + second)} connections, "
            f"{len(honest.waits)} exchanges, grown by {grown / 2**20:.1f} MiB, {len(said)} bytes of log"
        )
        assert cluster.ended() == []
        assert not (tracebacks := _tracebacks(said)), "\n\n".join(tracebacks)
        secrets = [victims[0].token, honest.app.driver.token, order.token, cookie.partition("=")[2]]
        assert not [secret for secret in secrets if secret in said], "a secret is in the log"
        assert grown < GROWTH_MIB * 2**20, f"memory grew by {grown / 2**20:.1f} MiB"
        await until(
            lambda: cluster.descriptors(ATTACKED)["client"] == 2, 30, "only the honest pair is connected"
        )
        kept = cluster.descriptors(ATTACKED) - before
        assert kept.total() <= AT_ONCE, f"descriptors were kept: {kept}"


async def test_a_head_request_with_a_broken_body_is_turned_away_without_a_traceback(cluster: Cluster) -> None:
    log = cluster.children[ATTACKED].log
    before = log.stat().st_size
    host, _, port = cluster.urls[0].removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"HEAD / HTTP/1.1\r\nHost: %b\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n" % host.encode())
    assert (await reader.read()).startswith(b"HTTP/1.1 400 ")
    writer.close()
    await writer.wait_closed()
    assert not _tracebacks(log.read_bytes()[before:].decode(errors="replace"))


async def storm(url: str, keys: Keys, rng: Random, cases: int) -> Counter[str]:
    """Attacks until so many cases were sent; returns the number of connections by kind."""
    seed = rng.getrandbits(64)
    kinds: Counter[str] = Counter()
    sent = 0

    async def keep_attacking() -> None:
        nonlocal sent
        while sent < cases:
            chosen = attack(Random(f"{seed} {kinds.total()}"), keys)
            kinds[chosen.kind] += 1
            cases_of_it = await carry_out(chosen, url)
            sent += cases_of_it

    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(keep_attacking())
    return kinds


async def carry_out(attack: Attack, url: str) -> int:
    """Returns what was sent: a handshake, and so many frames."""
    host, _, port = url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    sent = 1
    # A server that ends the connection while we are at it does what it should.
    with suppress(OSError):
        writer.write(attack.opening)
        await writer.drain()
        answer = await _hear(reader, ANSWER_S[attack.is_whole])
        if answer.startswith(b"HTTP/1.1 101"):
            for frame in attack.frames:
                writer.write(frame)
                await writer.drain()
                sent += 1
            await _hear(reader, LISTEN_S)
        if attack.resets:
            raw = writer.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
    return sent


async def _hear(reader: asyncio.StreamReader, seconds: float) -> bytes:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            return await reader.read(65_536)
    return b""


def _tracebacks(log: str) -> list[str]:
    """One of each kind, with how often it came."""
    records = [
        record for record in re.split(r"^(?=\d{4}-\d\d-\d\d )", log, flags=re.M) if "Traceback" in record
    ]
    kinds = {record.splitlines()[-1]: record for record in records}
    times = Counter(record.splitlines()[-1] for record in records)
    return [f"{times[last]} × {record[-2_000:]}" for last, record in kinds.items()]
