"""The table of statuses is what tests/dispatch/status_table.py says."""

import pytest

from dispatch.statuses import (
    ACTIVE,
    ARRIVAL_UNDONE,
    BEFORE_PICKUP,
    DELIVERED_AFTER_ALL,
    DRIVER_BUTTONS,
    FINAL,
    HANDED_OVER_OR_NOT,
    IN_THE_BAG,
    PICKUP_UNDONE,
    TRANSITIONS,
    OrderStatus,
    StopKind,
    driver_status,
)
from tests.dispatch.status_table import (
    ARRIVAL_MAY_GO_BACK_TO,
    LIFE,
    MAY_BECOME,
    MAY_GO_BACK_TO,
    WAS_SO_ALREADY,
)


@pytest.mark.parametrize("before", OrderStatus.values)
def test_what_an_order_may_become(before: str) -> None:
    assert {after for after in OrderStatus.values if before in TRANSITIONS[OrderStatus(after)]} == MAY_BECOME[
        before
    ]


@pytest.mark.parametrize("before", OrderStatus.values)
def test_the_way_back_from_a_pickup(before: str) -> None:
    back = {after for after, befores in PICKUP_UNDONE.items() if before in befores}
    assert back == MAY_GO_BACK_TO.get(before, set())
    assert not back & MAY_BECOME[before]


@pytest.mark.parametrize("before", OrderStatus.values)
def test_the_way_back_from_an_arrival(before: str) -> None:
    back = {after for after, befores in ARRIVAL_UNDONE.items() if before in befores}
    assert back == ARRIVAL_MAY_GO_BACK_TO.get(before, set())
    assert not back & MAY_BECOME[before]


@pytest.mark.parametrize("before", OrderStatus.values)
def test_what_was_so_already_before_the_end(before: str) -> None:
    late = {after for after, befores in DELIVERED_AFTER_ALL.items() if before in befores}
    assert late == WAS_SO_ALREADY.get(before, set())
    assert not late & MAY_BECOME[before]


def test_every_status_is_in_the_table() -> None:
    assert set(TRANSITIONS) == set(OrderStatus)
    assert set(MAY_BECOME) == set(OrderStatus.values)


def test_the_life_of_an_order_goes_forward_only_unless_it_is_taken_from_the_driver() -> None:
    for place, before in enumerate(LIFE):
        earlier = {status for status in LIFE[:place] if status in MAY_BECOME[before]}
        assert earlier <= {"pending", "assigned"}


def test_nothing_follows_a_final_status() -> None:
    assert FINAL == {"delivered", "cancelled", "failed"}
    assert not [after for after, befores in TRANSITIONS.items() if befores & FINAL]


def test_groups_of_statuses() -> None:
    assert BEFORE_PICKUP == {"assigned", "to_restaurant", "driver_at_restaurant"}
    assert IN_THE_BAG == {"picked_up", "driver_nearby"}
    assert ACTIVE == BEFORE_PICKUP | IN_THE_BAG
    assert {"scheduled", "pending"} | ACTIVE | FINAL == set(OrderStatus)


def test_what_a_drivers_buttons_may_ask_for() -> None:
    assert DRIVER_BUTTONS == {"picked_up", "delivered", "failed"}
    assert HANDED_OVER_OR_NOT == {"delivered", "failed"}


@pytest.mark.parametrize(
    ("on_duty", "next_stop", "status"),
    [
        (False, None, "offline"),
        (False, StopKind.PICKUP, "offline"),
        (False, StopKind.DROPOFF, "offline"),
        (True, None, "idle"),
        (True, StopKind.PICKUP, "to_restaurant"),
        (True, StopKind.DROPOFF, "delivering"),
    ],
)
def test_a_drivers_status_follows_from_duty_and_next_stop(
    on_duty: bool, next_stop: StopKind | None, status: str
) -> None:
    assert driver_status(on_duty=on_duty, next_stop=next_stop) == status
