"""`make bench-scale`: what a fix, a driver and a dispatcher cost while the fleet grows from 200 drivers to 10,000."""

import json
import os
import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from typing import NamedTuple

import psycopg
import redis

from delivery.devtools.bench import scale_page
from delivery.devtools.bench.beside import eta_rounds, most_connections
from delivery.devtools.bench.load_tests import WORKERS, LoadTests
from delivery.devtools.bench.options import parse
from delivery.devtools.bench.page import Machine, publish
from delivery.devtools.bench.scale_page import ScaleBench, Size
from delivery.devtools.loadtest.sockets import allow_files
from delivery.devtools.stack.state import ROOT, StateFolder, default_folder, open_state
from delivery.errors import Interrupted
from delivery.processes import Processes

TABLE = "bench-scale"
ARTIFACT = ROOT / "artifacts" / "bench-scale.json"

#: Of each driver (seconds): what an app sends by default.
INTERVAL_S = 5.0
#: As the README starts them.
WEB_PROCESSES = 2
DRIVERS_PER_ORDER = 5
DRIVERS_PER_DISPATCHER = 200
OPEN_FILES = 20_000
#: For web processes and load generator, of which each may get nearly all of the sockets.
CONNECT_S = 60

_ORDERS_WITH_ETAS = "SELECT count(*) FROM orders WHERE eta_minutes IS NOT NULL"


class Course(NamedTuple):
    """Sizes of the fleet; measured seconds, and those before; dispatchers who come while it is measured."""

    fleets: Sequence[int]
    seconds: float
    warmup: float
    newcomers: int


#: A round of ETAs begins every half minute.
FULL = Course([200, 1000, 5000, 10_000], seconds=60, warmup=10, newcomers=10)
SHORT = Course([20, 40], seconds=5, warmup=2, newcomers=2)


def bench_scale(arguments: Sequence[str]) -> int:
    """Measure; returns the exit status. StackError: a server does not start, or a load test fails."""
    parser = ArgumentParser(prog="make bench-scale ARGS=…", allow_abbrev=False)
    parser.add_argument(
        "--fleets", type=_fleets, metavar="N,N", help="other sizes (default 200,1000,5000,10000)"
    )
    options = parse(parser, arguments, short="two small fleets for a few seconds")
    course = SHORT if options.short else FULL
    if options.fleets:
        course = course._replace(fleets=options.fleets)
    allow_files(OPEN_FILES, or_fewer=True)
    load = os.getloadavg()[0]
    with open_state(default_folder() / "bench-scale") as state, Processes(state.logs) as processes:
        try:
            growth = Growth(processes, state, course)
            sizes = [growth.measured(drivers) for drivers in course.fleets]
            machine = Machine.here(load, scale_page.PACKAGES).with_servers(
                growth.database, growth.env["REDIS_URL"], node=False
            )
        except Interrupted:
            return 130
    result = ScaleBench(machine, WEB_PROCESSES, WORKERS, sizes)
    publish(result, ARTIFACT, TABLE, scale_page.table(result), write=options.write)
    return 0


def _fleets(text: str) -> list[int]:
    fleets = sorted(int(each) for each in text.split(","))
    if fleets[0] < 1:
        raise ValueError
    return fleets


class Growth(LoadTests):
    """The same load per driver, on fleets of several sizes."""

    def __init__(self, processes: Processes, state: StateFolder, course: Course) -> None:
        self.course = course
        commands = [["collectstatic", "--no-input"], ["migrate", "--no-input"]]
        super().__init__(processes, state, {}, commands)

    def measured(self, drivers: int) -> Size:
        """Of a fleet of its own, on processes that nobody has used yet."""
        dispatchers = max(1, drivers // DRIVERS_PER_DISPATCHER)
        self.prepare(drivers, drivers // DRIVERS_PER_ORDER)
        with (
            self.doorstep(WEB_PROCESSES) as server,
            most_connections(self.database) as most,
            eta_rounds(self.database) as rounds,
        ):
            report = self.load(
                f"{drivers:,} drivers",
                server,
                rate=drivers / INTERVAL_S,
                customers=0,
                dispatchers=dispatchers,
                newcomers=self.course.newcomers,
                warmup=self.course.warmup,
                seconds=self.course.seconds,
                connect=CONNECT_S,
            )
        with psycopg.connect(self.database) as connection:
            (orders,) = connection.execute(_ORDERS_WITH_ETAS).fetchone() or (0,)
        return Size(drivers // DRIVERS_PER_ORDER, orders, report, rounds, most[0])

    def prepare(self, drivers: int, orders: int) -> None:
        """An empty database and Redis, and this fleet."""
        with redis.Redis.from_url(self.env["REDIS_URL"]) as client:
            client.flushall()
        seed = [
            "seed",
            "--bulk",
            "--drivers",
            str(drivers),
            "--orders",
            str(orders),
            "--json",
            str(self.seeded),
        ]
        todo = json.dumps([["flush", "--no-input"], seed])
        command = [sys.executable, "-m", "delivery.devtools.stack.prepare", todo]
        self.processes.run("prepare", command, self.env, echo=True)
