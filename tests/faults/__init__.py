"""Promises under faults: real processes that are killed, wiped and stopped while a fleet drives.

`make faults` runs everything at full length, minutes long; `make test` a short form of each. What is left to chance
follows from one seed, which is printed and can be given: `FAULTS_SEED=7 make faults`.
"""

import os
from random import SystemRandom

FULL = os.environ.get("FAULTS") == "full"
#: The short form is the same each time, so that a change of the code is all that can make it fail.
SEED = int(os.environ.get("FAULTS_SEED") or (SystemRandom().randrange(2**32) if FULL else 1))


def length[T](*, short: T, full: T) -> T:
    """What fits the run: `short` in `make test`, `full` in `make faults`."""
    return full if FULL else short


def within(seconds: float) -> float:
    """How long to wait for what is promised within `seconds`. Just that in `make faults`, for which a machine is
    free; `make test` runs beside whatever else the machine does.
    """
    return length(short=4 * seconds, full=seconds)
