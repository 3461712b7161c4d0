"""Everyone who writes to the domain but is no driver: the ordering platform, a dispatcher, staff.

Their calls are carried out in a process of their own (tests/clerk.py), as those of the admin are.
"""

from dataclasses import dataclass
from uuid import UUID

from django.contrib.auth.models import Group
from django.core.management import call_command

from dispatch import api_keys, tasks
from dispatch.models import City, Driver, Restaurant, Scope, User
from dispatch.orders import actions
from dispatch.planning import replanning
from dispatch.roles import DISPATCHER
from dispatch.signals import announced
from routing.geo import Point
from tests.clerk import Clerk
from tracking.tasks import keep_history_partitions

OFFICE = actions.dispatcher("Office")


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

    def migrate(self) -> None:
        """Makes the tables."""
        self.ask(_migrate)

    def city(self, name: str, at: Point) -> str:
        """A new city's id."""
        return self.ask(_city, name=name, lat=at.lat, lng=at.lng)

    def restaurant(self, city: str, name: str, at: Point, radius: int) -> str:
        """A new restaurant's id; `radius` in metres."""
        return self.ask(_restaurant, city=city, name=name, lat=at.lat, lng=at.lng, radius=radius)

    def drivers(self, city: str, count: int) -> list[DriverRow]:
        """New drivers on shift."""
        return [DriverRow(*row) for row in self.ask(_drivers, city=city, count=count)]

    def api_key(self, name: str) -> str:
        """A new key of the HTTP API, for everything."""
        return self.ask(_api_key, name=name)

    def dispatcher(self, username: str, password: str) -> None:
        self.ask(_dispatcher, username=username, password=password)

    def administrator(self, username: str, password: str) -> None:
        """Who may do everything in the admin."""
        self.ask(_administrator, username=username, password=password)

    def order(self, restaurant: str, door: Point) -> OrderRow:
        """A new pending order."""
        return OrderRow(*self.ask(_order, restaurant=restaurant, lat=door.lat, lng=door.lng))

    def assign(self, order: str, driver: str) -> None:
        self.ask(_assign, order=order, driver=driver)

    def unassign(self, order: str) -> None:
        self.ask(_unassign, order=order)

    def cancel(self, order: str, reason: str) -> None:
        self.ask(_cancel, order=order, reason=reason)

    def refresh_etas(self) -> None:
        """What the worker does every half minute."""
        self.ask(_refresh_etas)

    def keep_history_partitions(self) -> None:
        """What the worker does every hour."""
        self.ask(_keep_history_partitions)

    def ask_for_a_cycle(self) -> None:
        """Has the worker do so now."""
        self.ask(_ask_for_a_cycle)


# ------------------------------------------------------------------------------------- in the clerk's process


def _migrate() -> None:
    call_command("migrate", verbosity=0)


def _city(name: str, lat: float, lng: float) -> str:
    return str(City.objects.create(name=name, lat=lat, lng=lng).pk)


def _restaurant(city: str, name: str, lat: float, lng: float, radius: int) -> str:
    made = Restaurant(name=name, city_id=UUID(city), lat=lat, lng=lng, geofence_radius=radius)
    actions.change_restaurant(made)
    return str(made.pk)


def _drivers(city: str, count: int) -> list[list[str]]:
    rows = []
    with announced():
        for number in range(1, count + 1):
            driver = Driver(name=f"Driver {number}", city_id=UUID(city))
            actions.change_driver(driver)
            actions.set_shift(driver.pk, True)
            rows.append([str(driver.pk), actions.issue_token(driver.pk)])
    return rows


def _dispatcher(username: str, password: str) -> None:
    user = User.objects.create_user(username, password=password, is_staff=True)
    user.groups.add(Group.objects.get(name=DISPATCHER))


def _administrator(username: str, password: str) -> None:
    User.objects.create_superuser(username, password=password)


def _api_key(name: str) -> str:
    return api_keys.issue(name, Scope.values, cities=None)[1]


def _order(restaurant: str, lat: float, lng: float) -> list[str]:
    made = actions.create_order(
        UUID(restaurant),
        customer_name="Customer",
        customer_address="1 Test Street",
        customer_lat=lat,
        customer_lng=lng,
    )
    return [str(made.pk), made.tracking_token]


def _assign(order: str, driver: str) -> None:
    actions.assign(UUID(order), UUID(driver), actor=OFFICE)


def _unassign(order: str) -> None:
    actions.unassign(UUID(order), actor=OFFICE)


def _cancel(order: str, reason: str) -> None:
    actions.cancel(UUID(order), actor=OFFICE, reason=reason)


def _refresh_etas() -> None:
    replanning.refresh_etas()


def _keep_history_partitions() -> None:
    keep_history_partitions()


def _ask_for_a_cycle() -> None:
    tasks.refresh_etas.delay()
