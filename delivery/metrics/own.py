"""What this process counts, and those that it shares a folder with."""

import os
import struct
import time
from contextlib import suppress
from pathlib import Path

from prometheus_client import REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from delivery.metrics.folder import VARIABLE
from tracking.metrics import report_pool

#: So often it is looked again, each time after so long (seconds), where a process just begins or ends: its files are
#: empty for a moment, or gone.
_TRIES, _MOMENT_S = 10, 0.02


def exposition() -> bytes:
    report_pool()
    for _ in range(_TRIES - 1):
        with suppress(FileNotFoundError, struct.error):
            return generate_latest(_registry())
        time.sleep(_MOMENT_S)
    return generate_latest(_registry())


def _registry() -> CollectorRegistry:
    folder = os.environ.get(VARIABLE)
    if not folder:
        return REGISTRY
    _forget_the_dead(Path(folder))
    registry = CollectorRegistry()
    MultiProcessCollector(registry)
    return registry


def _forget_the_dead(folder: Path) -> None:
    """The sockets of a process that was killed are gone with it."""
    for pid in {int(file.stem.rpartition("_")[2]) for file in folder.glob("gauge_live*_*.db")}:
        with suppress(PermissionError):  # it lives, as somebody else
            try:
                os.kill(pid, 0)
            except ProcessLookupError:
                mark_process_dead(pid, str(folder))
