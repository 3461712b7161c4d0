"""What an order is called, made of, and what is to be minded."""

from collections.abc import Callable

import pytest
from django.db import IntegrityError, connection, transaction

from dispatch.admin import order_search
from dispatch.errors import Conflict
from dispatch.models import Driver, Order
from dispatch.orders import actions
from tests.dispatch import story

ITEMS = [{"count": 2, "text": "Pad Thai"}]


def test_an_external_id_is_taken_once(new_order: Callable[..., Order]) -> None:
    new_order(external_id="shop-1")
    with pytest.raises(Conflict, match="external_id"):
        new_order(external_id="shop-1")
    with pytest.raises(IntegrityError), transaction.atomic():
        Order.objects.filter(pk=new_order().pk).update(external_id="shop-1")
    # Orders entered by hand have none.
    assert [new_order().external_id, new_order().external_id] == [None, None]


def test_an_order_is_found_by_what_it_is_called(new_order: Callable[..., Order]) -> None:
    order, other = new_order(number="QUX-17", external_id="shop-zzy"), new_order(number="QUXX")
    assert order_search.newest_matching("qux-17") == [order.pk]
    assert order_search.newest_matching("shop-zz") == [order.pk]
    assert order_search.newest_matching("QUX") == [other.pk, order.pk]
    assert order_search.newest_matching("QUXXX") == []


def test_items_are_a_list_whoever_writes_them(order: Order) -> None:
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE orders SET items = '{}' WHERE id = %s", [order.pk])


def test_what_is_corrected_is_told_to_the_driver_at_once(order: Order, driver: Driver) -> None:
    story.assign(order, driver)
    before = Driver.objects.get(pk=driver.pk).version
    order.door_note, order.items = "Code 4711", ITEMS
    actions.change_order(order)
    order.refresh_from_db()
    assert (order.door_note, order.items) == ("Code 4711", ITEMS)
    assert Driver.objects.get(pk=driver.pk).version > before
