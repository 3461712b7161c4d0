"""The simulated drivers' rows: hired for a run, tokens issued, the ones too many sent home."""

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from uuid import UUID

from django.db.models import Count, Q

from delivery.devtools.simulation import people
from dispatch.models import Driver, Order, Restaurant
from dispatch.orders import actions
from dispatch.signals import announced
from dispatch.statuses import ACTIVE
from routing.geo import Point

#: Whose name stands in the timeline where the simulation acts as a dispatcher.
DISPATCHER = actions.dispatcher("Simulated dispatcher")

#: A city's id; None for restaurants that belong to no city.
type CityId = UUID | None


@dataclass(frozen=True)
class Recruit:
    driver: UUID
    token: str
    town: CityId
    point: Point | None


def restaurants_by_town() -> dict[CityId, list[tuple[UUID, Point]]]:
    """Restaurants in an order that does not change, so that the popular ones stay popular."""
    towns: dict[CityId, list[tuple[UUID, Point]]] = {}
    for restaurant in Restaurant.objects.order_by("created_at", "pk"):
        towns.setdefault(restaurant.city_id, []).append((restaurant.pk, restaurant.point))
    return towns


def recruit(wanted: Mapping[CityId, int], rng: Random) -> list[Recruit]:
    """So many drivers per town, each with a new token: those of earlier runs first, the busiest ahead."""
    veterans = (
        Driver.objects.filter(simulated=True)
        .annotate(load=Count("orders", filter=Q(orders__status__in=ACTIVE)))
        .order_by("-load", "created_at", "pk")
    )
    fleet: list[Driver] = []
    left = dict(wanted)
    for veteran in veterans:
        if left.get(veteran.city_id, 0) > 0:
            left[veteran.city_id] -= 1
            fleet.append(veteran)
        elif veteran.on_shift or veteran.load:
            _send_home(veteran)
    with announced():
        for town, count in left.items():
            for _ in range(count):
                driver = Driver(name=people.name(rng), phone=people.phone(rng), city_id=town, simulated=True)
                actions.change_driver(driver)
                fleet.append(driver)
    return [
        Recruit(driver.pk, actions.issue_token(driver.pk), driver.city_id, driver.point) for driver in fleet
    ]


def renewed_token(driver_id: UUID, token: str) -> str | None:
    """A new one for a driver whose token is no longer good; None where there is another one already: the driver has
    been taken over.
    """
    digest = Driver.objects.values_list("token_digest", flat=True).get(pk=driver_id)
    return None if digest not in (None, Driver.digest(token)) else actions.issue_token(driver_id)


def _send_home(driver: Driver) -> None:
    for order in Order.objects.filter(driver=driver, status__in=ACTIVE):
        actions.cancel(order.pk, actor=DISPATCHER, reason="The simulated driver is gone.")
    actions.set_shift(driver.pk, False)
