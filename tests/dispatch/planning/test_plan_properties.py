"""Whatever a driver has to do, and whatever is wrong with it: what holds of every plan that is stored."""

from collections.abc import Callable
from datetime import datetime, timedelta
from random import Random

import pytest
from django.utils import timezone

from dispatch.models import City, Driver, Order, Restaurant, SpeedFactor, Stop
from dispatch.planning import replanning
from routing.geo import Point, destination
from tests.conftest import DENVER
from tests.dispatch.story import NO_OSRM, arrange, bring_to

PARIS = Point(48.8566, 2.3522)
BEGUN = ("assigned", "to_restaurant", "driver_at_restaurant", "picked_up", "driver_nearby")


@pytest.fixture
def kitchens(city: City, restaurant: Restaurant) -> list[Restaurant]:
    spots = [destination(DENVER, bearing, 900) for bearing in (20, 200)]
    return [
        restaurant,
        *(Restaurant.objects.create(name="R", city=city, lat=spot.lat, lng=spot.lng) for spot in spots),
    ]


def some_order(random: Random, kitchens: list[Restaurant], new_order: Callable[..., Order]) -> Order:
    door = destination(DENVER, random.uniform(0, 360), random.uniform(100, 1500))
    if random.random() < 0.1:
        door = PARIS
    ready_at = timezone.now() + timedelta(minutes=random.uniform(-20, 30))
    return new_order(
        restaurant_id=random.choice(kitchens).pk,
        customer_lat=door.lat,
        customer_lng=door.lng,
        ready_at=random.choice([None, ready_at]),
        promised_at=random.choice([None, timezone.now() + timedelta(minutes=random.uniform(-10, 50))]),
        bags=random.randint(1, 4),
    )


def open_stops(driver: Driver) -> list[Stop]:
    return list(Stop.objects.plans_of([driver.pk]))


def check(driver: Driver, before: set[tuple[object, str]], asked_at: datetime) -> None:
    stops = open_stops(driver)
    assert len(stops) == len(before)
    assert {(stop.order_id, stop.kind) for stop in stops} == before
    to_pick_up = {stop.order_id for stop in stops if stop.kind == "pickup"}
    for stop in stops:
        assert stop.kind == "pickup" or stop.order_id not in to_pick_up
        to_pick_up.discard(stop.order_id)
        assert stop.eta is None or stop.eta == stop.arrived_at or stop.eta >= asked_at
    for stop in stops:
        order = stop.order
        # Who has no ETA, or no range, has a reason, and who has a reason has no range.
        assert order.problem or (stop.eta and order.eta_minutes)
        assert bool(order.problem) == (order.eta_low is None)
        assert order.eta_minutes is None or order.eta_minutes >= 1
        assert order.eta_low is None or order.eta_low <= order.eta_minutes <= order.eta_high


@pytest.mark.parametrize("seed", range(25))
def test_no_plan_loses_doubles_or_forestalls_anything(
    seed: int,
    city: City,
    kitchens: list[Restaurant],
    new_order: Callable[..., Order],
    new_driver: Callable[..., Driver],
    settings: object,
) -> None:
    random = Random(seed)
    driver = new_driver(capacity=random.choice([2, 6]))
    SpeedFactor.objects.bulk_create(
        SpeedFactor(city=city, hour=hour, override=random.uniform(0.7, 2)) for hour in range(168)
    )
    for _ in range(random.randint(1, 5)):
        bring_to(some_order(random, kitchens, new_order), driver, random.choice(BEGUN))
    # A driver stands at one place at most.
    Stop.objects.update(arrived_at=None)
    if random.random() < 0.5:
        Stop.objects.filter(pk=open_stops(driver)[0].pk).update(arrived_at=timezone.now())
    before = {(stop.order_id, stop.kind) for stop in open_stops(driver)}
    if random.random() < 0.2:
        settings.OSRM_URL = NO_OSRM

    asked_at = timezone.now()
    for plan in (lambda: replanning.replan(driver.pk), replanning.sweep, replanning.refresh_etas):
        plan()
        check(driver, before, asked_at)
    if saving := replanning.saving(driver.pk):
        arrange(driver, saving.stops, pinned=saving.stops)
    check(driver, before, asked_at)
