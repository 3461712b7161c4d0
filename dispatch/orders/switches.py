"""What dispatchers switch on for a while, at a restaurant or in a city: a pause, or more minutes in new promises."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models.functions import Now
from django.utils import timezone

from dispatch.errors import Invalid, NotFound
from dispatch.models import City, Restaurant
from dispatch.orders import availability
from dispatch.signals import announced


def pause(place_id: UUID, *, until: datetime | None, reason: str = "") -> None:
    """Nobody is sent for food from now on. `until`: None is until somebody resumes. Orders are taken all the same."""
    _in_future(until)
    _switch(place_id, paused_since=timezone.now(), paused_until=until, pause_reason=reason.strip())
    availability.check_at(place_id)


def resume(place_id: UUID) -> None:
    _switch(place_id, paused_since=None, paused_until=None, pause_reason="")
    availability.check_at(place_id)


def promise_later(place_id: UUID, minutes: int, *, until: datetime) -> None:
    """Who orders from now on until then is promised so many minutes more. Those of a restaurant and of its city add
    up. What was promised before holds.
    """
    _in_future(until)
    # By the database's clock, which dates orders.
    _switch(place_id, extra_minutes=minutes, extra_since=Now(), extra_until=until)


def promise_as_usual(place_id: UUID) -> None:
    _switch(place_id, extra_minutes=0, extra_since=None, extra_until=None)


def _in_future(until: datetime | None) -> None:
    if until is not None and until <= timezone.now():
        raise Invalid("That time is over. Choose one in the future.")


def _switch(place_id: UUID, **switches: Any) -> None:
    with announced() as changes:
        if Restaurant.objects.filter(pk=place_id).update(**switches):
            changes.restaurants.add(place_id)
        elif City.objects.filter(pk=place_id).update(**switches):
            changes.cities.add(place_id)
        else:
            raise NotFound("No such restaurant or city.")
