"""Breaks that are planned with a shift: what the planner, ETAs and the driver's day make of them."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from dispatch.models import City, Driver, Order, PlannedBreak, Shift, Stop
from dispatch.orders import breaks
from dispatch.planning import assignment, replanning
from dispatch.planning.planned_breaks import begin_due, place_after
from tests.dispatch.story import arrange, assign, bring_to, check_everything, report, stops

NOON = datetime(2027, 1, 15, 12, tzinfo=UTC)


def soon(minutes: float) -> datetime:
    return timezone.now() + timedelta(minutes=minutes)


def when(minutes: dict[str, float]) -> dict[str, datetime]:
    """Minutes from now: what tests are given stands fixed long before they run."""
    return {name: soon(value) for name, value in minutes.items()}


def plan_break(
    driver: Driver, earliest: float, latest: float, minutes: int = 30, **fields: datetime
) -> Shift:
    """In a shift that the driver is in; minutes from now."""
    Driver.objects.filter(pk=driver.pk).update(on_shift_since=soon(-240))
    times = {"starts_at": soon(-240), "ends_at": soon(240)} | fields
    return Shift.objects.create(
        driver=driver,
        city=driver.city,
        break_from=soon(earliest),
        break_by=soon(latest),
        break_minutes=minutes,
        **times,
    )


def is_on_break(driver: Driver) -> bool:
    driver.refresh_from_db()
    return driver.break_until is not None and driver.break_until > timezone.now()


# ------------------------------------------------------------------------------------- where it comes (pure)


def visits(words: str, status: str) -> list[list[Stop]]:
    """ "+a -a": order a is picked up, and brought to its door; `status`: that of each order."""
    orders = {name: Order(pk=uuid4(), status=status) for name in "abc"}
    return [
        [Stop(order=orders[word[1]], kind="pickup" if word[0] == "+" else "dropoff")]
        for word in words.split()
    ]


@pytest.mark.parametrize(
    ("words", "free_at", "place"),
    [
        # Nothing to do.
        ("", [0], 0),
        # As late as it may begin: behind both, between them, before both.
        ("+a -a +b -b", [0, 5, 10, 15, 20], 4),
        ("+a -a +b -b", [0, 10, 25, 35, 45], 2),
        ("+a -a +b -b", [0, 20, 45, 60, 80], 0),
        # Never with food on board.
        ("-a +b -b", [0, 20, 25, 40], 1),
        ("-a +b -b", [0, 45, 50, 60], 1),
        ("+a +b -a -b", [0, 10, 20, 25, 45], 0),
        ("-a -b", [0, 20, 45], 2),
    ],
)
def test_it_is_as_late_as_it_may_begin(words: str, free_at: Sequence[float], place: int) -> None:
    rest = PlannedBreak(uuid4(), NOON + timedelta(minutes=20), NOON + timedelta(minutes=30), 30)
    times = [NOON + timedelta(minutes=minutes) for minutes in free_at]
    assert place_after(rest, visits(words, "assigned"), times) == place


def test_the_leg_under_way_is_driven_to_its_end() -> None:
    rest = PlannedBreak(uuid4(), NOON, NOON + timedelta(minutes=10), 30)
    times = [NOON + timedelta(minutes=minutes) for minutes in (0, 20, 40)]
    assert place_after(rest, visits("+a -a", "to_restaurant"), times) == 2
    assert place_after(rest, visits("+a -a", "assigned"), times) == 0


# ------------------------------------------------------------------------------------------ it begins by itself


def test_who_has_nothing_to_do_begins_it_when_it_may(driver: Driver) -> None:
    plan_break(driver, 5, 60)
    assert begin_due() == 0
    Shift.objects.update(break_from=soon(-1))
    assert begin_due() == 1
    assert is_on_break(driver)
    left = driver.break_until - timezone.now()
    assert left.total_seconds() == pytest.approx(30 * 60, abs=5)
    breaks.end(driver.pk)
    assert begin_due() == 0
    assert not is_on_break(driver)


def test_what_can_be_brought_in_time_comes_first(order: Order, driver: Driver) -> None:
    plan_break(driver, -1, 120)
    assign(order, driver)
    replanning.replan(driver.pk)
    assert begin_due() == 0
    Shift.objects.update(break_by=soon(-0.5))
    assert begin_due() == 1
    check_everything()


@pytest.mark.parametrize("reached", ["to_restaurant", "driver_at_restaurant", "picked_up"])
def test_it_does_not_interrupt(order: Order, driver: Driver, reached: str) -> None:
    plan_break(driver, -30, -20)
    bring_to(order, driver, reached)
    assert begin_due() == 0
    for button in ("picked_up", "delivered")[reached == "picked_up" :]:
        report(driver, order, button)
    assert begin_due() == 1


def test_a_break_of_the_drivers_own_stands_for_it(driver: Driver) -> None:
    plan_break(driver, 10, 60)
    breaks.begin(driver.pk, 5)
    assert Shift.objects.get().break_began_at is None
    breaks.begin(driver.pk, 15)
    assert Shift.objects.get().break_began_at is not None


@pytest.mark.parametrize("minutes", [{"ends_at": -1}, {"starts_at": 1, "break_from": 2, "break_by": 3}])
def test_it_is_that_of_the_shift_that_the_driver_is_in(driver: Driver, minutes: dict[str, float]) -> None:
    plan_break(driver, -30, -20)
    Shift.objects.update(**when(minutes))
    assert begin_due() == 0


def test_who_came_after_it_has_none(driver: Driver) -> None:
    plan_break(driver, -60, -30)
    Driver.objects.update(on_shift_since=soon(-29))
    assert begin_due() == 0
    Driver.objects.update(on_shift_since=soon(-31))
    assert begin_due() == 1


def test_who_is_silent_begins_none(driver: Driver) -> None:
    plan_break(driver, -1, 60)
    Driver.objects.update(last_seen_at=soon(-60))
    assert begin_due() == 0


def test_who_went_off_shift_meanwhile_begins_none(driver: Driver) -> None:
    shift = plan_break(driver, -1, 60)
    rest = PlannedBreak(shift.pk, shift.break_from, shift.break_by, 30)
    Driver.objects.update(on_shift=False)
    assert not breaks.begin_planned(driver.pk, rest)
    assert Shift.objects.get().break_began_at is None


# ----------------------------------------------------------------------------------- what others make of it


def eta(order: Order) -> datetime:
    """At the customer's door."""
    return Stop.objects.get(order=order, kind="dropoff").eta


def test_etas_wait_for_it(new_order: Callable[..., Order], driver: Driver) -> None:
    bag, own = new_order(), new_order()
    bring_to(bag, driver, "picked_up")
    assign(own, driver)
    arrange(
        driver,
        [*stops(bag, "dropoff"), *stops(own, "pickup"), *stops(own, "dropoff")],
        pinned=stops(bag, "dropoff"),
    )
    replanning.replan(driver.pk)
    before = [eta(order) for order in (bag, own)]
    plan_break(driver, -1, 0, 40)
    replanning.refresh_etas()
    assert [(eta(order) - was).total_seconds() for order, was in zip((bag, own), before, strict=True)] == [
        pytest.approx(0, abs=20),
        pytest.approx(40 * 60, abs=20),
    ]
    replanning.replan(driver.pk)
    assert (eta(own) - before[1]).total_seconds() == pytest.approx(40 * 60, abs=20)


def test_an_order_that_leaves_no_time_for_it_is_somebody_elses(
    city: City, new_order: Callable[..., Order], driver_at: Callable[..., Driver]
) -> None:
    City.objects.update(assignment=City.Assignment.AUTO)
    near, far = driver_at(90, 100, name="Near"), driver_at(90, 1500, name="Far")
    plan_break(near, 0, 1, 45)
    order = new_order()
    assert assignment.assign_pending(city) == 1
    order.refresh_from_db()
    assert order.driver == far


# --------------------------------------------------------------------------------------------- what is stored


@pytest.mark.parametrize(
    ("values", "minutes"),
    [
        ({"break_by": None}, {}),
        ({"break_minutes": None}, {}),
        ({"break_minutes": 0}, {}),
        ({}, {"break_from": -300}),
        ({}, {"break_by": -60}),
        ({}, {"break_by": 240}),
    ],
)
def test_half_a_break_is_none(
    driver: Driver, values: dict[str, int | None], minutes: dict[str, float]
) -> None:
    shift = plan_break(driver, 10, 20, ends_at=soon(200))
    fields = values | when(minutes)
    with pytest.raises(IntegrityError), transaction.atomic():
        Shift.objects.update(**fields)
    for name, value in fields.items():
        setattr(shift, name, value)
    with pytest.raises(ValidationError, match=r"break|greater"):
        shift.full_clean()
