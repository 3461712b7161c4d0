"""When restaurants and cities are at work, where they deliver, and what an order says of that before it has a driver.

It is stored with the order, as what the roads say is (dispatch/orders/addresses.py): of one that waits for a driver
by now, of one for later by when it is wanted. An order is looked at as it is placed, as a dispatcher or staff change
what it depends on, and by a job every ten seconds, which also sees what ends by itself and what was written by SQL.
"""

import json
import logging
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import partial
from typing import NamedTuple, Self
from uuid import UUID

from django.db import connection
from django.db.models import Q, QuerySet
from django.utils import timezone

from dispatch.locales import Locale
from dispatch.models import City, Order, Restaurant
from dispatch.openings import Exceptions, Gate, Span, WeekHours, opens_next, through
from dispatch.signals import announced
from dispatch.statuses import UNASSIGNED, OrderStatus
from routing.areas import Area, area_from_geojson, contains
from routing.errors import BadArea
from routing.problems import CLOSED, UNREACHABLE, Problem

logger = logging.getLogger(__name__)

#: Whatever else an order says was found elsewhere.
SAID_HERE = CLOSED | {Problem.CUSTOMER_OUTSIDE}


#: One statement, for it is asked with each order that is placed.
_OPENINGS_AND_AREAS = """
SELECT coalesce(restaurant_id, city_id), weekday, NULL::date, opens, closes, NULL::text
FROM opening_hours WHERE restaurant_id = ANY(%(places)s) OR city_id = ANY(%(places)s)
UNION ALL
SELECT coalesce(restaurant_id, city_id), NULL, date, opens, closes, NULL
FROM opening_exceptions WHERE restaurant_id = ANY(%(places)s) OR city_id = ANY(%(places)s)
UNION ALL
SELECT city_id, NULL, NULL, NULL, NULL, area::text FROM delivery_areas WHERE city_id = ANY(%(places)s)
"""


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
        return cls.at({order.restaurant for order in orders if order.restaurant is not None})

    @classmethod
    def at(cls, restaurants: Collection[Restaurant]) -> Self:
        """Of these, with their cities loaded."""
        if not restaurants:
            return cls()
        places = {one.pk for one in restaurants} | {one.city_id for one in restaurants if one.city_id}
        hours: defaultdict[UUID, defaultdict[int, list[Span]]] = defaultdict(lambda: defaultdict(list))
        exceptions: defaultdict[UUID, defaultdict[date, list[Span]]] = defaultdict(lambda: defaultdict(list))
        areas: dict[UUID, Area] = {}
        with connection.cursor() as cursor:
            cursor.execute(_OPENINGS_AND_AREAS, {"places": list(places)})
            for place_id, weekday, day, opens, closes, area in cursor.fetchall():
                if area is not None:
                    areas |= _outline(place_id, area)
                elif weekday is not None:
                    hours[place_id][weekday].append(Span(opens, closes))
                else:
                    exceptions[place_id][day] += [] if opens is None else [Span(opens, closes)]
        return cls(hours, exceptions, areas)

    def against(self, order: Order, moment: datetime) -> Obstacle | None:
        """Why nobody is sent for an order that has a restaurant; None where nothing is against it."""
        return self._outside(order) or self.closure(order.kitchen, moment)

    def all_against(self, order: Order, moment: datetime) -> list[Obstacle]:
        """Every reason, and not only the first. Where several places are closed, each until all are open."""
        gates = self._gates(order.kitchen)
        outside, until = self._outside(order), through([gate for _, gate in gates], moment)
        closed = [Obstacle(problem, until) for problem, gate in gates if gate(moment) != moment]
        return [outside, *closed] if outside else closed

    def _outside(self, order: Order) -> Obstacle | None:
        restaurant, door = order.kitchen, order.customer_point
        area = self.areas.get(restaurant.city_id) if restaurant.city_id else None
        if area is None or door is None or contains(area, door):
            return None
        return Obstacle(Problem.CUSTOMER_OUTSIDE, None)

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


def _outline(city_id: UUID, area: str) -> dict[UUID, Area]:
    """By city; none where it can't be read."""
    try:
        return {city_id: area_from_geojson(json.loads(area))}
    except BadArea as wrong:
        logger.warning("the area of city %s can't be read, and counts for nothing: %s", city_id, wrong)
        return {}


def note(order: Order) -> None:
    """Has an order that is not stored yet say at once what there is to say."""
    if order.restaurant_id is None:
        return
    if not Order.restaurant.is_cached(order):
        restaurant = Restaurant.objects.select_related("city").filter(pk=order.restaurant_id).first()
        if restaurant is None:
            return
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
