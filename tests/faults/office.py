"""Everyone who writes to the domain but is no driver: the ordering platform, a dispatcher, staff.

Their calls are carried out in a process of their own (tests/faults/clerk.py), as those of the admin are.
"""

import json
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from delivery.stack.processes import tied_to_launcher
from delivery.stack.servers import MANAGE
from routing.geo import Point


class Away(Exception):
    """PostgreSQL did not answer: the call may have been carried out, or not."""


class Refused(Exception):
    """The domain said no; the message is its reason."""


@dataclass(frozen=True)
class DriverRow:
    """A driver on shift; the token signs the app in."""

    id: str
    token: str


@dataclass(frozen=True)
class OrderRow:
    """An order; the token opens its tracking page."""

    id: str
    token: str


class Office:
    """Its methods block; from an event loop: `await asyncio.to_thread(office.assign, …)`."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            [*MANAGE, "shell", "-v", "0", "-c", "from tests.faults.clerk import work; work()"],
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            preexec_fn=tied_to_launcher(signal.SIGKILL),
        )

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()

    def _ask(self, call: str, **arguments: object) -> Any:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps([call, arguments]).encode() + b"\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, f"the office ended during {call}"
        match json.loads(line):
            case ["away", reason]:
                raise Away(reason)
            case ["refused", reason]:
                raise Refused(reason)
            case [_, answer]:
                return answer

    def migrate(self) -> None:
        """Makes the tables."""
        self._ask("migrate")

    def city(self, name: str, at: Point) -> str:
        """A new city's id."""
        return str(self._ask("city", name=name, lat=at.lat, lng=at.lng))

    def restaurant(self, city: str, name: str, at: Point, radius: int) -> str:
        """A new restaurant's id; `radius` in metres."""
        return str(self._ask("restaurant", city=city, name=name, lat=at.lat, lng=at.lng, radius=radius))

    def drivers(self, city: str, count: int) -> list[DriverRow]:
        """New drivers on shift."""
        return [DriverRow(*row) for row in self._ask("drivers", city=city, count=count)]

    def dispatcher(self, username: str, password: str) -> None:
        self._ask("dispatcher", username=username, password=password)

    def order(self, restaurant: str, door: Point) -> OrderRow:
        """A new pending order."""
        return OrderRow(*self._ask("order", restaurant=restaurant, lat=door.lat, lng=door.lng))

    def assign(self, order: str, driver: str) -> None:
        self._ask("assign", order=order, driver=driver)

    def unassign(self, order: str) -> None:
        self._ask("unassign", order=order)

    def cancel(self, order: str, reason: str) -> None:
        self._ask("cancel", order=order, reason=reason)

    def refresh_etas(self) -> None:
        """What the worker does every half minute."""
        self._ask("refresh_etas")
