"""`/healthz`: the process is up. `/readyz`: what it needs is up too, and the jobs work; 503 names what does not."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any

import psycopg
import redis
import requests
from django.conf import settings
from django.http import HttpRequest, JsonResponse

from delivery import jobs
from tracking.ingest.history import connection_params

_TIMEOUT_S = 1.5


def healthz(_: HttpRequest) -> JsonResponse:
    return JsonResponse({"status": "ok"})


def readyz(_: HttpRequest) -> JsonResponse:
    # All at once, and none longer than that: who asks wants to hear of an outage soon.
    pool = ThreadPoolExecutor(len(_CHECKS) + 1)
    asked = {name: pool.submit(answers) for name, answers in _CHECKS.items()}
    late = pool.submit(jobs.late)
    all_of_it: list[Future[Any]] = [*asked.values(), late]
    wait(all_of_it, timeout=_TIMEOUT_S)
    pool.shutdown(wait=False)
    down = [name for name, answer in asked.items() if not (answer.done() and answer.result())]
    down += late.result() if late.done() else []
    return JsonResponse(
        {"status": "unavailable" if down else "ok", "down": down}, status=503 if down else 200
    )


def _database() -> bool:
    # A connection of its own with a timeout: the ORM's would wait for a server that hangs.
    try:
        with psycopg.connect(**connection_params() | {"connect_timeout": 2}) as own:
            own.execute("SELECT 1")
    except psycopg.Error:
        return False
    return True


def _redis() -> bool:
    try:
        with redis.Redis.from_url(settings.REDIS_URL, socket_timeout=_TIMEOUT_S) as client:
            return bool(client.ping())
    except redis.RedisError:
        return False


def _osrm() -> bool:
    """Any answer of OSRM's own counts, an error about the question included."""
    try:
        answer = requests.get(f"{settings.OSRM_URL}/nearest/v1/driving/0,0", timeout=_TIMEOUT_S)
        return "code" in answer.json()
    except (requests.RequestException, ValueError):
        return False


_CHECKS: dict[str, Callable[[], bool]] = {"database": _database, "redis": _redis, "osrm": _osrm}
