"""`manage.py eta_report`: how good the ETAs of the last days were."""

from datetime import timedelta
from typing import Any

from django.core.management import BaseCommand, CommandParser
from django.utils import timezone

from dispatch.etas import prediction_log


class Command(BaseCommand):
    help = (
        "Of delivered orders: how far predicted arrivals were off, by city and how far ahead they were made. "
        "bias: the median error (late is positive); median, 80 %: of its size. Minutes."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--days", type=float, default=7.0, help="how far to look back (default 7)")
        parser.add_argument("--by-hour", action="store_true", help="by hour of the city's day too")
        parser.add_argument(
            "--approximate",
            action="store_true",
            help="of ETAs along straight lines and of silent drivers, instead of all others",
        )

    def handle(self, *_: Any, days: float, by_hour: bool, approximate: bool, **__: Any) -> None:
        since = timezone.now() - timedelta(days=days)
        rows = list(prediction_log.report(since, by_hour=by_hour, approximate=approximate))
        if not rows:
            self.stdout.write(f"No order that was delivered has predictions from the last {days:g} days.")
            return
        hour = "  hour" if by_hour else ""
        figures = f"{'ETAs':>8}  {'orders':>7}  {'bias':>6}  {'median':>6}  {'80 %':>6}"
        self.stdout.write(f"{'city':<16}{hour}  {'predicted':>12}  {figures}")
        for row in rows:
            hour = f"  {row.hour:>4}" if by_hour else ""
            self.stdout.write(
                f"{row.city or 'no city':<16}{hour}  {row.horizon:>12}  {row.predictions:>8}  {row.orders:>7}  "
                f"{row.bias_s / 60:>+6.1f}  {row.median_s / 60:>6.1f}  {row.p80_s / 60:>6.1f}"
            )
