"""Orders for a restaurant that is closed or paused are taken, and say so until it is not."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta

import pytest
import time_machine
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from dispatch.models import (
    City,
    DeliveryArea,
    Driver,
    OpeningException,
    OpeningHours,
    Order,
    Restaurant,
)
from dispatch.orders import actions, availability, scheduling, switches
from dispatch.planning import assignment
from dispatch.tasks import assign_pending
from routing.geo import destination, to_lnglat
from routing.problems import Problem
from tests.conftest import DENVER
from tests.dispatch.story import assign, status

#: Friday noon in Denver.
NOON = datetime(2026, 11, 27, 19, tzinfo=UTC)
HOUR = timedelta(hours=1)


def words(order: Order) -> str:
    order.refresh_from_db()
    return order.trouble_words(timezone.now())


def opens(place: Restaurant | City, weekday: int, opens: str, closes: str) -> None:
    of = {"city" if isinstance(place, City) else "restaurant": place}
    OpeningHours.objects.create(
        weekday=weekday, opens=time.fromisoformat(opens), closes=time.fromisoformat(closes), **of
    )


def test_an_order_before_opening_is_taken_and_says_when_it_opens(
    restaurant: Restaurant, new_order: Callable[..., Order]
) -> None:
    opens(restaurant, 4, "17:00", "22:00")
    with time_machine.travel(NOON, tick=False) as clock:
        order = new_order()
        assert (order.status, order.trouble) == ("pending", Problem.RESTAURANT_CLOSED)
        assert words(order) == "The restaurant is closed until 5:00 PM."
        clock.shift(5 * HOUR - timedelta(seconds=1))
        availability.check_waiting()
        assert words(order) != ""
        clock.shift(timedelta(seconds=1))
        availability.check_waiting()
        assert words(order) == ""
        clock.shift(5 * HOUR)
        availability.check_waiting()
        assert words(order) == "The restaurant is closed until Fri, Dec 4, 5:00 PM."


def test_times_are_told_as_the_city_tells_them(
    city: City, restaurant: Restaurant, new_order: Callable[..., Order]
) -> None:
    City.objects.update(clock="24h")
    opens(restaurant, 4, "17:00", "22:00")
    with time_machine.travel(NOON, tick=False):
        assert words(new_order()) == "The restaurant is closed until 17:00."


def test_a_holiday_closes_who_is_always_open(city: City, new_order: Callable[..., Order]) -> None:
    OpeningException.objects.create(city=city, date=date(2026, 11, 27))
    with time_machine.travel(NOON, tick=False):
        assert words(new_order()) == "The city is closed until Sat, Nov 28, 12:00 AM."
    with time_machine.travel(NOON + 24 * HOUR, tick=False):
        assert words(new_order()) == ""


def test_both_have_to_be_open(city: City, restaurant: Restaurant, new_order: Callable[..., Order]) -> None:
    opens(restaurant, 4, "11:00", "20:00")
    opens(city, 4, "17:00", "22:00")
    with time_machine.travel(NOON, tick=False) as clock:
        switches.pause(restaurant.pk, until=NOON + 6 * HOUR)
        order = new_order()
        assert words(order) == "The restaurant is paused until 6:00 PM."
        switches.resume(restaurant.pk)
        assert words(order) == "The city is closed until 5:00 PM."
        clock.shift(8 * HOUR)
        availability.check_waiting()
        assert words(order) == "The restaurant is closed until Fri, Dec 4, 5:00 PM."


def test_a_pause_is_said_by_orders_that_wait_already_and_taken_back(
    city: City, restaurant: Restaurant, order: Order
) -> None:
    switches.pause(restaurant.pk, until=None)
    assert words(order) == "The restaurant is paused."
    switches.resume(restaurant.pk)
    assert words(order) == ""
    switches.pause(city.pk, until=None)
    assert words(order) == "The city is paused."
    City.objects.update(paused_since=None)
    availability.check_waiting()
    assert words(order) == ""


def test_an_order_for_later_goes_by_when_it_is_wanted(
    restaurant: Restaurant, new_order: Callable[..., Order]
) -> None:
    opens(restaurant, 5, "17:00", "22:00")
    with time_machine.travel(NOON, tick=False) as clock:
        fine, early = (new_order(wanted_at=NOON + more * HOUR) for more in (30, 24))
        assert (fine.status, words(fine)) == ("scheduled", "")
        assert words(early) == (
            "The restaurant is closed when the order is wanted, until Sat, Nov 28, 5:00 PM."
        )
        clock.move_to(NOON + 24 * HOUR)
        assert scheduling.wake() == 1
        availability.check_waiting()
        assert words(early) == "The restaurant is closed until 5:00 PM."
        assert words(fine) == ""


def test_who_wants_it_at_another_time_is_told_at_once(
    restaurant: Restaurant, new_order: Callable[..., Order], django_capture_on_commit_callbacks: Callable
) -> None:
    opens(restaurant, 5, "17:00", "22:00")
    with time_machine.travel(NOON, tick=False):
        order = new_order(wanted_at=NOON + 24 * HOUR)
        order.wanted_at = NOON + 30 * HOUR
        with django_capture_on_commit_callbacks(execute=True):
            actions.change_order(order)
        assert words(order) == ""


def test_what_is_wrong_with_the_address_comes_first(
    restaurant: Restaurant, new_order: Callable[..., Order]
) -> None:
    switches.pause(restaurant.pk, until=None)
    lost = new_order(customer_lat=None, customer_lng=None)
    assert lost.trouble == Problem.CUSTOMER_UNPLACED
    cut_off = new_order()
    Order.objects.filter(pk=cut_off.pk).update(problem=Problem.CUSTOMER_UNREACHABLE)
    availability.check_waiting()
    cut_off.refresh_from_db()
    assert cut_off.trouble == Problem.CUSTOMER_UNREACHABLE


def test_who_has_a_driver_says_nothing_of_it(restaurant: Restaurant, order: Order, driver: Driver) -> None:
    assign(order, driver)
    switches.pause(restaurant.pk, until=None)
    availability.check_waiting()
    assert (status(order), words(order)) == ("assigned", "")


def test_an_order_that_comes_by_sql_is_found_by_the_job(restaurant: Restaurant) -> None:
    switches.pause(restaurant.pk, until=None)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO orders (restaurant_id, customer_lat, customer_lng) VALUES (%s, 39.75, -104.98)",
            [restaurant.pk],
        )
        cursor.execute("INSERT INTO orders DEFAULT VALUES")
    assign_pending()
    order = Order.objects.get(restaurant=restaurant)
    assert words(order) == "The restaurant is paused."


def test_the_job_asks_as_often_for_many_orders_as_for_one(
    restaurant: Restaurant, new_order: Callable[..., Order]
) -> None:
    opens(restaurant, 4, "17:00", "22:00")

    def queries() -> int:
        with CaptureQueriesContext(connection) as asked:
            availability.check_waiting()
        return len(asked)

    with time_machine.travel(NOON, tick=False):
        new_order()
        one = queries()
        for _ in range(5):
            new_order()
        assert queries() == one


def test_nothing_new_is_nothing_to_tell(restaurant: Restaurant, order: Order) -> None:
    switches.pause(restaurant.pk, until=None)
    order.refresh_from_db()
    version = order.version
    availability.check_waiting()
    order.refresh_from_db()
    assert order.version == version


# ------------------------------------------------------------------------------------------- where to they deliver

#: A kilometre around the restaurant; an order's door is 1.5 km east of it unless said otherwise.
CORNERS = [destination(DENVER, bearing, 1400) for bearing in (45, 135, 225, 315, 45)]
AROUND = {"type": "Polygon", "coordinates": [[list(to_lnglat(corner)) for corner in CORNERS]]}
NEAR = destination(DENVER, 90, 900)


def test_a_door_outside_of_the_area_is_a_problem_of_the_address(
    city: City, new_order: Callable[..., Order]
) -> None:
    before = new_order()
    area = DeliveryArea.objects.create(city=city, area=AROUND)
    inside, outside = new_order(customer_lat=NEAR.lat, customer_lng=NEAR.lng), new_order()
    assert (inside.address_problem, outside.address_problem) == (None, Problem.CUSTOMER_OUTSIDE)
    availability.check_waiting()
    told = "The customer is outside the area that the city delivers to."
    assert [words(order) for order in (before, inside, outside)] == [told, "", told]
    area.delete()
    availability.check_waiting()
    assert [words(order) for order in (before, inside, outside)] == ["", "", ""]


def test_an_order_for_later_is_outside_today_already(city: City, new_order: Callable[..., Order]) -> None:
    DeliveryArea.objects.create(city=city, area=AROUND)
    order = new_order(wanted_at=timezone.now() + 24 * HOUR)
    assert (order.status, order.trouble) == ("scheduled", Problem.CUSTOMER_OUTSIDE)


def test_a_corrected_address_is_looked_at_anew(
    city: City, new_order: Callable[..., Order], django_capture_on_commit_callbacks: Callable
) -> None:
    DeliveryArea.objects.create(city=city, area=AROUND)
    order = new_order()
    order.customer_lat, order.customer_lng = NEAR
    with django_capture_on_commit_callbacks(execute=True):
        actions.change_order(order)
    assert words(order) == ""
    order.customer_lat, order.customer_lng = destination(DENVER, 90, 1600)
    with django_capture_on_commit_callbacks(execute=True):
        actions.change_order(order)
    assert words(order).startswith("The customer is outside")


def test_doorstep_sends_nobody_outside_by_itself_and_a_dispatcher_may(
    city: City, new_order: Callable[..., Order], driver: Driver
) -> None:
    city.assignment = City.Assignment.AUTO
    city.save()
    DeliveryArea.objects.create(city=city, area=AROUND)
    inside, outside = new_order(customer_lat=NEAR.lat, customer_lng=NEAR.lng), new_order()
    Order.objects.update(problem="")  # as one that came by SQL
    assert assignment.assign_pending(city) == 1
    assert (status(inside), status(outside)) == ("assigned", "pending")
    assert words(outside).startswith("The customer is outside")
    assign(outside, driver)
    assert (status(outside), words(outside)) == ("assigned", "")


def test_an_area_that_nobody_can_read_counts_for_nothing(
    city: City, new_order: Callable[..., Order], caplog: pytest.LogCaptureFixture
) -> None:
    DeliveryArea.objects.create(city=city, area={"type": "Polygon"})
    assert new_order().trouble is None
    assert "can't be read" in caplog.text
    with pytest.raises(IntegrityError), transaction.atomic():
        DeliveryArea.objects.update(area=[1])
