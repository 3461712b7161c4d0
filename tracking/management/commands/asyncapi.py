"""`manage.py asyncapi`: the live protocol as AsyncAPI 3, in JSON, to standard output."""

import json
from typing import Any

from django.core.management.base import BaseCommand

from tracking.protocol import asyncapi


class Command(BaseCommand):
    help = "Writes the live protocol as AsyncAPI 3 to standard output: redirect it to docs/asyncapi.json."
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(json.dumps(asyncapi.document(), indent=2, ensure_ascii=False))
