"""`python -m tests.tracking.ingest.recorded OUT.json`: all drives, with several kinds of phones."""

import sys
from pathlib import Path

import msgspec

from tests.tracking.ingest.recorded.drives import recorded
from tests.tracking.ingest.recorded.measured import measured

Path(sys.argv[1]).write_bytes(msgspec.json.encode(measured(recorded())))
