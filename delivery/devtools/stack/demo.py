"""`make demo`: everything on this machine, with a simulated fleet, until Ctrl-C."""

import os
import socket
import sys
import time
import urllib.request
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import quote

import psycopg

from delivery.devtools.stack.progress import step
from delivery.devtools.stack.servers import MANAGE, Servers, for_libpq, start_servers
from delivery.devtools.stack.state import StateFolder, default_folder, open_state
from delivery.errors import Interrupted, StackError
from delivery.processes import Processes

WEB_READY_S = 60
TRACKED_ORDERS = 3
ORDERS_MOVE_S = 60
DISPATCHER = "dispatcher"

#: The newest orders that a driver has in hand.
TRACKING_TOKENS = """
    SELECT tracking_token FROM orders
    WHERE status NOT IN ('pending', 'delivered', 'cancelled', 'failed')
    ORDER BY created_at DESC LIMIT %s
"""


class Fleet(NamedTuple):
    """Without drivers nobody orders either."""

    drivers: int
    orders_per_hour: int

    @property
    def delivers(self) -> bool:
        return self.drivers > 0 and self.orders_per_hour > 0


def demo() -> int:
    """Run the demo; returns the exit status. StackError: the state folder or the port can't be had."""
    with open_state(default_folder()) as state, Processes(state.logs) as processes:
        port = chosen_port(os.environ.get("PORT") or "8000")
        fleet = chosen_fleet(os.environ)
        ready = False
        try:
            servers = start(processes, state, port, fleet)
            announce(servers.env, state, tracking_tokens(processes, servers.env) if fleet.delivers else [])
            ready = True
            while True:
                processes.pause(0.5)
                for routed in servers.routed:
                    routed.follow()
        except Interrupted:
            status = 0 if ready else 130
        except StackError as error:
            print(f"doorstep: {error}", file=sys.stderr)  # now: stopping the others takes a while
            status = 1
        print("\nStopping …", flush=True)
    return status


def start(processes: Processes, state: StateFolder, port: int, fleet: Fleet) -> Servers:
    """Start everything, in the order in which one needs the other."""
    password = os.environ.get("DOORSTEP_DEMO_PASSWORD") or state.secret("demo-password", 9)
    settings = {
        "DEBUG": "false",
        "PORT": str(port),
        "PUBLIC_URL": f"http://127.0.0.1:{port}",
        "ALLOWED_HOSTS": "localhost,127.0.0.1",
        "DOORSTEP_DEMO_PASSWORD": password,
        # Simulated customers have no phones: what they are texted is on a page.
        "NOTIFY_URLS": os.environ.get("NOTIFY_URLS") or f"file://{quote(str(state.folder / 'texts'))}",
    }
    commands = [
        ["migrate", "--no-input"],
        ["roads", "index"],
        ["collectstatic", "--no-input"],
        ["sample_data"],
    ]
    servers = start_servers(processes, state, settings, commands)
    env = servers.env
    with step("web"):
        server = processes.start("web", web(port), env)
        ready = env["PUBLIC_URL"] + "/readyz"
        processes.wait_for(server, lambda: answers_ok(ready), WEB_READY_S)
    with step("worker, beat, drivers" if fleet.drivers else "worker, beat"):
        processes.start("worker", worker(2), env, stop_s=5)
        processes.start("beat", celery("beat", "--schedule", str(state.folder / "celerybeat-schedule")), env)
        if fleet.drivers:
            size = ["--drivers", str(fleet.drivers), "--orders-per-hour", str(fleet.orders_per_hour)]
            processes.start("simulate", [*MANAGE, "simulate", *size], env)
        processes.pause()
    return servers


def web(port: int, processes: int = 1) -> list[str]:
    return [*MANAGE, "serve", "--port", str(port), "--processes", str(processes)]


def celery(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "celery", "-A", "delivery", *arguments, "--loglevel", "INFO"]


def worker(concurrency: int) -> list[str]:
    # Workers that greet one another fall over that when Redis restarts, and need it for nothing.
    return celery("worker", "--concurrency", str(concurrency), "--without-gossip", "--without-mingle")


def tracking_tokens(processes: Processes, env: Mapping[str, str]) -> list[str]:
    """The tokens of three orders on their way; fewer, when the fleet is slow to take them."""
    with (
        step("first orders on their way"),
        psycopg.connect(for_libpq(env["DATABASE_URL"]), autocommit=True) as connection,
    ):
        deadline = time.monotonic() + ORDERS_MOVE_S
        while True:
            tokens = [token for (token,) in connection.execute(TRACKING_TOKENS, [TRACKED_ORDERS])]
            if len(tokens) == TRACKED_ORDERS or time.monotonic() > deadline:
                return tokens
            processes.pause(0.5)


def announce(env: Mapping[str, str], state: StateFolder, tokens: list[str]) -> None:
    url, password = env["PUBLIC_URL"], env["DOORSTEP_DEMO_PASSWORD"]
    print(f"\nDoorstep is running. Sign in as {DISPATCHER} with the password {password}\n")
    print(f"  dashboard  {url}/dispatch/")
    print(f"  admin      {url}/admin/")
    print(f"  texts      {url}/dispatch/messages/")
    for token in tokens:
        print(f"  tracking   {url}/track/?t={token}")
    print(f"\nLogs are in {state.logs}. Ctrl-C stops everything and keeps the data.", flush=True)


def chosen_port(text: str) -> int:
    """StackError: not a port, or one that can't be had."""
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise StackError(f"PORT={text} is not a port: choose a number from 1 to 65535, such as PORT=8001")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", int(text)))
        except OSError as error:
            raise StackError(
                f"port {text} can't be used ({error.strerror}): choose another, such as PORT={int(text) + 1}"
            ) from error
    return int(text)


def chosen_fleet(env: Mapping[str, str]) -> Fleet:
    """StackError: not a count."""
    counts = []
    for name, default in (("DEMO_DRIVERS", "24"), ("DEMO_ORDERS_PER_HOUR", "240")):
        text = env.get(name) or default
        if not text.isdecimal():
            raise StackError(f"{name}={text} is no count: choose a whole number, 0 for none")
        counts.append(int(text))
    return Fleet(*counts)


def answers_ok(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310
            return bool(answer.status == 200)
    except OSError:
        return False  # not up yet; a process that died is noticed by Processes
