"""Storing a driver's plan: visiting order, ETAs, roads."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from dispatch.models import Driver, Order, Stop, left_and_ahead
from dispatch.orders import actions, buttons
from dispatch.planning import plan_store
from dispatch.planning.plan_store import Ahead, Plan, PlannedStop
from routing.problems import Problem
from tests.dispatch.story import (
    DANA,
    NOON,
    arrange,
    arrive,
    assign,
    check_everything,
    leave,
    plan,
    report,
    status,
)

ROAD = [[-105.0, 39.7], [-105.1, 39.8]]


@pytest.fixture
def ann(new_order: Callable[..., Order], driver: Driver) -> Order:
    order = new_order(customer_name="Ann")
    assign(order, driver)
    return order


@pytest.fixture
def bob(ann: Order, new_order: Callable[..., Order], driver: Driver) -> Order:
    order = new_order(customer_name="Bob")
    assign(order, driver)
    return order


def planned(driver: Driver, *names: str, minutes: float = 10, line: list | None = ROAD) -> list[PlannedStop]:
    """For the stops named, in this order, arrivals `minutes` apart from now on."""
    by_name = {
        f"{stop.kind} {stop.order.customer_name}": stop.pk for stop in Stop.objects.plans_of([driver.pk])
    }
    now = timezone.now()
    return [
        PlannedStop(
            by_name[name], now + timedelta(minutes=minutes * n), (minutes * n, minutes * n + 4), line=line
        )
        for n, name in enumerate(names, start=1)
    ]


def store(
    driver: Driver,
    found: list[PlannedStop],
    problem: Problem | None = None,
    *,
    made_of: list[Ahead] | None = None,
    **options: bool,
) -> bool:
    """`made_of`: the stops as they were before; None: as they are."""
    found = [replace(leg, problem=problem) for leg in found]
    made_of = ahead(driver) if made_of is None else made_of
    return plan_store.store(Plan(driver.pk, made_of, found, **options))


def ahead(driver: Driver) -> list[Ahead]:
    return Ahead.of(left_and_ahead(Stop.objects.plans_of([driver.pk]))[1])


def eta(order: Order) -> tuple[int | None, bool]:
    order.refresh_from_db()
    return order.eta_minutes, order.eta_approximate


def versions(*things: Order | Driver) -> list[int]:
    for thing in things:
        thing.refresh_from_db()
    return [thing.version for thing in things]


TRIP = ("pickup Bob", "pickup Ann", "dropoff Ann", "dropoff Bob")


def test_a_plan_puts_the_stops_in_order(bob: Order, driver: Driver) -> None:
    found = planned(driver, *TRIP)
    assert store(driver, found)
    assert plan(driver) == list(TRIP)
    assert [(stop.eta, stop.leg) for stop in Stop.objects.plans_of([driver.pk])] == [
        (leg.eta, ROAD) for leg in found
    ]


def test_minutes_to_the_door_are_the_dropoffs(ann: Order, bob: Order, driver: Driver) -> None:
    store(driver, planned(driver, *TRIP), Problem.ROADS_AWAY)
    assert eta(ann) == (30, True)
    assert eta(bob) == (40, True)


def test_a_plan_of_stops_that_have_changed_is_not_stored(ann: Order, bob: Order, driver: Driver) -> None:
    found, before = planned(driver, *TRIP), ahead(driver)
    actions.cancel(bob.pk, actor=DANA)
    assert not store(driver, found, made_of=before)
    assert plan(driver) == ["pickup Ann", "dropoff Ann"]
    assert eta(ann) == (None, False)


def test_a_plan_without_a_new_stop_is_not_stored(
    ann: Order, new_order: Callable[..., Order], driver: Driver
) -> None:
    found, before = planned(driver, "pickup Ann", "dropoff Ann"), ahead(driver)
    assign(new_order(), driver)
    assert not store(driver, found, made_of=before)
    assert eta(ann) == (None, False)


def test_a_plan_of_somebody_elses_stops_is_not_stored(
    ann: Order, driver: Driver, new_driver: Callable[..., Driver]
) -> None:
    assert not store(new_driver(), planned(driver, "pickup Ann", "dropoff Ann"), made_of=ahead(driver))
    assert not store(driver, [PlannedStop(uuid4(), NOON)], made_of=[Ahead(uuid4(), pinned=False)])
    assert eta(ann) == (None, False)


def test_etas_alone_leave_the_order_of_the_stops(bob: Order, driver: Driver) -> None:
    before = plan(driver)
    assert store(driver, planned(driver, *before))
    assert plan(driver) == before


def test_etas_of_an_order_of_stops_that_is_no_longer_driven_are_not_stored(
    bob: Order, driver: Driver
) -> None:
    found, before = planned(driver, *plan(driver), minutes=90), ahead(driver)
    store(driver, planned(driver, *TRIP))
    assert not store(driver, found, made_of=before)
    assert plan(driver) == list(TRIP)
    assert eta(bob) == (40, False)


@pytest.mark.parametrize("pinned", [True, False])
def test_what_a_dispatcher_wants_meanwhile_stays(
    ann: Order, bob: Order, driver: Driver, pinned: bool
) -> None:
    """While the planner was thinking, the office put the stops in order by hand, or only pinned them as they were."""
    found, before = planned(driver, *TRIP), ahead(driver)
    wanted = [stop.stop_id for stop in before]
    if not pinned:
        wanted = [wanted[0], wanted[2], wanted[1], wanted[3]]
    arrange(driver, wanted, pinned=wanted if pinned else ())
    assert not store(driver, found, made_of=before)
    assert [stop.stop_id for stop in ahead(driver)] == wanted


def test_roads_are_kept_when_only_times_are_new(ann: Order, driver: Driver) -> None:
    store(driver, planned(driver, "pickup Ann", "dropoff Ann"))
    store(driver, planned(driver, "pickup Ann", "dropoff Ann", line=None), keep_roads=True)
    assert [stop.leg for stop in Stop.objects.plans_of([driver.pk])] == [ROAD, ROAD]


def test_roads_that_are_not_known_any_more_are_forgotten(ann: Order, driver: Driver) -> None:
    store(driver, planned(driver, "pickup Ann", "dropoff Ann"))
    store(driver, planned(driver, "pickup Ann", "dropoff Ann", line=None))
    assert [stop.leg for stop in Stop.objects.plans_of([driver.pk])] == [None, None]


def test_the_same_minutes_again_are_no_news(ann: Order, driver: Driver) -> None:
    found = planned(driver, "pickup Ann", "dropoff Ann")
    store(driver, found)
    before = versions(ann, driver)
    store(driver, found, keep_roads=True)
    assert versions(ann, driver) == before


@pytest.mark.parametrize("changed", [{"minutes": 11}, {"problem": Problem.DRIVER_SILENT}])
def test_other_minutes_are(ann: Order, driver: Driver, changed: dict) -> None:
    store(driver, planned(driver, "pickup Ann", "dropoff Ann"))
    [before] = versions(ann)
    minutes = changed.pop("minutes", 10)
    found = planned(driver, "pickup Ann", "dropoff Ann", minutes=minutes)
    store(driver, found, keep_roads=True, **changed)
    assert versions(ann)[0] > before


def test_a_new_order_of_stops_is_news_for_every_customer(ann: Order, bob: Order, driver: Driver) -> None:
    before = versions(ann, bob, driver)
    store(driver, planned(driver, *TRIP))
    assert all(new > old for new, old in zip(versions(ann, bob, driver), before, strict=True))


def test_the_drivers_status_follows_the_new_order_of_stops(ann: Order, driver: Driver) -> None:
    bob = Order.objects.create(
        restaurant=ann.restaurant, customer_name="Bob", customer_lat=39.7, customer_lng=-105
    )
    assign(bob, driver)
    buttons.report(driver.pk, bob.pk, "picked_up")
    assert (plan(driver)[0], status(driver)) == ("pickup Ann", "to_restaurant")
    store(driver, planned(driver, "dropoff Bob", "pickup Ann", "dropoff Ann"))
    assert status(driver) == "delivering"


def test_a_stop_that_has_been_reached_keeps_its_arrival(ann: Order, driver: Driver) -> None:
    arrive(driver, "pickup", ann, seconds=0)
    store(driver, planned(driver, "pickup Ann", "dropoff Ann"))
    assert Stop.objects.get(order=ann, kind="pickup").arrived_at == NOON


def test_a_driver_without_stops_has_a_plan_of_none(driver: Driver) -> None:
    assert store(driver, [])


def test_minutes_do_not_bounce(ann: Order, driver: Driver) -> None:
    """Told is a change of a minute or more."""
    told = []
    for minutes in (20.0, 20.7, 19.6, 20.9, 19.3, 21.4, 20.6, 18.9):
        found = planned(driver, "pickup Ann", "dropoff Ann", minutes=minutes / 2)
        store(driver, found, keep_roads=True)
        told.append(eta(ann)[0])
    assert told == [20, 20, 20, 20, 20, 22, 21, 19]


def test_a_door_that_was_left_is_planned_no_more_and_stays_first(
    ann: Order, bob: Order, driver: Driver, new_order: Callable[..., Order]
) -> None:
    cyd = new_order(customer_name="Cyd")
    assign(cyd, driver)
    for order in (ann, bob, cyd):
        report(driver, order, "picked_up")
    arrive(driver, "dropoff", ann, seconds=300)
    leave(driver, "dropoff", ann, seconds=600)
    everything = Ahead.of(Stop.objects.plans_of([driver.pk]))
    assert not store(driver, planned(driver, "dropoff Ann", "dropoff Cyd", "dropoff Bob"), made_of=everything)
    assert store(driver, planned(driver, "dropoff Cyd", "dropoff Bob"))
    assert plan(driver) == ["dropoff Ann", "dropoff Cyd", "dropoff Bob"]
    assert (eta(ann)[0], eta(cyd)[0], eta(bob)[0]) == (None, 10, 20)
    check_everything()
