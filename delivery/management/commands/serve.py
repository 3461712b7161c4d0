"""`manage.py serve`: the web server."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.checks import Tags
from django.core.management.base import BaseCommand, CommandError

from delivery.server import serve


class Command(BaseCommand):
    help = (
        "Serves the pages and the live sockets, with the server and the options that were measured for them."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default 127.0.0.1)")
        parser.add_argument("--port", type=int, default=settings.PORT, help="default: PORT")
        parser.add_argument("--processes", type=int, default=1, help="web processes (default 1)")

    def handle(self, *args: Any, **options: Any) -> None:
        host, port, processes = options["host"], options["port"], options["processes"]
        if processes < 1:
            raise CommandError("--processes is 1 or more.")
        self.check(tags=[Tags.database], databases=["default"])
        try:
            serve(host, port, processes)
        except OSError as error:
            raise CommandError(f"Can't listen on {host}:{port} ({error.strerror}).") from error
