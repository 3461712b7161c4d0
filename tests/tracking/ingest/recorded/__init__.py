"""Recorded drives replayed with restaurants and doors on them: what the geofences make of real halts and passes.

`drives.py` reads them, `places.py` finds where somebody visited, halted or only passed, `phones.py` sends what a
phone would, `outcomes.py` lets the real filter and the real fences judge it. `python -m
tests.tracking.ingest.recorded` measures all of it, for `make bench-fences`.
"""
