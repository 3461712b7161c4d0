"""`manage.py simulate`: a fleet of simulated drivers on the public WebSocket, and the orders they deliver."""

import asyncio
import logging
import signal
from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import ProgrammingError

from delivery.devtools.simulation.driver import Habits
from delivery.devtools.simulation.evening import verdict
from delivery.devtools.simulation.mishaps import EVENING, NO_MISHAPS
from delivery.devtools.simulation.outages import OneLine
from delivery.devtools.simulation.run import NoRestaurants, Options, TakenOver, simulate


class Command(BaseCommand):
    help = "Runs simulated drivers who sign in, drive, and press the buttons, and customers who order."

    def add_arguments(self, parser: ArgumentParser) -> None:
        url = f"ws://127.0.0.1:{settings.PORT}/ws"
        parser.add_argument("--drivers", type=int, required=True, help="how many drivers")
        parser.add_argument(
            "--orders-per-hour", type=float, required=True, help="in all cities together; 0 for none"
        )
        parser.add_argument("--seed", type=int, help="for the same random choices in each run")
        parser.add_argument("--no-dispatcher", action="store_true", help="leave pending orders to people")
        parser.add_argument(
            "--url",
            default=url,
            help=f"the live endpoint; orders go to the API of the same server (default {url})",
        )
        parser.add_argument(
            "--interval", type=float, default=5.0, help="seconds between two fixes (default 5)"
        )
        parser.add_argument(
            "--forgets",
            type=float,
            default=0.05,
            help="share of pickups whose button is forgotten (default 0.05)",
        )

        parser.add_argument("--orders", type=int, help="end after so many orders, and say how they ended")
        parser.add_argument(
            "--mishaps",
            action="store_true",
            help="kitchens that are late or closed, nobody home, cancellations, orders for later, wrong clocks, "
            "presses without a network, shifts that end with orders on hand, bicycles",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["drivers"] < 1:
            raise CommandError("--drivers must be 1 or more.")
        if options["orders_per_hour"] < 0:
            raise CommandError("--orders-per-hour must be 0 or more.")
        if options["interval"] <= 0:
            raise CommandError("--interval must be more than 0 seconds.")
        if not 0 <= options["forgets"] <= 1:
            raise CommandError("--forgets is a share: from 0 to 1.")
        if options["orders"] is not None and (options["orders"] < 1 or not options["orders_per_hour"]):
            raise CommandError("--orders must be 1 or more, and --orders-per-hour more than 0.")
        chosen = Options(
            url=f"{options['url']}?role=driver",
            drivers=options["drivers"],
            orders_per_hour=options["orders_per_hour"],
            dispatcher=not options["no_dispatcher"],
            habits=Habits(
                interval_s=options["interval"],
                forgets=options["forgets"],
                mishaps=EVENING if options["mishaps"] else NO_MISHAPS,
            ),
            seed=options["seed"],
            orders=options["orders"],
        )
        logging.getLogger("django.dispatch").addFilter(OneLine())
        try:
            placed = asyncio.run(_until_told_to_stop(chosen))
        except ProgrammingError as error:
            raise CommandError(f"Run manage.py migrate first: {str(error).splitlines()[0]}") from error
        except NoRestaurants:
            raise CommandError(
                "There is no restaurant to order from: run `manage.py sample_data` first."
            ) from None
        except TakenOver:
            raise CommandError("All drivers have signed in elsewhere; does another simulation run?") from None
        if placed:
            found = verdict(placed)
            self.stdout.write(str(found))
            if found.wrong:
                raise CommandError(f"The evening did not end well: {len(found.wrong)} things are wrong.")


async def _until_told_to_stop(options: Options) -> list[UUID]:
    """The orders of an evening that came to its end."""
    running = asyncio.create_task(simulate(options))
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, running.cancel)
    try:
        return await running
    except asyncio.CancelledError:
        return []
