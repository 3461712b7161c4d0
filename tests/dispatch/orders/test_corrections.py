"""What people correct by hand in the admin."""

from collections.abc import Callable

import pytest

from dispatch.errors import Invalid, WrongStatus
from dispatch.models import City, Driver, Order, Restaurant
from dispatch.orders import actions
from tests.dispatch.story import NOON, assign, bring_to, status


def test_a_customers_data_can_be_corrected(order: Order) -> None:
    order.customer_name, order.customer_phone, order.customer_address = "Ann", "+1 303", "6 Elm"
    order.customer_lat, order.customer_lng, order.ready_at = 39.71, -105.01, NOON
    actions.change_order(order)
    stored = Order.objects.get(pk=order.pk)
    assert (stored.customer_name, stored.customer_phone, stored.customer_address) == (
        "Ann",
        "+1 303",
        "6 Elm",
    )
    assert (stored.customer_lat, stored.customer_lng, stored.ready_at) == (39.71, -105.01, NOON)
    assert stored.version == 2


def test_nothing_else_of_an_order_can(order: Order, driver: Driver) -> None:
    token = order.tracking_token
    order.status, order.driver_id, order.eta_minutes, order.tracking_token = (
        "delivered",
        driver.pk,
        3,
        "f" * 32,
    )
    actions.change_order(order)
    stored = Order.objects.get(pk=order.pk)
    assert (stored.status, stored.driver_id, stored.eta_minutes) == ("pending", None, None)
    assert stored.tracking_token == token


def test_an_order_that_a_driver_has_keeps_coordinates(order: Order, driver: Driver) -> None:
    assign(order, driver)
    order.refresh_from_db()
    order.customer_lat = order.customer_lng = None
    with pytest.raises(Invalid, match="coordinates"):
        actions.change_order(order)
    assert Order.objects.get(pk=order.pk).customer_point is not None


@pytest.mark.parametrize("over", ["delivered", "cancelled", "failed"])
def test_an_order_that_is_over_is_not_changed(order: Order, driver: Driver, over: str) -> None:
    bring_to(order, driver, over)
    order.customer_name = "Mallory"
    with pytest.raises(WrongStatus):
        actions.change_order(order)
    assert Order.objects.get(pk=order.pk).customer_name != "Mallory"


def test_a_drivers_data_can_be_changed_and_nothing_of_the_day(driver: Driver) -> None:
    boulder = City.objects.create(name="Boulder", lat=40.0, lng=-105.3)
    driver.name, driver.phone, driver.city = "Bea", "+1 720", boulder
    driver.status, driver.on_shift, driver.current_lat = "delivering", False, 1.0
    actions.change_driver(driver)
    stored = Driver.objects.get(pk=driver.pk)
    assert (stored.name, stored.phone, stored.city) == ("Bea", "+1 720", boulder)
    assert (stored.status, stored.on_shift) == ("idle", True)
    assert stored.current_lat != 1.0
    assert stored.version > 1


def test_a_new_driver(city: City) -> None:
    actions.change_driver(Driver(name="Cyd", city=city))
    assert Driver.objects.get().status == "offline"


def test_a_restaurant_that_moves_makes_new_versions_for_those_on_the_way(
    new_order: Callable[..., Order], new_driver: Callable[..., Driver], restaurant: Restaurant
) -> None:
    coming, done, elsewhere = new_driver(), new_driver(), new_driver()
    on_its_way, delivered = new_order(), new_order()
    assign(on_its_way, coming)
    bring_to(delivered, done, "delivered")
    before = {driver.pk: Driver.objects.get(pk=driver.pk).version for driver in (coming, done, elsewhere)}
    restaurant.geofence_radius, restaurant.lat = 300, 39.76
    actions.change_restaurant(restaurant)
    stored = Restaurant.objects.get()
    assert (stored.geofence_radius, stored.lat) == (300, 39.76)
    newer = [pk for pk, version in before.items() if Driver.objects.get(pk=pk).version > version]
    assert newer == [coming.pk]
    assert status(on_its_way) == "assigned"
