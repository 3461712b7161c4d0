"""Where orders go that come with an address and no coordinates: our own streets are asked, then a geocoder where one
is named (routing/addresses/).

The streets are asked as an order is placed or its address changes; what they do not know for sure is left to a round
of its own, so that nobody who places an order waits for a geocoder. A guess is stored too, and marked: nobody is sent
there before a dispatcher has put the pin right or said that it is (`Order.door_sure`).
"""

import logging
import time
from collections.abc import Iterable

from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils import timezone

from dispatch.errors import contained
from dispatch.models import DoorFrom, Order
from dispatch.signals import announced
from dispatch.statuses import UNASSIGNED
from routing.addresses import answers, index
from routing.addresses.geocoder import Geocoder, gap_s, geocoder_from_settings
from routing.addresses.index import Area
from routing.addresses.matching import Hit
from routing.errors import RoutingError

logger = logging.getLogger(__name__)

#: Of more orders than that the next round looks for the doors.
MOST_AT_ONCE = 200
#: No longer (seconds) does a round ask the geocoder: the worker has other rounds to run.
ROUND_S = 5.0


def look_up(orders: Iterable[Order]) -> None:
    """Asks our own streets about those of these orders that have an address and no coordinates."""
    for order in orders:
        if order.customer_point is None and order.customer_address and (area := area_of(order)):
            found = next(iter(index.look_up(order.customer_address, area)), None)
            done = geocoder_from_settings() is None or (found is not None and found.sure)
            _store(order, found, DoorFrom.INDEX, done=done)


def look_up_waiting() -> None:
    """All orders that nobody has yet, whoever wrote them, with the geocoder's help."""
    geocoder = geocoder_from_settings()
    until = time.monotonic() + ROUND_S
    for order in _waiting().select_related("restaurant__city").order_by("created_at")[:MOST_AT_ONCE]:
        with contained(f"the door of order {order.pk} is looked for in the next round"):
            if area := area_of(order):
                _look_up(order, area, geocoder, until)


def area_of(order: Order) -> Area | None:
    """Around its restaurant, as far as a door may be; None of an order without one."""
    restaurant = order.restaurant
    if restaurant is None:
        return None
    city = restaurant.city
    near = city.point if city and restaurant.misplaced else restaurant.point
    return Area(near, settings.FAR_DOOR_M, {city.name: city.point} if city else {})


# ---------------------------------------------------------------------------------------------------- inside


def _waiting() -> QuerySet[Order]:
    """Not looked up yet, or by an index that is no longer in use."""
    unknown = Q(customer_lat=None) | Q(door_sure=False)
    never = Q(door_looked_up_at=None)
    if since := index.loaded_at():
        never |= Q(door_looked_up_at__lt=since)
    return Order.objects.filter(unknown, never, status__in=UNASSIGNED).exclude(customer_address="")


def _look_up(order: Order, area: Area, geocoder: Geocoder | None, until: float) -> None:
    found = next(iter(index.look_up(order.customer_address, area)), None)
    if (found is not None and found.sure) or geocoder is None:
        _store(order, found, DoorFrom.INDEX, done=True)
        return
    try:
        said = _asked(geocoder, order.customer_address, area, until)
    except RoutingError:  # its breaker has told the log; the next round asks again
        _store(order, found, DoorFrom.INDEX, done=False)
        return
    if said is not None and (said.sure or found is None):
        _store(order, said, DoorFrom.GEOCODER, done=True)
    else:
        _store(order, found, DoorFrom.INDEX, done=True)


class _NoTime(RoutingError):
    """This round has asked for long enough."""


def _asked(geocoder: Geocoder, address: str, area: Area, until: float) -> Hit | None:
    """Raises RoutingError where it can't be asked now."""
    answer = answers.known(geocoder, address, area)
    if answer is None:
        if time.monotonic() >= until:
            raise _NoTime
        answer = answers.ask(geocoder, address, area)
        time.sleep(gap_s())  # the lease of the round keeps every other process from asking meanwhile
    return answers.hit_of(answer)


def _store(order: Order, found: Hit | None, source: DoorFrom, *, done: bool) -> None:
    """With an order that still waits, still has that address, and whose pin nobody has put right meanwhile. `done`:
    it is not looked up again as long as neither its address nor the index changes.
    """
    asked = Order.objects.filter(
        Q(customer_lat=None) | Q(door_sure=False),
        pk=order.pk,
        status__in=UNASSIGNED,
        customer_address=order.customer_address,
    )
    before = order.customer_point, order.door_sure
    if found is not None:
        order.customer_lat, order.customer_lng = found.point
        order.door_from, order.door_sure = source, found.sure
    order.door_looked_up_at = timezone.now() if done else None
    with announced() as changes:
        stored = asked.update(
            customer_lat=order.customer_lat,
            customer_lng=order.customer_lng,
            door_from=order.door_from,
            door_sure=order.door_sure,
            door_looked_up_at=order.door_looked_up_at,
        )
        if stored and (order.customer_point, order.door_sure) != before:
            changes.orders.add(order.pk)
