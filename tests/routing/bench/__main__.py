"""`python -m tests.routing.bench REQUESTS.csv OUT.json`, beside running servers with an empty database."""

import os
from argparse import ArgumentParser
from pathlib import Path

import django
import msgspec

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "delivery.settings")
django.setup()

from tests.routing.bench.parts import FULL, SHORT, measured  # noqa: E402

parser = ArgumentParser()
parser.add_argument("requests", type=Path)
parser.add_argument("out", type=Path)
parser.add_argument("--vroom-seconds", type=float, required=True)
parser.add_argument("--short", action="store_true")
options = parser.parse_args()
found = measured(options.requests, SHORT if options.short else FULL, vroom_s=options.vroom_seconds)
options.out.write_bytes(msgspec.json.encode(found))
