"""A dispatcher who never sleeps: `choose` (pure) decides who takes which order, `Dispatcher` acts on it."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from uuid import UUID

from django.db.models import Count, Q
from django.utils import timezone

from delivery.devtools.simulation.fleet import DISPATCHER
from delivery.devtools.simulation.outages import Database
from dispatch.errors import DispatchError
from dispatch.models import Conflict, Driver, Order
from dispatch.models.conflicts import Outcome
from dispatch.orders import actions, conflicts
from dispatch.planning import handing_on
from dispatch.planning.handing_on import Move
from dispatch.planning.succession import succession
from dispatch.statuses import ACTIVE, BEFORE_PICKUP, DriverStatus, OrderStatus
from routing.geo import Point, distance_m

logger = logging.getLogger("delivery.devtools.simulation")

EVERY_S = 2.0
#: How long an order waits until the dispatcher gets to it: time enough for a person to be first.
PATIENCE_S = (10.0, 25.0)
MOST_ORDERS = 3
#: How often an order joins a driver who is still to pick up at the same restaurant.
BUNDLING = 0.7


@dataclass(frozen=True)
class Waiting:
    """A pending order; `city` is its restaurant's."""

    order: UUID
    restaurant: UUID
    city: UUID | None
    pickup: Point
    created_at: datetime


@dataclass
class Candidate:
    """A driver on shift: orders in hand, and the restaurants where some of them are still to be picked up."""

    driver: UUID
    city: UUID | None
    point: Point
    load: int = 0
    pickups: set[UUID] = field(default_factory=set)


def patience_s(order: UUID) -> float:
    """An order's own waiting time, the same each time one asks."""
    return Random(order.int).uniform(*PATIENCE_S)


def choose(
    waiting: Sequence[Waiting], candidates: Sequence[Candidate], now: datetime, rng: Random
) -> list[tuple[UUID, UUID]]:
    """Pairs of (order, driver) for the orders that have waited enough, oldest first.

    An order stays in its city. Often it joins a driver on the way to the same restaurant; else it goes to the
    nearest of those with the fewest orders. Nobody gets more than MOST_ORDERS.
    """
    candidates = [
        Candidate(each.driver, each.city, each.point, each.load, set(each.pickups)) for each in candidates
    ]
    chosen = []
    for order in sorted(waiting, key=lambda each: each.created_at):
        if (now - order.created_at).total_seconds() < patience_s(order.order):
            continue
        free = [each for each in candidates if each.city == order.city and each.load < MOST_ORDERS]
        there = [each for each in free if order.restaurant in each.pickups]
        if there and rng.random() < BUNDLING:
            free = there
        if not free:
            continue
        driver = min(free, key=lambda each: (each.load, distance_m(each.point, order.pickup)))
        driver.load += 1
        driver.pickups.add(order.restaurant)
        chosen.append((order.order, driver.driver))
    return chosen


class Dispatcher:
    """Gives pending orders to simulated drivers, hands on what those have who end their shift, and settles conflicts.
    People and their orders are left alone.
    """

    def __init__(self, database: Database, rng: Random) -> None:
        self._database = database
        self._rng = rng

    async def run(self) -> None:
        while True:
            for order, driver in await self._database(self._decide):
                await self._database(_assign, order, driver)
            if gone := await self._database(stranded):
                # One a time: who can take it is a question of a second.
                await self._database(_hand_on, self._rng.choice(gone))
            for conflict in await self._database(unsettled):
                await self._database(_settle, conflict)
            await asyncio.sleep(EVERY_S)

    def _decide(self) -> list[tuple[UUID, UUID]]:
        waiting = waiting_orders()
        return choose(waiting, candidates(), timezone.now(), self._rng) if waiting else []


def waiting_orders() -> list[Waiting]:
    pending = Order.objects.filter(
        status=OrderStatus.PENDING, customer_lat__isnull=False, restaurant__isnull=False
    )
    return [
        Waiting(order.pk, order.kitchen.pk, order.kitchen.city_id, order.kitchen.point, order.created_at)
        for order in pending.select_related("restaurant").order_by("created_at")[:100]
    ]


def candidates() -> list[Candidate]:
    """Simulated drivers who are on shift and heard of."""
    drivers = Driver.objects.filter(simulated=True, on_shift=True).exclude(status=DriverStatus.OFFLINE)
    found = {
        driver.pk: Candidate(driver.pk, driver.city_id, driver.point, driver.load)
        for driver in drivers.annotate(load=Count("orders", filter=Q(orders__status__in=ACTIVE)))
        if driver.point is not None
    }
    to_pick_up = Order.objects.filter(driver__in=found, status__in=BEFORE_PICKUP)
    for driver_id, restaurant_id in to_pick_up.values_list("driver_id", "restaurant_id"):
        found[driver_id].pickups.add(restaurant_id)
    return list(found.values())


def _assign(order: UUID, driver: UUID) -> None:
    try:
        actions.assign(order, driver, actor=DISPATCHER, only_pending=True)
    except DispatchError as error:
        logger.info("Left an order to others: %s", error.message)


def stranded() -> list[UUID]:
    """Simulated drivers who are off shift with orders."""
    off = Order.objects.filter(status__in=ACTIVE, driver__simulated=True, driver__on_shift=False)
    return list(off.order_by("driver").values_list("driver", flat=True).distinct())


def _hand_on(driver: UUID) -> None:
    """To simulated drivers, as far as they can take it."""
    try:
        heirs = succession(driver).heirs
        takers = Driver.objects.filter(simulated=True, pk__in=[heir.driver for heir in heirs if heir.driver])
        ours = set(takers.values_list("pk", flat=True))
        moves = [Move(heir.order, heir.driver) for heir in heirs if heir.driver in ours and heir.driver]
        if moves:
            handing_on.hand_on(driver, moves, actor=DISPATCHER)
    except DispatchError as error:
        logger.info("Left the orders of a driver who is off shift: %s", error.message)


def unsettled() -> list[UUID]:
    """Conflicts about what simulated drivers said."""
    return list(Conflict.objects.filter(outcome=None, driver__simulated=True).values_list("pk", flat=True))


def _settle(conflict: UUID) -> None:
    """The driver was there, and is believed where that is still possible."""
    for outcome in (Outcome.DRIVER, Outcome.STANDS):
        try:
            conflicts.settle(conflict, outcome, actor=DISPATCHER)
        except DispatchError as error:
            logger.info("A conflict can't be settled as “%s”: %s", outcome.label, error.message)
        else:
            return
