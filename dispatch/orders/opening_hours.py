"""When a restaurant is open, as its platform says it; staff enter the same in the admin."""

from collections.abc import Sequence
from uuid import UUID

from dispatch.errors import NotFound
from dispatch.models import OpeningException, OpeningHours, Restaurant
from dispatch.orders import availability
from dispatch.signals import announced


def replace(
    restaurant_id: UUID,
    *,
    hours: Sequence[OpeningHours] | None = None,
    exceptions: Sequence[OpeningException] | None = None,
) -> None:
    """These (not stored yet) in place of those that there are; None: as they are. Without hours it is always open.
    Orders that wait are looked at again.

    Raises NotFound.
    """
    with announced() as changes:
        # Of two at once the second waits, and nobody is left with the hours of both.
        if not Restaurant.objects.select_for_update(no_key=True).filter(pk=restaurant_id).exists():
            raise NotFound("No such restaurant.")
        for row in (*(hours or ()), *(exceptions or ())):
            row.restaurant_id = restaurant_id
        if hours is not None:
            OpeningHours.objects.filter(restaurant=restaurant_id).delete()
            OpeningHours.objects.bulk_create(hours)
        if exceptions is not None:
            OpeningException.objects.filter(restaurant=restaurant_id).delete()
            OpeningException.objects.bulk_create(exceptions)
        changes.restaurants.add(restaurant_id)
    availability.check_at(restaurant_id)
