"""What a customer was promised stays, whatever the city promises later."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from dispatch.models import City, Order, Restaurant
from dispatch.orders import actions
from tests.dispatch.story import DANA


def minutes(order: Order) -> float:
    order.refresh_from_db()
    return (order.promise - order.created_at) / timedelta(minutes=1)


@pytest.fixture
def by_sql(restaurant: Restaurant) -> Order:
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO orders (restaurant_id) VALUES (%s) RETURNING id", [restaurant.pk])
        return Order.objects.get(pk=cursor.fetchone()[0])


def test_a_city_that_promises_less_in_the_rush_takes_no_promise_back(
    new_order: Callable[..., Order], by_sql: Order
) -> None:
    before = new_order()
    City.objects.update(promise_minutes=30)
    after = new_order()
    assert [minutes(order) for order in (before, by_sql, after)] == [45, 45, 30]


def test_what_the_platform_promises_holds(new_order: Callable[..., Order]) -> None:
    at = timezone.now() + timedelta(minutes=70)
    assert new_order(promised_at=at).promise == at


def test_a_new_order_knows_its_promise_at_once(order: Order) -> None:
    assert order.promise - order.created_at == timedelta(minutes=45)


def test_a_restaurant_of_no_city_promises_as_usual(
    restaurant: Restaurant, new_order: Callable[..., Order]
) -> None:
    Restaurant.objects.update(city=None)
    assert minutes(new_order()) == 45


def test_a_promise_that_staff_delete_is_what_the_city_promises_now(order: Order) -> None:
    City.objects.update(promise_minutes=60)
    order.promised_at = None
    actions.change_order(order)
    assert minutes(order) == 60


def test_other_corrections_leave_it_alone(order: Order) -> None:
    version = order.version
    City.objects.update(promise_minutes=60)
    order.bags = 2
    actions.change_order(order)
    assert minutes(order) == 45
    assert order.version == version + 1


# ---------------------------------------------------------------------------------------- every later promise


def said(order: Order) -> list[tuple[float, str, str]]:
    """Minutes from the order to the door, by whom and why, as they were said one after the other."""
    return [
        (round((each.promised_at - order.created_at) / timedelta(minutes=1)), each.made_by, each.reason)
        for each in order.promises.all()
    ]


def test_every_promise_is_kept_with_who_moved_it_and_why(order: Order) -> None:
    (first,) = said(order)
    assert (first[0], first[2]) == (45, "")
    order.promised_at = order.created_at + timedelta(minutes=70)
    actions.change_order(order, actor=DANA, promise_reason="The kitchen caught fire.")
    order.bags = 3
    actions.change_order(order, actor=DANA, promise_reason="Nothing moved.")
    assert said(order) == [first, (70, "Dana", "The kitchen caught fire.")]
    order.promised_at = order.created_at + timedelta(minutes=75)
    actions.change_order(order)
    assert said(order)[-1] == (75, "Ordering platform", "")


def test_a_promise_that_moves_by_sql_is_kept_too(by_sql: Order) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT session_user")
        (user,) = cursor.fetchone()
        cursor.execute(
            "UPDATE orders SET promised_at = created_at + interval '1 h' WHERE id = %s", [by_sql.pk]
        )
        cursor.execute("UPDATE orders SET bags = 2 WHERE id = %s", [by_sql.pk])
    by_sql.refresh_from_db()
    assert said(by_sql) == [(45, user, ""), (60, user, "")]
