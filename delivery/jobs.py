"""How long ago a round of each periodic job last did its work (dispatch/leases.py), for `/readyz` and `/metrics`."""

import time
from collections.abc import Mapping
from math import inf

import psycopg
from django.conf import settings

from delivery.probes import own_connection
from dispatch.leases import AGES

#: The jobs without which what pages show grows old, by the names of their leases, which are those of their tasks.
NEEDED = ("refresh_etas", "sweep", "assign_pending")
#: Of a job so many rounds may be left out before it is late.
_ROUNDS_LEFT_OUT = 3
_started = time.monotonic()


def ages() -> dict[str, float]:
    """By job, how long ago (seconds) a round of it last did its work; infinite where none ever did.

    Raises psycopg.Error.
    """
    with own_connection() as own:
        return dict(own.execute(AGES).fetchall())


def late() -> list[str]:
    """The jobs that pages need and of which no round did its work for too long; none while the database is away."""
    try:
        return late_of(ages(), up_s=time.monotonic() - _started)
    except psycopg.Error:
        return []


def late_of(ages: Mapping[str, float], *, up_s: float) -> list[str]:
    """Of `ages`, those of which no round did its work for too long, and none in the `up_s` seconds that we could have
    seen one: after a cold start nobody is turned away for what was before.
    """
    interval_s = {
        entry["task"].rpartition(".")[2]: entry["schedule"]
        for entry in settings.CELERY_BEAT_SCHEDULE.values()
    }
    # A round may take as long as a task may, and may have to wait for another one's worker.
    allowed_s = {job: _ROUNDS_LEFT_OUT * interval_s[job] + settings.CELERY_TASK_TIME_LIMIT for job in NEEDED}
    return [job for job in NEEDED if min(ages.get(job, inf), up_s) > allowed_s[job]]
