"""`manage.py typescript`: the types of frames, answers and pages' data, for static/js, to standard output."""

from typing import Any

from django.core.management.base import BaseCommand

from delivery.devtools import typescript


class Command(BaseCommand):
    help = (
        "Writes the types that static/js is checked with to standard output: redirect it to types/server.ts."
    )
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(typescript.document(), ending="")
