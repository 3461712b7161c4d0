"""`manage.py volume`: a million orders in an empty database, and what they make slow."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import msgspec
from django.core.management.base import BaseCommand, CommandError

from delivery.devtools.volume.fill import COURIERS, DRIVERS, fill
from delivery.devtools.volume.measures import measured
from dispatch.models import City


class Command(BaseCommand):
    help = "Fills an empty database with years of orders and measures what reads them; `make bench-volume` runs it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--orders", type=int, default=1_000_000, help="delivered (default 1,000,000)")
        parser.add_argument("--fixes", type=int, default=5_000_000, help="in the history (default 5,000,000)")
        parser.add_argument("--under-way", type=int, default=2_000, help="one for a driver (default 2,000)")
        parser.add_argument("--json", type=Path, required=True, metavar="FILE", help="for what was found")

    def handle(self, *args: Any, **options: Any) -> None:
        orders, fixes, under_way = options["orders"], options["fixes"], options["under_way"]
        if min(orders, fixes) < 2 * COURIERS or not 0 < under_way <= DRIVERS:
            raise CommandError(
                f"At least {2 * COURIERS:,} orders and fixes, and 1 to {DRIVERS:,} orders under way, please."
            )
        if City.objects.exists():
            raise CommandError("This database is not empty: it is no place for a million made-up orders.")
        fill(orders, fixes, under_way)
        options["json"].write_bytes(msgspec.json.encode(measured(orders, fixes)))
