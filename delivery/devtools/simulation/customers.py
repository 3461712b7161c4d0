"""Customers: a handful order at once, so that the map is alive, and then they order at random times."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from math import inf
from random import Random
from uuid import UUID

from django.db.models import Q
from django.utils import timezone

from delivery.devtools.simulation import demand, people
from delivery.devtools.simulation.demand import SimulatedRestaurant
from delivery.devtools.simulation.fleet import DISPATCHER, CityId
from delivery.devtools.simulation.mishaps import (
    LATER_S,
    NO_MISHAPS,
    SECOND_THOUGHTS_S,
    Mishaps,
    befalls,
    how_long,
)
from delivery.devtools.simulation.outages import Database
from delivery.devtools.simulation.platform import Platform
from delivery.devtools.simulation.roads import Roads
from dispatch.errors import WrongStatus
from dispatch.models import Order
from dispatch.models.cities import PROMISE_MINUTES
from dispatch.orders import actions
from dispatch.statuses import FINAL

#: At the start there is one order for so many drivers, two at least and at most so many, and soon ready (seconds).
DRIVERS_PER_FIRST_ORDER = 3
FIRST_ORDERS = (2, 12)
FIRST_KITCHEN_S = (30.0, 90.0)
#: People order elsewhere while so many orders a driver are open.
OPEN_ORDERS_PER_DRIVER = 3


class Customers:
    """`restaurants`: by town; `sizes`: drivers per town, which share the orders between the towns. `placed`: the
    orders, of which there are `most` at most.
    """

    def __init__(
        self,
        orders_per_hour: float,
        restaurants: Mapping[CityId, Sequence[SimulatedRestaurant[UUID]]],
        sizes: Mapping[CityId, int],
        platform: Platform,
        database: Database,
        roads: Roads,
        rng: Random,
        *,
        most: float = inf,
        mishaps: Mishaps = NO_MISHAPS,
    ) -> None:
        self.placed: list[UUID] = []
        self._most = most
        self._mishaps = mishaps
        self._orders_per_hour = orders_per_hour
        self._restaurants = restaurants
        self._sizes = sizes
        self._drivers = sum(sizes.values())
        self._platform = platform
        self._database = database
        self._roads = roads
        self._rng = rng

    async def run(self) -> None:
        fewest, most = FIRST_ORDERS
        first = min(most, max(fewest, self._drivers // DRIVERS_PER_FIRST_ORDER))
        async with asyncio.TaskGroup() as second_thoughts:
            while await self._database(open_orders) < first:
                await self._order(FIRST_KITCHEN_S, second_thoughts)
            while len(self.placed) < self._most:
                await asyncio.sleep(demand.gap_s(self._orders_per_hour, self._rng))
                if await self._database(open_orders) < OPEN_ORDERS_PER_DRIVER * self._drivers:
                    await self._order(demand.KITCHEN_S, second_thoughts)

    async def _order(self, kitchen_s: tuple[float, float], second_thoughts: asyncio.TaskGroup) -> None:
        (town,) = self._rng.choices(list(self._sizes), list(self._sizes.values()))
        restaurants = self._restaurants[town]
        chosen = demand.order_of(restaurants, self._rng)
        if self._rng.random() < self._mishaps.together:
            chosen = [chosen[0], demand.next_door(chosen[0], restaurants)]
        for restaurant in chosen:
            order = await self._place(restaurant, self._rng.uniform(*kitchen_s))
            self.placed.append(order)
            if befalls(self._mishaps.cancelled, "cancelled", order):
                second_thoughts.create_task(self._think_better(order))

    async def _think_better(self, order: UUID) -> None:
        """The platform cancels, or a dispatcher once the food is on board."""
        await asyncio.sleep(how_long(SECOND_THOUGHTS_S, "cancelled", order))
        if not await self._platform.cancel(order):
            await self._database(_cancel_on_the_way, order)

    async def _place(self, restaurant: SimulatedRestaurant[UUID], ready_in_s: float) -> UUID:
        door = await self._roads.spot(restaurant.point, demand.DOOR_M)
        wanted_at = None
        if self._rng.random() < self._mishaps.later:
            begins_in_s = self._rng.uniform(*LATER_S)
            wanted_at = timezone.now() + timedelta(seconds=begins_in_s, minutes=PROMISE_MINUTES)
            ready_in_s += begins_in_s
        ready_at = timezone.now() + timedelta(seconds=ready_in_s)
        return await self._platform.place(
            {
                "restaurant_id": str(restaurant.id),
                "customer_name": people.name(self._rng),
                "customer_phone": people.phone(self._rng),
                "customer_address": f"{self._rng.randrange(100, 3000)} {door.name}".strip(),
                "customer_lat": door.point.lat,
                "customer_lng": door.point.lng,
                "ready_at": ready_at.isoformat(),
                "wanted_at": wanted_at and wanted_at.isoformat(),
            }
        )


def _cancel_on_the_way(order: UUID) -> None:
    with suppress(WrongStatus):  # it is over already
        actions.cancel(order, actor=DISPATCHER, reason="The customer changed their mind.")


def open_orders() -> int:
    """How many orders wait for a driver, or are with a simulated one."""
    ours = Q(driver=None) | Q(driver__simulated=True)
    return Order.objects.filter(ours).exclude(status__in=FINAL).count()
