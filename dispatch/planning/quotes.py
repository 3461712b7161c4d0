"""What an ordering platform is told before it orders: whether food could be brought to a door now, and by when.

The planner is asked as if the order were placed this moment: with the nearest drivers and what they have to do, and
with orders that have waited for longer. Of a large fleet, and of many orders, only so many are looked at: a quote is
an answer to somebody who waits for a page.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import ceil
from uuid import UUID, uuid4

from django.db.models import Exists, OuterRef
from django.db.models.functions import Now
from django.utils import timezone

from dispatch.clock import database_now
from dispatch.errors import NotFound, QuoteRefused
from dispatch.metrics import PLANNER_SECONDS
from dispatch.models import ApiKey, Driver, Order, Quote, Stop
from dispatch.models.cities import PROMISE_MINUTES
from dispatch.orders import addresses
from dispatch.orders.availability import Availability, Obstacle
from dispatch.planning.assignment import HEARD_OF
from dispatch.planning.workload import Workload
from dispatch.statuses import OrderStatus
from routing import planner
from routing.geo import Point, distance_m
from routing.problems import CLOSED, OF_THE_ADDRESS, UNREACHABLE, Problem

#: So long a quote is kept.
VALID = timedelta(minutes=10)
#: So long what became of it can be looked up.
REMEMBERED = timedelta(days=1)
#: So many of the nearest drivers are asked who have nothing to do, and so many who have.
FREE, BUSY = 8, 8
#: So many of the orders that have waited longest come before.
WAITING = 8
#: What all of them go to, at most.
PLACES = 80
#: Good enough to tell when, and soon told.
QUICKLY = planner.Settings(reassign_gain_s=1e7, rounds=10, time_limit_s=0.05)


@dataclass(frozen=True)
class Prospect:
    """`at`: when the planner would have it at the door, and the minutes between which four such arrivals of five lie;
    None where something is `against` it. `approximate`: along straight lines, for the roads do not answer.
    """

    asked_at: datetime
    city_minutes: int
    at: datetime | None
    minutes: tuple[int, int] | None
    approximate: bool
    against: Sequence[Obstacle]

    @property
    def promised_at(self) -> datetime:
        """What the city promises, or later where the fleet can't."""
        city = self.asked_at + timedelta(minutes=self.city_minutes)
        return city if self.at is None else max(city, self.asked_at + timedelta(minutes=self.whole_minutes))

    @property
    def whole_minutes(self) -> int:
        assert self.at is not None  # noqa: S101 (for the caller to ask)
        return ceil((self.at - self.asked_at).total_seconds() / 60)


def ask(order: Order) -> Prospect:
    """`order`: one that is not stored, with its restaurant and that one's city, and with coordinates."""
    now = timezone.now()
    city_minutes = _city_minutes(order, now)
    order.pk, order.created_at = uuid4(), now
    order.promised_at = now + timedelta(minutes=city_minutes)
    against = Availability.of([order]).all_against(order, now)
    if order.misplaced is not None:
        against.insert(0, Obstacle(order.misplaced, None))
        return Prospect(now, city_minutes, None, None, False, against)
    workload = Workload.of(_drivers_near(order), [*_waiting_longer(order), order]).of_one_table(PLACES)
    instance, approximate = workload.instance(now)
    with PLANNER_SECONDS.labels("quote").time():
        solution = planner.solve(instance, QUICKLY)
    at = _delivered(order, solution)
    if at is None:
        against.append(Obstacle(_why_nobody(order, solution), None))
    if at is None or against:
        return Prospect(now, city_minutes, None, None, approximate, against)
    minutes = workload.travel_times.ranges.minutes(order.city_id, (at - now).total_seconds())
    return Prospect(now, city_minutes, at, minutes, approximate, [])


def keep(prospect: Prospect, order: Order, key: ApiKey) -> Quote:
    """For an order that could be brought: what is promised now is promised for as long as VALID."""
    door = order.customer_point
    assert door is not None  # noqa: S101 (to nowhere nothing is brought)
    return Quote.objects.create(
        key=key,
        restaurant=order.kitchen,
        customer_lat=door.lat,
        customer_lng=door.lng,
        promised_at=prospect.promised_at,
        expires_at=database_now() + VALID,
    )


def redeem(quote_id: UUID, order: Order, key: ApiKey) -> datetime:
    """In the transaction that places the order: what it is promised. A quote is good for one.

    Raises NotFound, QuoteRefused.
    """
    of_key = Quote.objects.filter(pk=quote_id, key=key)
    door = order.customer_point
    for_order = (
        of_key.none()
        if door is None
        else of_key.filter(restaurant=order.restaurant_id, customer_lat=door.lat, customer_lng=door.lng)
    )
    if for_order.filter(used_at=None, expires_at__gt=Now()).update(used_at=Now()):
        return of_key.values_list("promised_at", flat=True).get()
    quote = of_key.first()
    if quote is None:
        raise NotFound("There is no such quote.")
    if quote.used_at is not None:
        raise QuoteRefused("quote_used", "An order was placed with this quote already.")
    if not for_order.exists():
        raise QuoteRefused("quote_mismatch", "This quote is of another restaurant, or to another door.")
    raise QuoteRefused("quote_expired", "This quote has expired: ask for another one.")


def forget() -> int:
    """Those of which nobody has to know any more what became of them. Returns how many."""
    return Quote.objects.filter(made_at__lt=database_now() - REMEMBERED).delete()[0]


def _city_minutes(order: Order, now: datetime) -> int:
    """As the database has it for who orders now (dispatch/migrations/0015_cities_as_they_are.py)."""
    restaurant, city = order.kitchen, order.city
    usual = PROMISE_MINUTES if city is None else city.promise_minutes + city.extra_minutes_at(now)
    return usual + restaurant.extra_minutes_at(now)


def _drivers_near(order: Order) -> list[Driver]:
    """The nearest of the city who can what it needs, where anybody can; those on a break last."""
    now, here = timezone.now(), order.kitchen.point
    has_stops = Exists(Stop.objects.filter(driver=OuterRef("pk"), done_at=None))
    fleet = Driver.objects.filter(HEARD_OF, city=order.city_id, current_lat__isnull=False)
    fields = ("pk", "current_lat", "current_lng", "skills", "break_until", "busy")
    rows = fleet.order_by().annotate(busy=has_stops).values_list(*fields, named=True)
    able = [row for row in rows if {*order.needs} <= {*row.skills}] or list(rows)
    able.sort(
        key=lambda row: (
            row.break_until is not None and row.break_until > now,
            distance_m(here, Point(row.current_lat, row.current_lng)),
        )
    )
    free = [row.pk for row in able if not row.busy][:FREE]
    busy = [row.pk for row in able if row.busy][:BUSY]
    drivers = Driver.objects.in_bulk(free + busy)
    return [drivers[pk] for pk in free + busy if pk in drivers]


def _waiting_longer(order: Order) -> list[Order]:
    """Those of the city that would be brought if there were drivers enough."""
    waiting = Order.objects.filter(
        status=OrderStatus.PENDING, restaurant__city=order.city_id, customer_lat__isnull=False
    )
    waiting = waiting.exclude(problem__in=OF_THE_ADDRESS | CLOSED).select_related("restaurant__city")
    return [one for one in waiting.order_by("created_at")[:WAITING] if one.misplaced is None]


def _delivered(order: Order, solution: planner.Solution) -> datetime | None:
    at = (tour.delivered(order.pk) for tour in solution.tours.values())
    seconds = next((then for then in at if then is not None), None)
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def _why_nobody(order: Order, solution: planner.Solution) -> Problem:
    """Where no road joins both ends the planner does not know which of them has none; the roads do."""
    problem = solution.unassigned.get(order.pk, Problem.NO_DRIVER)
    if problem in UNREACHABLE:
        [(_, told)] = addresses.cut_off([order]) or [(order, None)]
        return told or problem
    return problem
