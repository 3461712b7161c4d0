"""What dispatchers switch on for a while ends by itself."""

from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models.functions import Now
from django.utils import timezone

from dispatch.errors import Invalid, NotFound
from dispatch.models import City, Order, Restaurant
from dispatch.orders import switches
from tests.dispatch.orders.test_promises import minutes

HOUR = timedelta(hours=1)


def by_sql(restaurant: Restaurant, created: str = "statement_timestamp()") -> Order:
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO orders (restaurant_id, created_at) VALUES (%s, {created}) RETURNING id",  # noqa: S608
            [restaurant.pk],
        )
        return Order.objects.get(pk=cursor.fetchone()[0])


def test_who_orders_meanwhile_is_promised_more_and_who_did_before_is_not(
    city: City, restaurant: Restaurant, new_order: Callable[..., Order]
) -> None:
    before = new_order()
    until = timezone.now() + HOUR
    switches.promise_later(city.pk, 15, until=until)
    assert [minutes(order) for order in (before, new_order(), by_sql(restaurant))] == [45, 60, 60]
    switches.promise_later(restaurant.pk, 10, until=until)
    assert [minutes(order) for order in (new_order(), by_sql(restaurant))] == [70, 70]
    switches.promise_as_usual(city.pk)
    assert minutes(new_order()) == 55
    assert minutes(before) == 45


def test_it_ends_by_itself(restaurant: Restaurant) -> None:
    switches.promise_later(restaurant.pk, 15, until=timezone.now() + HOUR)
    assert minutes(by_sql(restaurant, "statement_timestamp() + interval '59 minutes'")) == 60
    assert minutes(by_sql(restaurant, "statement_timestamp() + interval '61 minutes'")) == 45
    # Nor was it on before: a promise that staff delete is what was promised then.
    assert minutes(by_sql(restaurant, "statement_timestamp() - interval '1 minute'")) == 45


def test_it_can_be_switched_on_by_sql(restaurant: Restaurant) -> None:
    Restaurant.objects.update(extra_minutes=20, extra_until=Now() + HOUR)
    assert minutes(by_sql(restaurant)) == 65


def test_a_restaurant_of_no_city_promises_more_as_well(restaurant: Restaurant) -> None:
    Restaurant.objects.update(city=None)
    switches.promise_later(restaurant.pk, 15, until=timezone.now() + HOUR)
    assert minutes(by_sql(restaurant)) == 60


def test_what_the_platform_promises_holds(restaurant: Restaurant, new_order: Callable[..., Order]) -> None:
    switches.promise_later(restaurant.pk, 15, until=timezone.now() + HOUR)
    at = timezone.now() + timedelta(minutes=30)
    assert new_order(promised_at=at).promise == at
    later = timezone.now() + 5 * HOUR
    assert new_order(wanted_at=later).promise == later


@pytest.mark.parametrize(
    "switch",
    [
        lambda place_id: switches.pause(place_id, until=timezone.now() - HOUR),
        lambda place_id: switches.promise_later(place_id, 15, until=timezone.now() - HOUR),
    ],
)
def test_what_would_be_over_already_is_refused(restaurant: Restaurant, switch: Callable) -> None:
    with pytest.raises(Invalid):
        switch(restaurant.pk)
    with pytest.raises(NotFound):
        switches.resume(uuid4())


@pytest.mark.parametrize(
    "fields", [{"extra_minutes": 15}, {"extra_minutes": 241, "extra_until": Now()}, {"paused_until": Now()}]
)
def test_by_sql_as_little_can_be_switched_on_that_never_ends(restaurant: Restaurant, fields: dict) -> None:
    for model in (Restaurant, City):
        with pytest.raises(IntegrityError), transaction.atomic():
            model.objects.update(**fields)


def test_a_pause_begins_and_ends() -> None:
    now = timezone.now()
    place = City(paused_since=now, paused_until=now + HOUR)
    assert place.unpaused_from(now - HOUR) == now - HOUR
    assert place.unpaused_from(now) == now + HOUR
    assert place.unpaused_from(now + 2 * HOUR) == now + 2 * HOUR
    place.paused_until = None
    assert place.unpaused_from(now) is None
    place.paused_since = None
    assert place.unpaused_from(now) == now
