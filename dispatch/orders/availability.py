"""When restaurants and cities are at work, where they deliver, and what an order says of that before it has a driver.

It is stored with the order, as what the roads say is (dispatch/orders/addresses.py): of one that waits for a driver
by now, of one for later by when it is wanted. An order is looked at as it is placed, as a dispatcher or staff change
what it depends on, and by a job every ten seconds, which also sees what ends by itself and what was written by SQL.
"""

import logging
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import partial
from typing import NamedTuple, Self
from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils import timezone

from dispatch.locales import Locale
from dispatch.models import City, DeliveryArea, OpeningException, OpeningHours, Order, Restaurant
from dispatch.openings import Exceptions, Gate, Span, WeekHours, opens_next, through
from dispatch.signals import announced
from dispatch.statuses import UNASSIGNED, OrderStatus
from routing.areas import Area, contains
from routing.errors import BadArea
from routing.problems import CLOSED, UNREACHABLE, Problem

logger = logging.getLogger(__name__)

#: Whatever else an order says was found elsewhere.
SAID_HERE = CLOSED | {Problem.CUSTOMER_OUTSIDE}


class Obstacle(NamedTuple):
    """Why nobody is sent for food, and until when; None where nobody can say."""

    problem: Problem
    until: datetime | None


@dataclass(frozen=True)
class Availability:
    """Of the restaurants of some orders and their cities, by their ids; read at once for all of them."""

    hours: Mapping[UUID, WeekHours] = field(default_factory=dict)
    exceptions: Mapping[UUID, Exceptions] = field(default_factory=dict)
    areas: Mapping[UUID, Area] = field(default_factory=dict)
    #: By restaurant and moment, what was worked out already: many orders wait for one kitchen.
    _known: dict[tuple[UUID, datetime], Obstacle | None] = field(default_factory=dict)

    @classmethod
    def of(cls, orders: Iterable[Order]) -> Self:
        """Of these orders, with their restaurants and cities loaded."""
        restaurants = {order.restaurant for order in orders if order.restaurant is not None}
        if not restaurants:
            return cls()
        cities = {one.city_id for one in restaurants if one.city_id is not None}
        these = Q(restaurant__in=[one.pk for one in restaurants]) | Q(city__in=cities)
        hours: defaultdict[UUID, defaultdict[int, list[Span]]] = defaultdict(lambda: defaultdict(list))
        for some in OpeningHours.objects.filter(these):
            hours[some.place_id][some.weekday].append(some.span)
        exceptions: defaultdict[UUID, defaultdict[date, list[Span]]] = defaultdict(lambda: defaultdict(list))
        for one in OpeningException.objects.filter(these):
            exceptions[one.place_id][one.date] += [] if one.span is None else [one.span]
        areas = {}
        for outline in DeliveryArea.objects.filter(city__in=cities):
            try:
                areas[outline.city_id] = outline.outline
            except BadArea as wrong:
                logger.warning(
                    "the area of city %s can't be read, and counts for nothing: %s", outline.city_id, wrong
                )
        return cls(hours, exceptions, areas)

    def against(self, order: Order, moment: datetime) -> Obstacle | None:
        """Why nobody is sent for an order that has a restaurant; None where nothing is against it."""
        restaurant, door = order.kitchen, order.customer_point
        area = self.areas.get(restaurant.city_id) if restaurant.city_id else None
        if area is not None and door is not None and not contains(area, door):
            return Obstacle(Problem.CUSTOMER_OUTSIDE, None)
        return self.closure(restaurant, moment)

    def closure(self, restaurant: Restaurant, moment: datetime) -> Obstacle | None:
        """Why nobody is to be there at this moment; None where nothing is against it."""
        asked = restaurant.pk, moment
        if asked not in self._known:
            self._known[asked] = self._closure(restaurant, moment)
        return self._known[asked]

    def _closure(self, restaurant: Restaurant, moment: datetime) -> Obstacle | None:
        gates = self._gates(restaurant)
        closed = next((problem for problem, gate in gates if gate(moment) != moment), None)
        if closed is None:
            return None
        return Obstacle(closed, through([gate for _, gate in gates], moment))

    def _gates(self, restaurant: Restaurant) -> list[tuple[Problem, Gate]]:
        city = restaurant.city
        zone = (city.locale if city else Locale.of_no_city()).zone
        pauses: list[tuple[Problem, Gate]] = [(Problem.RESTAURANT_PAUSED, restaurant.unpaused_from)]
        places = [(Problem.RESTAURANT_CLOSED, restaurant.pk)]
        if city is not None:
            pauses.append((Problem.CITY_PAUSED, city.unpaused_from))
            places.append((Problem.CITY_CLOSED, city.pk))
        hours: list[tuple[Problem, Gate]] = [
            (
                problem,
                partial(
                    opens_next, self.hours.get(place_id, {}), self.exceptions.get(place_id, {}), zone=zone
                ),
            )
            for problem, place_id in places
            if place_id in self.hours or place_id in self.exceptions
        ]
        return pauses + hours

    def say(self, order: Order, now: datetime) -> bool:
        """Puts what there is to say into an order that nobody has yet; whether that is something else than before."""
        was = order.problem, order.problem_until
        if order.restaurant is None or order.misplaced is not None or order.problem in UNREACHABLE:
            return False  # that has to be put right first
        later = order.status == OrderStatus.SCHEDULED
        found = self.against(order, order.wanted_at if later and order.wanted_at else now)
        if found is not None:
            order.problem, order.problem_until = found
        elif order.problem in SAID_HERE:
            order.problem, order.problem_until = "", None
        return (order.problem, order.problem_until) != was


def note(order: Order) -> None:
    """Has an order that is not stored yet say at once what there is to say."""
    if order.restaurant_id is None:
        return
    restaurant = Restaurant.objects.select_related("city").filter(pk=order.restaurant_id).first()
    if restaurant is not None:
        order.restaurant = restaurant
        Availability.of([order]).say(order, timezone.now())


def check_waiting() -> None:
    """Looks at all orders that nobody has yet, whoever wrote them. Where Doorstep assigns, its rounds look at those
    that wait for a driver by now.
    """
    by_rounds = Q(status=OrderStatus.PENDING, restaurant__city__assignment=City.Assignment.AUTO)
    _check(_waiting().exclude(by_rounds))


def check_at(place_id: UUID) -> None:
    """Those of a restaurant or a city where something has changed."""
    _check(_waiting().filter(Q(restaurant=place_id) | Q(restaurant__city=place_id)))


def check_orders(order_ids: Collection[UUID]) -> None:
    _check(_waiting().filter(pk__in=order_ids))


def _waiting() -> QuerySet[Order]:
    return Order.objects.filter(status__in=UNASSIGNED).select_related("restaurant__city").order_by("pk")


def _check(waiting: QuerySet[Order]) -> None:
    orders, now = list(waiting), timezone.now()
    available = Availability.of(orders)
    before = {order.pk: (order.status, order.problem) for order in orders}
    news: defaultdict[tuple[str, datetime | None], set[UUID]] = defaultdict(set)
    for order in orders:
        if available.say(order, now):
            news[order.problem, order.problem_until].add(order.pk)
    if not news:
        return
    with announced() as changes:
        locked = Order.objects.select_for_update(no_key=True).filter(pk__in=set[UUID]().union(*news.values()))
        rows = locked.order_by("pk").values_list("pk", "status", "problem")
        # Of what changed meanwhile the next look says something.
        still = {pk for pk, status, problem in rows if before[pk] == (status, problem)}
        for (problem, until), those in news.items():
            Order.objects.filter(pk__in=those & still).update(problem=problem, problem_until=until)
        changes.orders |= still
