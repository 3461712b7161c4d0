"""Drivers and orders in the database, on real streets: what a dispatcher is shown, what a round of ETAs costs."""

import time
from collections.abc import Iterable, Sequence
from itertools import accumulate, pairwise
from random import Random
from statistics import mean
from uuid import UUID

from django.conf import settings
from django.utils import timezone

from delivery.devtools.bench.routing_page import Cycle, TourComparison
from delivery.devtools.replay.towns import Request
from dispatch.models import City, Driver, Restaurant, Stop, plans_of
from dispatch.orders import actions, buttons
from dispatch.planning import replanning
from dispatch.signals import announced
from dispatch.statuses import DriverStatus, OrderStatus
from routing.geo import Point, from_lnglat
from routing.osrm import osrm_from_settings
from routing.roads.cities import DENVER

ACTOR = actions.dispatcher("bench")
ORDERS_PER_TRIP = 3
RESTAURANTS = 40
#: In turn: 2.5 on average.
ORDERS_PER_DRIVER = (2, 3)


def tours(requests: Sequence[Request], count: int) -> list[TourComparison]:
    """A driver at a restaurant has three orders for doors all over downtown, in order of placement."""
    random = Random(0)
    city = _city()
    driver = _driver(city, random.choice(requests).origin)
    return [_tour(driver, city, random, requests) for _ in range(count)]


def _tour(driver: Driver, city: City, random: Random, requests: Sequence[Request]) -> TourComparison:
    start = random.choice(requests).origin
    kitchen = _restaurant(city, start)
    with announced():
        Driver.objects.filter(pk=driver.pk).update(current_lat=start.lat, current_lng=start.lng)
        orders = [
            _order(kitchen, driver, random.choice(requests).destination, picked_up=True)
            for _ in range(ORDERS_PER_TRIP)
        ]
    doors = {stop.pk: stop.point for stop in Stop.objects.plans_of([driver.pk]) if stop.point is not None}
    saving = replanning.saving(driver.pk)
    placed, placed_door = _driven([start, *doors.values()])
    planned, planned_door = _driven([start, *(doors[pk] for pk in (saving.stops if saving else doors))])
    with announced():
        for order in orders:
            buttons.report(driver.pk, order, OrderStatus.DELIVERED)
    return TourComparison(saving.seconds if saving else 0.0, placed, planned, placed_door, planned_door)


def _driven(way: Sequence[Point]) -> tuple[float, float]:
    """Driving, and until a customer's door on average, from leg to leg (seconds)."""
    legs = [osrm_from_settings().route(leg).duration_s for leg in pairwise(way)]
    doors = [drive + k * settings.DROPOFF_SERVICE_S for k, drive in enumerate(accumulate(legs))]
    return sum(legs), mean(doors)


def cycles(requests: Sequence[Request], fleets: Iterable[int], count: int) -> list[Cycle]:
    """ETAs of fleets that grow to these numbers of drivers, `count` times each. Between two rounds every driver is
    elsewhere on the road, so that every ETA is another one: the most that there can be to store.
    """
    random = Random(1)
    city = _city()
    kitchens = [_restaurant(city, random.choice(requests).origin) for _ in range(RESTAURANTS)]
    crew: list[UUID] = []
    orders = 0
    found = []
    for drivers in fleets:
        while len(crew) < drivers:
            driver = _driver(city, random.choice(requests).origin)
            own = ORDERS_PER_DRIVER[len(crew) % len(ORDERS_PER_DRIVER)]
            with announced():
                for k in range(own):
                    door = random.choice(requests).destination
                    _order(random.choice(kitchens), driver, door, picked_up=k == 0)
            assert replanning.replan(driver.pk)
            crew.append(driver.pk)
            orders += own
        times = [_cycle(crew, share) for share in [0.1, 0.9] * ((count + 2) // 2)][1 : count + 1]
        found.append(Cycle(drivers, orders, [wall for wall, _ in times], [cpu / wall for wall, cpu in times]))
    return found


def _cycle(crew: Sequence[UUID], share: float) -> tuple[float, float]:
    """Seconds that a round took, and that this process computed meanwhile."""
    moved = []
    for pk, stops in plans_of(crew).items():
        line = stops[0].leg or []
        if line:
            at = from_lnglat(line[int(share * (len(line) - 1))])
            moved.append(Driver(pk=pk, current_lat=at.lat, current_lng=at.lng))
    Driver.objects.bulk_update(moved, ["current_lat", "current_lng"])
    wall, cpu = time.perf_counter(), time.process_time()
    stored = replanning.refresh_etas()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    assert stored == len(crew), f"{stored} of {len(crew)} drivers have new ETAs"
    return wall, cpu


def _city() -> City:
    city, _ = City.objects.get_or_create(
        name=DENVER.name,
        defaults={"lat": DENVER.center.lat, "lng": DENVER.center.lng, "time_zone": DENVER.time_zone},
    )
    return city


def _driver(city: City, at: Point) -> Driver:
    driver = Driver(
        name="Driver of the bench",
        city=city,
        status=DriverStatus.IDLE,
        on_shift=True,
        last_seen_at=timezone.now(),
        current_lat=at.lat,
        current_lng=at.lng,
    )
    actions.change_driver(driver)
    return driver


def _restaurant(city: City, at: Point) -> Restaurant:
    restaurant = Restaurant(name="Kitchen of the bench", city=city, lat=at.lat, lng=at.lng)
    actions.change_restaurant(restaurant)
    return restaurant


def _order(kitchen: Restaurant, driver: Driver, door: Point, *, picked_up: bool) -> UUID:
    order = actions.create_order(
        kitchen.pk,
        customer_name="Customer of the bench",
        customer_address="Downtown Denver",
        customer_lat=door.lat,
        customer_lng=door.lng,
        actor=ACTOR,
    )
    actions.assign(order.pk, driver.pk, actor=ACTOR)
    if picked_up:
        buttons.report(driver.pk, order.pk, OrderStatus.PICKED_UP)
    return order.pk
