"""The office's process: carries out calls that come as JSON lines, each as one action of the domain."""

import json
import sys
from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.db import InterfaceError, OperationalError, connection

from dispatch import actions, planning
from dispatch.errors import DispatchError
from dispatch.groups import DISPATCHER
from dispatch.models import City, Driver, Restaurant
from dispatch.signals import announced

OFFICE = actions.dispatcher("Office")


def work() -> None:
    """Answers each line [call, arguments] with ["done", result], ["refused", why] or ["away", why]."""
    for line in sys.stdin:
        call, arguments = json.loads(line)
        try:
            answer = ["done", CALLS[call](**arguments)]
        except (OperationalError, InterfaceError) as away:
            answer = ["away", str(away)]
        except DispatchError as refused:
            answer = ["refused", refused.message]
        connection.close()  # the next call finds out whether PostgreSQL is another by then
        print(json.dumps(answer), flush=True)  # noqa: T201 (the office reads it)


def migrate() -> None:
    call_command("migrate", verbosity=0)


def city(name: str, lat: float, lng: float) -> str:
    return str(City.objects.create(name=name, lat=lat, lng=lng).pk)


def restaurant(city: str, name: str, lat: float, lng: float, radius: int) -> str:
    made = Restaurant(name=name, city_id=UUID(city), lat=lat, lng=lng, geofence_radius=radius)
    actions.change_restaurant(made)
    return str(made.pk)


def drivers(city: str, count: int) -> list[list[str]]:
    rows = []
    with announced():
        for number in range(1, count + 1):
            driver = Driver(name=f"Driver {number}", city_id=UUID(city))
            actions.change_driver(driver)
            actions.set_shift(driver.pk, True)
            rows.append([str(driver.pk), actions.issue_token(driver.pk)])
    return rows


def dispatcher(username: str, password: str) -> None:
    user = User.objects.create_user(username, password=password, is_staff=True)
    user.groups.add(Group.objects.get(name=DISPATCHER))


def order(restaurant: str, lat: float, lng: float) -> list[str]:
    made = actions.create_order(
        UUID(restaurant),
        customer_name="Customer",
        customer_address="1 Test Street",
        customer_lat=lat,
        customer_lng=lng,
    )
    return [str(made.pk), made.tracking_token]


def assign(order: str, driver: str) -> None:
    actions.assign(UUID(order), UUID(driver), actor=OFFICE)


def unassign(order: str) -> None:
    actions.unassign(UUID(order), actor=OFFICE)


def cancel(order: str, reason: str) -> None:
    actions.cancel(UUID(order), actor=OFFICE, reason=reason)


def refresh_etas() -> None:
    planning.refresh_etas()


CALLS: dict[str, Callable[..., Any]] = {
    call.__name__: call
    for call in (
        migrate,
        city,
        restaurant,
        drivers,
        dispatcher,
        order,
        assign,
        unassign,
        cancel,
        refresh_etas,
    )
}
