"""`manage.py loadtest`: how much a server takes, and how fast what it takes reaches those who wait for it."""

import asyncio
import secrets
import signal
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import uvloop
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from delivery.devtools.loadtest.dispatcher import benchmark_dispatcher
from delivery.devtools.loadtest.generator import Load, Run
from delivery.devtools.loadtest.limit import LOWEST_RATE, fault, search
from delivery.devtools.loadtest.report import Limit, Report, Trial, table
from delivery.devtools.loadtest.schedule import FASTEST_MPS, METRES_PER_STEP
from delivery.devtools.loadtest.sockets import Address, allow_files
from delivery.devtools.loadtest.targets import Dialect, Doorstep, Plain, Targets, TargetsError, read_targets

SPARE_FILES = 100
INTERRUPTED = 130


class Command(BaseCommand):
    help = (
        "Plays drivers, customers and dispatchers over real sockets, in an open loop: every fix has its due time, "
        "and latency counts from then. Reports fixes/s, latency, what was lost, and the CPU and memory of processes."
    )
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--url", required=True, help="of the server: ws://host:port")
        parser.add_argument(
            "--targets", required=True, type=Path, metavar="FILE", help="what `manage.py seed --json` wrote"
        )
        parser.add_argument("--drivers", type=int, help="how many of the file's (default all)")
        parser.add_argument("--customers", type=int, help="default: one for each of the file's")
        parser.add_argument("--dispatchers", type=int, default=1, help="default 1")
        parser.add_argument(
            "--rate",
            type=float,
            required=True,
            help="fixes per second of all drivers together; 0: idle sockets",
        )
        parser.add_argument("--seconds", type=float, default=10.0, help="measured (default 10)")
        parser.add_argument("--warmup", type=float, default=2.0, help="seconds before that (default 2)")
        parser.add_argument("--drain", type=float, default=5.0, help="seconds to wait at the end (default 5)")
        parser.add_argument(
            "--connect", type=float, default=30.0, help="seconds for a socket to become ready (default 30)"
        )
        parser.add_argument("--at-once", action="store_true", help="all sockets connect at the same time")
        parser.add_argument(
            "--newcomers",
            type=int,
            default=0,
            help="dispatchers who come and go one after the other while it is measured (default 0)",
        )
        parser.add_argument("--seed", type=int, default=1, help="of the drivers' phases (default 1)")
        parser.add_argument(
            "--process",
            action="append",
            default=[],
            type=_named_pid,
            metavar="NAME=PID",
            help="measures that process and all below it; repeat for more",
        )
        parser.add_argument(
            "--find-limit",
            action="store_true",
            help="from --rate on, the highest rate with nothing lost, a backlog under a second of load and "
            "customers' p99 under a second",
        )
        parser.add_argument(
            "--cookie",
            help="Cookie header that signs dispatchers in (default: of a user made in the database for the run)",
        )
        parser.add_argument(
            "--dialect",
            choices=["doorstep", "plain"],
            default="doorstep",
            help="plain: a server without sign-in and acks, to compare with",
        )
        parser.add_argument(
            "--json", type=Path, metavar="FILE", help="writes the report, or the limit's, there"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        for name in ("rate", "seconds", "warmup", "drain", "connect", "dispatchers", "newcomers"):
            if options[name] < 0:
                raise CommandError(f"--{name} must be 0 or more.")
        if not options["seconds"]:
            raise CommandError("--seconds must be more than 0.")
        if options["find_limit"] and options["rate"] < LOWEST_RATE:
            raise CommandError(f"--find-limit begins at --rate {LOWEST_RATE:g} or more.")
        if options["json"] and not options["json"].absolute().parent.is_dir():
            raise CommandError(f"Cannot write {options['json']}: no such folder.")
        load = Load(
            rate=options["rate"],
            dispatchers=options["dispatchers"],
            seconds=options["seconds"],
            warmup_s=options["warmup"],
            drain_s=options["drain"],
            connect_s=options["connect"],
            at_once=options["at_once"],
            newcomers=options["newcomers"],
            seed=options["seed"],
            processes=dict(options["process"]),
        )
        try:
            address = Address.of(options["url"])
            targets = read_targets(options["targets"], options["drivers"], options["customers"])
            allow_files(len(targets.drivers) + len(targets.customers) + load.dispatchers + SPARE_FILES)
            with _signed_in(options) as cookie:
                test = _Test(self, address, targets, options["dialect"], cookie)
                course = test.find_limit(load) if options["find_limit"] else test.run(load)
                with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                    result = runner.run(_until_told_to_stop(course))
        except (TargetsError, ValueError) as error:
            raise CommandError(f"{error}") from error
        except DatabaseError as error:
            reason = str(error).partition("\n")[0]
            raise CommandError(
                f"No dispatcher can be made in the database ({reason}): give --cookie."
            ) from error
        except (asyncio.CancelledError, KeyboardInterrupt):
            raise CommandError("Stopped.", returncode=INTERRUPTED) from None
        if options["json"]:
            options["json"].write_bytes(msgspec.json.format(msgspec.json.encode(result)) + b"\n")
        if isinstance(result, Report) and result.connecting.refused:
            raise CommandError("Not every socket was let in.")


class _Test:
    """Runs against one server, with their tables on standard output."""

    def __init__(
        self, command: Command, address: Address, targets: Targets, dialect: str, cookie: str
    ) -> None:
        self._command = command
        self._address = address
        self._targets = targets
        self._dialect = dialect
        self._cookie = cookie

    async def run(self, load: Load) -> Report:
        report = await Run(self._address, self._targets, self._speak(), load).run()
        for line in table(report):
            self._command.stdout.write(line)
        return report

    async def find_limit(self, load: Load) -> Limit:
        trials: list[Trial] = []
        rates = search(load.rate, most=len(self._targets.drivers) * FASTEST_MPS // METRES_PER_STEP)
        rate = next(rates, None)
        while rate is not None:
            self._command.stdout.write(f"— {rate:g} fixes/s")
            report = await self.run(replace(load, rate=rate))
            trials.append(Trial(rate, fault(report), report))
            self._command.stdout.write(f"= {trials[-1].fault or 'sustained'}\n")
            try:
                rate = rates.send(not trials[-1].fault)
            except StopIteration:
                break
        held = [trial.report for trial in trials if not trial.fault]
        best = max(held, key=lambda report: report.rate, default=None)
        self._command.stdout.write(f"limit      {best.rate if best else 0:g} fixes/s")
        return Limit(best, trials)

    def _speak(self) -> Dialect:
        if self._dialect == "plain":
            return Plain()
        # A name of its own for each run: its numbers begin at 0, whatever an earlier run got to.
        return Doorstep(run=secrets.token_hex(8), cookie=self._cookie, origin=self._address.origin)


async def _until_told_to_stop[T](course: Coroutine[Any, Any, T]) -> T:
    """CancelledError: a signal said so."""
    running = asyncio.create_task(course)
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, running.cancel)
    return await running


@contextmanager
def _signed_in(options: dict[str, Any]) -> Iterator[str]:
    if (
        options["cookie"]
        or options["dialect"] == "plain"
        or not (options["dispatchers"] or options["newcomers"])
    ):
        yield options["cookie"] or ""
    else:
        with benchmark_dispatcher() as cookie:
            yield cookie


def _named_pid(text: str) -> tuple[str, int]:
    name, _, pid = text.partition("=")
    if not name or not pid.isdecimal():
        raise ArgumentTypeError(f"{text} is not NAME=PID, such as web=1234")
    return name, int(pid)
