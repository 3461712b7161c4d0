"""What the office can be asked for (tests/clerk.py): each call is one action of the domain."""

from uuid import UUID

from django.contrib.auth.models import Group
from django.core.management import call_command

from dispatch import tasks
from dispatch.models import City, Driver, Restaurant, User
from dispatch.orders import actions
from dispatch.planning import replanning
from dispatch.roles import DISPATCHER
from dispatch.signals import announced

OFFICE = actions.dispatcher("Office")


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
    replanning.refresh_etas()


def ask_for_a_cycle() -> None:
    tasks.refresh_etas.delay()
