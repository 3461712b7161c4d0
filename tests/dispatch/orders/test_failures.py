"""Orders that can't be picked up or handed over: the reason says what becomes of them."""

import pytest
from django.urls import reverse

from dispatch.errors import Invalid
from dispatch.models import Driver, FailureReason, Order
from dispatch.orders import actions, buttons
from tests.dispatch.story import DANA, bring_to, check_everything, last_event, plan, status, timeline

LISTED = [
    ("closed", "Restaurant closed", "end"),
    ("vehicle", "Vehicle broke down", "pending"),
    ("refused", "Customer refused it", "return"),
]


@pytest.fixture(autouse=True)
def listed(db: None) -> None:
    """A list of its own: that of the migration is gone once a test has emptied the tables."""
    FailureReason.objects.all().delete()
    for position, (code, name, leads_to) in enumerate(LISTED):
        FailureReason.objects.create(code=code, name=name, leads_to=leads_to, position=position)


def fails(driver: Driver, order: Order, reason: str | None) -> None:
    buttons.report(driver.pk, order.pk, "failed", reason=reason)


@pytest.mark.parametrize("before", ["assigned", "to_restaurant", "driver_at_restaurant"])
def test_before_a_closed_restaurant(order: Order, driver: Driver, before: str) -> None:
    bring_to(order, driver, before)
    fails(driver, order, "closed")
    assert (status(order), plan(driver), status(driver)) == ("failed", [], "idle")
    event = last_event(order)
    assert (event.actor, event.reason) == ("driver", "Restaurant closed")
    assert order.ended_at is not None
    check_everything()


def test_who_can_not_go_on_leaves_the_order_to_somebody_else(order: Order, driver: Driver) -> None:
    bring_to(order, driver, "to_restaurant")
    fails(driver, order, "vehicle")
    order.refresh_from_db()
    assert (order.status, order.driver_id, plan(driver)) == ("pending", None, [])
    assert last_event(order).reason == "Vehicle broke down"
    assert last_event(order).driver_id == driver.pk
    check_everything()


@pytest.mark.parametrize(
    ("reason", "left"), [("closed", []), ("vehicle", ["return"]), ("refused", ["return"])]
)
def test_with_the_food_on_board(order: Order, driver: Driver, reason: str, left: list[str]) -> None:
    bring_to(order, driver, "driver_nearby")
    fails(driver, order, reason)
    assert status(order) == "failed"
    assert [stop.partition(" ")[0] for stop in plan(driver)] == left


def test_nothing_to_bring_back_before_the_pickup(order: Order, driver: Driver) -> None:
    bring_to(order, driver, "driver_at_restaurant")
    fails(driver, order, "refused")
    assert (status(order), plan(driver)) == ("failed", [])


def test_a_reason_is_one_of_the_list(order: Order, driver: Driver) -> None:
    bring_to(order, driver, "assigned")
    with pytest.raises(Invalid, match="closed, vehicle, refused"):
        fails(driver, order, "rain")
    with pytest.raises(Invalid, match="say why"):
        fails(driver, order, None)
    assert status(order) == "assigned"


def test_at_the_door_none_is_needed(order: Order, driver: Driver) -> None:
    bring_to(order, driver, "picked_up")
    fails(driver, order, None)
    assert (status(order), plan(driver)) == ("failed", [])


def test_a_dispatcher_may_say_it_for_the_driver(order: Order, driver: Driver) -> None:
    bring_to(order, driver, "to_restaurant")
    actions.close_for_driver(order.pk, "failed", actor=DANA, reason="Vehicle broke down")
    assert timeline(order)[-1] == "pending"
    bring_to(order, driver, "picked_up")
    actions.close_for_driver(order.pk, "failed", actor=DANA, reason="Some other thing")
    assert (status(order), plan(driver)) == ("failed", [])


def test_staff_edit_the_list(admin_client, order: Order, driver: Driver) -> None:
    page = reverse("admin:dispatch_failurereason_add")
    fields = {"code": "rain", "name": "Rain", "leads_to": "pending", "position": "9", "active": "on"}
    assert admin_client.post(page, fields).status_code == 302
    bring_to(order, driver, "assigned")
    fails(driver, order, "rain")
    assert status(order) == "pending"
