"""`manage.py history_partitions`: what happens every hour, at once."""

from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError, CommandParser

from tracking.ingest import partitions


class Command(BaseCommand):
    help = (
        "Makes the partitions of location_history for the next days, and drops those that are older than "
        "LOCATION_HISTORY_DAYS. The jobs do this every hour."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--force",
            action="store_true",
            help=f"drop every day that is too old, not only {partitions.MOST_DROPPED} at a time",
        )

    def handle(self, *_: Any, force: bool, **__: Any) -> None:
        try:
            dropped = partitions.keep_partitions(settings.LOCATION_HISTORY_DAYS, force=force)
        except partitions.HistoryInUse as busy:
            raise CommandError(f"{busy}. Try again once it has ended.") from busy
        self.stdout.write(f"Dropped: {', '.join(dropped) or 'nothing'}.")
