"""`manage.py sample_data`: three cities, their restaurants, a demo dispatcher. Run it again at will."""

import os
from typing import Any

from django.contrib.auth.models import Group
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from delivery.devtools.simulation.places import RESTAURANTS
from dispatch.models import City, Restaurant, User
from dispatch.orders import actions
from dispatch.roles import DISPATCHER, STAFF
from routing.roads.cities import CITIES

USERNAME = "dispatcher"
PASSWORD = "DOORSTEP_DEMO_PASSWORD"  # noqa: S105 (the name of the variable)


class Command(BaseCommand):
    help = (
        "Adds the cities, restaurants and the user `dispatcher` of the demo where they are missing. "
        f"The user's password is set to {PASSWORD}."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        password = os.environ.get(PASSWORD, "")
        if not password:
            raise CommandError(f"Set {PASSWORD} to the password that the user `{USERNAME}` shall have.")
        with transaction.atomic():
            cities = {city.name: _city(city) for city in CITIES}
            for place in RESTAURANTS:
                _restaurant(place, cities[place.city])
            _user(password)
        self.stdout.write(
            f"{len(cities)} cities, {len(RESTAURANTS)} restaurants and the user `{USERNAME}` are there."
        )


def _city(city: Any) -> City:
    found, _ = City.objects.get_or_create(
        name=city.name,
        defaults={"lat": city.center.lat, "lng": city.center.lng, "time_zone": city.time_zone},
    )
    return found


def _restaurant(place: Any, city: City) -> None:
    # Found by its name: one that staff moved or renamed the street of stays as they left it.
    if not Restaurant.objects.filter(name=place.name, city=city).exists():
        actions.change_restaurant(
            Restaurant(
                name=place.name,
                address=place.address,
                city=city,
                lat=place.lat,
                lng=place.lng,
                geofence_radius=place.geofence_radius,
            )
        )


def _user(password: str) -> None:
    user, _ = User.objects.get_or_create(username=USERNAME, defaults={"is_staff": True})
    if not user.check_password(password):  # a new hash would end this user's sessions
        user.set_password(password)
        user.save(update_fields=["password"])
    user.groups.add(*Group.objects.filter(name__in=[DISPATCHER, STAFF]))
