"""`manage.py seed`: drivers and orders for scripts and load tools, as JSON with their tokens."""

import json
import os
import sys
from argparse import ArgumentParser
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import batched
from random import Random
from typing import Any, TextIO
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError
from django.db import InterfaceError, OperationalError, ProgrammingError, connection, transaction
from django.utils import timezone

from delivery.devtools import fleet
from dispatch.models import City, Driver, Restaurant
from dispatch.orders import actions, buttons
from dispatch.signals import announced
from dispatch.statuses import DriverStatus, OrderStatus
from routing.geo import Point
from routing.roads.cities import DENVER

ACTOR = actions.dispatcher("manage.py seed")
#: Both lie kilometres away from the part of Denver that load tools walk in (0.03 degrees around 39.7392,
#: -104.9903): every fix is tested against a geofence, and none ever fires.
KITCHEN = Point(39.7400, -104.9000)
DOOR = Point(39.8000, -105.1000)

BATCH = 100
#: The same places each time.
BULK_SEED = 1


class Command(BaseCommand):
    help = "Adds drivers on shift and orders that they carry; writes their ids and tokens as JSON."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--drivers", type=int, required=True)
        parser.add_argument(
            "--orders", type=int, required=True, help="picked up already, dealt out driver by driver"
        )
        parser.add_argument(
            "--customers-per-order", type=int, default=1, help="entries per order (default 1)"
        )
        parser.add_argument(
            "--bulk",
            action="store_true",
            help="thousands within seconds, in an empty database: dealt out to the cities of the default roads, with "
            "stops ahead",
        )
        parser.add_argument(
            "--json", required=True, metavar="FILE", help="holds secrets: mode 0600; - for stdout"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        drivers, orders, per_order = options["drivers"], options["orders"], options["customers_per_order"]
        if min(drivers, orders, per_order) < 0:
            raise CommandError("--drivers, --orders and --customers-per-order must be 0 or more.")
        if orders and not drivers:
            raise CommandError("Orders need drivers who carry them: give --drivers 1 or more.")
        if options["bulk"] and City.objects.exists():
            raise CommandError("--bulk makes its cities itself: this database is not empty.")
        try:
            with _secret_file(options["json"]) as file:
                seed = _seed_in_bulk if options["bulk"] else _seed
                json.dump(seed(drivers, orders, per_order), file, indent=1)
                file.write("\n")
        except ProgrammingError as error:
            raise CommandError(f"Run manage.py migrate first: {_first_line(error)}") from error
        except (OperationalError, InterfaceError) as error:
            raise CommandError(f"The database does not answer: {_first_line(error)}") from error


def _seed(drivers: int, orders: int, per_order: int) -> dict[str, list[dict[str, Any]]]:
    city, _ = City.objects.get_or_create(
        name=DENVER.name,
        defaults={"lat": DENVER.center.lat, "lng": DENVER.center.lng, "time_zone": DENVER.time_zone},
    )
    fleet = _in_batches(range(drivers), lambda n: _driver(city, n + 1))
    kitchen = _kitchen(city)
    carried = _in_batches(range(orders), lambda n: _order(kitchen.pk, fleet[n % drivers]["id"]))
    customers = [
        {"token": order["trackingToken"], "driverId": order["driverId"]}
        for order in carried
        for _ in range(per_order)
    ]
    return {"drivers": fleet, "orders": carried, "customers": customers}


def _seed_in_bulk(drivers: int, orders: int, per_order: int) -> dict[str, list[dict[str, Any]]]:
    """The same, and where each driver begins."""
    with transaction.atomic(), connection.cursor() as cursor:
        made = fleet.fill(cursor, drivers, orders, Random(BULK_SEED))
    return {
        "drivers": [
            {"id": str(driver.id), "token": driver.token, "start": driver.start} for driver in made.drivers
        ],
        "orders": [
            {"id": str(order.id), "trackingToken": order.tracking_token, "driverId": str(order.driver.id)}
            for order in made.orders
        ],
        "customers": [
            {"token": order.tracking_token, "driverId": str(order.driver.id)}
            for order in made.orders
            for _ in range(per_order)
        ],
    }


def _in_batches[T](numbers: Iterable[int], make: Callable[[int], T]) -> list[T]:
    """What `make` makes of each, announced BATCH at a time: most of an action's cost is telling of it."""
    made: list[T] = []
    for batch in batched(numbers, BATCH):
        with announced():
            made += map(make, batch)
    return made


def _driver(city: City, number: int) -> dict[str, str]:
    token = Driver.new_token()
    driver = Driver(
        name=f"Seeded driver {number}",
        city=city,
        status=DriverStatus.IDLE,
        on_shift=True,
        last_seen_at=timezone.now(),
        token_digest=Driver.digest(token),
    )
    actions.change_driver(driver)
    return {"id": str(driver.pk), "token": token}


def _kitchen(city: City) -> Restaurant:
    kitchen = Restaurant.objects.filter(name="Seeded kitchen", lat=KITCHEN.lat, lng=KITCHEN.lng).first()
    if kitchen is None:
        kitchen = Restaurant(name="Seeded kitchen", city=city, lat=KITCHEN.lat, lng=KITCHEN.lng)
        actions.change_restaurant(kitchen)
    return kitchen


def _order(kitchen: UUID, driver: str) -> dict[str, str]:
    order = actions.create_order(
        kitchen,
        customer_name="Seeded customer",
        customer_address="Out of the way",
        customer_lat=DOOR.lat,
        customer_lng=DOOR.lng,
        actor=ACTOR,
    )
    actions.assign(order.pk, UUID(driver), actor=ACTOR)
    buttons.report(UUID(driver), order.pk, OrderStatus.PICKED_UP)
    return {"id": str(order.pk), "trackingToken": order.tracking_token, "driverId": driver}


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]


@contextmanager
def _secret_file(path: str) -> Iterator[TextIO]:
    """Opened before anything is written to the database, so that no token is lost to a wrong path."""
    if path == "-":
        yield sys.stdout
        return
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.fchmod(descriptor, 0o600)
    except OSError as error:
        raise CommandError(f"Cannot write {path}: {error.strerror}. Choose another --json FILE.") from error
    with os.fdopen(descriptor, "w") as file:
        yield file
