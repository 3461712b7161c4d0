"""What a driver goes by: whose roads ETAs and proposals come from, and what cars have taught of them."""

from collections.abc import Callable

import pytest
from django.utils import timezone

from dispatch.models import City, Driver, Order, SpeedFactor, Stop
from dispatch.planning import assignment, replanning
from routing.geo import Point
from routing.osrm import Osrm, osrm_from_settings, straight_line
from routing.problems import Problem
from tests.conftest import DENVER
from tests.dispatch.story import NO_OSRM, assign, bring_to


@pytest.fixture
def rush_hour(city: City) -> None:
    """By car everything takes three times as long, all week."""
    SpeedFactor.objects.bulk_create(SpeedFactor(city=city, hour=hour, override=3.0) for hour in range(168))


def drive_s(driver: Driver) -> float:
    """To the first stop, as planned anew."""
    assert replanning.replan(driver.pk)
    now = timezone.now()
    [first, *_] = Stop.objects.plans_of([driver.pk])
    return (first.eta - now).total_seconds()


def routed_s(osrm: Osrm, driver: Driver, *way: Point) -> float:
    return osrm.route([driver.point, *way]).duration_s


def test_a_bicycle_goes_by_its_own_roads_and_no_traffic_slows_it(
    new_driver: Callable[..., Driver], new_order: Callable[..., Order], by_bicycle: Osrm, rush_hour: None
) -> None:
    driver, order = new_driver(vehicle="bicycle"), new_order()
    assign(order, driver)
    assert drive_s(driver) == pytest.approx(routed_s(by_bicycle, driver, DENVER), abs=2)
    [pickup, _] = Stop.objects.plans_of([driver.pk])
    [leg, *_] = by_bicycle.route([driver.point, DENVER], geometry=True).legs
    assert len(pickup.leg) == len(leg.line)
    assert Order.objects.get(pk=order.pk).problem == ""


@pytest.mark.parametrize("vehicle", ["car", "scooter"])
def test_a_scooter_goes_as_a_car_does(
    new_driver: Callable[..., Driver],
    new_order: Callable[..., Order],
    by_bicycle: Osrm,
    rush_hour: None,
    vehicle: str,
) -> None:
    driver = new_driver(vehicle=vehicle)
    assign(new_order(), driver)
    assert drive_s(driver) == pytest.approx(3 * routed_s(osrm_from_settings(), driver, DENVER), abs=2)


def test_without_an_osrm_of_their_own_bicycles_go_by_the_car_s(
    new_driver: Callable[..., Driver], new_order: Callable[..., Order], rush_hour: None
) -> None:
    driver = new_driver(vehicle="bicycle")
    assign(new_order(), driver)
    assert drive_s(driver) == pytest.approx(3 * routed_s(osrm_from_settings(), driver, DENVER), abs=2)


def test_proposals_are_by_what_each_driver_goes_by(
    order: Order, new_driver: Callable[..., Driver], by_bicycle: Osrm
) -> None:
    drivers = {vehicle: new_driver(vehicle=vehicle) for vehicle in ("bicycle", "car", "foot")}
    roads = {"bicycle": by_bicycle, "car": osrm_from_settings(), "foot": osrm_from_settings()}
    found = assignment.propose(order.pk)
    driven = {proposal.vehicle: proposal.tour.driving_s for proposal in found.ranked}
    assert not found.approximate
    for vehicle, driver in drivers.items():
        table = roads[vehicle].table([driver.point, DENVER, order.customer_point]).seconds
        assert driven[driver.pk] == pytest.approx(table[0][1] + table[1][2], abs=0.1)
    assert found.ranked[-1].vehicle == drivers["bicycle"].pk


@pytest.mark.usefixtures("by_bicycle")
def test_stops_are_put_in_order_by_the_own_roads_alone(
    new_driver: Callable[..., Driver], new_order: Callable[..., Order], settings: object
) -> None:
    driver = new_driver(vehicle="bicycle")
    orders = [new_order(customer_lat=DENVER.lat, customer_lng=DENVER.lng - d) for d in (0.001, 0.009)]
    for order in orders:
        bring_to(order, driver, "picked_up")
    settings.OSRM_URL = NO_OSRM
    assert replanning.replan(driver.pk)
    assert [stop.order_id for stop in Stop.objects.plans_of([driver.pk])] == [orders[1].pk, orders[0].pk]


def test_while_a_bicycle_s_roads_are_away_it_goes_straight_and_slowly(
    new_driver: Callable[..., Driver], new_order: Callable[..., Order], settings: object, by_bicycle: Osrm
) -> None:
    url, settings.OSRM_URL_BICYCLE = settings.OSRM_URL_BICYCLE, NO_OSRM
    rider, order = new_driver(vehicle="bicycle"), new_order()
    motorist, other = new_driver(), new_order()
    assign(order, rider)
    assign(other, motorist)
    guess = straight_line([rider.point, DENVER], "bicycle").duration_s
    assert drive_s(rider) == pytest.approx(guess, abs=2)
    assert guess > straight_line([rider.point, DENVER]).duration_s
    replanning.refresh_etas()
    order.refresh_from_db()
    other.refresh_from_db()
    assert (order.problem, other.problem) == (Problem.ROADS_AWAY, "")
    assert assignment.propose(new_order().pk).approximate
    settings.OSRM_URL_BICYCLE = url
    replanning.mend_etas()
    order.refresh_from_db()
    assert order.problem == ""
