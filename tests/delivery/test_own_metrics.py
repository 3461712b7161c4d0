"""What a process counts is shown while others begin and end."""

from pathlib import Path
from threading import Timer

import pytest

from delivery.metrics import own
from delivery.metrics.folder import VARIABLE


def test_a_process_that_just_begins_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its file is there before anything is in it."""
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    file = tmp_path / "counter_1.db"
    file.touch()
    begins = Timer(0.05, lambda: file.unlink())
    begins.start()
    assert own.exposition() == b""
    begins.join()
