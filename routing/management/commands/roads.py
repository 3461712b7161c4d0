"""manage.py roads build [FILE.osm.pbf | URL] [--algorithm mld|ch] [--elsewhere] [--force]; show, rollback, index"""

import time
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from routing.addresses import store
from routing.errors import RoadsError
from routing.roads.build import Bounds, build
from routing.roads.builds import Build, current_build, rollback
from routing.roads.progress import Progress, ProgressBar, ProgressLog
from routing.signals import roads_offered

IN_USE = "`make demo` and `manage.py osrm` change over to them now; restart an osrm-routed of your own."


class Command(BaseCommand):
    help = "Builds the roads that OSRM routes on and the map that the pages draw."
    requires_system_checks = []  # needs no database

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        building = actions.add_parser("build", help="make sure that roads are in place")
        building.add_argument(
            "extract",
            nargs="?",
            metavar="FILE.osm.pbf | URL",
            help="an OpenStreetMap extract here or on the web (default: Denver, Boulder, Fort Collins)",
        )
        building.add_argument(
            "--algorithm",
            choices=("mld", "ch"),
            help="OSRM's: mld is built sooner (default), ch answers large tables sooner",
        )
        building.add_argument(
            "--elsewhere", action="store_true", help="use roads even if none of your cities lies on them"
        )
        building.add_argument("--force", action="store_true", help="build even where nothing has changed")
        actions.add_parser("show", help="what is in place")
        actions.add_parser("rollback", help="put the build before this one back in use")
        actions.add_parser("index", help="have their addresses in the database, if they are not there yet")

    def handle(self, *, action: str, **options: Any) -> None:
        roads_dir: Path = settings.ROADS_DIR
        try:
            match action:
                case "build":
                    self.build(roads_dir, **options)
                case "rollback":
                    self.describe(rollback(roads_dir))
                    self.stdout.write(IN_USE)
                    self.index(roads_dir)
                case "index":
                    store.load(roads_dir)
                    self.log("addresses are in the database")
                case _:
                    found = current_build(roads_dir)
                    if found is None:
                        raise RoadsError
                    self.describe(found)
        except RoadsError as error:
            raise CommandError(error.message) from error
        except OSError as error:
            raise CommandError(f"Roads cannot be written or read: {error}") from error

    def build(
        self, roads_dir: Path, *, extract: str | None, algorithm: Any, elsewhere: bool, force: bool, **_: Any
    ) -> None:
        started = time.monotonic()
        with self.progress() as progress:

            def accept(bounds: Bounds) -> None:
                roads_offered.send(sender=None, bounds=bounds, warn=progress.message)

            build(
                roads_dir,
                extract,
                algorithm=algorithm,
                profiles=settings.ROADS_PROFILES,
                force=force,
                progress=progress,
                accept=accept if extract and not elsewhere else None,
            )
        self.log(f"ready in {time.monotonic() - started:.1f} s: {roads_dir / 'current'}")
        self.index(roads_dir)

    def index(self, roads_dir: Path) -> None:
        """Roads are of use without a database, too."""
        try:
            if store.load(roads_dir):
                self.log("addresses are in the database")
        except (DatabaseError, RoadsError) as error:
            reason = str(error).partition("\n")[0]
            self.log(f"addresses can't be looked up yet, run `manage.py roads index` once they can: {reason}")

    @contextmanager
    def progress(self) -> Iterator[Progress]:
        if self.stdout.isatty():
            with ProgressBar(self.draw) as bar:
                yield bar
        else:
            yield ProgressLog(self.log)

    def log(self, text: str) -> None:
        self.stdout.write(f"roads: {text}")
        self.stdout.flush()

    def draw(self, text: str) -> None:
        self.stdout.write(text, ending="")
        self.stdout.flush()

    def describe(self, found: Build) -> None:
        (south, west), (north, east) = found.bounds
        self.stdout.write(
            f"source       {found.source}\n"
            f"built        {found.built_at}, for OSRM {found.osrm_version} ({found.algorithm})\n"
            f"by           {', '.join(found.profiles)}\n"
            f"bounds       {south:.4f}, {west:.4f} to {north:.4f}, {east:.4f} (lat, lng)\n"
            f"map          zooms {found.zooms[0]} to {found.zooms[1]}; "
            + ", ".join(f"{count} {layer}" for layer, count in sorted(found.features.items()))
            + f"\nattribution  {found.attribution} ({found.licence})"
            + (f"\nnotice       {found.notice}" if found.notice else "")
        )
