"""manage.py roads build [FILE.osm.pbf] [--force] · show · rollback"""

import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from routing.errors import RoadsError
from routing.roads.build import Build, build, current_build, rollback


class Command(BaseCommand):
    help = "Builds the roads that OSRM routes on and the map that the pages draw."
    requires_system_checks = []  # needs no database

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        building = actions.add_parser("build", help="make sure that roads are in place")
        building.add_argument(
            "extract",
            nargs="?",
            type=Path,
            metavar="FILE.osm.pbf",
            help="an OpenStreetMap extract (default: Denver, Boulder, Fort Collins)",
        )
        building.add_argument("--force", action="store_true", help="build even where nothing has changed")
        actions.add_parser("show", help="what is in place")
        actions.add_parser("rollback", help="put the build before this one back in use")

    def handle(self, *, action: str, **options: Any) -> None:
        roads_dir: Path = settings.ROADS_DIR
        try:
            match action:
                case "build":
                    self.build(roads_dir, options["extract"], force=options["force"])
                case "rollback":
                    self.show(rollback(roads_dir))
                    self.stdout.write("Restart osrm-routed to use them.")
                case _:
                    found = current_build(roads_dir)
                    if found is None:
                        raise RoadsError
                    self.show(found)
        except RoadsError as error:
            raise CommandError(error.message) from error
        except OSError as error:
            raise CommandError(f"Roads cannot be written or read: {error}") from error

    def build(self, roads_dir: Path, extract: Path | None, *, force: bool) -> None:
        started = time.monotonic()

        def progress(step: str) -> None:
            self.stdout.write(f"roads: {step}")
            self.stdout.flush()

        build(roads_dir, extract, force=force, progress=progress)
        progress(f"ready in {time.monotonic() - started:.1f} s: {roads_dir / 'current'}")

    def show(self, found: Build) -> None:
        (south, west), (north, east) = found.bounds
        self.stdout.write(
            f"source       {found.source}\n"
            f"built        {found.built_at}, for OSRM {found.osrm_version}\n"
            f"bounds       {south:.4f}, {west:.4f} to {north:.4f}, {east:.4f} (lat, lng)\n"
            f"map          zooms {found.zooms[0]} to {found.zooms[1]}; "
            + ", ".join(f"{count} {layer}" for layer, count in sorted(found.features.items()))
            + f"\nattribution  {found.attribution} ({found.licence})"
            + (f"\nnotice       {found.notice}" if found.notice else "")
        )
