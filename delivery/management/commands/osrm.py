"""`manage.py osrm`: the road service."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from delivery import osrm_server
from delivery.errors import Interrupted, StackError
from delivery.processes import Processes
from routing.profiles import Profile

LOOK_S = 0.5
#: Where the OSRM of each profile listens unless told otherwise.
PORTS: dict[Profile, int] = {"car": 5000, "bicycle": 5001, "foot": 5002}


class Command(BaseCommand):
    help = (
        "Runs osrm-routed on the roads in use, and changes over to new ones, or back to old ones, "
        "without a failed request."
    )
    requires_system_checks = []  # needs no database

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--host", default=osrm_server.LOOPBACK, help="address to listen on (default 127.0.0.1)"
        )
        parser.add_argument("--profile", choices=PORTS, default="car", help="by what one goes (default car)")
        parser.add_argument(
            "--port", type=int, help="default: 5000, as OSRM_URL's; by bicycle 5001, on foot 5002"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        logs = settings.STATE_DIR / "logs"
        logs.mkdir(mode=0o700, parents=True, exist_ok=True)
        with Processes(logs) as processes:
            try:
                routed = osrm_server.start(
                    processes,
                    settings.ROADS_DIR,
                    host=options["host"],
                    port=options["port"] or PORTS[options["profile"]],
                    profile=options["profile"],
                )
                self.stdout.write(f"OSRM answers at {routed.url}")
                self.stdout.flush()
                while True:
                    processes.pause(LOOK_S)
                    routed.follow()
            except Interrupted:
                pass
            except StackError as error:
                raise CommandError(str(error)) from error
