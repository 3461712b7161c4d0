"""`manage.py learn_etas`: what happens every night, at once."""

from typing import Any

from django.core.management import BaseCommand, CommandError

from dispatch.etas import learning
from dispatch.leases import lease


class Command(BaseCommand):
    help = (
        "Learns from our own trips how long drives, handovers and kitchens take, and how far ETAs are off. "
        "The jobs do this every night; the admin shows what was learned."
    )

    def handle(self, *_: Any, **__: Any) -> None:
        with lease("learn_etas") as held:
            if not held:
                raise CommandError("The lesson is being learned right now. Try again when that is done.")
            lesson = learning.learn()
        self.stdout.write(
            f"Learned from {lesson.drives} drives, {lesson.pickups} visits to restaurants, {lesson.dropoffs} to "
            f"customers, and from how {lesson.predictions} predictions turned out."
        )
