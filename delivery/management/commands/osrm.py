"""`manage.py osrm`: the road service."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from delivery import osrm_server
from delivery.errors import Interrupted, StackError
from delivery.processes import Processes

LOOK_S = 0.5


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
        parser.add_argument("--port", type=int, default=5000, help="default: 5000, as OSRM_URL's")

    def handle(self, *args: Any, **options: Any) -> None:
        logs = settings.STATE_DIR / "logs"
        logs.mkdir(mode=0o700, parents=True, exist_ok=True)
        with Processes(logs) as processes:
            try:
                routed = osrm_server.start(
                    processes, settings.ROADS_DIR, host=options["host"], port=options["port"]
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
