"""The servers Doorstep stands on, each one ours unless the environment names another."""

import json
import os
import re
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

import psycopg
import redis

from delivery import osrm_server
from delivery.devtools.stack import postgres, valkey
from delivery.devtools.stack.progress import step
from delivery.devtools.stack.state import ROOT, StateFolder
from delivery.errors import StackError
from delivery.processes import Processes
from routing.profiles import PROFILES, Profile, parse_profiles
from tracking import redis_servers

MANAGE = [sys.executable, str(ROOT / "manage.py")]
ANSWER_S = 5


@dataclass
class Servers:
    """`env`: for Doorstep's own processes: ours, the given settings, where the servers are; `routed`: those of OSRM's
    that are ours, one for each of ROADS_PROFILES.
    """

    env: dict[str, str]
    routed: list[osrm_server.Routed] = field(default_factory=list)


def start_servers(
    processes: Processes,
    state: StateFolder,
    settings: Mapping[str, str],
    commands: Sequence[Sequence[str]],
    *,
    throwaway: bool = False,
) -> Servers:
    """Start PostgreSQL, Valkey and OSRM, and run the Django commands that prepare what they hold.

    StackError: one does not start, or one that the environment names does not answer.
    """
    env = dict(os.environ) | {
        "DOORSTEP_STATE": str(state.folder),
        "SECRET_KEY": state.secret("secret-key", 48),
        "PYTHONUNBUFFERED": "1",
        **settings,
    }

    try:
        profiles = parse_profiles(env.get("ROADS_PROFILES") or "car")
    except ValueError as wrong:
        raise StackError(f"ROADS_PROFILES={env['ROADS_PROFILES']}: {wrong}") from None

    env["DATABASE_URL"] = named_or_ours(
        "PostgreSQL", "DATABASE_URL", lambda: postgres.start(processes, state, throwaway=throwaway)
    )
    env["REDIS_URL"] = named_or_ours(
        "Valkey", "REDIS_URL", lambda: valkey.start(processes, state, throwaway=throwaway)
    )
    todo = json.dumps([["roads", "build"], *commands])
    processes.run("prepare", [sys.executable, "-m", "delivery.devtools.stack.prepare", todo], env, echo=True)
    servers = Servers(env)

    def start_osrm(profile: Profile) -> str:
        servers.routed.append(osrm_server.start(processes, state.folder / "roads", profile=profile))
        return servers.routed[-1].url

    for profile in profiles:
        name = "OSRM" if profile == "car" else f"OSRM by {profile}"
        variable = osrm_server.variable(profile)
        env[variable] = named_or_ours(name, variable, partial(start_osrm, profile))
    return servers


def named_or_ours(name: str, variable: str, start: Callable[[], str]) -> str:
    """The URL of a server: the one that the environment names, or one that is started now.

    StackError: the one that is named does not answer.
    """
    url = os.environ.get(variable)
    if not url:
        with step(name):
            return start()
    with step(f"{name} ({variable})"):
        try:
            CHECKS[variable](url)
        except (OSError, ValueError, psycopg.Error, redis.RedisError) as error:
            reason = " ".join(str(error).split())
            raise StackError(f"{variable} does not answer: {reason}. Correct it, or unset it") from error
    return url


def for_libpq(database_url: str) -> str:
    """A DATABASE_URL as libpq reads it: django-environ knows more names for the scheme."""
    return re.sub(r"^\w+://", "postgresql://", database_url)


def answers_http(url: str) -> None:
    """OSError: nothing there speaks HTTP. Any answer will do: which roads are there is not ours to know."""
    with suppress(urllib.error.HTTPError):
        urllib.request.urlopen(url, timeout=ANSWER_S).close()  # noqa: S310


def ping(redis_url: str) -> None:
    """redis.RedisError: nothing there speaks Redis."""
    with redis_servers.connected(redis_url, socket_timeout=ANSWER_S) as client:
        client.ping()


CHECKS: dict[str, Callable[[str], object]] = {
    "DATABASE_URL": lambda url: psycopg.connect(for_libpq(url), connect_timeout=ANSWER_S).close(),
    "REDIS_URL": ping,
    **{osrm_server.variable(profile): answers_http for profile in PROFILES},
}
