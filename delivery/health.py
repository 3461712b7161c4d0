"""`/healthz`: the process is up. `/readyz`: what it needs is there, and the jobs work; 503 names what is not so."""

from collections.abc import Callable
from functools import cache, partial
from typing import Any, cast

import psycopg
import redis
import requests
from django.conf import settings
from django.contrib.staticfiles.storage import staticfiles_storage
from django.db.migrations.loader import MigrationLoader
from django.http import HttpRequest, JsonResponse

from delivery import jobs
from delivery.checks import why_too_old
from delivery.probes import all_at_once, own_connection
from routing.osrm import every_osrm
from routing.roads.builds import current_build
from tracking.redis_servers import why_unusable

_TIMEOUT_S = 1.5
_SILENT = "It does not answer."

#: As the process found them at its start: what comes later it does not serve.
_STATIC_FILES: list[str] = list(cast(Any, staticfiles_storage).hashed_files.values())

#: What a process can't do without and has not: its name → why not, and what to do about it.
type Lacks = dict[str, str]


def healthz(_: HttpRequest) -> JsonResponse:
    return JsonResponse({"status": "ok"})


def readyz(_: HttpRequest) -> JsonResponse:
    lacks: Lacks = {}
    # None longer than that: who asks wants to hear of an outage soon.
    for name, answer in all_at_once(_CHECKS | _osrm_checks() | _redis_checks(), _TIMEOUT_S).items():
        lacks |= answer.result() if answer.done() else {name: _SILENT}
    return JsonResponse(
        {"status": "unavailable" if lacks else "ok", "down": list(lacks), "why": lacks},
        status=503 if lacks else 200,
    )


def _database() -> Lacks:
    try:
        with own_connection() as own:
            if reason := why_too_old(own):
                return {"database": reason}
            return _migrations(own)
    except psycopg.Error:
        return {"database": _SILENT}


def _migrations(own: psycopg.Connection) -> Lacks:
    made: set[tuple[str, str]] = set()
    if own.execute("SELECT to_regclass('django_migrations')").fetchone() != (None,):
        made.update(own.execute("SELECT app, name FROM django_migrations").fetchall())
    to_come = sorted(_known_migrations() - made)
    if not to_come:
        return {}
    first = ".".join(to_come[0])
    return {"migrations": f"{len(to_come)} to come, {first} among them: run manage.py migrate."}


@cache
def _known_migrations() -> frozenset[tuple[str, str]]:
    return frozenset(MigrationLoader(None).graph.nodes)


def _redis_checks() -> dict[str, Callable[[], Lacks]]:
    checks: dict[str, Callable[[], Lacks]] = {}
    for setting, url in settings.REDIS_SERVERS.items():
        name = "redis" if setting == "REDIS_URL" else f"redis of {setting}"
        checks[name] = partial(_redis, name, setting, url)
    return checks


def _redis(name: str, setting: str, url: str) -> Lacks:
    try:
        reason = why_unusable(setting, url, _TIMEOUT_S)
    except redis.RedisError:
        reason = _SILENT
    return {name: reason} if reason else {}


def _osrm_checks() -> dict[str, Callable[[], Lacks]]:
    names = {osrm: "osrm" if osrm.profile == "car" else f"osrm by {osrm.profile}" for osrm in every_osrm()}
    return {name: partial(_osrm, name, osrm.base_url) for osrm, name in names.items()}


def _osrm(name: str, url: str) -> Lacks:
    """Any answer of OSRM's own counts, an error about the question included."""
    try:
        answer = requests.get(f"{url}/nearest/v1/driving/0,0", timeout=_TIMEOUT_S)
        return {} if "code" in answer.json() else {name: "What answers is no OSRM."}
    except (requests.RequestException, ValueError):
        return {name: _SILENT}


def _static_files() -> Lacks:
    if settings.DEBUG or (_STATIC_FILES and all(map(staticfiles_storage.exists, _STATIC_FILES))):
        return {}
    return {"static files": "Run manage.py collectstatic and start this process again."}


def _roads() -> Lacks:
    """For the map, where its tiles are ours."""
    if not settings.MAP_TILE_URL.startswith("/") or current_build(settings.ROADS_DIR):
        return {}
    return {"roads": "There is no map: run manage.py roads build."}


def _jobs() -> Lacks:
    return dict.fromkeys(
        jobs.late(), "No round of it did its work for too long: see whether worker and beat run."
    )


_CHECKS: dict[str, Callable[[], Lacks]] = {
    "database": _database,
    "static files": _static_files,
    "roads": _roads,
    "jobs": _jobs,
}
