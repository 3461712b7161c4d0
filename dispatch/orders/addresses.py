"""Whether roads lead from a restaurant to a customer's door: asked while the order still waits for a driver, so that
somebody corrects the address before anybody drives there.

What coordinates tell by themselves nobody is asked (`Order.misplaced`). While the roads are away nothing is said, and
`check_pending` asks again soon.
"""

import logging
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import batched

from dispatch.models import City, Order, Restaurant
from dispatch.signals import announced
from dispatch.statuses import UNASSIGNED
from routing.errors import NoSegment, RoutingError
from routing.geo import Point
from routing.osrm import osrm_from_settings
from routing.problems import UNREACHABLE, Problem

logger = logging.getLogger(__name__)

#: Of one restaurant's doors so many are asked about at once.
DOORS_AT_ONCE = 100


def check_pending() -> None:
    """Looks at all orders that wait for a dispatcher, whoever wrote them. Where Doorstep assigns, its rounds do."""
    waiting = Order.objects.filter(status__in=UNASSIGNED)
    by_hand = waiting.exclude(restaurant__city__assignment=City.Assignment.AUTO)
    check(by_hand.select_related("restaurant__city"))


def check(orders: Iterable[Order]) -> None:
    """Asks the roads about these orders, and stores what they say with those that still wait for a driver, with the
    door that was asked about.
    """
    found = cut_off(orders)
    with announced() as changes:
        for order, problem in found:
            was = order.problem
            # A round of assigning may have told something else, which the roads know nothing of.
            order.problem = problem or ("" if was in UNREACHABLE else was)
            if order.problem != was:
                asked = Order.objects.filter(
                    pk=order.pk,
                    status__in=UNASSIGNED,
                    customer_lat=order.customer_lat,
                    customer_lng=order.customer_lng,
                )
                if asked.update(problem=order.problem):
                    changes.orders.add(order.pk)


def cut_off(orders: Iterable[Order]) -> list[tuple[Order, Problem | None]]:
    """Of each order which end of the way to its customer no road leads to, None where one leads there. Left out are
    those whose coordinates can't be right, and all of which the roads say nothing.
    """
    by_restaurant: defaultdict[Point, list[tuple[Order, Point]]] = defaultdict(list)
    for order in orders:
        if (door := order.customer_point) is not None and order.misplaced is None:
            by_restaurant[order.kitchen.point].append((order, door))
    found: list[tuple[Order, Problem | None]] = []
    for restaurant, all_of_it in by_restaurant.items():
        for some in batched(all_of_it, DOORS_AT_ONCE):
            try:
                problems = _doors_cut_off(restaurant, [door for _, door in some])
            except RoutingError as error:
                if error.retryable:
                    return found
                logger.warning("nobody can say whether roads lead to the doors of waiting orders: %s", error)
            else:
                found += [(order, problems.get(door)) for order, door in some]
    return found


def problem_of(restaurant: Restaurant) -> Problem | None:
    """What is wrong with where a restaurant lies; None also where the roads do not answer."""
    if problem := restaurant.misplaced:
        return problem
    try:
        osrm_from_settings().nearest(restaurant.point)
    except NoSegment:
        return Problem.RESTAURANT_UNREACHABLE
    except RoutingError:
        return None
    return None


def _doors_cut_off(restaurant: Point, doors: Sequence[Point]) -> dict[Point, Problem]:
    """Raises RoutingError where the roads do not say."""
    left = list(dict.fromkeys(doors))
    found: dict[Point, Problem] = {}
    while left:
        try:
            [seconds] = osrm_from_settings().table([restaurant], left).seconds
        except NoSegment as error:
            if error.place is None:
                raise
            if error.place == 0:
                return dict.fromkeys(doors, Problem.RESTAURANT_UNREACHABLE)
            found[left.pop(error.place - 1)] = Problem.CUSTOMER_UNREACHABLE
        else:
            ways = zip(left, seconds, strict=True)
            return found | {door: Problem.CUSTOMER_UNREACHABLE for door, cell in ways if cell is None}
    return found
