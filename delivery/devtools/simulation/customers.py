"""Customers: a handful order at once, so that the map is alive, and then they order at random times."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta
from random import Random
from uuid import UUID

from django.db.models import Q
from django.utils import timezone

from delivery.devtools.simulation import demand, people
from delivery.devtools.simulation.demand import SimulatedRestaurant
from delivery.devtools.simulation.fleet import CityId
from delivery.devtools.simulation.outages import Database
from delivery.devtools.simulation.roads import Roads
from dispatch.models import Order
from dispatch.orders import actions
from dispatch.statuses import FINAL

#: At the start there is one order for so many drivers, two at least and at most so many, and soon ready (seconds).
DRIVERS_PER_FIRST_ORDER = 3
FIRST_ORDERS = (2, 12)
FIRST_KITCHEN_S = (30.0, 90.0)
#: People order elsewhere while so many orders a driver are open.
OPEN_ORDERS_PER_DRIVER = 3


class Customers:
    """`restaurants`: by town; `sizes`: drivers per town, which share the orders between the towns."""

    def __init__(
        self,
        orders_per_hour: float,
        restaurants: Mapping[CityId, Sequence[SimulatedRestaurant[UUID]]],
        sizes: Mapping[CityId, int],
        database: Database,
        roads: Roads,
        rng: Random,
    ) -> None:
        self._orders_per_hour = orders_per_hour
        self._restaurants = restaurants
        self._sizes = sizes
        self._drivers = sum(sizes.values())
        self._database = database
        self._roads = roads
        self._rng = rng

    async def run(self) -> None:
        fewest, most = FIRST_ORDERS
        first = min(most, max(fewest, self._drivers // DRIVERS_PER_FIRST_ORDER))
        while await self._database(open_orders) < first:
            await self._order(FIRST_KITCHEN_S)
        while True:
            await asyncio.sleep(demand.gap_s(self._orders_per_hour, self._rng))
            if await self._database(open_orders) < OPEN_ORDERS_PER_DRIVER * self._drivers:
                await self._order(demand.KITCHEN_S)

    async def _order(self, kitchen_s: tuple[float, float]) -> None:
        (town,) = self._rng.choices(list(self._sizes), list(self._sizes.values()))
        for restaurant in demand.order_of(self._restaurants[town], self._rng):
            await self._place(restaurant, self._rng.uniform(*kitchen_s))

    async def _place(self, restaurant: SimulatedRestaurant[UUID], ready_in_s: float) -> None:
        door = await self._roads.spot(restaurant.point, demand.DOOR_M)
        await self._database(
            actions.create_order,
            restaurant.id,
            customer_name=people.name(self._rng),
            customer_phone=people.phone(self._rng),
            customer_address=f"{self._rng.randrange(100, 3000)} {door.name}".strip(),
            customer_lat=door.point.lat,
            customer_lng=door.point.lng,
            ready_at=timezone.now() + timedelta(seconds=ready_in_s),
        )


def open_orders() -> int:
    """How many orders wait for a driver, or are with a simulated one."""
    ours = Q(driver=None) | Q(driver__simulated=True)
    return Order.objects.filter(ours).exclude(status__in=FINAL).count()
