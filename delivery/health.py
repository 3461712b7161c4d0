"""`/healthz`: the process is up. `/readyz`: what it needs is up too, and the jobs work; 503 names what does not."""

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from math import inf

import psycopg
import redis
import requests
from django.conf import settings
from django.http import HttpRequest, JsonResponse

from dispatch.leases import AGES
from tracking.ingest.history import connection_params

TIMEOUT_S = 1.5
#: The jobs without which what pages show grows old, by the names of their leases, which are those of their tasks.
JOBS = ("refresh_etas", "sweep", "assign_pending")
#: Of a job so many rounds may be left out before it is late.
_ROUNDS_LEFT_OUT = 3
_started = time.monotonic()


def healthz(_: HttpRequest) -> JsonResponse:
    return JsonResponse({"status": "ok"})


def readyz(_: HttpRequest) -> JsonResponse:
    # All at once, and none longer than that: who asks wants to hear of an outage soon.
    pool = ThreadPoolExecutor(len(_CHECKS))
    asked = {name: pool.submit(answers) for name, answers in _CHECKS.items()}
    wait(asked.values(), timeout=TIMEOUT_S)
    pool.shutdown(wait=False)
    down = [n for name, answer in asked.items() for n in (answer.result() if answer.done() else [name])]
    return JsonResponse(
        {"status": "unavailable" if down else "ok", "down": down}, status=503 if down else 200
    )


def job_ages() -> dict[str, float]:
    """By job, how long ago (seconds) a round of it last did its work; infinite where none ever did.

    Raises psycopg.Error. A connection of its own with a timeout: the ORM's would wait for a server that hangs.
    """
    with psycopg.connect(**connection_params() | {"connect_timeout": 2}) as own:
        return dict(own.execute(AGES).fetchall())


def late_jobs(ages: Mapping[str, float], up_s: float) -> list[str]:
    """The jobs of which no round did its work for too long, and none in the `up_s` seconds that we could have seen
    one: after a cold start nobody is turned away for what was before.
    """
    interval_s = {
        entry["task"].rpartition(".")[2]: entry["schedule"]
        for entry in settings.CELERY_BEAT_SCHEDULE.values()
    }
    # A round may take as long as a task may, and may have to wait for another one's worker.
    allowed_s = {job: _ROUNDS_LEFT_OUT * interval_s[job] + settings.CELERY_TASK_TIME_LIMIT for job in JOBS}
    return [job for job in JOBS if min(ages.get(job, inf), up_s) > allowed_s[job]]


def _database() -> list[str]:
    try:
        ages = job_ages()
    except psycopg.Error:
        return ["database"]
    return late_jobs(ages, time.monotonic() - _started)


def _redis() -> list[str]:
    try:
        with redis.Redis.from_url(settings.REDIS_URL, socket_timeout=TIMEOUT_S) as client:
            client.ping()
    except redis.RedisError:
        return ["redis"]
    return []


def _osrm() -> list[str]:
    """Any answer of OSRM's own counts, an error about the question included."""
    try:
        answer = requests.get(f"{settings.OSRM_URL}/nearest/v1/driving/0,0", timeout=TIMEOUT_S)
        return [] if "code" in answer.json() else ["osrm"]
    except (requests.RequestException, ValueError):
        return ["osrm"]


#: Each says what is not as it should be; itself, where it does not answer in time.
_CHECKS: dict[str, Callable[[], list[str]]] = {"database": _database, "redis": _redis, "osrm": _osrm}
