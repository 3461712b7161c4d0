"""manage.py import_orders FILE.csv [--dry-run]"""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from dispatch.files.csv_text import Unreadable, decode
from dispatch.files.importing import import_text
from dispatch.files.resources import Orders
from dispatch.orders.actions import PLATFORM

MOST_BYTES = 64 * 2**20
MOST_LINES = 50_000


class Command(BaseCommand):
    help = "Places the orders of a CSV file: all of them, or none where a line is wrong (docs/files.md)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE.csv")
        parser.add_argument(
            "--dry-run", action="store_true", help="say what is wrong with which line, and place none"
        )

    def handle(self, *, file: Path, dry_run: bool, **_: Any) -> None:
        try:
            text = decode(file.read_bytes(), MOST_BYTES)
            found = import_text(text, Orders(PLATFORM), most_lines=MOST_LINES, dry_run=dry_run)
        except OSError as error:
            raise CommandError(f"{file} cannot be read: {error.strerror}.") from error
        except Unreadable as unreadable:
            raise CommandError("\n".join(["No order was placed.", *unreadable.mistakes])) from None
        self.stdout.write(f"{found.new} orders {'would be' if dry_run else 'are'} placed.")
