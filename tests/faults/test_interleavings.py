"""Everything at once: a driver's fixes in flight over two sockets into two processes, the driver's buttons, and an
office that changes its mind. However it falls: each transition once, nothing cancelled comes back, nothing is missed.
"""

import asyncio
import itertools
import json
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress
from dataclasses import replace
from random import Random
from typing import Any

import psycopg
import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from delivery.devtools.stack.servers import for_libpq
from dispatch.statuses import IN_THE_BAG, OrderStatus
from routing.geo import destination
from tests.clerk import Refused
from tests.faults import length
from tests.faults.clients import Company, encode, open_socket, until
from tests.faults.cluster import Cluster
from tests.faults.crowd import hand_out, hire
from tests.faults.office import DriverRow, Office, OrderRow
from tests.faults.stories import FIXES, KITCHEN, Event, Outcome, Script, Told, broken, fix, script
from tests.faults.world import DENVER
from tracking.database import THREADS
from tracking.protocol.close_codes import TRY_AGAIN_LATER

STORIES = length(short=60, full=10_000)
WAVE = 200
AT_ONCE = 24
CLERKS = length(short=1, full=3)
#: From the last fix of the drive until now (seconds): time to drive back.
AGO_S = 20
SETTLES_S = 40.0
#: A driver who stands at a restaurant has arrived so soon.
ARRIVES_S = 15.0
BEYOND_ARRIVAL = {OrderStatus.DRIVER_AT_RESTAURANT, *IN_THE_BAG}


class Desk:
    """An office behind one thread: its calls block, and are made one after the other."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self._thread = ThreadPoolExecutor(1)

    async def __call__(self, call: str, *arguments: object) -> bool:
        """Whether the domain agreed."""
        loop = asyncio.get_running_loop()
        try:
            await loop.run_in_executor(self._thread, getattr(self._office, call), *arguments)
        except Refused:
            return False
        return True


class Unavailable(Exception):
    """The server asked to come again later."""


class Line:
    """One of the driver's sockets, and what was heard on it."""

    def __init__(self, url: str, driver: DriverRow, session: str) -> None:
        self._url = url
        self._headers = {"Authorization": f"Bearer {driver.token}"}
        self._query = f"role=driver&session={session}"
        self.socket: ClientConnection | None = None
        self.ready = asyncio.Event()
        #: Every fix below it is taken care of.
        self.acked = 0
        self.acked_at: dict[int, float] = {}
        #: Order → status, as the plan shows it, and the plan's version.
        self.statuses: dict[str, str] = {}
        self.version = 0
        self.complaints: Counter[str] = Counter()
        self.ended: BaseException | None = None

    async def run(self) -> None:
        try:
            while not self.ready.is_set():
                with suppress(Unavailable):
                    await self._listen()
        except (ConnectionClosed, OSError, TimeoutError) as ended:
            self.ended = ended

    async def _listen(self) -> None:
        try:
            async with open_socket(self._url, self._query, self._headers) as self.socket:
                while True:
                    self._hear(json.loads(await self.socket.recv()))
        except ConnectionClosed as closed:
            if closed.rcvd and closed.rcvd.code == TRY_AGAIN_LATER and not self.ready.is_set():
                raise Unavailable from closed
            raise

    async def until(self, condition: Callable[[], Any], promise: str) -> None:
        await until(lambda: condition() or self.ended, SETTLES_S, promise)
        assert condition(), f"{promise}, and not {self.ended!r}"

    def _hear(self, frame: dict[str, Any]) -> None:
        match frame["type"]:
            case "expect":
                self._acknowledge(frame["seq"])
            case "ack":
                self._acknowledge(frame["seq"] + 1)
            case "plan":
                self.statuses = {stop["orderId"]: stop["orderStatus"] for stop in frame["stops"]}
                self.version = frame["v"]
            case "error":
                self.complaints[frame["code"]] += 1
            case "ready":
                self.ready.set()

    def _acknowledge(self, below: int) -> None:
        now = asyncio.get_running_loop().time()
        for seq in range(self.acked, below):
            self.acked_at.setdefault(seq, now)
        self.acked = max(self.acked, below)

    async def send(self, frame: dict[str, Any]) -> None:
        assert self.socket
        await self.socket.send(encode(frame).decode())

    async def is_through(self) -> None:
        """Everything that was sent before has been taken: frames of a socket are taken one after the other."""
        heard = self.complaints["malformed"]
        await self.send({"type": "nonsense"})
        await self.until(lambda: self.complaints["malformed"] > heard, "a frame is answered")


class Telling:
    """Carries out a script."""

    def __init__(
        self,
        script: Script,
        cluster: Cluster,
        desk: Desk,
        driver: DriverRow,
        other: DriverRow,
        order: OrderRow,
    ) -> None:
        self.told = Told(script, driver.id, other.id, order.id)
        self._script = script
        self._desk = desk
        self._order = order
        self._cluster = cluster
        urls = cluster.urls
        first = script.number % len(urls)
        session = f"story-{script.number}"
        self._lines = [Line(url, driver, session) for url in (urls[first], urls[first - 1])]
        self._drive: list[dict[str, Any]] = []
        self._seqs = itertools.count(FIXES)

    async def run(self) -> None:
        first, second = self._lines
        tasks = [asyncio.create_task(first.run())]
        try:
            await first.until(first.ready.is_set, "a driver is let in")
            self._drive = self._script.fixes(time.time_ns() // 1_000_000 - AGO_S * 1000)
            deeds = [self._send_drive(first), self._call_office(), self._press_buttons()]
            if self._script.moves_at is not None:
                tasks.append(asyncio.create_task(self._move(second)))
            async with asyncio.timeout(SETTLES_S):
                await asyncio.gather(*deeds, *tasks[1:])
            if self._script.moves_at is not None:
                tasks.append(self._second)
            await self._settle()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _send_drive(self, line: Line) -> None:
        with suppress(ConnectionClosed):  # the second socket has taken over
            for pause, each in zip(self._script.pauses, self._drive, strict=True):
                await asyncio.sleep(pause)
                await line.send({"type": "location"} | each)

    async def _move(self, line: Line) -> None:
        assert self._script.moves_at is not None
        await asyncio.sleep(self._script.moves_at)
        self._second = asyncio.create_task(line.run())
        await line.until(line.ready.is_set, "a driver is let in by the other process")
        begin = 0 if self._script.replays else line.acked
        for each in self._drive[begin:]:
            await line.send({"type": "location"} | each)

    async def _call_office(self) -> None:
        begun = asyncio.get_running_loop().time()
        order, told = self._order.id, self.told
        for at, call in self._script.office:
            await _sleep_until(begun + at)
            self._disturb()
            match call:
                case "cancel":
                    agreed = await self._desk("cancel", order, "The customer changed their mind.")
                case "unassign":
                    agreed = await self._desk("unassign", order)
                case "other":
                    agreed = await self._desk("assign", order, told.other)
                case "mine":
                    agreed = await self._desk("assign", order, told.driver)
            if agreed:
                told.carried_out.append(call)

    async def _press_buttons(self) -> None:
        begun = asyncio.get_running_loop().time()
        for at, status in self._script.buttons:
            await _sleep_until(begun + at)
            self._disturb()
            line = next(line for line in reversed(self._lines) if line.socket and line.ready.is_set())
            with suppress(ConnectionClosed):
                await line.send({"type": "status", "orderId": self._order.id, "status": status})

    def _disturb(self) -> None:
        if self.told.disturbed_at is None:
            self.told.disturbed_at = asyncio.get_running_loop().time()

    async def _settle(self) -> None:
        line = self._lines[0] if self._script.moves_at is None else self._lines[1]
        await line.until(lambda: line.acked >= FIXES, "every fix is acknowledged")
        await line.is_through()
        acks = [
            line.acked_at[self._script.first_inside]
            for line in self._lines
            if self._script.first_inside in line.acked_at
        ]
        self.told.arrival_acked_at = min(acks)
        if self._is_mine_before_pickup():
            await self._stand_again(line)

    def _is_mine_before_pickup(self) -> bool:
        """As far as can be told without asking: the last word of the office was to give the order to this driver."""
        words = [call for call in self.told.carried_out if call != "cancel"]
        cancelled = "cancel" in self.told.carried_out
        return (
            self._script.begins == OrderStatus.ASSIGNED
            and not cancelled
            and not self._script.buttons
            and (not words or words[-1] == "mine")
        )

    async def _stand_again(self, line: Line) -> None:
        """Sends fixes from the restaurant, as a phone does, until the plan shows the arrival."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + ARRIVES_S
        query = "SELECT version FROM drivers WHERE id = %s"
        # The office is done: an older plan may show an arrival of before its calls.
        ((version,),) = await asyncio.to_thread(self._cluster.rows, query, self.told.driver)

        def has_arrived() -> bool:
            return line.version >= version and line.statuses.get(self._order.id) in BEYOND_ARRIVAL

        while not has_arrived() and loop.time() < deadline:
            seq = next(self._seqs)
            at = destination(KITCHEN.at, 180 * seq, 5)
            now = time.time_ns() // 1_000_000
            await line.send({"type": "location"} | fix(at, now, seq, moving=False))
            await asyncio.sleep(0.3)
        self.told.stood_again = True


async def _sleep_until(moment: float) -> None:
    await asyncio.sleep(moment - asyncio.get_running_loop().time())


@pytest.mark.timeout(length(short=90, full=3600))
async def test_interleavings(cluster: Cluster, rng: Random) -> None:
    seed = f"{rng.getrandbits(64):x}"
    began = time.monotonic()
    reached: Counter[str] = Counter()
    failures = []
    with ExitStack() as stack:
        desks = [Desk(cluster.office)]
        desks += [Desk(stack.enter_context(closing(Office(cluster.env)))) for _ in range(CLERKS - 1)]
        for first in range(0, STORIES, WAVE):
            numbers = range(first, min(STORIES, first + WAVE))
            tellings = await asyncio.to_thread(_cast, cluster, desks, [script(n, seed) for n in numbers])
            await _all_at_once(tellings)
            outcomes = await asyncio.to_thread(_outcomes, cluster, [telling.told for telling in tellings])
            for telling in tellings:
                outcome = outcomes[telling.told.order]
                reached[outcome.status] += 1
                if wrong := broken(telling.told, outcome):
                    failures.append(f"{'; '.join(wrong)}\n  {telling.told}\n  {outcome}")
            assert not failures, f"{len(failures)} stories of the first {numbers.stop}:\n" + "\n".join(
                failures[:5]
            )
            await asyncio.to_thread(cluster.forget_everybody)
    took = time.monotonic() - began
    print(f"{STORIES} stories in {took:.0f} s: {dict(reached)}")  # noqa: T201
    assert len(reached) >= 5, f"hardly anything happened: {reached}"


@pytest.mark.timeout(180)
async def test_a_move_while_the_first_process_is_busy(cluster: Cluster) -> None:
    """The first process has noted the driver's fixes, and is kept from what follows from them; the app goes on at the
    other process, from where that one says. Whoever does it in the end: the driver arrived, and left with the food.
    """
    city = await asyncio.to_thread(cluster.office.city, f"Move {time.time_ns():x}", DENVER)
    driver, *busy = await asyncio.to_thread(hire, cluster, city, 1 + THREADS)
    (order,) = await asyncio.to_thread(hand_out, cluster, city, KITCHEN, [driver], OrderStatus.ASSIGNED)
    drive = replace(script(0, "move"), begins=OrderStatus.ASSIGNED, first_inside=2, last_inside=5).fixes(
        time.time_ns() // 1_000_000 - AGO_S * 1000
    )
    first, second = (Line(url, driver, "move") for url in cluster.urls)
    others = [Line(cluster.urls[0], other, "busy") for other in busy]
    noted = "SELECT extract(epoch FROM fix_at) * 1000 FROM drivers WHERE id = %s"
    async with Company() as company:
        company.start(first.run())
        for other in others:
            company.start(other.run())
        in_time = [first, *others]
        await until(lambda: all(line.ready.is_set() for line in in_time), SETTLES_S, "drivers are let in")
        with psycopg.connect(for_libpq(cluster.env["DATABASE_URL"])) as connection:
            ids = [other.id for other in busy]
            connection.execute("SELECT FROM drivers WHERE id = ANY(%s::uuid[]) FOR UPDATE", [ids])
            for other in others:
                await other.send({"type": "shift", "on": True})
            for each in drive[:6]:
                await first.send({"type": "location"} | each)
            await until(
                lambda: cluster.rows(noted, driver.id)[0][0] == drive[5]["ts"], SETTLES_S, "fixes are noted"
            )
            company.start(second.run())
            await second.until(second.ready.is_set, "a driver is let in by the other process")
            for each in drive[second.acked :]:
                await second.send({"type": "location"} | each)
        await second.until(lambda: second.acked >= FIXES, "every fix is acknowledged")

        def reached() -> list[str]:
            query = "SELECT to_status FROM order_events WHERE order_id = %s ORDER BY id"
            return [status for (status,) in cluster.rows(query, order.id)]

        arrived = OrderStatus.DRIVER_AT_RESTAURANT
        await until(lambda: arrived in reached(), ARRIVES_S, f"{arrived} is not missed")
        await until(
            lambda: reached()[-1] == OrderStatus.PICKED_UP, ARRIVES_S, "a forgotten pickup is not missed"
        )


def _cast(cluster: Cluster, desks: Sequence[Desk], scripts: Sequence[Script]) -> list[Telling]:
    """Everyone who is in these stories, each with a driver and an order of its own."""
    city = cluster.office.city(f"Stories {scripts[0].number} {time.time_ns():x}", DENVER)
    drivers = hire(cluster, city, 2 * len(scripts))
    heroes, others = drivers[::2], drivers[1::2]
    orders: dict[str, OrderRow] = {}
    for status in (OrderStatus.ASSIGNED, OrderStatus.PICKED_UP):
        those = [hero for hero, script in zip(heroes, scripts, strict=True) if script.begins == status]
        handed = hand_out(cluster, city, KITCHEN, those, status)
        orders |= {hero.id: order for hero, order in zip(those, handed, strict=True)}
    return [
        Telling(script, cluster, desks[n % len(desks)], hero, other, orders[hero.id])
        for n, (script, hero, other) in enumerate(zip(scripts, heroes, others, strict=True))
    ]


async def _all_at_once(tellings: Sequence[Telling]) -> None:
    seats = asyncio.Semaphore(AT_ONCE)

    async def tell(telling: Telling) -> None:
        async with seats:
            try:
                await telling.run()
            except BaseException as error:
                error.add_note(str(telling.told))
                raise

    async with asyncio.TaskGroup() as group:
        for telling in tellings:
            group.create_task(tell(telling))


_EVENTS = """
SELECT order_id::text, from_status, to_status, actor, driver_id::text, (evidence->>'ts')::bigint
FROM order_events WHERE order_id = ANY(%s::uuid[]) ORDER BY id
"""
_ORDERS = """
SELECT o.id::text, o.status, o.driver_id::text,
    coalesce(array_agg(s.kind || ' ' || s.driver_id) FILTER (WHERE s.done_at IS NULL AND s.id IS NOT NULL), '{}')
FROM orders o LEFT JOIN stops s ON s.order_id = o.id WHERE o.id = ANY(%s::uuid[]) GROUP BY o.id
"""


def _outcomes(cluster: Cluster, stories: Sequence[Told]) -> dict[str, Outcome]:
    ids = [told.order for told in stories]
    timelines: dict[str, list[Event]] = {id_: [] for id_ in ids}
    for order, *event in cluster.rows(_EVENTS, ids):
        timelines[order].append(Event(*event))
    return {
        order: Outcome(
            status, driver, frozenset(tuple(stop.split()) for stop in stops), tuple(timelines[order])
        )
        for order, status, driver, stops in cluster.rows(_ORDERS, ids)
    }
