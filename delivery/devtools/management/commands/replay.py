"""`manage.py replay FOLDER`: a day replayed under several policies, side by side."""

import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from delivery.devtools.argument_types import count, not_negative, positive
from delivery.devtools.replay.demand import Demand, write_rush
from delivery.devtools.replay.measures import Measures, measure, table
from delivery.devtools.replay.policies import policies
from delivery.devtools.replay.referee import faults
from delivery.devtools.replay.simulator import Outcome, Simulator
from delivery.devtools.replay.tables import BadTable, Day, read_day, write_table
from delivery.devtools.replay.towns import denver_requests, read_requests
from delivery.devtools.replay.ways import Plane, RoadWays, Ways
from routing.errors import RoutingError
from routing.osrm import osrm_from_settings
from routing.planner import Objective, Settings

WEIGHTS = ("door", "late", "stale", "work")


class Command(BaseCommand):
    help = "Replays a day from tab-separated tables through greedy assignment and the planner, and compares them."
    requires_system_checks = []  # needs no database

    def add_arguments(self, parser: ArgumentParser) -> None:
        defaults = Settings()
        names = list(policies(defaults))
        parser.add_argument(
            "folder", type=Path, help="orders, restaurants, couriers, parameters (docs/planning.md)"
        )
        parser.add_argument(
            "--policy", action="append", choices=names, help="one of them only; may be repeated"
        )
        parser.add_argument("--out", type=Path, help="where the events go (default: FOLDER/replay)")
        parser.add_argument(
            "--tick", type=positive, default=30.0, help="seconds between decisions (default 30)"
        )
        parser.add_argument(
            "--divert", action="store_true", help="couriers may be turned away from a leg under way"
        )
        parser.add_argument(
            "--most-on-board", type=count, default=defaults.most_on_board, help="orders in one bag"
        )
        parser.add_argument(
            "--food-wait",
            type=not_negative,
            default=defaults.food_wait_s / 60,
            help="minutes that a bundle may cost",
        )
        parser.add_argument(
            "--rounds", type=count, default=60, help="of improvement at each decision (default 60)"
        )
        parser.add_argument("--seed", type=int, default=0)
        for name in WEIGHTS:
            default = getattr(defaults.objective, name)
            parser.add_argument(
                f"--{name}", type=not_negative, default=default, help=f"weight (default {default:g})"
            )
        parser.add_argument(
            "--generate", type=count, metavar="ORDERS", help="first write a made-up dinner rush into FOLDER"
        )
        parser.add_argument("--couriers", type=count, default=40, help="of the made-up rush")
        parser.add_argument(
            "--streets",
            action="store_true",
            help="the made-up rush takes place in downtown Denver, on OSRM's roads",
        )

    def handle(self, *, folder: Path, **options: Any) -> None:
        try:
            if options["generate"]:
                trips = read_requests(denver_requests()) if options["streets"] else ()
                write_rush(
                    folder, Demand(options["generate"], options["couriers"], seed=options["seed"]), trips
                )
            day = read_day(folder)
            ways = Plane(day) if day.parameters.metres_per_minute else RoadWays(day, osrm_from_settings())
        except (BadTable, RoutingError) as error:
            raise CommandError(str(error)) from error
        out: Path = options["out"] or folder / "replay"
        out.mkdir(parents=True, exist_ok=True)
        planning = Settings(
            objective=Objective(**{name: options[name] for name in WEIGHTS}),
            most_on_board=options["most_on_board"],
            food_wait_s=60 * options["food_wait"],
            handover=day.parameters.handover,
            divert=options["divert"],
            rounds=options["rounds"],
            time_limit_s=10.0,
            seed=options["seed"],
        )
        found: dict[str, Measures] = {}
        for name, policy in policies(planning).items():
            if options["policy"] and name not in options["policy"]:
                continue
            started = time.perf_counter()
            simulator = Simulator(day, ways, tick_s=options["tick"], divert=options["divert"])
            outcome = simulator.run(policy)
            self._judge(name, day, ways, outcome)
            found[name] = measure(day, outcome)
            rows = [(f"{at / 60:.4f}", what, courier, order) for at, what, courier, order in outcome.events]
            write_table(out / f"{name}.tsv", ("minute", "event", "courier", "order"), rows)
            self.stderr.write(f"{name}: {time.perf_counter() - started:.1f} s, {out / name}.tsv")
        self.stdout.write(table(found))

    def _judge(self, name: str, day: Day, ways: Ways, outcome: Outcome) -> None:
        if broken := faults(day, ways, outcome):
            raise CommandError(f"{name} broke {len(broken)} rules:\n" + "\n".join(broken[:20]))
