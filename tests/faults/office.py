"""Everyone who writes to the domain but is no driver: the ordering platform, a dispatcher, staff.

Their calls are carried out in a process of their own (tests/faults/clerk.py), as those of the admin are.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from routing.geo import Point
from tests.clerk import Clerk


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


class Office(Clerk):
    """Its methods block; from an event loop: `await asyncio.to_thread(office.assign, …)`."""

    def __init__(self, env: Mapping[str, str]) -> None:
        super().__init__(env, "tests.faults.clerk")

    def migrate(self) -> None:
        """Makes the tables."""
        self.ask("migrate")

    def city(self, name: str, at: Point) -> str:
        """A new city's id."""
        return str(self.ask("city", name=name, lat=at.lat, lng=at.lng))

    def restaurant(self, city: str, name: str, at: Point, radius: int) -> str:
        """A new restaurant's id; `radius` in metres."""
        return str(self.ask("restaurant", city=city, name=name, lat=at.lat, lng=at.lng, radius=radius))

    def drivers(self, city: str, count: int) -> list[DriverRow]:
        """New drivers on shift."""
        return [DriverRow(*row) for row in self.ask("drivers", city=city, count=count)]

    def dispatcher(self, username: str, password: str) -> None:
        self.ask("dispatcher", username=username, password=password)

    def order(self, restaurant: str, door: Point) -> OrderRow:
        """A new pending order."""
        return OrderRow(*self.ask("order", restaurant=restaurant, lat=door.lat, lng=door.lng))

    def assign(self, order: str, driver: str) -> None:
        self.ask("assign", order=order, driver=driver)

    def unassign(self, order: str) -> None:
        self.ask("unassign", order=order)

    def cancel(self, order: str, reason: str) -> None:
        self.ask("cancel", order=order, reason=reason)

    def refresh_etas(self) -> None:
        """What the worker does every half minute."""
        self.ask("refresh_etas")

    def ask_for_a_cycle(self) -> None:
        """Has the worker do so now."""
        self.ask("ask_for_a_cycle")
