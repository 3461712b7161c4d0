"""One run: connect everybody, send by the schedule, hold what is heard against it, report."""

import asyncio
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from statistics import median
from time import monotonic

from delivery.devtools.loadtest.histogram import Histogram
from delivery.devtools.loadtest.matching import Intake, Tally, Trail
from delivery.devtools.loadtest.report import Connecting, Feed, Generator, Newcomers, ProcessTree, Report
from delivery.devtools.loadtest.schedule import METRES_PER_STEP, Path, Schedule
from delivery.devtools.loadtest.sockets import Address, Client, Refused
from delivery.devtools.loadtest.targets import Dialect, Heard, Targets
from delivery.devtools.loadtest.usage import Usage, measure

#: Handshakes under way at a time, unless all come at once.
CONNECTING_AT_A_TIME = 50
SETTLE_S = 1.0
GOODBYE_S = 3.0
#: Fixes sent before the loop looks at what came in, and how long it then waits at least: timers count milliseconds.
BURST = 64
NAP_S = 0.001
POLL_S = 0.02
#: Enough that 95 of 100 sockets are there.
MOST = 0.95
#: Nothing is sent at rate 0, but paths want a pace.
IDLE_RATE = 1.0


@dataclass(frozen=True)
class Load:
    """What a run asks of the server: fixes per second of all drivers together, seconds."""

    rate: float
    dispatchers: int
    seconds: float
    warmup_s: float = 2.0
    drain_s: float = 5.0
    connect_s: float = 30.0
    at_once: bool = False
    #: Dispatchers who come, and go, one after the other while it is measured.
    newcomers: int = 0
    seed: int = 1
    #: Name → pid of the process trees to measure.
    processes: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Moment:
    """What a run had done at some time (monotonic)."""

    at: float
    sent: int
    confirmed: int
    own_cpu_s: float
    usage: dict[str, Usage]


class Run:
    """Times inside are seconds from the start of the schedule. ValueError: drivers would have to be too fast."""

    def __init__(self, address: Address, targets: Targets, dialect: Dialect, load: Load) -> None:
        self.address, self.targets, self.dialect, self.load = address, targets, dialect, load
        drivers = len(targets.drivers)
        if load.rate and not drivers:
            raise ValueError("fixes need drivers to send them")
        self.schedule = Schedule(drivers, load.rate or IDLE_RATE, load.seed)
        self.end = load.warmup_s + load.seconds
        self.paths = [
            Path.paced(n, self.schedule.period, driver.start) for n, driver in enumerate(targets.drivers)
        ]
        self.speed = self.paths[0].step * METRES_PER_STEP / self.schedule.period if drivers else 0.0
        self.acks = Histogram() if dialect.acknowledges else None
        self.intakes = [
            Intake(self.acks, self.schedule.phases[n], self.schedule.period, self._counted(n))
            for n in range(drivers)
        ]
        self.numbers = {driver.id: n for n, driver in enumerate(targets.drivers)}
        self.customers, self.dispatchers = Tally(), Tally()
        self.errors: Counter[str] = Counter()
        self.closes: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.ready_after = Histogram()
        self.ready_at: list[float] = []
        self.newcomers: list[Client] = []
        self.newcomer_ready_after = Histogram()
        self.send_lag = Histogram()
        #: Frames with positions for dispatchers, and when they came.
        self._unread: deque[tuple[list[Trail], Heard, float]] = deque()
        self._start = 0.0
        self._wall = 0.0
        self._index = 0
        self._sent = 0

    # ------------------------------------------------------------------------------------------ the course

    async def run(self) -> Report:
        before = measure(self.load.processes)
        drivers = self._driver_clients()
        clients = [*drivers, *self._customer_clients(), *self._dispatcher_clients()]
        try:
            began = monotonic()
            if not self.load.at_once:
                await self._connect(drivers)
            driving = before if self.load.at_once else measure(self.load.processes)
            await self._connect(clients if self.load.at_once else clients[len(drivers) :])
            await asyncio.sleep(SETTLE_S)
            connected = measure(self.load.processes)
            self._begin(clients)
            await self._until(self.load.warmup_s)
            first = self._moment()
            coming = asyncio.create_task(self._let_newcomers_in())
            await self._until(self.end)
            last = self._moment()
            await coming
            await self._drain()
        finally:
            self._index = -1
            await self._close(clients)
        return self._report(before, driving, connected, first, last, began)

    async def _connect(self, clients: list[Client]) -> None:
        doors = asyncio.Semaphore(len(clients) if self.load.at_once else CONNECTING_AT_A_TIME)

        async def enter(client: Client) -> None:
            async with doors:
                try:
                    self.ready_after.add(await client.connect(self.load.connect_s))
                    self.ready_at.append(monotonic())
                except Refused as refused:
                    self.refused[str(refused)] += 1

        await asyncio.gather(*map(enter, clients))

    async def _let_newcomers_in(self) -> None:
        """Evenly over the measured time, or as fast as they are let in."""
        for number in range(self.load.newcomers):
            await self._until(self.load.warmup_s + number * self.load.seconds / self.load.newcomers)
            client = self._client("newcomer", self.dialect.dispatcher(), lambda heard, now: None)
            try:
                self.newcomer_ready_after.add(await client.connect(self.load.connect_s))
                self.newcomers.append(client)
            except Refused as refused:
                self.refused[f"newcomer: {refused}"] += 1
            await self._close([client])

    def _begin(self, clients: list[Client]) -> None:
        self._start = monotonic()
        self._wall = time.time()
        self._senders = clients[: len(self.targets.drivers)]
        if self.load.rate:
            self._turn()

    async def _until(self, moment: float) -> None:
        await asyncio.sleep(max(0.0, self._start + moment - monotonic()))

    def _turn(self) -> None:
        """Sends what is due, and comes back when more is."""
        if self._index < 0:
            return
        now = monotonic() - self._start
        for _ in range(BURST):
            driver, number, due = self.schedule.slot(self._index)
            if due >= self.end:
                return
            if due > now:
                asyncio.get_running_loop().call_later(max(due - now, NAP_S), self._turn)
                return
            self._index += 1
            self._send(driver, number, due, now)
        asyncio.get_running_loop().call_soon(self._turn)

    def _send(self, driver: int, number: int, due: float, now: float) -> None:
        client = self._senders[driver]
        if not client.is_open:
            return
        lat, lng = self.paths[driver].position(number)
        client.send(self.dialect.fix(lat, lng, self.speed, int((self._wall + due) * 1000), number))
        self.intakes[driver].sent = number + 1
        self._sent += 1
        if due >= self.load.warmup_s:
            self.send_lag.add(now - due)

    async def _drain(self) -> None:
        """Waits for what is under way: it counts as lost only when it does not come at all."""
        for _ in range(int(self.load.drain_s / POLL_S)):
            if self._all_arrived():
                return
            await asyncio.sleep(POLL_S)

    def _all_arrived(self) -> bool:
        if self.customers.lost or self.dispatchers.lost:
            return False
        return all(intake.confirmed == intake.sent for intake in self.intakes)

    async def _close(self, clients: list[Client]) -> None:
        leaving = [asyncio.ensure_future(client.close()) for client in clients]
        if leaving:
            await asyncio.wait(leaving, timeout=GOODBYE_S)
        for client, goodbye in zip(clients, leaving, strict=True):
            goodbye.cancel()
            client.abort()

    # ------------------------------------------------------------------------------------------ who listens

    def _driver_clients(self) -> list[Client]:
        return [
            self._client("driver", self.dialect.driver(target), partial(self._hear_ack, intake))
            for target, intake in zip(self.targets.drivers, self.intakes, strict=True)
        ]

    def _customer_clients(self) -> list[Client]:
        clients = []
        for target in self.targets.customers:
            driver = self.numbers[target.driver_id]
            hear = partial(self._hear_own_driver, driver, self._trail(self.customers, driver))
            clients.append(self._client("customer", self.dialect.customer(target), hear))
        return clients

    def _dispatcher_clients(self) -> list[Client]:
        clients = []
        for _ in range(self.load.dispatchers):
            trails = [self._trail(self.dispatchers, driver) for driver in range(len(self.paths))]
            hear = partial(self._hear_fleet, trails)
            clients.append(self._client("dispatcher", self.dialect.dispatcher(), hear))
        return clients

    def _client(
        self, role: str, opening: tuple[str, Mapping[str, str]], hear: Callable[[Heard, float], None]
    ) -> Client:
        def lost(code: int) -> None:
            self.closes[f"{role} closed {code}"] += 1

        return Client(self.address, opening, waits_for_ready=self.dialect.acknowledges, hear=hear, lost=lost)

    def _trail(self, tally: Tally, driver: int) -> Trail:
        return Trail(tally, self.schedule.phases[driver], self.schedule.period, self._counted(driver))

    def _counted(self, driver: int) -> range:
        if not self.load.rate:
            return range(0)
        return self.schedule.between(driver, self.load.warmup_s, self.end)

    def _hear_ack(self, intake: Intake, heard: Heard, now: float) -> None:
        if heard.type == "ack" and heard.seq is not None:
            intake.confirm(min(heard.seq, intake.sent - 1), now - self._start)
        elif heard.type == "error":
            self.errors[heard.code] += 1

    def _hear_own_driver(self, driver: int, trail: Trail, heard: Heard, now: float) -> None:
        if heard.type == "driver_pos" and heard.lat is not None and heard.lng is not None:
            self._see(driver, trail, heard.lat, heard.lng, now)
        elif heard.type == "error":
            self.errors[heard.code] += 1

    def _hear_fleet(self, trails: list[Trail], heard: Heard, now: float) -> None:
        if heard.type == "driver_pos":
            self._unread.append((trails, heard, now))
            if len(self._unread) == 1:
                asyncio.get_running_loop().call_soon(self._read_fleet)
        elif heard.type == "error":
            self.errors[heard.code] += 1

    def _read_fleet(self) -> None:
        """One frame a turn of the loop: those of all dispatchers come at the same moment and hold hundreds of
        positions, for which neither fixes nor other frames should wait."""
        trails, heard, now = self._unread[0]
        if heard.driver_id is not None and heard.lat is not None and heard.lng is not None:
            self._see_one_of(trails, heard.driver_id, heard.lat, heard.lng, now)
        for each in heard.drivers:
            self._see_one_of(trails, each.driver_id, each.lat, each.lng, now)
        self._unread.popleft()
        if self._unread:
            asyncio.get_running_loop().call_soon(self._read_fleet)

    def _see_one_of(self, trails: list[Trail], driver_id: str, lat: float, lng: float, now: float) -> None:
        driver = self.numbers.get(driver_id)
        if driver is None:
            self.dispatchers.unmatched += 1
        else:
            self._see(driver, trails[driver], lat, lng, now)

    def _see(self, driver: int, trail: Trail, lat: float, lng: float, now: float) -> None:
        number = self.paths[driver].number(lat, lng)
        intake = self.intakes[driver]
        if number is None or number >= intake.sent:
            trail.tally.unmatched += 1
            return
        trail.hear(number, now - self._start)
        if not self.dialect.acknowledges:
            intake.confirm(number, now - self._start)

    # ------------------------------------------------------------------------------------------- the result

    def _moment(self) -> Moment:
        return Moment(
            monotonic(),
            self._sent,
            sum(intake.confirmed for intake in self.intakes),
            time.process_time(),
            measure(self.load.processes),
        )

    def _report(
        self,
        before: dict[str, Usage],
        driving: dict[str, Usage],
        connected: dict[str, Usage],
        first: Moment,
        last: Moment,
        began: float,
    ) -> Report:
        seconds = last.at - first.at
        ingested = last.confirmed - first.confirmed
        drivers, dispatchers = len(self.targets.drivers), self.load.dispatchers
        wanted = drivers + len(self.targets.customers) + dispatchers
        ready = len(self.ready_at)
        enough = -int(-MOST * wanted // 1)

        def tree(name: str) -> ProcessTree:
            cpu_s = last.usage[name].cpu_s - first.usage[name].cpu_s
            return ProcessTree(
                cpu_s=cpu_s,
                cpu_share=cpu_s / seconds,
                ms_per_1000=cpu_s * 1e6 / ingested if ingested else None,
                rss_before_kb=before[name].rss_kb,
                rss_connected_kb=connected[name].rss_kb,
                rss_after_kb=last.usage[name].rss_kb,
                kb_per_socket=(connected[name].rss_kb - before[name].rss_kb) / ready if ready else 0.0,
                processes=last.usage[name].processes,
                kb_per_driver=(driving[name].rss_kb - before[name].rss_kb) / drivers if drivers else 0.0,
            )

        return Report(
            url=self.address.netloc,
            dialect=type(self.dialect).__name__.lower(),
            drivers=drivers,
            dispatchers=dispatchers,
            customers=len(self.targets.customers),
            rate=self.load.rate,
            warmup_s=self.load.warmup_s,
            seconds=seconds,
            connecting=Connecting(
                wanted,
                ready,
                self.ready_after.spread(),
                sorted(self.ready_at)[enough - 1] - began if ready >= enough > 0 else None,
                dict(self.refused),
            ),
            sent_per_s=(last.sent - first.sent) / seconds,
            ingested_per_s=ingested / seconds,
            backlog=last.sent - last.confirmed,
            ack_ms=self.acks.spread() if self.acks is not None else None,
            customer=_feed(self.customers, len(self.targets.customers)),
            dispatcher=_feed(self.dispatchers, dispatchers),
            errors=dict(self.errors),
            closes=dict(self.closes),
            generator=Generator((last.own_cpu_s - first.own_cpu_s) / seconds, self.send_lag.spread()),
            processes={name: tree(name) for name in self.load.processes},
            unconfirmed=sum(intake.sent - intake.confirmed for intake in self.intakes),
            newcomers=self._newcomers() if self.load.newcomers else None,
        )

    def _newcomers(self) -> Newcomers:
        came = self.newcomers
        return Newcomers(
            wanted=self.load.newcomers,
            ready=len(came),
            ready_ms=self.newcomer_ready_after.spread(),
            frames=int(median(client.snapshot_frames for client in came)) if came else 0,
            bytes=int(median(client.snapshot_bytes for client in came)) if came else 0,
        )


def _feed(tally: Tally, sockets: int) -> Feed:
    return Feed(
        sockets=sockets,
        expected=tally.expected,
        delivered=tally.delivered,
        superseded=tally.superseded,
        lost=tally.lost,
        out_of_order=tally.out_of_order,
        repeated=tally.repeated,
        unmatched=tally.unmatched,
        latency_ms=tally.latency.spread(),
        freshness_ms=tally.freshness.spread(),
    )
