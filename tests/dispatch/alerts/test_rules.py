"""The table of rules: what is an alert of an order or a driver, and since when."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from dispatch.alerts import rules
from dispatch.alerts.motion import Motion
from dispatch.alerts.rules import RULES, Busy, StopAhead, Unassigned
from dispatch.models import AlertKind
from dispatch.statuses import OrderStatus, StopKind
from routing.geo import Point

NOW = datetime(2027, 1, 15, 12, tzinfo=UTC)
ANN, BOB, DRIVER, CITY = (UUID(int=n) for n in range(1, 5))
LIMITS = {kind: timedelta(minutes=10) for kind in AlertKind}
PLACE = Point(39.75, -104.99)


def ago(minutes: float) -> datetime:
    return NOW - timedelta(minutes=minutes)


def stop(kind: str, status: str, order: UUID = ANN, **fields: Any) -> StopAhead:
    return StopAhead(order, StopKind(kind), OrderStatus(status), **fields)


FETCHING = (stop("pickup", "to_restaurant"), stop("dropoff", "to_restaurant"))
WAITING = (stop("pickup", "assigned"), stop("dropoff", "assigned"))
CARRYING = (stop("dropoff", "picked_up"),)
DRIVING = Busy(DRIVER, CITY, on_shift=True, stops=CARRYING, last_seen_at=NOW, fix_at=NOW)


def seen(stood: float = 0, off: float | None = None) -> Motion:
    return Motion(
        PLACE, ago(stood), ANN, None, None if off is None else ago(off), None if off is None else 900.0
    )


def found(driver: Busy, *are_open: str, **limits: int) -> dict[str, float]:
    """The kinds that are found, and for how many minutes each has been."""
    by_kind = LIMITS | {AlertKind(kind): timedelta(minutes=minutes) for kind, minutes in limits.items()}
    alerts = rules.of_driver(driver, by_kind, NOW, frozenset(AlertKind(kind) for kind in are_open))
    return {one.subject.kind.value: (NOW - one.reason.since).total_seconds() / 60 for one in alerts}


def test_every_kind_but_that_of_orders_has_a_rule() -> None:
    assert set(RULES) == set(AlertKind) - {AlertKind.UNASSIGNED}


def test_where_all_is_well_there_is_nothing() -> None:
    assert found(replace(DRIVING, motion=seen(), shift_ends_at=ago(-300))) == {}


@pytest.mark.parametrize(("minutes", "kinds"), [(9.9, {}), (10, {"not_set_out": 10})])
def test_an_order_that_its_driver_has_not_set_out_for(minutes: float, kinds: dict[str, float]) -> None:
    assert found(replace(DRIVING, stops=WAITING, waits_since=ago(minutes))) == kinds


def test_who_has_set_out_or_has_something_else_to_do_first_does_not_wait() -> None:
    assert found(replace(DRIVING, stops=FETCHING, waits_since=ago(20))) == {}
    assert found(replace(DRIVING, stops=(*CARRYING, *WAITING), waits_since=None)) == {}
    assert found(replace(DRIVING, stops=WAITING, waits_since=ago(20), on_shift=False)) == {}


def test_nobody_has_to_set_out_long_before_the_food_is_ready() -> None:
    driver = replace(DRIVING, stops=WAITING, waits_since=ago(30), due_out_at=ago(5))
    assert found(driver) == {}
    assert found(replace(driver, due_out_at=ago(12))) == {"not_set_out": 12}
    # Once it fired, a prediction that moves does not end it.
    assert found(driver, "not_set_out") == {"not_set_out": 30}


def test_a_wait_at_the_restaurant_counts_from_the_first_arrival_there() -> None:
    here = (
        stop("pickup", "driver_at_restaurant", BOB, arrived_at=ago(8)),
        stop("pickup", "driver_at_restaurant", ANN, arrived_at=ago(11)),
        stop("dropoff", "driver_at_restaurant", BOB),
    )
    assert found(replace(DRIVING, stops=here)) == {"at_restaurant": 11}
    (alert,) = rules.of_driver(replace(DRIVING, stops=here), LIMITS, NOW, frozenset())
    assert alert.reason.order_id == ANN
    assert found(replace(DRIVING, stops=here[:1])) == {}
    assert found(replace(DRIVING, stops=(stop("return", "cancelled", arrived_at=ago(20)),))) == {}


@pytest.mark.parametrize(
    ("motion", "fix_at", "kinds"),
    [
        (seen(stood=9), NOW, {}),
        (seen(stood=10), NOW, {"standing": 10}),
        # A phone that sends nothing says nothing of what the driver does.
        (seen(stood=12), ago(5), {}),
        (seen(stood=20), ago(5), {"standing": 20}),
        (seen(off=9), NOW, {}),
        (seen(off=11), NOW, {"off_route": 11}),
        (seen(off=12), ago(5), {}),
        (None, NOW, {}),
    ],
)
def test_standing_and_off_the_road_by_what_was_seen(
    motion: Motion | None, fix_at: datetime, kinds: dict[str, float]
) -> None:
    assert found(replace(DRIVING, motion=motion, fix_at=fix_at)) == kinds


@pytest.mark.parametrize(
    ("stops", "kinds"),
    [
        (CARRYING, {"silent": 15}),
        ((stop("dropoff", "driver_nearby"),), {"silent": 15}),
        (FETCHING, {}),
        # The food is with another driver yet.
        ((stop("transfer", "picked_up"), stop("dropoff", "picked_up")), {}),
        ((stop("return", "cancelled"),), {}),
    ],
    ids=["carrying", "nearby", "fetching", "taking over", "bringing back"],
)
def test_silence_counts_with_food_on_board(stops: Any, kinds: dict[str, float]) -> None:
    assert found(replace(DRIVING, stops=stops, last_seen_at=ago(15))) == kinds


@pytest.mark.parametrize(
    ("ends_in", "eta_in", "kinds"),
    [
        (20, None, {}),
        (10, None, {"shift_ending": 0}),
        (5, 6, {"shift_ending": 5}),
        (5, 4, {}),
        (-5, 6, {"shift_ending": 15}),
    ],
)
def test_stops_that_will_not_be_done_when_the_shift_ends(
    ends_in: float, eta_in: float | None, kinds: dict[str, float]
) -> None:
    eta = None if eta_in is None else ago(-eta_in)
    driver = replace(DRIVING, shift_ends_at=ago(-ends_in), stops=(stop("dropoff", "picked_up", eta=eta),))
    assert found(driver) == kinds
    assert found(replace(driver, on_shift=False)) == {}


def test_a_shift_that_was_told_of_is_told_of_until_the_stops_are_done() -> None:
    driver = replace(DRIVING, shift_ends_at=ago(-5), stops=(stop("dropoff", "picked_up", eta=ago(-4)),))
    assert found(driver, "shift_ending") == {"shift_ending": 5}
    (alert,) = rules.of_driver(driver, LIMITS, NOW, frozenset({AlertKind.SHIFT_ENDING}))
    assert alert.reason.due_at == ago(-5)


def test_several_at_once_and_each_can_be_off() -> None:
    driver = replace(DRIVING, motion=seen(stood=20, off=15), last_seen_at=ago(12))
    assert found(driver) == {"standing": 20, "off_route": 15, "silent": 12}
    assert found(driver, standing=0, silent=0) == {"off_route": 15}
    assert found(driver, standing=30) == {"off_route": 15, "silent": 12}


@pytest.mark.parametrize(
    ("since", "ready_at", "minutes"),
    [(9, None, None), (10, None, 10), (30, -10, None), (30, 0, 15), (12, 60, 12)],
)
def test_an_order_without_a_driver(since: float, ready_at: float | None, minutes: float | None) -> None:
    """`ready_at`: so many minutes ago."""
    order = Unassigned(ANN, CITY, ago(since), None if ready_at is None else ago(ready_at))
    alerts = list(rules.of_order(order, LIMITS, NOW))
    if minutes is None:
        assert alerts == []
    else:
        (alert,) = alerts
        assert (alert.subject.order_id, alert.city_id, alert.reason.since) == (ANN, CITY, ago(minutes))
    assert list(rules.of_order(order, LIMITS | {AlertKind.UNASSIGNED: timedelta()}, NOW)) == []
